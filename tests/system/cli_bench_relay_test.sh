#!/usr/bin/env bash
# cli_bench_relay_test.sh - snapferry bench through a relay: what it says the wire carried, against the receiver; what
# is better over a slow link; what is left at the target, after its end, a signal and a kill.
set -u
: "${SNAPFERRY_BIN:?}" "${REGIOND_BIN:?}" "${TMPDIR:?}" "${SNAPFERRY_SOURCE_DIR:?}" "${SNAPFERRY_BUILD_DIR:?}"
cd "$TMPDIR" || exit 1
here="$SNAPFERRY_SOURCE_DIR/tests/system"
# shellcheck source=tests/system/cli_region.sh
. "$here/cli_region.sh"
# shellcheck source=tests/system/relay_lab.sh
. "$here/relay_lab.sh"
PROXY=$SNAPFERRY_BUILD_DIR/bench/shape_proxy
[ -x "$PROXY" ] || { echo "no $PROXY: build all"; exit 77; }
PROXY_PID=
trap 'relay_end_all; end_regions; [ -z "$PROXY_PID" ] || kill "$PROXY_PID"' EXIT
SF=$SNAPFERRY_BIN
LINK=20000000 # bytes a second

start_region west
start_region east
LAB=$TMPDIR/lab
relay_lab "$LAB" || exit 1
mkdir root
ROOT=$("$REGIOND_BIN" sas --account disks:env:CLI_KEY --resource vhds --permissions racwdl \
    --expiry +1h "$east_URL")
WEST=$(sas "$west_URL" disk.vhd rcw)
export ROOT WEST
relay_receive folder root --index "$TMPDIR/folder.index" --json
relay_receive region env:ROOT --no-index
CERTS=(--client-cert "$LAB/a.pem" --client-key "$LAB/a.key" --cacert "$LAB/ca.pem")

# A link of its own between the sender and the folder's receiver.
: >proxy.out
"$PROXY" --listen 127.0.0.1:0 --to "${folder_URL#https://}" --bits-per-s $((LINK * 8)) --delay-ms 4 >proxy.out &
PROXY_PID=$!
until_said proxy.out '"event":"ready"' "$PROXY_PID" || { echo "no link"; exit 1; }
SLOW=https://127.0.0.1:$(sed -n 's/.*"ready","port":\([0-9]*\).*/\1/p' proxy.out)

# 24 MiB of which each second half MiB compresses well and the others do not, and holes.
python3 -c '
import os, sys
text = "".join(f"{i}\n" for i in range(2000000)).encode()
for i in range(24):
    sys.stdout.buffer.write(text[i << 19 : (i + 1) << 19] + os.urandom(1 << 19))' >disk.img
truncate -s 48M disk.img
expect 0 complete "$SF" copy disk.img env:WEST

bench() { # URL [OPTION...]
    local url=$1
    shift
    "$SF" bench env:WEST "relay:$url/a/place" "${CERTS[@]}" "$@"
}
nothing_left() {
    [ -z "$(find root -type f)" ] && [ -z "$(ls "$XDG_STATE_HOME/snapferry/bench")" ]
}
# check_events BUDGET EXPRESSION: over `told`, the points `p` by leg, and the receiver's last count `got`.
check_events() {
    python3 - "$@" <<'PYTHON'
import json, sys
lines = [json.loads(line) for line in open("events")]
told = [e for e in lines if e["event"] == "bench"][0]
points = [e for e in lines if e["event"] == "benchPoint"]
p = {e["leg"]: e for e in points}
got = ([json.loads(line) for line in open("folder.out") if '"received"' in line] or [None])[-1]
print(json.dumps(told, indent=1), got)
moved = sum(e["readBytes"] + e["writtenBytes"] for e in points)
assert moved == told["readBytes"] + told["writtenBytes"] and moved <= int(sys.argv[1]), moved
assert all(e["wireBytes"] == e["writtenBytes"] for e in points if "wireBytes" in e)
assert eval(sys.argv[2]), sys.argv[2]
PYTHON
}

# ---- What a slow link carries ----
# A machine that others use, too, may be slower than the link for a while; then it is measured again.
for _ in {1..5}; do
    expect 0 '"compression"' bench "$SLOW" --request-sizes 1M --connections 16 --duration 10 --budget-bytes 1G \
        --json --profile pair.json --html report.html
    ! grep -q '"name":"link"' out || break
done
cp out events
no_secret pair.json report.html
check "as bytes the wire carries the link's rate" check_events $((1 << 30)) \
    "0.7 * $LINK < p['relay-off']['wireBytesPerSecond'] < 1.15 * $LINK and p['relay-off']['level'] is None \
     and 0.98 < p['relay-off']['compressionFactor'] < 1.1"
