#!/usr/bin/env bash
# A real ext4 disk through delta streams: by pipe and by file, whole and as what changed, applied twice, to the
# wrong base, cut off, flipped, killed at both ends. Every refusal names its record and leaves a target that
# is not finished, says so, and is finished by the same stream whole.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SF=$SNAPFERRY_BIN
PATH=$PATH:/sbin:/usr/sbin
start_region west
cd "$TMPDIR" || exit 1
WEST=$(sas "$west_URL" disk.vhd rcwd)
EAST=$(sas "$west_URL" copy.vhd rcwd)
export WEST EAST

same() { cmp "$1" "$2"; }
take_snapshot() {
    local said
    said=$("$SF" snapshot env:WEST) || fail "snapshot"
    export "$1=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")"
}
# of_json FIELD: of the summary that the last expect caught.
of_json() {
    sed -n "s/.*\"event\":\"summary\".*\"$1\":\([0-9]*\).*/\1/p" out
}
unfinished() { grep -q '^snapferry_state copying$\|snapferry_state.*copying' "$1.snapferry"; }
forget() { rm -rf "$1" "$1.snapferry" "$XDG_STATE_HOME"; }

# ---- A disk, changed ----
mkdir files
find /usr/share /usr/lib -xdev -type f -size +8k -size -128k -readable -printf '%s %p\n' 2>/dev/null |
    awk '{ sum += $1; if (sum > 18e6) exit; sub(/^[0-9]+ /, ""); print }' |
    xargs -d '\n' cp --backup=numbered -t files 2>/dev/null
mkfs.ext4 -q -F -d files one.img 64M >/dev/null || fail "mkfs.ext4"
# What a file system puts behind its last block, twice: something to refer back to.
truncate -s 80M one.img
dd if=/dev/urandom of=one.img bs=64k seek=1040 count=60 conv=notrunc status=none
dd if=one.img of=one.img bs=64k skip=1040 seek=1120 count=60 conv=notrunc status=none
dd if=one.img of=one.img bs=64k skip=1050 seek=1200 count=9 conv=notrunc status=none
cp one.img two.img
# change SEEK COUNT FILE SKIP: blocks of 64 KiB; notes them, to be put into the blob too.
change() {
    dd if="$3" of=two.img bs=64k skip="$4" seek="$1" count="$2" conv=notrunc iflag=fullblock status=none
    echo "$1 $2" >>changes
}
change 300 12 /dev/urandom 0
change 340 8 one.img 100
change 400 32 /dev/zero 0
change 1230 5 one.img 1040
# put_changes: the same into the western blob, page by page of 64 KiB; the SAS goes through stdin.
put_changes() {
    local seek count i
    while read -r seek count; do
        for ((i = seek; i < seek + count; i++)); do
            dd if=two.img of=page bs=64k skip="$i" count=1 status=none
            printf 'url="%s&comp=page"\nheader="x-ms-version: 2021-12-02"\nheader="x-ms-page-write: %s"\nheader="x-ms-range: bytes=%d-%d"\n' \
                "$WEST" "$(if cmp -s -n 65536 page /dev/zero; then echo clear; else echo update; fi)" \
                $((i * 65536)) $((i * 65536 + 65535)) >config
            if cmp -s -n 65536 page /dev/zero; then echo 'data-binary=""'; else echo 'data-binary="@page"'; fi >>config
            curl -sf -X PUT -K config -o /dev/null || return 1
        done
    done <changes
    rm config
}

# ---- Whole: by a file, by a pipe ----
expect 0 'The stream has' "$SF" export one.img -o one.sfd --compress 3
check "nothing unfinished stays" [ ! -e one.sfd.part ]
check "the stream is its owner's alone" [ "$(stat -c %a one.sfd)" = 600 ]
check "it is compressed, and what comes twice is there once" \
    [ "$(stat -c %s one.sfd)" -lt "$(($(zstd -3 -c one.img | wc -c) - 4000000))" ]
