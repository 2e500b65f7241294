# joulemap data upload and download, against DagsHub's interface in small (data_server.py).
. "$SOURCE/tests/integration/lib.sh"
. "$SOURCE/tests/integration/data_lib.sh"
if grep -q 'CURL_FOUND:INTERNAL=$' "$BUILD/CMakeCache.txt"; then
    echo "SKIP: this joulemap was built without libcurl"
    exit 77
fi
mkdir store
python3 "$SOURCE/tests/integration/data_server.py" "$WORK/store" >port 2>server.err &
server=$!
trap 'kill -9 $server 2>/dev/null; rm -rf "$WORK"' EXIT
for _ in $(seq 600); do [ -s port ] && break || sleep 0.1; done
[ -s port ] || { cat server.err; exit 1; }
DAGSHUB_CLIENT_HOST=http://127.0.0.1:$(cat port)
export DAGSHUB_CLIENT_HOST
unset DAGSHUB_USERNAME DAGSHUB_PASSWORD DAGSHUB_USER_TOKEN
hub() { "$JM" data "$1" --owner me --name data "${@:2}"; }
commits() { python3 -c 'import json, sys; print(*[eval(sys.argv[1], {"c": json.loads(line)}) for line in open("store/commits")])' "$1"; }

tree raw_data && rm raw_data/link
for i in $(seq 120); do printf '%s' "$i" >"raw_data/deep/er/$i"; done
cp -r raw_data good && rm -r good/empty

check "upload wants owner and name" exits 2 "$JM" data upload
check "without a token it says so" exits 1 hub upload
check "and where to put it" says err DAGSHUB_USER_TOKEN
export DAGSHUB_USER_TOKEN=wrong-t0ken
check "a wrong token is refused" exits 1 hub upload
check "by status" says err 'status 401'
check "and not shown" sh -c '! grep -q wrong-t0ken "$1/err" "$1/out"' - "$WORK"
export DAGSHUB_USER_TOKEN=s3cret
check "upload" exits 0 hub upload --commit "$(printf '%0120d' 7)"
check "all files" says out '^127 files uploaded'
check "in two commits of at most 100 files" test "$(commits 'len(c["files"])')" = "100 27"
check "the message is cut to 100 characters" test "$(commits 'len(c["commit_summary"])')" = "100 100"
check "each follows on the one before" test "$(commits 'c["last_commit"]')" = "c0 c1"
check "for DVC, in a folder" test "$(commits 'c["versioning"] + c["is_dvc_dir"] + c["to"]' | cut -d' ' -f1)" = dvcTrueraw_data
check "what is there is what was here" same good store/hub/main/raw_data
check "a folder that is not there is said" exits 1 hub upload --local-dir-path nowhere
check "by name" says err nowhere

printf 'f' >store/hub/main/raw_data/flaky.bin && cp store/hub/main/raw_data/flaky.bin good/
check "download" exits 0 hub download --local-dir-path got
check "all of it, though the server failed once" same good got
check "user and password do as well" env DAGSHUB_USERNAME=me DAGSHUB_PASSWORD=s3cret "$JM" data download --owner me --name data \
    --local-dir-path got
printf 'mine' >got/one
check "a file that differs is not overwritten" exits 1 hub download --local-dir-path got
check "but named" says err 'raw_data/one'
check "and kept" test "$(cat got/one)" = mine
check "with --force it is" exits 0 hub download --local-dir-path got --force
check "overwritten" same good got
check "nothing half done is left" test -z "$(find got -name '.joulemap*')"
check "another folder there" exits 0 hub download --local-dir-path deep --remote-dir-path raw_data/deep
check "has its part" same good/deep deep
check "a folder that is not there is said" exits 1 hub download --remote-dir-path nowhere --local-dir-path none
mkdir outside linked && ln -s ../outside linked/deep
check "nothing is written through a link" exits 1 hub download --local-dir-path linked
check "which is named" says err 'deep is a link'
check "the folder behind it is empty" test -z "$(ls outside)"
touch store/evil
check "a list that leads out is refused" exits 1 hub download --local-dir-path evil_got
check "as such" says err 'not inside'
check "nothing was written" test ! -e evil_got -a ! -e evil
finish
