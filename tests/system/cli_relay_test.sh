#!/usr/bin/env bash
# snapferry send to snapferry receive: a real ext4 disk into a folder and into a region; clones, deltas, what
# crosses the wire; kills of either end; certificates that are not right.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
. tests/system/relay_lab.sh
trap 'relay_end_all; end_regions' EXIT
export PATH=$PATH:/sbin:/usr/sbin
echo '{"blob":{"bytesPerSecond":9000000}}' >"$TMPDIR/slow.json"
start_region west
start_region east
start_region slow
cd "$TMPDIR" || exit 1
LAB=$TMPDIR/lab
relay_lab "$LAB" || exit 1
SF=$SNAPFERRY_BIN
mkdir root
ROOT=$("$REGIOND_BIN" sas --account disks:env:CLI_KEY --resource vhds --permissions racwdl \
    --expiry +1h "$east_URL")
export ROOT
relay_receive folder root --index "$TMPDIR/folder.index"
relay_receive region env:ROOT --index "$TMPDIR/region.index"
CERTS=(--client-cert "$LAB/a.pem" --client-key "$LAB/a.key" --cacert "$LAB/ca.pem")

# send SOURCE RECEIVER NAME [OPTION...]
send() {
    local source=$1 url=$2_URL name=$3
    shift 3
    "$SF" send "$source" "relay:${!url}/$name" "${CERTS[@]}" "$@"
}
# verify_relay RECEIVER NAME [ARGUMENT...]
verify_relay() {
    local url=$1_URL name=$2
    shift 2
    "$SF" verify "$@" "relay:${!url}/$name" "${CERTS[@]}"
}
# of EXPRESSION: over the summary `s` of the send that the last expect caught.
of() {
    node -e '
        const lines = require("fs").readFileSync("out", "utf8").trimEnd().split("\n");
        const s = lines.map((line) => JSON.parse(line)).find((e) => e.event === "summary");
        console.log(s);
        process.exit(eval(process.argv[1]) ? 0 : 1);' "$1"
}
number() { sed -n "s/.*\"event\":\"summary\".*\"$1\":\([0-9]*\).*/\1/p" out | tail -n1; }

# ---- A real disk, and a clone of it with one block in fifty changed ----
mkdir tree
find /usr/share /usr/lib -xdev -type f -size +4k -size -256k -readable -printf '%s %p\n' 2>/dev/null |
    awk '{ sum += $1; if (sum > 24e6) exit; sub(/^[0-9]+ /, ""); print }' |
    xargs -d '\n' cp --backup=numbered -t tree 2>/dev/null
truncate -s 48M disk.img
mkfs.ext4 -q -F -d tree disk.img 2>err || fail "the disk"
cp --sparse=always disk.img clone.img
for i in 17 90 130 200 333 401; do
    head -c 65536 /dev/urandom | dd of=clone.img bs=64K seek=$i count=1 conv=notrunc 2>/dev/null
done

# ---- The first send: compressed, and no more than that on the wire ----
for to in folder region; do
    expect 0 '"committed":true' send disk.img $to a/disk --compress 3 --json
    check "$to: the wire carries records and little else" \
        of 's.wireBytes < s.storedBytes * 1.01 + 40000 && s.storedBytes < s.readBytes * 0.8'
    check "$to: all was sent once" of 's.packedBytes + s.heldBytes <= s.readBytes && s.resentBytes === 0'
    [ "$to" = region ] || FIRST=$(number wireBytes)
done
check "the file is the disk" cmp disk.img root/a/disk
if command -v zstd >/dev/null; then
    HOLES=$(zstd -3 -q -c disk.img | wc -c) # zeros of holes are next to nothing
    check "zstd -3 makes not much less: $FIRST against $HOLES" [ "$FIRST" -lt $((HOLES * 105 / 100)) ]
fi
expect 0 equal verify_relay region a/disk disk.img
expect 0 complete verify_relay region a/disk --complete
expect 4 '' verify_relay folder a/disk clone.img

# ---- What is held is not sent again ----
expect 0 '"committed":true' send clone.img folder a/clone --compress 3 --json
check "a clone: six blocks, what is smaller than one, and references" of 's.packedBytes <= 9 * 65536 && s.wireBytes < 700000'
check "the file is the clone" cmp clone.img root/a/clone
expect 0 'were there already' send clone.img region a/clone
expect 0 equal verify_relay region a/clone clone.img
TOTAL=$FIRST
for i in 1 2 3 4 5 6 7 8 9; do
    expect 0 '"committed":true' send disk.img folder a/clones/$i --compress 3 --json
    TOTAL=$((TOTAL + $(number wireBytes)))
done
check "ten identical ones: $TOTAL for $FIRST" [ $TOTAL -le $((FIRST * 12 / 10)) ]
check "the last is the disk" cmp disk.img root/a/clones/9
expect 0 '"committed":true' send disk.img folder a/raw --no-dedup --compress off --json
check "as bytes, and as they are" \
    of 's.askedBlocks === 0 && s.heldBytes === 0 && s.level === null && s.wireBytes > s.packedBytes'
