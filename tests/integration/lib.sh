# Helpers of the integration tests: sourced. JM is the program, BUILD and SOURCE the folders.
set -u
WORK=$(mktemp -d "${TMPDIR:-/tmp}/joulemap-test-XXXXXX")
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1
export XDG_DATA_HOME="$WORK/data" HOME="$WORK" NO_COLOR=1
unset JOULEMAP_ROOT JOULEMAP_NVML
n_failed=0

# check DESCRIPTION COMMAND...: the command must succeed.
check() {
    local what=$1
    shift
    if "$@"; then
        echo "ok: $what"
    else
        echo "FAILED: $what"
        n_failed=$((n_failed + 1))
    fi
}

# exits CODE COMMAND...: the command must exit with CODE; output goes to $WORK/out and $WORK/err.
exits() {
    local expected=$1 rc
    shift
    "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
    rc=$?
    [ $rc -eq "$expected" ] && return 0
    echo "expected exit code $expected, got $rc: $*"
    sed 's/^/  err: /' "$WORK/err"
    return 1
}

# says FILE PATTERN: the file has a line that matches.
says() {
    grep -q -- "$2" "$WORK/$1" && return 0
    echo "no '$2' in:"
    sed 's/^/  | /' "$WORK/$1"
    return 1
}

finish() {
    echo "$n_failed checks failed"
    [ "$n_failed" -eq 0 ]
    exit
}