expect 0 complete "$SF" apply one.sfd a.img
check "by a file: bit by bit" same one.img a.img
check "holes stay holes" [ "$(stat -c %b a.img)" -le "$(($(stat -c %b one.img) + 256))" ]
check "a sound file system" e2fsck -fn a.img
piped() { "$SF" export "$1" -o - --quiet | "$SF" apply - "$2"; }
expect 0 complete piped one.img b.img
check "by a pipe: bit by bit" same one.img b.img
fd_out() { "$SF" export one.img -o - >again.sfd; }
expect 0 complete fd_out
expect 0 complete sh -c '"$0" apply - c.img <again.sfd' "$SF"
check "by redirections: bit by bit" same one.img c.img
"$SF" export one.img -o - --no-dedup --compress off 2>said | tail -c +1 >raw.sfd
check "what people read is on stderr" grep -q complete said
expect 0 complete "$SF" apply raw.sfd d.img
check "raw records: bit by bit" same one.img d.img
expect 0 complete "$SF" verify --complete d.img
written=$(stat -c %Y.%Z a.img)
expect 0 'nothing is left to do' "$SF" apply one.sfd a.img
check "applied twice: nothing is written" [ "$(stat -c %Y.%Z a.img)" = "$written" ]
expect 0 complete "$SF" apply one.sfd a.img --restart
check "applied once more: the same" same one.img a.img
dd if=/dev/urandom of=a.img bs=4k seek=100 count=1 conv=notrunc status=none
expect 0 complete "$SF" apply one.sfd a.img
check "a target that was written to since is made right" same one.img a.img

# ---- What is refused before anything is touched ----
expect 2 'is no delta stream' "$SF" export one.img -o two.img
check "an image is not replaced" [ "$(stat -c %s two.img)" = "$(stat -c %s one.img)" ]
expect 2 'same file' "$SF" export one.img -o one.img
expect 2 'needs -o FILE' "$SF" export one.img
expect 1 'this is no delta stream' "$SF" apply one.img e.img
expect 1 'cannot open' "$SF" apply missing.sfd e.img
expect 1 'ends before its END' "$SF" apply /dev/null e.img
expect 2 'null:' "$SF" apply one.sfd null:
check "no target was made" [ ! -e e.img ]

# ---- What changed, between blobs ----
expect 0 complete "$SF" copy one.img env:WEST --add-footer
take_snapshot RP1
check "the blob is changed" put_changes
take_snapshot RP2
expect 0 complete "$SF" copy env:RP2 two.vhd --strip-footer
check "as the image was" same two.img two.vhd
expect 0 complete "$SF" export env:RP1 -o rp1.sfd
expect 0 '"exit":0' "$SF" export env:RP2 --base env:RP1 -o rp2.sfd --json
check "the stream holds what changed" [ "$(stat -c %s rp2.sfd)" -lt 1800000 ]
no_secret rp1.sfd rp2.sfd
expect 1 'does not exist yet' "$SF" apply rp2.sfd env:EAST
expect 0 complete "$SF" apply rp1.sfd env:EAST
expect 0 equal "$SF" verify env:RP1 env:EAST
expect 0 'delta copy' "$SF" apply rp2.sfd env:EAST
expect 0 equal "$SF" verify env:RP2 env:EAST
expect 0 'nothing is left to do' "$SF" apply rp2.sfd env:EAST
expect 0 equal "$SF" verify env:RP2 env:EAST
expect 0 complete "$SF" copy two.img other.img
expect 1 'not the base' "$SF" apply rp2.sfd other.img
check "the wrong base is untouched" same two.img other.img
expect 0 complete "$SF" verify --complete other.img

# ---- Into a file, base and change by pipes ----
expect 0 complete piped env:RP1 vhd.img
piped_delta() { "$SF" export env:RP2 --base env:RP1 -o - --quiet | "$SF" apply - vhd.img; }
expect 0 'delta copy' piped_delta
expect 0 equal "$SF" verify env:RP2 vhd.img

