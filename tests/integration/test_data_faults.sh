# joulemap data when it is killed, when the disk is full, when servers fail under a push; over TLS; in parallel; with its bar.
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
# serve NAME ARGUMENT...: starts a server on $WORK/store; its port is then in the file NAME.
serve() {
    python3 "$SOURCE/tests/integration/data_server.py" "$WORK/store" "${@:2}" >"$WORK/$1" 2>"$WORK/$1.err" &
    servers+=($!)
    wait_for test -s "$WORK/$1" || { cat "$WORK/$1.err"; exit 1; }
}
mkdir store
serve port
url=http://127.0.0.1:$(cat port)
requests() { curl -s "$url/requests"; }
asked() { requests | grep -q "$1"; }
# remote PATH: the default remote, on the server.
remote() {
    exits 0 "$JM" data remote add -f -d "$1" "$url/$1/r" && exits 0 "$JM" data remote modify "$1" read_timeout "${2:-2}"
}
forget() { rm -rf .dvc/cache raw_data; }
# kill_when CONDITION... -- COMMAND...: runs the command in the background until the condition holds, then kills it.
kill_when() {
    local condition=() running rc
    while [ "$1" != -- ]; do condition+=("$1") && shift; done
    shift
    "$@" >/dev/null 2>&1 &
    running=$!
    wait_for "${condition[@]}"
    rc=$?
    kill -9 $running
    wait $running 2>/dev/null
    return $rc
}

repository ours && cd ours || exit 1
tree raw_data && rm raw_data/link
check "add" exits 0 "$JM" data add raw_data
cp -r raw_data ../good && rm -r ../good/empty
listing=$(find .dvc/cache -name '*.dir' -printf '%f\n')

# ---- A push that fails or is killed.
for how in down denied stall; do
    remote $how
    check "push to one that is $how fails" exits 1 "$JM" data push
    check "it names remote and object ($how)" says err "'$how'.*[0-9a-f]\{32\}"
    check "and what to do ($how)" says err '^  try: '
done
remote full 600
stored() { [ "$(find "$WORK/store/r" -type f ! -name '*.new' 2>/dev/null | wc -l)" -eq 3 ]; }
check "a push is killed after three objects" kill_when stored -- "$JM" data push
check "its listing does not come before its files" test -z "$(find ../store -name '*.dir')"
remote plain
check "the next push goes on" exits 0 "$JM" data push
check "with what is missing" says out '^4 of 7'
check "and the listing" test -n "$(find ../store/r -path "*/$listing")"
if have_dvc; then
    clone_of . ../theirs && cd ../theirs || exit 1
    check "dvc pulls all of it" dvc pull -q
    check "the same" same ../good raw_data
    cd ../ours || exit 1
fi

# ---- A pull that is killed.
forget
remote half 600
arrived() { [ -n "$(find .dvc/cache/.joulemap -name '*.part' -size +1400k 2>/dev/null)" ]; }
check "a pull is killed with half of an object" kill_when arrived -- "$JM" data pull
check "half an object is not in the cache" test -z "$(find .dvc/cache/files -size +1000k)"
check "nor in the workspace" test ! -e raw_data
remote plain
check "the next pull goes on" exits 0 "$JM" data pull
check "behind what was there" asked 'GET /plain/.* bytes=15[0-9]*-'
check "all is there" same ../good raw_data
check "and nothing half done" test -z "$(find .dvc/cache/.joulemap -type f)"

# ---- A disk that is full: files may not grow beyond a megabyte.
full() (trap '' XFSZ && ulimit -f 1000 && exec "$@")
forget
check "a pull onto a full disk fails" exits 1 full "$JM" data pull
check "it names the object" says err '[0-9a-f]\{32\}'
check "the object is not in the cache" test -z "$(find .dvc/cache/files -size +900k)"
check "with room it goes on" exits 0 "$JM" data pull
check "all is there (full disk)" same ../good raw_data
rm raw_data/large
check "a checkout onto a full disk fails" exits 1 full "$JM" data checkout
check "it names the file" says err 'raw_data/large'
check "half a file is not left" test ! -e raw_data/large
check "nor anything beside it" test -z "$(find raw_data -name '.*' -type f)"
check "with room it is there" exits 0 "$JM" data checkout
check "whole" same ../good raw_data
head -c 2000000 /dev/zero | tr '\0' 'y' >more
check "what does not fit into the cache is not added" exits 1 full "$JM" data add more
check "it is named" says err 'more'
check "no .dvc file is written" test ! -e more.dvc
check "the data is whole" test "$(stat -c %s more)" = 2000000
rm more

