#!/usr/bin/env bash
# export --map, where no service tells what changed: a real ext4 image, its target far away, and the map that
# the copy left. The stream has what differs alone, and is good for the very copy the map is of: another
# copy of the same source, a target that was written to, a map that is old, damaged or of no target at all
# are refused with a sentence, and nothing is touched.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SF=$SNAPFERRY_BIN
PATH=$PATH:/sbin:/usr/sbin
start_region west
cd "$TMPDIR" || exit 1
BLOB=$(sas "$west_URL" target.vhd rcwd)
export BLOB

same() { cmp "$1" "$2"; }
size_of() { stat -c %s "$1"; }
# untouched TARGET BEFORE: its bytes, and what it is, are what they were.
untouched() { cmp "$1" "$2" && "$SF" verify --complete "$1" --quiet; }
# random SEEK COUNT: blocks of 64 KiB of disk.img.
random() { dd if=/dev/urandom of=disk.img bs=64k seek="$1" count="$2" conv=notrunc iflag=fullblock status=none; }
nothing_left() { [ -z "$(find "$TMPDIR" -mindepth 1 -maxdepth 1 -name "snapferry-*")" ]; }

mkdir files
find /usr/share /usr/lib -xdev -type f -size +8k -size -128k -readable -printf '%s %p\n' 2>/dev/null |
    awk '{ sum += $1; if (sum > 12e6) exit; sub(/^[0-9]+ /, ""); print }' |
    xargs -d '\n' cp --backup=numbered -t files 2>/dev/null
mkfs.ext4 -q -F -d files disk.img 48M >/dev/null || fail "mkfs.ext4"
random 400 20

# ---- Two copies of one source that may change: one name, two copies ----
expect 0 complete "$SF" copy disk.img target.img --map target.map
expect 0 complete "$SF" copy disk.img other.img
expect 0 complete "$SF" copy disk.img env:BLOB --add-footer --map blob.map
cp disk.img one.img
cp target.map one.map

# ---- What changed: 7 blocks, 32 zeroed, one page ----
random 300 7
dd if=/dev/zero of=disk.img bs=64k seek=405 count=12 conv=notrunc status=none
dd if=/dev/urandom of=disk.img bs=512 seek=1001 count=1 conv=notrunc status=none
expect 0 'The stream has' "$SF" export disk.img --map target.map -o two.sfd
check "it says what it found" grep -q 'Compared with the map: 512.0 KiB differ, and 768.0 KiB became zero' err
check "the stream is of the changed blocks" [ "$(size_of two.sfd)" -lt $((8 * 65536 + 4096)) ]
check "and not less than what cannot be compressed" [ "$(size_of two.sfd)" -gt $((7 * 65536)) ]
check "the map is not changed" same target.map one.map
check "nothing is left of the comparison" nothing_left

# ---- Refused, and untouched ----
cp other.img other.before
expect 1 'another copy of the base' "$SF" apply two.sfd other.img
check "another copy of the same source is untouched" untouched other.img other.before
expect 1 'does not exist yet' "$SF" apply two.sfd new.img
check "no target is made" [ ! -e new.img ]
expect 1 'the base' "$SF" apply two.sfd env:BLOB

# ---- Applied ----
expect 0 'delta copy' "$SF" apply two.sfd target.img
check "what the source is, bit by bit" same disk.img target.img
expect 0 complete "$SF" verify --complete target.img
check "a sound file system" e2fsck -fn target.img
cp target.img target.before
expect 1 'applied to it already' "$SF" apply two.sfd target.img
check "applied twice: untouched" untouched target.img target.before

# ---- The map is of the copy before: refused; one of the target as it is: good ----
random 310 2
expect 0 'The stream has' "$SF" export disk.img --map one.map -o stale.sfd
expect 1 'another copy of the base' "$SF" apply stale.sfd target.img
check "by an old map: untouched" untouched target.img target.before
expect 0 '' "$SF" map build target.img -o target.map --like one.map
by_pipe() { "$SF" export disk.img --map target.map -o - --quiet | "$SF" apply - target.img; }
expect 0 'delta copy' by_pipe
check "by a pipe, by a map made of the target" same disk.img target.img
expect 0 '' "$SF" map build target.img -o target.map
expect 0 'The stream has' "$SF" export disk.img --map target.map -o none.sfd --json
check "of what is the same there is nothing in it" [ "$(size_of none.sfd)" -lt 4096 ]
expect 0 'nothing had changed' "$SF" apply none.sfd target.img
check "and nothing is changed by it" same disk.img target.img