check "the file is the disk again" cmp disk.img root/a/raw
# An index that names places that are not what they were costs bytes, and no wrong one.
tr '\0-\377' '\377\0-\376' <root/a/disk | dd of=root/a/disk conv=notrunc bs=1M 2>/dev/null
for i in root/a/clone root/a/raw root/a/clones/*; do : >"$i"; done
expect 0 '"committed":true' send disk.img folder a/again --compress 3 --json
check "what was not there any more was sent" of 's.resentBytes > 0 || s.heldBytes === 0'
check "the file is the disk still" cmp disk.img root/a/again

# ---- A snapshot with a footer, and the next one as a delta ----
SOURCE=$(sas "$west_URL" disk.vhd rcwd)
export SOURCE
take_snapshot() {
    local said
    said=$("$SF" snapshot env:SOURCE) || fail "snapshot"
    export "$1=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")"
}
expect 0 complete "$SF" copy disk.img env:SOURCE --add-footer --map source.map
take_snapshot RP1
expect 0 complete "$SF" copy clone.img env:SOURCE --add-footer --map source.map
take_snapshot RP2
for to in folder region; do
    expect 0 verified send env:RP1 $to a/vhd --verify
    expect 0 '"mode":"delta"' send env:RP2 $to a/vhd --base env:RP1 --json
    check "$to: a delta" of 's.committed && s.wireBytes < 2000000'
    expect 0 '' verify_relay $to a/vhd env:RP2
    expect 0 'nothing had changed' send env:RP2 $to a/vhd --base env:RP1
done

# ---- Kills: what is durable is not sent again ----
BIG=$(sas "$slow_URL" big.vhd rcwd)
export BIG
expect 0 complete "$SF" copy disk.img env:BIG --add-footer
RELAYS=("${folder_URL#https://}" "${region_URL#https://}")
SLOW=(--no-dedup --compress 1 --json --journal "$TMPDIR/big.journal" --window 4 --max-window 4)
# sending RECEIVER: returns when something of it is durable; sets SENDING.
sending() {
    local url=$1_URL
    : >sent
    "$SF" send env:BIG "relay:${!url}/a/big" "${CERTS[@]}" "${SLOWLY[@]}" >sent 2>sent.err &
    SENDING=$!
    until_said sent '"durableBytes":[1-9][0-9]{6}' $SENDING || fail "nothing of it is durable" sent
}
for to in folder region; do
    SLOWLY=("${SLOW[@]}")
    restart_region slow --shape slow.json
    sending $to
    kill -KILL $SENDING
    wait $SENDING 2>/dev/null
    restart_region slow # what follows need not be
    expect 0 '"committed":true' send env:BIG $to a/big "${SLOWLY[@]}"
    check "$to: goes on where it was" of 's.resumedBytes >= 1e6 && s.packedBytes <= s.readBytes + 512'
    check "$to: sends no byte twice but of what was in flight" \
        of 's.packedBytes + s.resumedBytes <= 48 * 1048576 + 512'
    expect 0 '' verify_relay $to a/big env:BIG

    SLOWLY+=(--restart)
    restart_region slow --shape slow.json
    sending $to
    pid=${to}_PID
    kill -KILL "${!pid}"
    wait "${!pid}" 2>/dev/null
    sleep 0.7 # so that the sender misses it
    port=${RELAYS[0]#*:} where=root
    [ "$to" = folder ] || port=${RELAYS[1]#*:} where=env:ROOT
    relay_receive $to $where --index "$TMPDIR/$to.index" --listen "127.0.0.1:$port"
    wait $SENDING
    check "$to: the sender outlives its receiver" [ $? = 0 ]
    cp sent out
    check "$to: and says what it tried again" of 's.committed && s.retries > 0'
    restart_region slow
    expect 0 '' verify_relay $to a/big env:BIG
done

# ---- Certificates ----
expect 2 'wants to see a certificate' "$SF" send disk.img "relay:$folder_URL/a/x" --cacert "$LAB/ca.pem"
expect 2 'go together' "$SF" send disk.img "relay:$folder_URL/a/x" --client-cert "$LAB/a.pem"
expect 1 "certificate" send disk.img folder b/x
for who in foreign expired early purpose; do
    expect 1 'certificate' "$SF" send disk.img "relay:$folder_URL/a/x" --cacert "$LAB/ca.pem" \
        --client-cert "$LAB/$who.pem" --client-key "$LAB/$who.key"
done
expect 2 'is not trusted' "$SF" send disk.img "relay:$folder_URL/a/x" --cacert "$LAB/foreign-ca.pem" \
    --client-cert "$LAB/a.pem" --client-key "$LAB/a.key"
check "nothing was made of all that" [ ! -e root/a/x ] && [ ! -e root/b ]

# ---- Arguments ----
for bad in relay:http://127.0.0.1/a/x relay:a/x relay:https://127.0.0.1 'relay:https://h/a/x?sig=SECRET' \
    relay:https://h/a/../x relay:https://h/a/x.snapferry; do
    expect 2 'TARGET: ' "$SF" send disk.img "$bad" "${CERTS[@]}"
done
expect 2 'can only be a TARGET' "$SF" copy "relay:$folder_URL/a/x" y
expect 2 'snapferry send' "$SF" copy disk.img "relay:$folder_URL/a/x"
expect 2 'to all else copy' "$SF" send disk.img other.img
expect 2 'auto, off or a level' send disk.img folder a/x --compress 20
finish
