#!/usr/bin/env bash
# snapferry receive as a program: what it refuses to start with, what it says, how it ends.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
. tests/system/relay_lab.sh
trap 'relay_end_all; end_regions' EXIT
cd "$TMPDIR" || exit 1
LAB=$TMPDIR/lab
relay_lab "$LAB" || exit 1
SF=$SNAPFERRY_BIN
mkdir root

# receive [OPTION...]: with everything it needs; later options count.
receive() {
    timeout 20 "$SF" receive --listen 127.0.0.1:0 --target-root root --tls-cert "$LAB/server.pem" \
        --tls-key "$LAB/server.key" --client-ca "$LAB/ca.pem" "$@"
}
# refused WORDS [OPTION...]: exit status 2, one sentence, nothing on stdout.
refused() {
    local words=$1
    shift
    expect 2 "$words" receive "$@"
    if [ -s out ]; then fail "something on stdout: $*"; fi
    if [ "$(grep -c . err)" != 1 ]; then fail "not one sentence: $*"; fi
}

# ---- What it does not start with ----
expect 2 'needs --listen' "$SF" receive
expect 2 'needs --listen' "$SF" receive --listen 127.0.0.1:0 --target-root root
expect 0 'snapferry receive --listen' "$SF" receive --help
refused 'one argument too many' surplus
refused 'takes HOST:PORT' --listen 127.0.0.1
refused 'takes HOST:PORT' --listen :8443
refused 'takes HOST:PORT' --listen ::1:8443
refused 'takes HOST:PORT' --listen 127.0.0.1:x
refused 'takes HOST:PORT' --listen 127.0.0.1:65536
refused 'No such file' --target-root nowhere
refused 'is no folder' --target-root "$LAB/ca.pem"
refused 'is not set' --target-root env:NO_SUCH_VARIABLE
export NO_SAS=https://account.blob.core.windows.net/container WORDS=hello
export MANAGED='https://md-abc.blob.storage.azure.net/container?sv=1&sig=abc'
refused 'no SAS' --target-root env:NO_SAS
refused 'does not hold a URL' --target-root env:WORDS
refused 'is one blob' --target-root env:MANAGED
refused 'in clear' --target-root 'http://example.com/container?sv=1&sig=abc'
refused 'at least 32M' --memory 16M
refused 'exclude each other' --index here --no-index
refused 'No such file' --tls-cert nowhere.pem
refused 'no certificate with its key' --tls-key "$LAB/a.key"
refused 'no certificate of an authority' --client-ca /dev/null
chmod 644 "$LAB/b.key"
refused 'others may read' --tls-cert "$LAB/b.pem" --tls-key "$LAB/b.key"
chmod 600 "$LAB/b.key"

# ---- It serves ----
relay_receive one root --index "$TMPDIR/index"
check "the first line is JSON and says where" \
    grep -qxE "\{\"event\":\"ready\",\"url\":\"https://127.0.0.1:[0-9]+\",\"pid\":$one_PID\}" one.out
expect 1 'in use' receive --listen "${one_URL#https://}"

# get PATH [OPTION...]: as client a; prints the status, the answer goes to answer.
get() {
    local path=$1
    shift
    curl -sS --max-time 20 --cacert "$LAB/ca.pem" --cert "$LAB/a.pem" --key "$LAB/a.key" -o answer \
        -w '%{http_code}' -H 'x-snapferry-version: 1' "$@" "$one_URL$path"
}
check "a name nobody wrote to yet" [ "$(get /v1/stat/a/disk)" = 200 ]
check "it is not there" grep -q '"exists":false' answer
check "every answer has an id" [ "$(get /v1/stat/a/disk -D head)" = 200 ] &&
    check "which is in its head" grep -qi '^x-ms-request-id: ' head
check "no such verb" [ "$(get /v1/dance/a/disk)" = 404 ]
check "no name outside of ours" [ "$(get /v1/stat/b/disk)" = 403 ]
check "nor by a way round" [ "$(get /v1/stat/a/../b/disk --path-as-is)" != 200 ]
check "nor an encoded one" [ "$(get /v1/stat/a/%2e%2e/b/disk --path-as-is)" != 200 ]
check "nor a hidden one" [ "$(get /v1/stat/a/.disk)" != 200 ]
check "looking made no disk" [ -z "$(find root -type f)" ]

