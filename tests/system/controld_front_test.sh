#!/usr/bin/env bash
# snapferryd as a program: what it refuses to start with, who is let in, what bad input is answered, how it ends.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
. tests/system/relay_lab.sh
. tests/system/controld_lab.sh
MJS=$PWD/tests/system
trap 'controld_end_all; end_regions' EXIT
cd "$TMPDIR" || exit 1
LAB=$TMPDIR/lab
relay_lab "$LAB" || exit 1
export REGION_KEY=c2VjcmV0 SNAPFERRYD_TOKEN=a-token-for-this-test-0123456789
cat >config.json <<'CONFIG'
{"regions":[{"name":"eastus","url":"http://127.0.0.1:1/east","key":"env:REGION_KEY"}]}
CONFIG
SD=$SNAPFERRYD_BIN
COMPUTE=subscriptions/s/resourceGroups/g/providers/Microsoft.Compute

# ---- What it does not start with ----
expect 2 '--config FILE is needed' "$SD"
expect 2 'no such file' "$SD" --config nowhere.json
expect 2 'in clear' "$SD" --config config.json --listen 0.0.0.0:0
expect 2 'without authentication' "$SD" --config config.json --listen 0.0.0.0:0 --no-auth \
    --tls-cert "$LAB/server.pem" --tls-key "$LAB/server.key"
expect 2 'seen by other users' "$SD" --config config.json --token "$SNAPFERRYD_TOKEN" --data d0
if grep -q "$SNAPFERRYD_TOKEN" out err; then fail "the token in an error"; fi
expect 2 'NO_SUCH_VARIABLE' "$SD" --config config.json --token env:NO_SUCH_VARIABLE --data d0
expect 2 'No such file' "$SD" --config config.json --data d0 --tls-cert nowhere --tls-key nowhere
expect 2 'cannot run' "$SD" --config config.json --data d0 --snapferry ./nowhere
echo '{"regions":[{"name":"East","url":"ftp://x","kee":1}]}' >bad.json
expect 2 '$.regions[0].name: ' "$SD" --config bad.json --check
check "each mistake has its path" grep -q '^snapferryd: bad.json: \$\.regions\[0\]\.kee: ' err
expect 0 '1 region' "$SD" --config config.json --check
expect 0 'usage: snapferryd' "$SD" --help
expect 0 'snapferryd 0' "$SD" --version

# ---- Over TLS, with a token and with certificates ----
controld_start one --config config.json --token env:SNAPFERRYD_TOKEN --tls-cert "$LAB/server.pem" \
    --tls-key "$LAB/server.key" --client-ca "$LAB/ca.pem" --client-name a || exit 1
check "one line of JSON says where" \
    grep -qxE "\{\"event\":\"ready\",\"url\":\"https://127.0.0.1:[0-9]+\",\"pid\":$one_PID\}" one.out

# ask PATH [OPTION...]: prints the status; the answer goes to answer, its head to head.
ask() {
    local path=$1
    shift
    : >answer
    curl -sS --max-time 60 --cacert "$LAB/ca.pem" -o answer -D head -w '%{http_code}' "$@" \
        "$one_URL/$path" 2>curl.err
}
with_token() {
    local path=$1
    shift
    ask "$path" -H "Authorization: Bearer $SNAPFERRYD_TOKEN" "$@"
}
# error STATUS CODE COMMAND...: is answered so, in ARM's form
error() {
    local wanted=$1 code=$2 status
    shift 2
    status=$("$@")
    if [ "$status" != "$wanted" ]; then
        fail "$status, not $wanted: $*" answer curl.err
    else
        check "$code: $*" node -e '
            const body = JSON.parse(require("fs").readFileSync("answer", "utf8"));
            if (body.error.code !== process.argv[1] || !body.error.message) throw new Error(JSON.stringify(body));
        ' "$code"
        check "has an id" grep -qi '^x-ms-request-id: ' head
    fi
}
error 401 AuthenticationFailed ask "$COMPUTE/disks/d?api-version=2025-01-02"
check "says how" grep -qi '^WWW-Authenticate: Bearer' head
error 401 InvalidAuthenticationToken ask x -H 'Authorization: Bearer a-token-for-this-test-012345678'
error 401 InvalidAuthenticationToken ask x -H 'Authorization: Basic YTpi'
error 404 ResourceNotFound with_token "$COMPUTE/disks/d?api-version=2025-01-02"
error 404 ResourceNotFound ask "$COMPUTE/disks/d?api-version=2025-01-02" --cert "$LAB/a.pem" --key "$LAB/a.key"
error 403 AuthorizationFailed ask x --cert "$LAB/b.pem" --key "$LAB/b.key"
error 403 AuthorizationFailed ask x --cert "$LAB/expired.pem" --key "$LAB/expired.key"
error 403 AuthorizationFailed ask x --cert "$LAB/foreign.pem" --key "$LAB/foreign.key"
check "a client who trusts another authority gets nothing" \
    [ "$(curl -sS -o answer -w '%{http_code}' --cacert "$LAB/foreign-ca.pem" "$one_URL/" 2>/dev/null)" = 000 ]

