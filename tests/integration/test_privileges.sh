# What the service gives up with --user, as the kernel tells it; what it still can; and who can read what it writes.
. "$SOURCE/tests/integration/lib.sh"

if ! grep -q MICROHTTPD_FOUND:INTERNAL=1 "$BUILD/CMakeCache.txt"; then
    echo "SKIP: this joulemap was built without libmicrohttpd"
    exit 77
fi
pid=
end_service() { [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$WORK"; }
trap end_service EXIT
# The program looks at itself for leaks by tracing itself, which it has forbidden itself.
export ASAN_OPTIONS=detect_leaks=0

check "there is no user of that name" exits 1 "$JM" serve --port 0 -s estimate --user no-such-user
check "which is said" says err "no user 'no-such-user'"
if [ "$(id -u)" -ne 0 ]; then
    check "only root can become another" exits 1 "$JM" serve --port 0 -s estimate --user nobody
    check "which is said, too" says err 'only root'
    [ $n_failed -eq 0 ] || finish
    echo "SKIP: the rest only root can try"
    exit 77
fi

# A counter that is root's, and a token that is root's.
chmod 755 "$WORK"
cp -r "$SOURCE/tests/fixtures/sysfs/intel-server" root
rm -rf root/proc && ln -s /proc root/proc
find root -type d -exec chmod 755 {} +
find root -name energy_uj -exec chmod 400 {} +
echo 0123456789abcdef-token >token && chmod 600 token
mkdir kept && chown 65534:65534 kept

JOULEMAP_ROOT=$WORK/root "$JM" serve --port 0 --always --metrics-processes all --user 65534 --token-file token --output "$WORK/kept" \
    >serve.out 2>serve.err </dev/null &
pid=$!
for _ in $(seq 400); do
    port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' serve.out)
    [ -z "$port" ] || break
    kill -0 $pid 2>/dev/null || break
    sleep 0.05
done
check "the service starts as another user" [ -n "${port:-}" ] || sed 's/^/  err: /' serve.err
status_has() { grep -q "^$1:[[:space:]]*$2" "/proc/$pid/status" || { grep "^$1" "/proc/$pid/status"; return 1; }; }
get() { curl -s -H 'Authorization: Bearer 0123456789abcdef-token' "$@"; }

check "it is nobody, in every respect" status_has Uid "65534[[:space:]]*65534[[:space:]]*65534[[:space:]]*65534"
check "so is its group" status_has Gid "65534[[:space:]]*65534[[:space:]]*65534[[:space:]]*65534"
check "root's groups are gone" sh -c "! grep -qE '^Groups:.*[[:space:]]0([[:space:]]|\$)' /proc/$pid/status"
both=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status | python3 -c 'print("%016x" % (int(input(), 16) & (1 << 38 | 1 << 2)))')
check "of root's rights it has the two that read counters, at most" status_has CapEff "$both"
check "and can have no others" status_has CapBnd "$both"
check "nor hand any on" status_has CapAmb 0000000000000000
check "nor get any" status_has NoNewPrivs 1
check "system calls are filtered" status_has Seccomp 2
for task in /proc/$pid/task/*; do
    grep -q '^Seccomp:[[:space:]]*2' "$task/status" && grep -q '^Uid:[[:space:]]*65534' "$task/status" || echo "not so: $task"
done >threads
check "in every thread" test ! -s threads
get "http://127.0.0.1:$port/metrics" >page
check "it reads counters that are root's" says page '^joulemap_energy_joules_total{channel="rapl.*,domain="package",.*state="measured"}'
check "it sees the processes of others" says page '^joulemap_process_cpu_seconds_total{pid="1",'
check "a token that only root can read was read before" [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/metrics")" = 401 ]
sleep 60 &
measured=$!
get -H 'Content-Type: application/json' -d "{\"pids\": [$measured], \"duration_s\": 30}" "http://127.0.0.1:$port/measurements" >answer
check "it measures, and records" says answer '"state": *"running"'
kill $measured
recording=$(ls kept/*.jmap 2>/dev/null | head -n 1)
check "the recording is its user's alone" [ "$(stat -c '%U %a' "${recording:-.}")" = "nobody 600" ]
kill -TERM $pid
wait $pid
rc=$?
pid=
check "SIGTERM ends it with 0" [ $rc -eq 0 ]

"$JM" serve --port 0 --always -s 'exec:while :; do echo 5; sleep 0.1; done' --user nobody >serve.out 2>serve.err </dev/null &
pid=$!
found=
for _ in $(seq 1600); do
    port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' serve.out)
    [ -z "$port" ] || ! curl -s "http://127.0.0.1:$port/metrics" | grep -q '^joulemap_power_watts.*exec.* [0-9]' || { found=1; break; }
    kill -0 $pid 2>/dev/null || break
    sleep 0.05
done
check "an exec sensor may start its program" [ "$found" = 1 ] || sed 's/^/  err: /' serve.err
kill -TERM $pid
wait $pid
pid=

JOULEMAP_ROOT=$WORK/root "$JM" serve --port 0 -s rapl_powercap >serve.out 2>serve.err </dev/null &
pid=$!
for _ in $(seq 400); do
    ! grep -q listening serve.out || break
    kill -0 $pid 2>/dev/null || break
    sleep 0.05
done
check "without a token it says what everybody can read now" says serve.err 'which the kernel keeps for root'
kill -TERM $pid
wait $pid
pid=

check "record makes a file for its owner alone" exits 0 env JOULEMAP_ROOT="$WORK/root" "$JM" record -q -d 0.05 -s rapl_powercap -o mine.jmap
check "whatever the umask allows" [ "$(stat -c %a mine.jmap)" = 600 ]
finish
