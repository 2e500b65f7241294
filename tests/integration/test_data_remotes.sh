# joulemap data over the network: a server that behaves, and the same when it does not. Ports are free ones, all on loopback.
. "$SOURCE/tests/integration/lib.sh"
. "$SOURCE/tests/integration/data_lib.sh"
if grep -q 'CURL_FOUND:INTERNAL=$' "$BUILD/CMakeCache.txt"; then
    echo "SKIP: this joulemap was built without libcurl"
    exit 77
fi
servers=()
stop_all() {
    [ ${#servers[@]} -eq 0 ] || kill -9 "${servers[@]}" 2>/dev/null
    rm -rf "$WORK"
}
trap stop_all EXIT

secret_is_hidden() { ! grep -r -q "$1" "$WORK/out" "$WORK/err"; }

mkdir store
python3 "$SOURCE/tests/integration/data_server.py" "$WORK/store" >port 2>server.err &
servers+=($!)
wait_for test -s port || { cat server.err; exit 1; }
url=http://127.0.0.1:$(cat port)

# remote NAME PATH: a remote on the server above, the default one.
remote() {
    exits 0 "$JM" data remote add -f -d "$1" "$url/$2" && exits 0 "$JM" data remote modify "$1" connect_timeout 2 &&
        exits 0 "$JM" data remote modify "$1" read_timeout 2
}
forget() { rm -rf .dvc/cache raw_data; }

repository ours && cd ours || exit 1
tree raw_data && rm raw_data/link
check "add" exits 0 "$JM" data add raw_data
cp -r raw_data ../good
rm -r ../good/empty
remote plain plain/r
check "push by POST, as DVC does" exits 0 "$JM" data push
check "all of it" says out '^7 of 7'
check "push again moves nothing" exits 0 "$JM" data push
check "and asks for the listing alone" says out '^0 of '
check "the listing came last" test "$(curl -s "$url/requests" | grep -c ' /plain/r/files/md5/.*dir ')" = 3
forget
check "pull" exits 0 "$JM" data pull
check "gives the same data" same ../good raw_data
check "compares" exits 0 "$JM" data status -c
rm "$(find ../store/r -size +1000k)"
check "an object that is gone from the remote is pushed again when all are asked for" exits 0 "$JM" data push --check-all
check "one alone" says out '^1 of'

# ---- Servers that fail.
mkdir -p ../store/other
for how in flaky nohead; do
    forget && exits 0 "$JM" data pull -r plain || echo "FAILED: back to the start"
    remote $how $how/$how
    check "push to one that is $how" exits 0 "$JM" data push
    forget
    check "pull from one that is $how" exits 0 "$JM" data pull
    check "gives the same data ($how)" same ../good raw_data
done
remote cut cut/r
forget
check "one that hangs up is asked for the rest, until it is enough" exits 1 "$JM" data pull
check "ranges were asked for" test "$(curl -s "$url/requests" | grep -c 'GET /cut/.* bytes=')" -ge 3
check "what came is kept" test "$(stat -c %s .dvc/cache/.joulemap/*.part)" -gt 2000000
check "what is not whole is not in the cache" test -z "$(find .dvc/cache/files -size +1000k)"
check "another run goes on from there" exits 0 "$JM" data pull -r plain
check "with less than all" test "$(curl -s "$url/requests" | grep 'GET /plain/.* bytes=' | sed 's/.*bytes=\([0-9]*\)-.*/\1/')" -gt 2000000
check "and has it whole" same ../good raw_data
for how in lies endless down denied stall; do
    forget
    remote $how $how/r
    check "pull from one that is $how fails" exits 1 "$JM" data pull
    check "it names remote and object ($how)" says err "'$how'.*\.dir"
    check "nothing was written ($how)" test ! -e raw_data -a -z "$(find .dvc/cache/files -type f 2>/dev/null)"
done
forget && exits 0 "$JM" data pull -r plain || echo "FAILED: back to the start"
rm -r .dvc/cache/files && mkdir -p .dvc/cache/files/md5 && (cd ../store/r/files/md5 && tar cf - --exclude='??/*[0-9a-f]' .) | tar xf - -C .dvc/cache/files/md5
check "an object that never ends is cut off" exits 1 "$JM" data fetch -r endless
check "it says that it is too much" says err 'gives more for the object'
check "and no file of it stays" test "$(du -sk .dvc/cache | cut -f1)" -lt 8000
check "nothing behind a closed port is said" exits 0 "$JM" data remote add -f nobody http://127.0.0.1:1/x
check "plainly" exits 1 "$JM" data fetch -r nobody
check "with a remedy" says err 'is the server up'

# ---- Interrupted: the next run goes on.
forget
remote plain plain/r
"$JM" data pull -r stall >/dev/null 2>&1 & # bash has it ignore SIGINT
pulling=$!
wait_for sh -c "curl -s $url/requests | tail -n 2 | grep -q /stall/"
kill -TERM $pulling
wait $pulling
check "an interrupt ends it with a failure" test $? -eq 1
check "and leaves nothing half done" exits 0 "$JM" data pull
check "all is there" same ../good raw_data

# ---- Secrets.
remote secret plain/s
check "a password is read from a pipe" sh -c 'printf "pass-w0rd\n" | "$1" data remote modify secret password -' - "$JM"
exits 0 "$JM" data remote modify secret auth basic
check "it is in config.local alone" test "$(grep -rl pass-w0rd .dvc)" = .dvc/config.local
check "for its owner alone" test "$(stat -c %a .dvc/config.local)" = 600
check "without a user it says what is missing" exits 1 "$JM" data push
check "by its name" says err 'no user was sent: joulemap data remote modify --local secret user NAME; or set JOULEMAP_REMOTE_USER'
exits 0 "$JM" data remote modify --local secret user me
check "push with a password" exits 0 "$JM" data push
check "it was sent" test "$(curl -s "$url/requests" | grep -c ' /plain/s/.* with authorization')" -ge 7
exits 0 "$JM" data remote modify secret url "$url/denied/s"
check "refused credentials are said" exits 1 "$JM" data push
check "by status" says err 'status 401'
check "without the password" secret_is_hidden pass-w0rd
exits 0 "$JM" data remote list
check "lists show none, too" secret_is_hidden pass-w0rd
remote bound plain/bound
export JOULEMAP_REMOTE_USER=me JOULEMAP_REMOTE_PASSWORD=env-w0rd
check "the environment's password" exits 0 "$JM" data push
check "is not for hosts that the user did not name" test "$(curl -s "$url/requests" | grep -c ' /plain/bound/.* with authorization')" = 0
check "nor for others than that" exits 0 env JOULEMAP_REMOTE_HOST=x.y "$JM" data status -c
check "so far not sent" test "$(curl -s "$url/requests" | grep -c ' /plain/bound/.* with authorization')" = 0
check "to the one that is named" exits 0 env JOULEMAP_REMOTE_HOST=127.0.0.1 "$JM" data status -c
check "it is sent" test "$(curl -s "$url/requests" | grep -c ' /plain/bound/.* with authorization')" -ge 1
remote unbound denied/bound
check "a server that asks for it" exits 1 "$JM" data push
check "has the variable named" says err 'JOULEMAP_REMOTE_HOST is not set'
check "or that it names another" exits 1 env JOULEMAP_REMOTE_HOST=x.y "$JM" data push
check "which is said" says err 'JOULEMAP_REMOTE_HOST does not name'
unset JOULEMAP_REMOTE_PASSWORD
check "half of a pair" exits 1 env JOULEMAP_REMOTE_HOST=127.0.0.1 "$JM" data push
check "has the other half named" says err 'no password was sent.*JOULEMAP_REMOTE_PASSWORD'
unset JOULEMAP_REMOTE_USER
check "nothing at all" exits 1 "$JM" data push
check "has both named" says err 'no user and password were sent.*JOULEMAP_REMOTE_USER, JOULEMAP_REMOTE_PASSWORD'
check "no secret is shown" secret_is_hidden env-w0rd
exits 0 "$JM" data remote default secret
check "a password in a URL is refused" exits 1 "$JM" data remote add bad http://me:pass-w0rd@x.y/z
check "and not repeated" secret_is_hidden pass-w0rd
exits 0 "$JM" data remote modify secret url "$url/elsewhere/r"
forget
check "a redirect is followed" exits 0 "$JM" data pull
check "without the password, to another host" test "$(curl -s "$url/requests" | tail -n 12 | grep -c ' /plain/r.* with authorization')" = 0
cd ..
finish
