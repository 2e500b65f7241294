# serve as the power plugin of camera-traps: events of the public Python packages through a stand-in of the engine.
. "$SOURCE/tests/integration/lib.sh"

for feature in MICROHTTPD_FOUND ZEROMQ_FOUND; do
    if ! grep -q "^$feature:INTERNAL=1" "$BUILD/CMakeCache.txt"; then
        echo "SKIP: this joulemap was built without a library of the service ($feature)"
        exit 77
    fi
done
if ! grep -q '^JOULEMAP_FLATC:FILEPATH=/' "$BUILD/CMakeCache.txt"; then
    echo "SKIP: this joulemap was built without flatc"
    exit 77
fi
export PYTHONPATH="$SOURCE/python:$SOURCE/tests/integration:$SOURCE/.cache/python" PYTHONDONTWRITEBYTECODE=1 WORK
if ! python3 -c 'import flatbuffers, zmq' 2>"$WORK/err"; then
    echo "SKIP: no Python packages flatbuffers and pyzmq (scripts/setup ci)"
    exit 77
fi
unset JOULEMAP_TOKEN "${!TRAPS_@}" POWER_MEASURING_PLUGIN_PORT
cat >script <<'SCRIPT'
channel c energy counter domain=package wrap=400 step=0.001 accuracy=0.02 interpolate=yes
0 c 0
1000s c 50000
1000s end
SCRIPT
check "it does what the engine asks" timeout 200 python3 "$SOURCE/tests/integration/camera_traps_drive.py"
finish