# ---- A SAS that ends is renewed in its file ----
start_region west
container() {
    "$REGIOND_BIN" sas --account disks:env:CLI_KEY --resource vhds --permissions "$1" --expiry "$2" \
        "$west_URL"
}
head -c 1048576 /dev/urandom >source.img
container r +1h >root.url
relay_receive renewed @root.url --no-index
# send NAME
send() {
    timeout 60 "$SF" send source.img "relay:$renewed_URL/a/$1" --client-cert "$LAB/a.pem" \
        --client-key "$LAB/a.key" --cacert "$LAB/ca.pem"
}
expect 1 '' send first
container racwdl +1h >root.url.new && mv root.url.new root.url
expect 0 'complete' send second
check "it ends" relay_end renewed
no_secret renewed.out renewed.err

# ---- Many senders at once, in little memory ----
relay_receive small root --no-index --memory 32M
for name in a/one a/two b/three b/four; do
    head -c 40000000 /dev/urandom | head -c 39999488 >"${name#*/}.img"
    "$SF" send "${name#*/}.img" "relay:$small_URL/$name" --client-cert "$LAB/${name%/*}.pem" \
        --client-key "$LAB/${name%/*}.key" --cacert "$LAB/ca.pem" --quiet >"${name#*/}.log" 2>&1 &
    printf -v "sender_${name#*/}" %s $!
done
for name in a/one a/two b/three b/four; do
    pid=sender_${name#*/}
    wait "${!pid}"
    check "$name was sent" [ $? = 0 ]
    check "$name is what it was" cmp "${name#*/}.img" "root/$name"
done
PEAK_KIB=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$small_PID/status")
if ! grep -q __asan_init "$SF"; then
    check "in 32 MiB and a constant ($PEAK_KIB KiB)" [ "$PEAK_KIB" -lt $((96 << 10)) ]
fi
check "it ends" relay_end small

# ---- It ends ----
check "SIGTERM: exit status 0" relay_end one
check "and says so" grep -q Stopping one.err
relay_receive two root --no-index --json
kill -INT "$two_PID"
wait "$two_PID"
check "SIGINT: exit status 0" [ $? = 0 ]
check "events are JSON, the last one is the end" \
    [ "$(tail -1 two.out | grep -c '"event": *"end".*"exit": *0')" = 1 ]
check "each with its time" [ "$(grep -vc '"time"' two.out)" = 0 ]
check "and nothing else is said" [ ! -s two.err ]
relay_receive three root --no-index --quiet
curl -s --cacert "$LAB/ca.pem" "$three_URL/v1/stat/a/disk" >answer # no certificate
check "quiet: the refusal is not told" relay_end three
check "quiet: one line" [ "$(cat three.out three.err | grep -c .)" = 1 ]

# A request whose body never comes holds up the end for a while; a second signal does not wait for it.
relay_receive four root --no-index
mkfifo hang
openssl s_client -quiet -connect "${four_URL#https://}" -cert "$LAB/a.pem" -key "$LAB/a.key" \
    <hang >hanging.out 2>&1 &
HANGING=$!
exec 7>hang
printf 'POST /v1/write/a/disk HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\nx-snapferry-version: 1\r\nx-snapferry-sender: 0b4f8d6a-3f0c-4c9e-9d55-000000000001\r\nx-snapferry-size: 1048576\r\nExpect: 100-continue\r\n\r\n' >&7
until_said hanging.out '^HTTP/1.1 100 ' $HANGING || fail "the request is not under way" hanging.out
kill -TERM "$four_PID"
until_said four.err Stopping $four_PID
sleep 0.2
check "a request under way is waited for" kill -0 "$four_PID"
kill -TERM "$four_PID"
wait "$four_PID"
check "a second signal ends at once" [ $? = 130 ]
exec 7>&-
wait $HANGING 2>/dev/null
finish
