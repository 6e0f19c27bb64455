#!/usr/bin/env bash
# Files as ends: raw and VHD, sparse and full, what must be refused, and that nothing else is touched.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
start_region west
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
BLOB=$(sas "$west_URL" disk.vhd rcwd)
BLOB2=$(sas "$west_URL" disk2.vhd rcwd)
export BLOB BLOB2

same() { cmp -s "$1" "$2"; }
# be64 NUMBER, be32 NUMBER: big-endian bytes on stdout.
be64() { printf '%016x' "$1" | sed 's/../\\x&/g' | xargs -0 printf '%b'; }
be32() { printf '%08x' "$1" | sed 's/../\\x&/g' | xargs -0 printf '%b'; }

# A sparse disk: 1 MiB of data, a hole, some pages in the middle, a hole to the end.
truncate -s 24M disk.img
head -c 1M /dev/urandom | dd of=disk.img conv=notrunc status=none
head -c 5120 /dev/urandom | dd of=disk.img bs=512 seek=20001 conv=notrunc status=none

# ---- File to file ----
expect 0 'complete and verified' "$SF" copy disk.img copy.img --verify
check "the copy is equal" same disk.img copy.img
check "holes stay holes" [ "$(stat -c %b copy.img)" -le 4096 ]
check "its sidecar says complete" grep -q complete copy.img.snapferry
tr '\0' 'x' </dev/zero | head -c 24M >old.img
expect 0 'complete' "$SF" copy disk.img old.img
check "holes become zero whatever was there" same disk.img old.img
expect 0 'equal' "$SF" verify disk.img old.img
printf x | dd of=old.img bs=1 seek=20000000 conv=notrunc status=none
expect 4 'differs: offset 19999744 length 512' "$SF" verify disk.img old.img
expect 0 'complete' "$SF" copy file:disk.img named.img --state "$TMPDIR/side.car" --direct on --io epoll
check "--state moves the sidecar" [ -s side.car -a ! -e named.img.snapferry ]
expect 0 'full copy' "$SF" plan disk.img unborn.img
check "a plan makes nothing" [ ! -e unborn.img -a ! -e unborn.img.snapferry ]

# ---- Blob and file, with a footer and without ----
expect 0 'complete and verified' "$SF" copy disk.img env:BLOB --add-footer --verify
curl -sf -o got.vhd "$BLOB"
check "the blob is the disk and a footer" [ "$(stat -c %s got.vhd)" = $((24 * 1048576 + 512)) ]
check "the footer is a fixed VHD's" [ "$(tail -c 512 got.vhd | head -c 8)" = conectix ]
check "its data is the disk's" same disk.img <(head -c 24M got.vhd)
expect 0 'complete' "$SF" copy env:BLOB back.img --strip-footer
check "back without the footer it is the same" same disk.img back.img
expect 0 'equal' "$SF" verify env:BLOB back.img --strip-footer
expect 0 'complete' "$SF" copy env:BLOB whole.vhd
check "or with it" same got.vhd whole.vhd
expect 0 'complete' "$SF" copy got.vhd env:BLOB2
EMPTY=$(sas "$west_URL" empty.vhd rcwd)
OLD="$("$SF" snapshot env:BLOB)&${BLOB#*\?}"
NEW="$("$SF" snapshot env:BLOB)&${BLOB#*\?}"
export EMPTY OLD NEW
curl -sf -X PUT -H 'x-ms-version: 2021-12-02' -H 'x-ms-blob-type: PageBlob' \
    -H 'x-ms-blob-content-length: 0' -H 'Content-Length: 0' "$EMPTY"
expect 0 'complete and verified' "$SF" copy env:NEW env:EMPTY --base env:OLD --verify
expect 0 'equal' "$SF" verify env:BLOB env:BLOB2

# ---- What is refused, and leaves no trace ----
head -c 1000 /dev/zero >odd.img
expect 2 '512' "$SF" copy odd.img none.img
truncate -s 4M vhdx.img
printf vhdxfile | dd of=vhdx.img conv=notrunc status=none
expect 2 'VHDX' "$SF" copy vhdx.img none.img
# A dynamic VHD: disk type 3 in a footer that is sound otherwise (checksum: ones' complement of the sum).
tail -c 512 got.vhd >dynamic
be32 3 | dd of=dynamic bs=1 seek=60 conv=notrunc status=none
be32 0 | dd of=dynamic bs=1 seek=64 conv=notrunc status=none
sum=$(od -An -v -tu1 dynamic | awk '{ for (i = 1; i <= NF; i++) s += $i } END { print s }')
be32 $((~sum & 0xffffffff)) | dd of=dynamic bs=1 seek=64 conv=notrunc status=none
cat disk.img dynamic >dynamic.vhd
expect 2 'ynamic' "$SF" copy dynamic.vhd none.img
tail -c 512 got.vhd >damaged
be32 1 | dd of=damaged bs=1 seek=64 conv=notrunc status=none
cat disk.img damaged >damaged.vhd
expect 1 'damaged' "$SF" copy damaged.vhd none.img
expect 2 'footer' "$SF" copy disk.img none.img --strip-footer
expect 2 'footer' "$SF" copy got.vhd none.img --add-footer
expect 1 'does not exist' "$SF" copy missing.img none.img
expect 2 'director' "$SF" copy "$TMPDIR" none.img
check "nothing was made" [ ! -e none.img -a ! -e none.img.snapferry ]
truncate -s 8M small.img
expect 2 '8388608' "$SF" copy disk.img small.img
check "a smaller target is left as it was" [ "$(stat -c %s%b small.img)" = 83886080 -a ! -e small.img.snapferry ]
cp disk.img mine.img.snapferry
expect 2 'state file' "$SF" copy mine.img.snapferry mine.img
check "a source with the name of a sidecar is left alone" same disk.img mine.img.snapferry
mkdir shut && touch shut/snapferry
expect 0 'complete' env XDG_STATE_HOME="$TMPDIR/shut" "$SF" copy disk.img shut.img
ln -s disk.img link.img
expect 2 'the same' "$SF" copy disk.img link.img
ln disk.img hard.img
expect 2 'the same' "$SF" copy disk.img hard.img
expect 2 'are the same file' "$SF" copy disk.img other.img --state disk.img
check "the source was never touched" same disk.img copy.img
expect 2 'snapshot' "$SF" plan disk.img other.img --base copy.img
expect 2 'snapshot' "$SF" snapshot disk.img
: >empty.img
expect 2 'empty' "$SF" copy empty.img none.img
finish
