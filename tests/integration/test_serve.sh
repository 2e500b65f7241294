# serve and ask over loopback, with a replayed counter of 50 W that wraps, and the estimate.
. "$SOURCE/tests/integration/lib.sh"

unset JOULEMAP_TOKEN
if ! grep -q MICROHTTPD_FOUND:INTERNAL=1 "$BUILD/CMakeCache.txt"; then
    echo "SKIP: this joulemap was built without libmicrohttpd"
    exit 77
fi
services=()
stop_all() {
    [ ${#services[@]} -eq 0 ] || kill -9 "${services[@]}" 2>/dev/null
    [ -z "${busy:-}" ] || kill -9 "$busy" 2>/dev/null
    rm -rf "$WORK"
}
trap stop_all EXIT

# start NAME OPTIONS...: a service on a free port; its number goes to $port, its process to $service.
start() {
    local name=$1 waited
    shift
    "$JM" serve --port 0 "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" </dev/null &
    service=$!
    services+=("$service")
    for waited in $(seq 200); do
        port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$WORK/$name.out")
        [ -n "$port" ] && return 0
        kill -0 "$service" 2>/dev/null || break
        sleep 0.05
    done
    sed 's/^/  err: /' "$WORK/$name.err"
    return 1
}

cat >script <<'SCRIPT'
channel c energy counter domain=package wrap=400 step=0.001 accuracy=0.02 interpolate=yes
0 c 0
1000s c 50000
1000s end
SCRIPT
sh -c 'while :; do :; done' &
busy=$!

check "serve has help" exits 0 "$JM" serve --help
check "ask has help" exits 0 "$JM" ask --help
check "ask wants processes" exits 2 "$JM" ask
check "ask says that nobody answers" exits 1 "$JM" ask --pids 1 --url http://127.0.0.1:1
check "and what to do" says err 'joulemap serve'

check "a service starts" start first -s replay:script
check "it answers as it should" python3 "$SOURCE/tests/integration/serve_client.py" "$port" "$busy"
check "ask measures" exits 0 "$JM" ask --pids "$busy" --for 300ms --url "http://127.0.0.1:$port"
check "ask prints the process" says out "^$busy .* J .* W"
check "ask prints the machine" says out '^machine .* J *\(49\.9\|50\.\)[0-9]* W'
check "ask prints JSON" exits 0 "$JM" ask --pids "$busy" --for 100ms --format json --url "http://localhost:$port/"
check "it is JSON" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$WORK/out"
check "ask says what was refused" exits 1 "$JM" ask --pids 4194303 --for 100ms --url "http://127.0.0.1:$port"
check "in the service's words" says err 'no process 4194303'
check "a port that is taken is said" exits 1 "$JM" serve --port "$port" -s estimate
check "by its number" says err "port $port of 127.0.0.1 is taken"
curl -sN "http://127.0.0.1:$port/stream" >stream 2>/dev/null &
reader=$!
kill -TERM "$service"
wait "$service"
check "SIGTERM ends it with 0" [ $? -eq 0 ]
wait "$reader" 2>/dev/null

# Who asks for the stream in the very moment of the end: the service must not wait for that reader.
ends_while_asked() {
    local round reader rc
    for round in 1 2 3 4 5 6 7 8 9 10; do
        start "ending$round" -s replay:script || return 1
        curl -sN -m 60 "http://127.0.0.1:$port/stream" >stream 2>/dev/null &
        reader=$!
        kill -TERM "$service"
        wait "$service"
        rc=$?
        kill -9 "$reader" 2>/dev/null # a TERM before it has become curl would run the trap above in it
        wait "$reader" 2>/dev/null
        [ $rc -eq 0 ] || { echo "round $round: exit code $rc"; return 1; }
    done
}
check "a reader that comes at the end does not break it" ends_while_asked

check "beyond loopback it takes a token" exits 1 "$JM" serve --port 0 --listen 0.0.0.0 -s estimate
check "which it says" says err 'token'
echo 0123456789abcdef-token >token
chmod 644 token
check "a token that others can read is refused" exits 1 "$JM" serve --port 0 --token-file token -s estimate
check "with the remedy" says err 'chmod 600'
chmod 600 token
check "a service with a token starts" start second --token-file token -s estimate
code() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
check "no token: 401" [ "$(code "http://127.0.0.1:$port/metrics")" = 401 ]
check "another token: 401" [ "$(code -H 'Authorization: Bearer 0123456789abcdef-other' "http://127.0.0.1:$port/metrics")" = 401 ]
check "a part of the token: 401" [ "$(code -H 'Authorization: Bearer 0123456789abcdef' "http://127.0.0.1:$port/metrics")" = 401 ]
check "the token: 200" [ "$(code -H 'Authorization: Bearer 0123456789abcdef-token' "http://127.0.0.1:$port/metrics")" = 200 ]
check "health needs none" [ "$(code "http://127.0.0.1:$port/healthz")" = 200 ]
check "ask takes the token from the environment" \
    env JOULEMAP_TOKEN=0123456789abcdef-token "$JM" ask --pids "$busy" --for 100ms --url "http://127.0.0.1:$port"
check "ask without it is refused" exits 1 "$JM" ask --pids "$busy" --for 100ms --url "http://127.0.0.1:$port"
kill -KILL "$service"
wait "$service" 2>/dev/null

# A meter that ends, and is started again when the service tries it anew.
check "a service with a program as its meter starts" start third --always -s 'exec:for i in 1 2 3 4 5 6 7 8; do echo 10; sleep 0.05; done'
lost() { curl -s "http://127.0.0.1:$port/metrics" | sed -n 's/^joulemap_sensor_lost_total{.*} //p'; }
for _ in $(seq 100); do
    [ "$(lost)" -ge 2 ] 2>/dev/null && break
    sleep 0.1
done
check "a sensor that is lost is tried again" [ "$(lost)" -ge 2 ]
kill -TERM "$service"
wait "$service"
check "SIGTERM ends that, too" [ $? -eq 0 ]
finish
