# What of deploy/ cannot be run here: Grafana's dashboard and Kubernetes' files, held against their schemas; and every metric that is
# named anywhere in deploy/ exists.
. "$SOURCE/tests/integration/lib.sh"

skips=()
export PATH="$PATH:$SOURCE/.cache/prometheus"

# One service with a channel that is part of another, and one measured process.
if grep -q MICROHTTPD_FOUND:INTERNAL=1 "$BUILD/CMakeCache.txt" && command -v promtool >/dev/null; then
    "$JM" serve --port 0 -s estimate >serve.out 2>serve.err </dev/null &
    service=$!
    trap 'kill -9 $service 2>/dev/null; wait $service 2>/dev/null; rm -rf "$WORK"' EXIT
    for _ in $(seq 400); do
        port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' serve.out)
        [ -n "$port" ] && break
        sleep 0.05
    done
    check "the metrics are asked for" sh -c "curl -s 'http://127.0.0.1:$port/metrics' >page && test -s page"
    check "what dashboard, rules and alerts ask is there" python3 "$SOURCE/tests/integration/dashboard.py" page
else
    skips+=("no promtool here (scripts/setup ci fetches it), or no libmicrohttpd")
fi

if [ -e "$SOURCE/.cache/grafana/grafana_foundation_sdk" ]; then
    check "the dashboard is as Grafana's schema says" python3 "$SOURCE/tests/integration/grafana_schema.py" \
        "$SOURCE/.cache/grafana" "$SOURCE/deploy/grafana/joulemap.json"
else
    skips+=("Grafana's schema is not here (scripts/setup ci fetches it)")
fi

if [ -e "$SOURCE/.cache/kubernetes/kubernetes_validate" ]; then
    export PYTHONPATH=$SOURCE/.cache/kubernetes
    for version in 1.28 ''; do
        check "Kubernetes ${version:-of today} takes the DaemonSet" exits 0 \
            python3 -m kubernetes_validate --strict ${version:+-k $version} "$SOURCE/deploy/kubernetes/joulemap.yaml"
    done
    sed 's/readOnlyRootFilesystem/readOnlyRootFS/' "$SOURCE/deploy/kubernetes/joulemap.yaml" >wrong.yaml
    check "a wrong one it does not" exits 1 python3 -m kubernetes_validate --strict wrong.yaml
else
    skips+=("Kubernetes' schemas are not here (scripts/setup ci fetches them)")
fi

[ $n_failed -eq 0 ] || finish
for reason in "${skips[@]}"; do
    echo "SKIP: $reason"
done
[ ${#skips[@]} -eq 0 ] || exit 77
finish
