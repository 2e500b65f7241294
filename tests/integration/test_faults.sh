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
# The judge is not blind.
check "a reading that was not shown, one twice, and a sum that does not add up are found" env PYTHONPATH="$SOURCE/bench" python3 -c '
import fault_runs as f
good = [(0, "replay/package", 10**9 * i, 0, 50 * 10**6 * i % (f.WRAP_J * 10**6)) for i in range(9)]
sums = {"closure": [{"total_j": 3, "parts_j": 1, "idle_j": 1, "unattributed_j": 1, "residual_j": 0}], "process_closure": []}
f.check_lines(good)
f.check_sums(sums)
for bad in (good[:4] + [(0, "replay/package", 4 * 10**9, 0, 1)], good + good[-1:]):
    try:
        f.check_lines(bad)
    except f.Blame:
        continue
    raise SystemExit("not found")
sums["closure"][0]["parts_j"] = 1.001
try:
    f.check_sums(sums)
except f.Blame:
    raise SystemExit(0)
raise SystemExit("not found")'
[ $n_failed -eq 0 ] || exit 1
if ! python3 "$SOURCE/bench/faults.py" --joulemap "$JM" --runs $runs --kinds $kinds --jobs 2; then
    echo "FAILED: a run that the seed names; by itself: bench/faults.py --runs 1 --seed SEED --kinds $kinds"
    exit 1
fi