check "compressed it carries more of the disk in no more bytes" check_events $((1 << 30)) \
    "p['relay-auto']['bytesPerSecond'] > 1.3 * p['relay-off']['bytesPerSecond'] \
     and p['relay-auto']['compressionFactor'] > 1.3 and p['relay-auto']['wireBytesPerSecond'] < 1.15 * $LINK"
check "that is better, and the link is why" check_events $((1 << 30)) \
    "told['compression']['better'] == 'relay-auto' and told['bottleneck']['name'] == 'link'"
check "its cost in CPU is told" check_events $((1 << 30)) "p['relay-auto']['cpuSeconds'] > 0"
check "nothing is left" nothing_left
check "its report is whole, and asks nobody" python3 "$here/bench_report.py" report.html "Better with compression auto"
check "its profile says how to send" grep -q '"compress": "auto"' pair.json

# ---- A send begins with it ----
sed 's/"compress": "auto"/"compress": "off"/' pair.json >off.json
level_of() { sed -n 's/.*"event":"summary".*"level":\([^,}]*\).*/\1/p' out | tail -1; }
expect 0 '"committed":true' "$SF" send env:WEST "relay:$folder_URL/a/sent" "${CERTS[@]}" --profile off.json --json
check "as the profile says" [ "$(level_of)" = null ]
expect 0 '"committed":true' "$SF" send env:WEST "relay:$folder_URL/a/sent" "${CERTS[@]}" --profile off.json --json \
    --compress 3 --restart --no-dedup
check "but for what an option says" [ "$(level_of)" = 3 ]
rm root/a/sent root/a/sent.snapferry

# ---- What it may move, and a level that is asked for; a region behind the receiver ----
expect 0 '"compression"' bench "$region_URL" --budget-bytes 3000K --duration 3 --compress 9 --json \
    --request-sizes 64K --connections 1
cp out events
check "a small budget holds" check_events 3072000 "p['relay-level']['level'] == 9"
settled east
check "what was made there is gone" sh -c \
    'n=$(grep -c "\"verb\":\"Delete Blob\".*\"status\":202" "$1"); [ "$n" = 1 ]' - "$east_LOG"
expect 0 'compression' bench "$folder_URL" --budget-bytes 16M --duration 3 --request-sizes 256K --connections 4
check "a table for people" grep -q '^relay-auto *256.0 KiB *4 ' out
check "the cost was told before" grep -q 'at most 16.0 MiB of data.*egress' err
check "nothing is left of that" nothing_left

# ---- What it refuses ----
expect 2 'wants to see a certificate' "$SF" bench env:WEST "relay:$folder_URL/a/x" --cacert "$LAB/ca.pem"
expect 2 'for a TARGET that is a relay' "$SF" bench env:WEST env:ROOT --compress 3
expect 1 'certificate' "$SF" bench env:WEST "relay:$folder_URL/b/x" "${CERTS[@]}"
check "nothing was made of that" [ ! -e root/b ]

# ---- A signal, and a kill ----
LONG=(bench env:WEST "relay:$folder_URL/a/place" "${CERTS[@]}" --duration 600 --budget-bytes 1T)
await_scratch() {
    until find root -name 'snapferry-bench-*' -size +0 | grep -q .; do
        kill -0 "$1" 2>/dev/null || return 1
        sleep 0.05
    done
}
"$SF" "${LONG[@]}" >stopped.out 2>stopped.err &
benching=$!
check "it made its target" await_scratch $benching
until_listens $benching
kill -INT $benching
wait $benching
check "interrupted" [ $? = 130 ]
check "a signal leaves nothing" nothing_left
"$SF" "${LONG[@]}" >killed.out 2>killed.err &
benching=$!
check "it made another" await_scratch $benching
kill -KILL $benching
wait $benching 2>/dev/null
check "a killed one leaves its target" sh -c 'find root -name "snapferry-bench-*" | grep -q .'
no_secret stopped.out stopped.err killed.out killed.err "$XDG_STATE_HOME"/snapferry/bench/*
expect 0 "earlier bench left is gone" bench "$folder_URL" --budget-bytes 2M --duration 2 --request-sizes 64K \
    --connections 1 --json
check "the next one removes it" nothing_left

# ---- What the receiver says that came, of one bench alone ----
relay_end folder
relay_receive folder root --index "$TMPDIR/folder.index" --json
expect 0 '"compression"' bench "$folder_URL" --request-sizes 1M --connections 8 --duration 3 --budget-bytes 96M --json
cp out events
relay_end folder
check "it is what the bench says" check_events $((96 << 20)) \
    "abs(got['receivedBytes'] - told['writtenBytes']) <= 0.02 * told['writtenBytes'] and got['receivedBytes'] > 0 \
     and got['copiedBytes'] == 0"
finish