# ---- Bad input ----
LONG=$(printf 'n%.0s' $(seq 1000))
VERSION=api-version=2024-03-01
error 400 InvalidResourceName with_token "$COMPUTE/restorePointCollections/$LONG?$VERSION" -X PUT -d '{}'
for path in "$COMPUTE/restorePointCollections/%2e%2e?$VERSION" "$COMPUTE/../x?$VERSION" \
    "$COMPUTE/restorePointCollections/a%2fb?$VERSION" "$COMPUTE/restorePointCollections/a%20b?$VERSION"; do
    status=$(with_token "$path" --path-as-is)
    case $status in 400 | 404) check "no such name" grep -q '"error"' answer ;; *) fail "$status: $path" answer ;; esac
done
error 414 RequestUriTooLong with_token "$LONG$LONG$LONG$LONG$LONG"
error 400 MissingApiVersionParameter with_token "$COMPUTE/disks/d"
check "which lists what is served" [ "$(with_token "$COMPUTE/disks/d?api-version=2019-01-01")" = 400 ]
check "by their dates" grep -q 2025-01-02 answer
error 405 HttpMethodNotAllowed with_token "$COMPUTE/restorePointCollections/c?$VERSION" -X POST -d '{}'
error 405 HttpMethodNotAllowed with_token "$COMPUTE/disks/d?$VERSION" -X OPTIONS
error 405 HttpMethodNotAllowed with_token "$COMPUTE/disks/d?$VERSION" -X BREW
error 404 InvalidResourceType with_token "$COMPUTE/teapots/t?$VERSION"
head -c 10485760 /dev/zero >large
error 413 RequestEntityTooLarge with_token "$COMPUTE/disks/d?$VERSION" -X PUT --data-binary @large
error 413 RequestEntityTooLarge with_token "$COMPUTE/disks/d?$VERSION" -X PUT --data-binary @large -H 'Expect:'
error 411 LengthRequired with_token "$COMPUTE/disks/d?$VERSION" -X PUT -H 'Transfer-Encoding: chunked' -d '{}'

# ---- How it ends ----
if grep -q "$SNAPFERRYD_TOKEN" "/proc/$one_PID/cmdline"; then fail "the token in its arguments"; fi
expect 1 'snapferryd' "$SD" --config config.json --data one --token env:SNAPFERRYD_TOKEN --listen 127.0.0.1:0
controld_end one
check "SIGTERM ends it with 0" [ $? = 0 ]
if grep -q "$SNAPFERRYD_TOKEN" one.out one.err; then fail "the token in the output" one.out one.err; fi
check "its data is for its owner only" [ -z "$(find one -perm /077)" ]

# ---- Plain on loopback, with the token it made itself ----
controld_start two --config config.json || exit 1
check "the token is kept for its owner" [ "$(stat -c %a two/token)" = 600 ]
if grep -qf two/token two.out two.err; then fail "the token in the output" two.out two.err; fi
token=$(cat two/token)
plain() { curl -sS --max-time 60 -o answer -w '%{http_code}' -H "Authorization: Bearer $token" "$two_URL/nowhere"; }
check "it lets in" [ "$(plain)" = 404 ]
check "slow and broken clients hold up nobody" env SNAPFERRYD_TOKEN="$token" node "$MJS/controld_slow.mjs" "$two_URL"
controld_end two
check "ends with 0 while clients stay" [ $? = 0 ]
controld_start two --config config.json || exit 1
check "the same token after a restart" [ "$(plain)" = 404 ]
kill -9 "$two_PID"
wait "$two_PID" 2>/dev/null
controld_start two --config config.json || exit 1
check "and after a kill" [ "$(plain)" = 404 ]
check "a client that stays does not hold the end up" bash -c "
    exec 3<>/dev/tcp/127.0.0.1/${two_URL##*:} && printf 'GET / HTTP/1.1\r\n' >&3 && kill $two_PID &&
    timeout 60 tail --pid=$two_PID -f /dev/null"
finish
