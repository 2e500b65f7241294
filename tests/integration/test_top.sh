# `joulemap top`: plain lines, and the screen on a pseudo-terminal.
. "$SOURCE/tests/integration/lib.sh"
unset NO_COLOR
top() { timeout 60 "$JM" top -s estimate -d 200ms -i 100ms "$@"; }

check "once prints one screen" exits 0 top --once --rows 5
check "a few more" exits 0 top -n 8 --rows 5
check "with power" grep -q 'estimate/cpu .* W .* J .*estimated' "$WORK/out"
check "and processes" grep -q 'PID.*POWER.*CPU %.*PROCESS' "$WORK/out"
check "no more than asked for" exits 0 top --once --rows 5
check "which are so many" sh -c "test \$(sed '1,/PROCESS/d' '$WORK/out' | grep -c .) -le 5"
check "and no escape" sh -c "! grep -q '$(printf '\033')' '$WORK/out'"
check "without a terminal lines come until the end" exits 0 top -n 3
check "three times" sh -c "test \$(grep -c '^joulemap top' '$WORK/out') -eq 3"
check "a reader that goes away ends it" sh -c "timeout 60 '$JM' top -s estimate -d 100ms | head -n 1 >/dev/null"
check "an order that is none is refused" exits 2 top --sort beauty
check "a sensor that is none is an error" exits 1 timeout 60 "$JM" top -s nosuch --once
if PYTHONPATH="$SOURCE/.cache/pyte" python3 -c 'import pyte' 2>/dev/null; then
    if "$JM" top --help >/dev/null && ! env TERM=xterm "$JM" top -s estimate -n 1 </dev/null 2>&1 | grep -q 'without ncurses'; then
        check "the screen" env PYTHONPATH="$SOURCE/.cache/pyte" timeout 250 python3 "$SOURCE/tests/integration/top_drive.py" "$JM"
    fi
else
    echo "SKIP: no terminal in Python (scripts/setup ci): the screen was not looked at"
fi
finish
