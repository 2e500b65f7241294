# joulemap data with servers of others, nginx and moto, and beside dvc. Ports are free ones, all on loopback.
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
skipped=

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
secret_is_hidden() { ! grep -r -q "$1" "$WORK/out" "$WORK/err"; }

forget() { rm -rf .dvc/cache raw_data; }
repository ours && cd ours || exit 1
tree raw_data && rm raw_data/link
check "add" exits 0 "$JM" data add raw_data
cp -r raw_data ../good && rm -r ../good/empty
cd ..

# ---- nginx as a WebDAV server.
webdav() {
    local port
    command -v nginx >/dev/null && nginx -V 2>&1 | grep -q http_dav_module || return 1
    port=$(free_port)
    mkdir -p dav/files dav/tmp
    printf 'me:%s\n' "$(openssl passwd -apr1 pass-w0rd)" >dav/users
    cat >dav/conf <<CONF
daemon off; master_process off; $([ "$(id -u)" -ne 0 ] || echo 'user root;') pid $WORK/dav/pid; error_log $WORK/dav/log;
events { worker_connections 256; }
http { access_log off; client_body_temp_path $WORK/dav/tmp; proxy_temp_path $WORK/dav/tmp/p; fastcgi_temp_path $WORK/dav/tmp/f;
    uwsgi_temp_path $WORK/dav/tmp/u; scgi_temp_path $WORK/dav/tmp/s;
    server { listen 127.0.0.1:$port; root $WORK/dav/files; client_max_body_size 0;
        location / { dav_methods PUT DELETE; create_full_put_path on; auth_basic data; auth_basic_user_file $WORK/dav/users; } } }
CONF
    nginx -e "$WORK/dav/log" -c "$WORK/dav/conf" &
    servers+=($!)
    dav=http://127.0.0.1:$port
    wait_for curl -s -o /dev/null "$dav"
}
if webdav; then
    cd ours || exit 1
    exits 0 "$JM" data remote add -d dav "$dav/data"
    exits 0 "$JM" data remote modify dav auth basic
    exits 0 "$JM" data remote modify --local dav user me
    printf 'pass-w0rd\n' | "$JM" data remote modify dav password -
    check "POST is refused by WebDAV" exits 1 "$JM" data push
    check "the remedy is PUT" says err 'method PUT'
    exits 0 "$JM" data remote modify dav method PUT
    check "push to nginx" exits 0 "$JM" data push
    check "all of it" says out '^7 of 7'
    forget
    check "pull from nginx" exits 0 "$JM" data pull
    check "gives the same data" same ../good raw_data
    if have_dvc; then
        check "dvc has nothing to push there" dvc status -q -c -r dav
        forget
        check "dvc pulls it from there" dvc pull -q -r dav
        printf 'by dvc' >from_dvc && check "dvc pushes there" sh -c '"$1" add -q from_dvc && "$1" push -q -r dav' - "$dvc_program"
        rm -r .dvc/cache from_dvc
        check "joulemap pulls that" exits 0 "$JM" data pull
        check "the same bytes" test "$(cat from_dvc)" = 'by dvc'
    fi
    cd ..
else
    skipped="nginx with WebDAV (Debian: nginx-light)"
fi

# ---- S3, with signatures that are checked.
moto=$SOURCE/.cache/moto/bin
if [ -x "$moto/moto_server" ]; then
    port=$(free_port)
    # As many calls as the set-up below makes are let through; then every signature counts.
    INITIAL_NO_AUTH_ACTION_COUNT=4 PATH=$moto:$PATH moto_server -H 127.0.0.1 -p "$port" >moto.log 2>&1 &
    servers+=($!)
    wait_for curl -s -o /dev/null "http://127.0.0.1:$port/moto-api/"
    "$moto/python" - "http://127.0.0.1:$port" >keys <<'SETUP'
import sys
import boto3
common = dict(endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
iam = boto3.client("iam", **common)
iam.create_user(UserName="u")
key = iam.create_access_key(UserName="u")["AccessKey"]
iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
                    '"Action": "*", "Resource": "*"}]}')
boto3.client("s3", **common).create_bucket(Bucket="dvc")
print(key["AccessKeyId"], key["SecretAccessKey"])
SETUP
    read -r id key <keys
    cd ours || exit 1
    exits 0 "$JM" data remote add -d s3 "s3://dvc/some pre+fix"
    exits 0 "$JM" data remote modify s3 endpointurl "http://127.0.0.1:$port"
    check "without keys it says so" exits 1 "$JM" data push
    check "and what to do" says err 'access_key_id'
    exits 0 "$JM" data remote modify s3 access_key_id "$id"
    exits 0 "$JM" data remote modify s3 secret_access_key wrong-one
    check "a wrong key is refused" exits 1 "$JM" data push
    check "as such" says err 'status 403'
    check "without showing it" secret_is_hidden wrong-one
    printf '%s\n' "$key" | "$JM" data remote modify s3 secret_access_key -
    check "keys are in config.local alone" test "$(grep -rl "$id" .dvc)" = .dvc/config.local
    check "push to S3" exits 0 "$JM" data push
    forget
    check "pull from S3" exits 0 "$JM" data pull
    check "gives the same data" same ../good raw_data
    if have_dvc; then
        check "dvc has nothing to push there" dvc status -q -c -r s3
        forget
        check "dvc pulls it from there" dvc pull -q -r s3 raw_data.dvc
        check "the same" same ../good raw_data
        printf 'by dvc, S3' >from_dvc3 && check "dvc pushes to S3" sh -c '"$1" add -q from_dvc3 && "$1" push -q -r s3 from_dvc3.dvc' - \
            "$dvc_program"
        rm -r .dvc/cache from_dvc3
        check "joulemap pulls that from S3" exits 0 "$JM" data pull from_dvc3
        check "the same bytes" test "$(cat from_dvc3)" = 'by dvc, S3'
        check "and goes on with the rest" exits 0 "$JM" data pull
    fi
    sed -i '/access_key/d' .dvc/config.local
    check "keys of the environment do as well" env AWS_ACCESS_KEY_ID="$id" AWS_SECRET_ACCESS_KEY="$key" "$JM" data push -q
    check "a setting that is not known is not left out" exits 0 "$JM" data remote modify s3 sse AES256
    check "but refused" exits 1 "$JM" data push
    cd ..
else
    skipped="${skipped:+$skipped, }moto, an S3 server (scripts/setup test)"
fi

have_dvc || skipped="${skipped:+$skipped, }dvc (scripts/setup test)"
if [ "$n_failed" -eq 0 ] && [ -n "$skipped" ]; then
    echo "SKIP: not installed: $skipped; the rest was tested"
    exit 77
fi
finish
