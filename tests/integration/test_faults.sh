# Faults put to the program by seed, as bench/faults.py does by the thousand: damaged traces and recordings, kills, processes that vanish,
# clocks that step, hostile clients, full disks. What holds does not depend on when a kill comes.
. "$SOURCE/tests/integration/lib.sh"
sanitizer=$(sed -n 's/^JOULEMAP_SANITIZE:STRING=//p' "$BUILD/CMakeCache.txt")
kinds=import,cut,record,processes
runs=60
# What is loaded before all else must be the sanitizer's own.
[ -n "$sanitizer" ] && runs=24 || kinds=$kinds,clock
grep -q MICROHTTPD_FOUND:INTERNAL=1 "$BUILD/CMakeCache.txt" && kinds=$kinds,serve
"$JM" data init --help >/dev/null 2>&1 && ! grep -q 'YAML_FOUND:INTERNAL=$' "$BUILD/CMakeCache.txt" && kinds=$kinds,data
export PYTHONDONTWRITEBYTECODE=1
if ! python3 "$SOURCE/bench/faults.py" --joulemap "$JM" --runs $runs --kinds $kinds --jobs 2; then
    echo "FAILED: a run that the seed names; by itself: bench/faults.py --runs 1 --seed SEED --kinds $kinds"
    exit 1
fi