# ---- What a killed run leaves in the cache goes with the next, unless another is at work there.
(
    cd "$WORK" && repository leftovers && cd leftovers || exit 1
    for file in one two; do echo $file >$file; done
    exits 0 "$JM" data add one
    echo half >.dvc/cache/.joulemap/new.KILLED
    if command -v flock >/dev/null; then
        check "while another is at work" exits 0 flock -s .dvc/cache/.joulemap "$JM" data add two
        check "nothing is removed" test -e .dvc/cache/.joulemap/new.KILLED
    fi
    check "the next run" exits 0 "$JM" data add one
    check "removes it" test ! -e .dvc/cache/.joulemap/new.KILLED
    mkdir ../folder && exits 0 "$JM" data remote add -d folder "$WORK/folder"
    check "a push to a folder" exits 0 "$JM" data push
    echo half >../folder/.joulemap/new.KILLED
    echo three >three
    exits 0 "$JM" data add three
    check "and the next one" exits 0 "$JM" data push
    check "removes what is left there" test ! -e ../folder/.joulemap/new.KILLED
    [ "$n_failed" -eq 0 ]
) || n_failed=$((n_failed + 1))

# ---- Several at a time, and the bar.
forget
remote together 60
check "four objects are pulled at the same time" exits 0 "$JM" data pull -j 4 # the server waits for four
check "all is there (together)" same ../good raw_data
bar() { SHELL=/bin/sh script -qec "'$JM' data $1" "$WORK/screen" </dev/null >/dev/null; }
if command -v script >/dev/null; then
    remote plain
    forget
    check "on a terminal" bar pull
    check "a bar shows how far it is" grep -q 'pulling *\[#*\] 6/6' "$WORK/screen"
    check "and is gone at the end" sh -c 'grep "objects moved" "$1" | grep -vq "\[#"' - "$WORK/screen"
    check "quietly" bar 'checkout --quiet'
    check "there is none" sh -c '! grep -q "\[#" "$1"' - "$WORK/screen"
fi
exits 0 "$JM" data status
check "nor where no terminal is" sh -c '! grep -q "\[" "$1/out" "$1/err"' - "$WORK"
cd ..

# ---- TLS, and DagsHub's two kinds of remote.
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -addext subjectAltName=IP:127.0.0.1 -days 30 -keyout key -out cert \
    2>openssl.err && cat key >>cert
serve tls_port cert
url=https://127.0.0.1:$(cat tls_port)
cd ours || exit 1
exits 0 "$JM" data remote add -d hub "$url/plain/me/data.dvc"
check "a certificate that nobody vouches for is refused" exits 1 "$JM" data push
check "as such" says err 'ssl_verify'
exits 0 "$JM" data remote modify hub ssl_verify "$WORK/cert"
exits 0 "$JM" data remote modify hub auth basic
exits 0 "$JM" data remote modify --local hub user me
printf 't0ken-of-mine\n' | "$JM" data remote modify hub password -
check "with it as ssl_verify it is taken" exits 0 "$JM" data push
check "below the path of the repository" test -n "$(find ../store/me/data.dvc/files/md5 -name "$listing")"
forget
check "and pulled" exits 0 "$JM" data pull
check "the same (TLS)" same ../good raw_data
exits 0 "$JM" data remote add -d hub3 s3://dvc
exits 0 "$JM" data remote modify hub3 endpointurl "$url/plain/me/data.s3"
exits 0 "$JM" data remote modify hub3 ssl_verify "$WORK/cert"
for key in access_key_id secret_access_key; do
    printf 't0ken-of-mine\n' | "$JM" data remote modify hub3 $key -
done
check "DagsHub's S3 form" exits 0 "$JM" data push
check "has the bucket behind the path" test -n "$(find ../store/me/data.s3/dvc/files/md5 -name "$listing")"
forget
check "and is pulled from" exits 0 "$JM" data pull
check "the same (S3 form)" same ../good raw_data
curl -s --cacert ../cert "$url/requests" >../asked
check "each request with a signature or a password" test "$(grep -c '/me/data.* without authorization' ../asked)" = 0
check "the token is in config.local alone" test "$(grep -rl t0ken-of-mine . ../store ../asked)" = ./.dvc/config.local
cd ..

if [ "$n_failed" -eq 0 ] && ! have_dvc; then
    echo "SKIP: dvc is not installed (scripts/setup test): joulemap data was tested alone"
    exit 77
fi
finish
