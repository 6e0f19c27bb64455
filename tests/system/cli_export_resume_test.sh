#!/usr/bin/env bash
# An export that was interrupted goes on from the last whole record of FILE.part: cut, killed, flipped anywhere;
# what is there is not read from the source again, and the stream that comes of it is applied and is the source.
# Of another source, base or options, or of a source that was written to, it begins anew and says why.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SF=$SNAPFERRY_BIN
start_region west
start_region slow
cd "$TMPDIR" || exit 1
WEST=$(sas "$west_URL" disk.vhd rcwd)
SLOW=$(sas "$slow_URL" disk.vhd rcwd)
export WEST SLOW

of_json() {
    sed -n "s/.*\"event\":\"summary\".*\"$1\":\([0-9]*\).*/\1/p" out
}
same() { cmp "$1" "$2"; }
# applies NAME IMAGE: out.sfd is whole, proves its root, and is that image.
applies() {
    check "$1: nothing unfinished stays" [ ! -e out.sfd.part ]
    expect 0 complete "$SF" apply out.sfd got.img
    check "$1: it is the source" same "$2" got.img
    rm -rf got.img got.img.snapferry out.sfd "$XDG_STATE_HOME"
}
# cut BYTES: what an export that was interrupted there leaves.
cut() { head -c "$1" whole.sfd >out.sfd.part; }
anew() { # anew WORDS SOURCE OPTION...
    local words=$1
    shift
    expect 0 "$words" "$SF" export "$@" -o out.sfd
    check "it begins anew: $words" grep -q 'begins anew' out err
}

# ---- A disk with all kinds of records ----
head -c 12000000 /dev/urandom >one.img
head -c 9000000 "$SF" >>one.img
truncate -s 24M one.img
dd if=one.img of=one.img bs=64k skip=10 seek=384 count=60 conv=notrunc status=none
dd if=/dev/urandom of=one.img bs=4k seek=8001 count=200 conv=notrunc status=none
truncate -s 40M one.img
expect 0 complete "$SF" copy one.img env:WEST --add-footer
expect 0 complete "$SF" copy one.img env:SLOW --add-footer
said=$("$SF" snapshot env:WEST) || fail "snapshot"
RP1=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")
export RP1

# ---- Cut anywhere, of a file ----
expect 0 complete "$SF" export one.img -o whole.sfd --compress 3
bytes=$(stat -c %s whole.sfd)
check "the image is rich" [ "$bytes" -gt 14000000 ]
for at in 5 31 40 600 1500 $((bytes / 5)) $((bytes / 3)) $((bytes / 2)) $((bytes * 4 / 5)) \
    $((bytes - 400)) $((bytes - 1)) "$bytes"; do
    cut "$at"
    expect 0 '"committed":true' "$SF" export one.img -o out.sfd --compress 3 --json
    if [ "$at" -gt $((bytes / 3 - 1)) ]; then
        check "cut at $at: something is gone on with" [ "$(of_json resumedBytes)" -ge 4000000 ]
        check "cut at $at: and not read again" \
            [ $(($(of_json resumedBytes) + $(of_json readBytes))) -lt 31000000 ]
    fi
    applies "cut at $at" one.img
done
cut $((bytes / 2))
expect 0 'Going on with' "$SF" export one.img -o out.sfd --compress 3
applies "it says so" one.img

# ---- Flipped anywhere: what is behind counts for nothing ----
for at in 6 20 60 700 $((bytes / 4)) $((bytes / 2)) $((bytes - 200)); do
    cut "$bytes"
    byte=$(od -An -tu1 -j "$at" -N 1 whole.sfd)
    printf "\\x$(printf %x $((byte ^ 16)))" |
        dd of=out.sfd.part bs=1 seek="$at" conv=notrunc status=none
    expect 0 '"committed":true' "$SF" export one.img -o out.sfd --compress 3 --json
    check "flipped at $at: no more than stands before it" [ "$(of_json resumedBytes)" -le $((at * 4)) ]
    applies "flipped at $at" one.img
done
(cat whole.sfd && head -c 100000 /dev/urandom) >out.sfd.part
expect 0 complete "$SF" export one.img -o out.sfd --compress 3
applies "bytes behind the end" one.img

# ---- Another one: anew ----
cp one.img other.img
cut $((bytes / 2))
anew 'another source' other.img --compress 3
applies "another source" other.img
cut $((bytes / 2))
anew 'another --compress' one.img --compress 4
applies "another level" one.img
cut $((bytes / 2))
anew 'another --compress' one.img --compress 3 --no-dedup
applies "without references" one.img
cut $((bytes / 2))
dd if=/dev/urandom of=one.img bs=4k seek=100 count=1 conv=notrunc status=none
anew 'written to since' one.img --compress 3
applies "a file that was written to" one.img
echo "no stream at all" >out.sfd.part
expect 2 'is not replaced' "$SF" export one.img -o out.sfd
rm out.sfd.part

