#!/usr/bin/env bash
# A file or device that cannot take more: a full file system (a small tmpfs), a limit on the size of files, a
# block device whose writes fail (a loop device over a file that the full tmpfs cannot back). Each is shown to
# be so, then reported by name, and the same command goes on when there is room again.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
export PATH=$PATH:/sbin:/usr/sbin
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
SOURCE=pattern:24M,5,200
mounts=()
loops=()

clean_up() {
    [ "$BASHPID" = "$$" ] || return 0
    for loop in "${loops[@]:-}"; do [ -z "$loop" ] || losetup -d "$loop"; done
    for mount in "${mounts[@]:-}"; do [ -z "$mount" ] || umount -l "$mount"; done
    end_regions
}
trap clean_up EXIT

# read_bytes_is EXPRESSION: over readBytes `n` of the summary that the last expect caught.
read_bytes_is() {
    node -e '
        const lines = require("fs").readFileSync("out", "utf8").trimEnd().split("\n");
        const n = lines.map((line) => JSON.parse(line)).find((e) => e.event === "summary").readBytes;
        console.log(n);
        process.exit(eval(process.argv[1]) ? 0 : 1);' "$1"
}
does_not_look_whole() {
    grep -q copying "$1.snapferry" && ! grep -q complete "$1.snapferry"
}
expect 0 complete "$SF" copy $SOURCE whole.img

# ---- A limit on the size of files ----
fill_to_limit() { ! (ulimit -f 8192 && trap '' XFSZ && head -c 9M /dev/zero >limited) 2>/dev/null; }
check "the limit is there" fill_to_limit
expect 1 'File too large' prlimit --fsize=8388608 "$SF" copy $SOURCE small.img
check "its words say where" grep -q 'offset\|small.img' err
expect 0 complete "$SF" copy $SOURCE small.img
check "then it is equal" cmp whole.img small.img

# ---- A full file system ----
mkdir small
if mount -t tmpfs -o size=8m tmpfs small 2>/dev/null; then
    mounts+=("$TMPDIR/small")
    expect 3 'No space left on device. Make room' "$SF" copy $SOURCE small/disk.img --json
    check "it does not look whole" does_not_look_whole small/disk.img
    check "the file system is full" sh -c '! head -c 2M /dev/zero >small/more 2>/dev/null; rm small/more'
    mount -o remount,size=64m small
    expect 0 '"committed":true' "$SF" copy $SOURCE small/disk.img --json
    check "then it is equal" cmp whole.img small/disk.img
    check "and was gone on with" read_bytes_is "n < $(du -B1 whole.img | cut -f1) * 0.9"
    rm small/disk.img*
else
    echo "no mount is allowed here: a full file system is left out"
fi

# ---- A device whose writes fail ----
if [ ${#mounts[@]} = 1 ] && mount -o remount,size=8m small &&
    truncate -s 24M small/device.img && loop=$(losetup --show -f small/device.img 2>/dev/null); then
    loops+=("$loop")
    refuses() { ! dd if=whole.img of="$loop" bs=1M conv=fsync 2>dd.err; }
    check "the device's writes fail" refuses
    check "with EIO" grep -q 'Input/output error\|No space left' dd.err
    expect 1 'Input/output error' "$SF" copy $SOURCE "$loop" --state "$TMPDIR/device.state" --direct off
    check "it does not look whole" grep -q copying device.state
    mount -o remount,size=64m small
    expect 0 complete "$SF" copy $SOURCE "$loop" --state "$TMPDIR/device.state" --verify
    blockdev --flushbufs "$loop"
    check "then it is equal" cmp whole.img "$loop"
else
    echo "no loop device is allowed here: a device that fails is left out"
fi
finish
