# What serve keeps: a recording of each measurement, and what is under way over a kill; and what it does when files cannot be written.
. "$SOURCE/tests/integration/lib.sh"

unset JOULEMAP_TOKEN "${!TRAPS_@}" POWER_MEASURING_PLUGIN_PORT
export XDG_DATA_HOME="$WORK/data" PYTHONDONTWRITEBYTECODE=1 WORK
if ! grep -q MICROHTTPD_FOUND:INTERNAL=1 "$BUILD/CMakeCache.txt"; then
    echo "SKIP: this joulemap was built without libmicrohttpd"
    exit 77
fi
sanitizer=$(sed -n 's/^JOULEMAP_SANITIZE:STRING=//p' "$BUILD/CMakeCache.txt")
export SANITIZED="$sanitizer"
cat >script <<'SCRIPT'
channel c energy counter domain=package wrap=400 step=0.001 accuracy=0.02 interpolate=yes
0 c 0
1000s c 50000
1000s end
SCRIPT
check "it keeps what it should" timeout 300 python3 "$SOURCE/tests/integration/serve_kept.py"
finish