# ---- Cut off, flipped: refused with the record named, gone on with the whole one ----
bytes=$(stat -c %s one.sfd)
damaged() { # damaged NAME WORDS: e.img is not finished, the good stream finishes it
    if [ -e e.img ]; then
        check "$1: the target says that it is not finished" unfinished e.img
        expect 4 'not' "$SF" verify --complete e.img
    fi
    expect 0 complete "$SF" apply one.sfd e.img
    check "$1: and the good stream finishes it" same one.img e.img
    forget e.img
}
for cut in 1 31 32 500 40000 $((bytes / 3)) $((bytes / 2)) $((bytes - 300)) $((bytes - 1)); do
    head -c "$cut" one.sfd >cut.sfd
    expect 1 'record ' "$SF" apply cut.sfd e.img
    damaged "cut off at $cut"
    cat_cut() { cat cut.sfd | "$SF" apply - e.img; }
    expect 1 'record ' cat_cut
    damaged "cut off at $cut in a pipe"
done
for at in 0 6 20 60 700 $((bytes / 4)) $((bytes / 2)) $((bytes * 3 / 4)) $((bytes - 200)) $((bytes - 9)); do
    cp one.sfd flip.sfd
    byte=$(od -An -tu1 -j "$at" -N 1 one.sfd)
    printf "\\x$(printf %x $((byte ^ 16)))" | dd of=flip.sfd bs=1 seek="$at" conv=notrunc status=none
    expect 1 'record ' "$SF" apply flip.sfd e.img
    damaged "flipped at $at"
done
(cat one.sfd && echo more) >long.sfd
expect 1 'nothing may follow' "$SF" apply long.sfd e.img
damaged "bytes behind the end"

# ---- What was durable is not written again ----
head -c $((bytes * 2 / 3)) one.sfd >cut.sfd
expect 1 'record ' "$SF" apply cut.sfd e.img
expect 0 '"event":"summary"' "$SF" apply one.sfd e.img --json
check "the second run wrote the rest alone" [ "$(of_json resumedBytes)" -gt 4000000 ]
check "and the disk is whole" same one.img e.img
forget e.img

# ---- Killed, either end ----
# slowly BYTES_PER_SECOND: stdin to stdout.
slowly() {
    python3 -c '
import sys, time
rate = int(sys.argv[1])
while chunk := sys.stdin.buffer.read(rate // 20):
    sys.stdout.buffer.write(chunk); sys.stdout.buffer.flush(); time.sleep(0.05)' "$1" 2>/dev/null
}
mkfifo link
slowly 4000000 <one.sfd >link &
feeder=$!
"$SF" apply - e.img <link >/dev/null 2>&1 &
victim=$!
for _ in $(seq 1200); do
    [ -e e.img.snapferry ] && [ "$(stat -c %b e.img 2>/dev/null || echo 0)" -gt 8000 ] && break
    sleep 0.05
done
kill -9 "$victim"
wait "$victim" 2>/dev/null
kill "$feeder" 2>/dev/null
wait "$feeder" 2>/dev/null
check "killed: the target says that it is not finished" unfinished e.img
expect 0 complete "$SF" apply one.sfd e.img
check "killed apply: gone on, bit by bit" same one.img e.img
forget e.img
mkfifo raw_link
"$SF" export one.img -o raw_link --quiet 2>/dev/null &
victim=$!
slowly 4000000 <raw_link | "$SF" apply - e.img >said 2>&1 &
job=$!
for _ in $(seq 1200); do
    [ -e e.img.snapferry ] && break
    sleep 0.05
done
kill -9 "$victim"
wait "$victim" 2>/dev/null
wait "$job"
check "killed export: the reader refuses what it got" grep -q 'record ' said
check "killed export: the target says that it is not finished" unfinished e.img
expect 1 'does not fit' "$SF" apply again.sfd e.img # another stream, made of a file that may have changed
expect 0 complete "$SF" apply again.sfd e.img --restart
check "killed export: begun anew, bit by bit" same one.img e.img
forget e.img

# ---- Asked to stop ----
mkfifo still
sleep 1000 >still &
sleeper=$!
"$SF" apply - e.img <still >said 2>&1 &
victim=$!
until_listens "$victim"
sleep 0.1 # and waits for the pipe, most likely
kill -INT "$victim"
wait "$victim"
check "stopped while it waits for a pipe" [ $? = 130 ]
kill "$sleeper"
wait "$sleeper" 2>/dev/null
finish
