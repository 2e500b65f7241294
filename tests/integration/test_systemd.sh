# The systemd unit: as installed, in systemd's own eyes, and the service with no more rights than it gives.
. "$SOURCE/tests/integration/lib.sh"

if ! grep -q MICROHTTPD_FOUND:INTERNAL=1 "$BUILD/CMakeCache.txt"; then
    echo "SKIP: this joulemap was built without libmicrohttpd"
    exit 77
fi
skips=()
chmod 755 "$WORK"
check "the unit is installed" exits 0 cmake --install "$BUILD" --prefix "$WORK/usr" --component deploy
unit=$WORK/usr/lib/systemd/system/joulemap.service
mkdir -p usr/bin && cp "$JM" usr/bin/joulemap
check "with the program's path" grep -q "^ExecStart=$WORK/usr/bin/joulemap serve " "$unit"
check "and the configuration of Prometheus with it" test -e usr/share/joulemap/prometheus/joulemap.rules.yml

if command -v systemd-analyze >/dev/null; then
    check "systemd takes it" exits 0 systemd-analyze verify "$unit"
    check "without a word" test ! -s err
    check "its exposure is 2.0 of 10 at most" exits 0 systemd-analyze security --offline=true --threshold=20 "$unit"
    for dropin in "$SOURCE"/deploy/systemd/*.conf; do
        name=$(basename "$dropin" .conf)
        mkdir -p "$name/joulemap.service.d" && cp "$unit" "$name/" && cp "$dropin" "$name/joulemap.service.d/"
        check "systemd takes it with $name.conf" exits 0 systemd-analyze verify "$name/joulemap.service"
        check "without a word" test ! -s err
    done
    check "a wrong unit is not taken" sh -c "sed 's/^ExecStart=.*/ExecStart=no-such-program/' '$unit' >wrong.service &&
        ! systemd-analyze verify ./wrong.service 2>/dev/null"
else
    skips+=("no systemd-analyze here (Debian: systemd)")
fi

# ---- With just these rights ----

pid=
end_service() { [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$WORK"; }
trap end_service EXIT

# start USER CAPABILITIES: as this user, with these and no others, no new ones, and a file system that cannot be written to.
start() {
    local with="-all$(printf ',+%s' $2)" waited
    with=${with%,+}
    : >serve.out
    # LeakSanitizer would trace the program, which it may not.
    # shellcheck disable=SC2016
    ASAN_OPTIONS=detect_leaks=0 JOULEMAP_ROOT=$WORK/root unshare --mount --propagation private \
        sh -c 'mount -o remount,bind,ro / && cd / && exec setpriv "$@"' sh \
        --reuid="$1" --regid="$1" --clear-groups --no-new-privs --inh-caps="$with" --ambient-caps="$with" \
        --bounding-set="$with" "$WORK/usr/bin/joulemap" serve --port 0 --always --metrics-processes all >serve.out 2>serve.err </dev/null &
    pid=$!
    for waited in $(seq 400); do
        port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' serve.out)
        [ -n "$port" ] && return 0
        kill -0 $pid 2>/dev/null || break
        sleep 0.05
    done
    sed 's/^/  err: /' serve.err
    return 1
}
stop() {
    kill -TERM "$pid"
    wait "$pid"
    rc=$?
    pid=
    return $rc
}
status_has() { grep -q "^$1:[[:space:]]*$2" "/proc/$pid/status" || { grep "^$1" "/proc/$pid/status"; return 1; }; }
metrics() { curl -s "http://127.0.0.1:$port/metrics" >page; }

capabilities=$(sed -n 's/^AmbientCapabilities=//p' "$unit" | tr 'A-Z' 'a-z' | sed 's/cap_//g')
if [ "$(id -u)" -ne 0 ]; then
    skips+=("only root can start the service with other rights than its own")
elif ! unshare --mount --propagation private sh -c 'mount -o remount,bind,ro /' 2>/dev/null; then
    skips+=("no mount namespace can be made here")
elif ! setpriv --bounding-set=-all,+perfmon,+dac_read_search true 2>/dev/null; then
    skips+=("setpriv does not know the capabilities, or may not set them")
else
    check "the unit gives two rights" [ "$capabilities" = "perfmon dac_read_search" ]
    cp -r "$SOURCE/tests/fixtures/sysfs/intel-server" root
    rm -rf root/proc && ln -s /proc root/proc
    find root -type d -exec chmod 755 {} +
    find root -name energy_uj -exec chmod 400 {} +
    check "the service starts with just those" start 65534 "$capabilities"
    check "it is nobody" status_has Uid "65534[[:space:]]*65534"
    check "it has the two rights" status_has CapEff 0000004000000004
    check "it can have no others" status_has CapBnd 0000004000000004
    check "nor get any" status_has NoNewPrivs 1
    metrics
    check "it reads counters that are root's" says page '^joulemap_energy_joules_total{channel="rapl.*,domain="package",.*state="measured"}'
    check "and sees the processes of others" says page '^joulemap_process_cpu_seconds_total{pid="1",'
    check "SIGTERM ends it with 0" stop
    check "without any right it starts, too" start 65534 ""
    check "it has none" status_has CapEff 0000000000000000
    metrics
    check "then it only estimates" says page '^joulemap_energy_joules_total{channel="estimate.*state="estimated"}'
    check "and has no counter" sh -c '! grep "^joulemap_energy_joules_total.*measured" page'
    check "which ends with 0" stop
    check "as root without any right, as in Kubernetes, it starts" start 0 ""
    check "it has none" status_has CapEff 0000000000000000
    metrics
    check "and reads its own counters" says page '^joulemap_energy_joules_total{channel="rapl.*state="measured"}'
    check "which ends with 0" stop
    check "root's counters name the remedy" exits 0 setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all \
        --inh-caps=-all env JOULEMAP_ROOT="$WORK/root" ASAN_OPTIONS=detect_leaks=0 "$WORK/usr/bin/joulemap" sensors
    check "in words" says out 'CAP_DAC_READ_SEARCH\|chmod\|setcap'
fi
[ $n_failed -eq 0 ] || finish
for reason in "${skips[@]}"; do
    echo "SKIP: $reason"
done
[ ${#skips[@]} -eq 0 ] || exit 77
finish