# ---- A target that somebody wrote to before its map was made, and put right again ----
expect 0 complete "$SF" copy disk.img away.img
dd if=away.img of=page bs=4096 skip=700 count=1 status=none
dd if=/dev/urandom of=disk.img bs=4096 seek=700 count=1 conv=notrunc status=none
dd if=disk.img of=away.img bs=4096 skip=700 seek=700 count=1 conv=notrunc status=none
"$SF" map build away.img -o away.map --quiet >out 2>err || fail "map build"
if "$SF" export disk.img --map away.map -o away.sfd >out 2>err; then
    dd if=page of=away.img bs=4096 seek=700 count=1 conv=notrunc status=none
    cp away.img away.before
    expect 1 'the target was written to before or after the map was made' "$SF" apply away.sfd away.img
    check "put right again: untouched" same away.img away.before
else
    check "no map of a target that its copy did not leave so" grep -q 'no map of a target' err
fi

# ---- With a footer, in a blob; a disk that grew ----
"$SF" copy env:BLOB vhd.img --quiet || fail "copy to a file with its footer"
expect 0 complete "$SF" copy vhd.img env:BLOB --map blob.map
dd if=/dev/urandom of=vhd.img bs=64k seek=77 count=3 conv=notrunc status=none
expect 0 'The stream has' "$SF" export vhd.img --map blob.map -o vhd.sfd
check "the footer is no change" [ "$(size_of vhd.sfd)" -lt $((3 * 65536 + 4096)) ]
expect 0 'delta copy' "$SF" apply vhd.sfd env:BLOB
expect 0 equal "$SF" verify vhd.img env:BLOB
holds_no_signature "$BLOB" vhd.sfd blob.map
expect 0 complete "$SF" copy disk.img grown.img --map grown.map
truncate -s $((48 * 1048576 + 20480)) disk.img
dd if=/dev/urandom of=disk.img bs=4096 seek=$((48 * 256 + 3)) count=1 conv=notrunc status=none
expect 0 'The stream has' "$SF" export disk.img --map grown.map -o grown.sfd
expect 0 'delta copy' "$SF" apply grown.sfd grown.img
check "a disk that grew" same disk.img grown.img
expect 0 complete "$SF" copy disk.img large.img --map large.map
expect 2 'never shrunk' "$SF" export one.img --map large.map -o shrunk.sfd
check "no stream is made" [ ! -e shrunk.sfd ]

# ---- Raw source, target with a footer: its base's size is another ----
expect 0 complete "$SF" copy one.img env:BLOB --add-footer --map blob.map --restart
cp one.img raw.img
dd if=/dev/urandom of=raw.img bs=64k seek=5 count=1 conv=notrunc status=none
expect 0 'The stream has' "$SF" export raw.img --map blob.map -o raw.sfd
expect 1 "size is not the base's" "$SF" apply raw.sfd env:BLOB
expect 0 equal "$SF" verify one.img env:BLOB --add-footer

# ---- Maps that say nothing ----
expect 2 'there is no block map' "$SF" export disk.img --map missing.map -o x.sfd
expect 0 '' "$SF" map build one.img -o plain.map
expect 2 'no map of a target' "$SF" export disk.img --map plain.map -o x.sfd
cp large.map damaged.map
printf 'XX' | dd of=damaged.map bs=1 seek=$(($(size_of damaged.map) - 600)) conv=notrunc status=none
expect 1 'damaged.map' "$SF" export disk.img --map damaged.map -o x.sfd
expect 1 'one.img' "$SF" export disk.img --map one.img -o x.sfd
expect 2 'goes without --base' "$SF" export disk.img --map large.map --base one.img -o x.sfd
expect 2 'same file' "$SF" export disk.img --map large.map -o large.map
check "no stream is made of them" [ ! -e x.sfd ]
check "nothing is left of any" nothing_left
finish
