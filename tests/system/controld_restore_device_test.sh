#!/usr/bin/env bash
# Disks of snapferryd restored onto block devices: byte for byte, never onto one that is in use, too small, another disk's
# or not the one that was begun on. Loop devices need root; without them there is nothing to be tested here.
set -u
. "$(dirname "$0")/by_hand.sh"
export SNAPFERRYD_BIN=${SNAPFERRYD_BIN:-$lab_root/build/release/snapferryd}
[ -x "$SNAPFERRYD_BIN" ] || exit 77

LOOPS=()
end_loops() {
    local device
    for device in "${LOOPS[@]}"; do
        losetup -d "$device" 2>/dev/null
        rm -f "$device.snapferry"
    done
    LOOPS=()
}
trap end_loops EXIT

# loop NAME MIB: a file of so many MiB of 0x5a, and a device that shows it
loop() {
    local file=$TMPDIR/$1 device
    head -c "$2M" /dev/zero | tr '\0' Z >"$file"
    device=$(losetup --find --show "$file" 2>"$TMPDIR/losetup.err") || {
        echo "  no loop device here: $(cat "$TMPDIR/losetup.err")"
        rm -rf "$TMPDIR"
        exit 77
    }
    LOOPS+=("$device")
    printf -v "$1" %s "$device"
}
loop small 4
loop large 12
loop other 12
loop source 12
mkfs.ext4 -q -F "$other" >"$TMPDIR/mkfs.out" 2>&1
export RESTORE_SMALL=$small RESTORE_LARGE=$large RESTORE_OTHER=$other RESTORE_SOURCE=$source RESTORE_RAW=$TMPDIR/source \
    RESTORE_LARGE_FILE=$TMPDIR/large
node "$SNAPFERRY_SOURCE_DIR/tests/system/controld_restore_device.mjs" "$@"
status=$?
end_loops
lab_end $status "$@"