# ---- A snapshot, a live blob, a base ----
expect 0 complete "$SF" export env:RP1 -o whole.sfd --compress 3
expect 0 complete "$SF" copy env:RP1 rp1.vhd
bytes=$(stat -c %s whole.sfd)
# gets: what the region sent of the disk from here on, in bytes.
seen=$(wc -l <"$west_LOG")
cut $((bytes * 3 / 4))
expect 0 '"committed":true' "$SF" export env:RP1 -o out.sfd --compress 3 --json
settled west
held=$(of_json resumedBytes)
tail -n "+$((seen + 1))" "$west_LOG" >gets
check "what is there was not read from the region" node -e '
    const held = +process.argv[1];
    const gets = require("fs").readFileSync("gets", "utf8").split("\n").filter(Boolean)
        .map((l) => JSON.parse(l)).filter((l) => l.verb === "Get Blob" && l.rangeLength > 512);
    const sent = gets.reduce((sum, l) => sum + l.rangeLength, 0);
    console.log({ held, sent, ranges: gets.length });
    process.exit(held >= 8e6 && gets.length > 0 && sent + held <= 31e6 &&
        gets.every((l) => l.rangeOffset >= held - (4 << 20)) ? 0 : 1);' "$held"
holds_no_signature "$RP1" out.sfd
applies "a snapshot" rp1.vhd
cut $((bytes / 2))
anew 'another source' env:WEST --compress 3
applies "the live blob instead" rp1.vhd
expect 0 complete "$SF" export env:WEST -o whole.sfd --compress 3
cut $((bytes / 2))
expect 0 'Going on with' "$SF" export env:WEST -o out.sfd --compress 3
applies "a live blob nobody wrote to" rp1.vhd
dd if=one.img of=page bs=64k count=1 skip=3 status=none
printf 'url="%s&comp=page"\nheader="x-ms-version: 2021-12-02"\nheader="x-ms-page-write: update"\nheader="x-ms-range: bytes=0-65535"\ndata-binary="@page"\n' \
    "$WEST" >config
curl -sf -X PUT -K config -o /dev/null || fail "put a page"
rm config
cut $((bytes / 2))
anew 'written to since' env:WEST --compress 3
expect 0 complete "$SF" copy env:WEST live.vhd
applies "a live blob that was written to" live.vhd
said=$("$SF" snapshot env:WEST) || fail "snapshot"
RP2=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")
export RP2
expect 0 complete "$SF" export env:RP2 -o whole.sfd --compress 3
cut $((bytes / 2))
anew 'another base' env:RP2 --base env:RP1 --compress 3
expect 0 complete "$SF" copy env:RP1 got.img
expect 0 'delta copy' "$SF" apply out.sfd got.img
check "a delta that began anew" same live.vhd got.img
mv out.sfd whole.sfd
rm -rf got.img got.img.snapferry "$XDG_STATE_HOME"
cut $(($(stat -c %s whole.sfd) - 40))
expect 0 'Going on with' "$SF" export env:RP2 --base env:RP1 -o out.sfd --compress 3
expect 0 complete "$SF" copy env:RP1 got.img
expect 0 'delta copy' "$SF" apply out.sfd got.img
check "a delta that went on" same live.vhd got.img
rm -rf got.img got.img.snapferry out.sfd "$XDG_STATE_HOME"

# ---- Killed, again and again, each time a little later ----
echo '{"latencyMs":5,"blob":{"bytesPerSecond":4000000}}' >slow.json
restart_region slow --shape "$TMPDIR/slow.json"
part_bytes() { stat -c %s out.sfd.part 2>/dev/null || echo 0; }
runs=0
for least in 2000000 4000000 7000000 10000000; do
    "$SF" export env:SLOW -o out.sfd --compress 3 --quiet &
    victim=$!
    for _ in $(seq 1200); do
        [ "$(part_bytes)" -gt "$least" ] && break
        kill -0 "$victim" 2>/dev/null || break
        sleep 0.05
    done
    kill -9 "$victim" 2>/dev/null && runs=$((runs + 1))
    wait "$victim" 2>/dev/null
done
check "it was killed under way" [ "$runs" = 4 ]
restart_region slow
expect 0 '"committed":true' "$SF" export env:SLOW -o out.sfd --compress 3 --json
check "the last run read the rest alone" [ "$(of_json resumedBytes)" -ge 8000000 ]
expect 0 complete "$SF" copy env:SLOW slow.vhd
applies "killed four times" slow.vhd
finish
