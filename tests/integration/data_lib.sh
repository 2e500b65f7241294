# For the tests of joulemap data: sourced behind lib.sh. Finds DVC, which scripts/setup test installs.
export GIT_CONFIG_NOSYSTEM=1 DVC_NO_ANALYTICS=1 DVC_SYSTEM_CONFIG_DIR=$WORK/none XDG_CONFIG_HOME=$WORK/none
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.c GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.c
export DVC_SITE_CACHE_DIR=$WORK/dvc-site
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
if ! "$JM" data init --help >/dev/null 2>&1 || grep -q 'YAML_FOUND:INTERNAL=$' "$BUILD/CMakeCache.txt"; then
    echo "SKIP: this joulemap was built without libyaml or libcrypto"
    exit 77
fi
dvc_program=$SOURCE/.cache/dvc/bin/dvc
[ -x "$dvc_program" ] || dvc_program=$(command -v dvc || true)
have_dvc() { [ -n "$dvc_program" ]; }
dvc() { "$dvc_program" "$@"; }

# repository FOLDER: an empty one, under git.
repository() {
    mkdir -p "$1" && (cd "$1" && git init -q . && "$JM" data init)
}

# clone_of FROM TO: the same .dvc files and settings, without cache and data.
clone_of() {
    mkdir -p "$2" && git -C "$2" init -q . && (cd "$1" && tar cf - --exclude=.dvc/cache --exclude=.dvc/tmp .dvc .dvcignore ./*.dvc) |
        tar xf - -C "$2"
}

# tree FOLDER: files of many kinds.
tree() {
    mkdir -p "$1/deep/er" "$1/empty"
    printf 'x' >"$1/deep/er/x"
    printf '#!/bin/sh\n' >"$1/run.sh" && chmod +x "$1/run.sh"
    printf 'u' >"$1/ü ñ"
    : >"$1/nothing"
    printf 'same' >"$1/one" && printf 'same' >"$1/two"
    head -c 3000000 /dev/zero | tr '\0' 'z' >"$1/large"
    ln -s run.sh "$1/link"
}

# same A B: the same data.
same() { diff -r --no-dereference "$1" "$2" >"$WORK/out" || { cat "$WORK/out"; return 1; }; }

# wait_for COMMAND...: until it succeeds, at most a minute.
wait_for() {
    local i
    for i in $(seq 600); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    return 1
}
