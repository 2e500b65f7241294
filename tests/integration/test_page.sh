# The live page in a real browser: it shows the channels, the busy process and the measurement, by itself.
. "$SOURCE/tests/integration/lib.sh"

unset JOULEMAP_TOKEN
grep -q MICROHTTPD_FOUND:INTERNAL=1 "$BUILD/CMakeCache.txt" || { echo "SKIP: this joulemap was built without libmicrohttpd"; exit 77; }
chromium=$(command -v chromium || command -v chromium-browser) || { echo "SKIP: no Chromium here (scripts/setup ci)"; exit 77; }
printf 'channel c energy counter domain=package step=0.001 interpolate=yes\n0 c 0\n1000s c 50000\n1000s end\n' >script
sh -c 'while :; do :; done' &
busy=$!
"$JM" serve --port 0 -s replay:script >serve.out 2>serve.err &
service=$!
trap 'kill -9 $busy $service 2>/dev/null; rm -rf "$WORK"' EXIT
for _ in $(seq 200); do
    port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' serve.out)
    [ -n "$port" ] && break
    sleep 0.05
done
curl -s -o posted -H 'Content-Type: application/json' -d "{\"pids\":[$busy],\"label\":\"the-asker\"}" "http://127.0.0.1:$port/measurements"
check "the page is one file that asks nobody else" \
    bash -c "! curl -s http://127.0.0.1:$port/ | grep -E '(src|href)=|https?://'"
check "a browser shows it" exits 0 timeout 90 python3 "$SOURCE/tests/integration/browse.py" "$chromium" "http://127.0.0.1:$port/" \
    'document.querySelector("#processes tbody td.n") !== null && history.length > 3' 'document.body.innerText'
check "with the channel's power" says out 'replay/c.*measured.*\(49\|50\)\.'
check "with the process" says out "^$busy"
check "with the measurement" says out 'the-asker.*running'
check "with what is under way" says out '1 measurements under way'
finish
