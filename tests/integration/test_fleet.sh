# A real Prometheus with the configuration, rules and alerts of deploy/prometheus over several services of known power.
. "$SOURCE/tests/integration/lib.sh"

if ! grep -q MICROHTTPD_FOUND:INTERNAL=1 "$BUILD/CMakeCache.txt"; then
    echo "SKIP: this joulemap was built without libmicrohttpd"
    exit 77
fi
export PATH="$PATH:$SOURCE/.cache/prometheus"
if ! command -v prometheus >/dev/null || ! command -v promtool >/dev/null; then
    echo "SKIP: no Prometheus here (scripts/setup ci fetches it from Debian's package)"
    exit 77
fi
deploy=$SOURCE/deploy/prometheus

check "promtool takes the configuration" exits 0 promtool check config "$deploy/prometheus.yml"
check "promtool takes rules and alerts" exits 0 promtool check rules "$deploy/joulemap.rules.yml" "$deploy/joulemap.alerts.yml"
check "rules and alerts give what they should, in virtual time" exits 0 promtool test rules "$deploy/joulemap.tests.yml"
[ $n_failed -eq 0 ] || cat out err
check "a test of the rules can fail" sh -c "mkdir wrong && cp '$deploy'/*.yml wrong && sed -i 's/value: 250}/value: 251}/' \
    wrong/joulemap.tests.yml && ! promtool test rules wrong/joulemap.tests.yml >out 2>&1"
check "a fleet is scraped, and the figures are right" timeout 250 python3 "$SOURCE/tests/integration/fleet_drive.py"
finish
