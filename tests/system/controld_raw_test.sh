#!/usr/bin/env bash
# Restore points of raw disks: cut inside one freeze window while a writer changes both disks, carried into their region,
# copied to another; the consistency modes, and hooks that fail, hang or are cut off by kill -9. Reflinks and frozen file
# systems need to mount (root); without that the cuts are made by commands alone.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
. tests/system/relay_lab.sh
. tests/system/controld_lab.sh
SYSTEM=$PWD/tests/system
LAB=$TMPDIR/lab
VM=$TMPDIR/vm
FS=$TMPDIR/fs
relay_lab "$LAB" || exit 1
export SNAPFERRYD_TOKEN=a-token-for-this-test-0123456789 RAW_CA=$LAB/ca.pem
cd "$TMPDIR" || exit 1

end_all() {
    [ "$BASHPID" = "$$" ] || return 0
    [ ! -e writer.pid ] || kill -KILL "$(cat writer.pid)" 2>/dev/null
    controld_end_all
    end_regions
    umount "$FS" 2>/dev/null
    umount "$VM" 2>/dev/null
}
trap end_all EXIT

# ---- Two raw disks, and what writes to them without pause ----
mkdir -p "$VM" "$FS"
MEANS='{"means":"command","folder":"'$VM'/cuts","command":"cp \"$SNAPFERRY_SOURCE\" \"$SNAPFERRY_CUT\""}'
if truncate -s 400M xfs.img && mkfs.xfs -q -m reflink=1 xfs.img 2>/dev/null && mount -o loop xfs.img "$VM" 2>/dev/null; then
    MEANS='{"means":"reflink","folder":"'$VM'/cuts"}'
else
    echo "  no XFS can be mounted here: cuts by commands alone"
fi
mkdir "$VM/cuts"
for disk in os data fs; do
    mkdir -p tree && cp -r "$SNAPFERRY_SOURCE_DIR/engine" "tree/$disk"
    mkfs.ext4 -q -F -d tree "$VM/$disk.raw" 24M >mkfs.err 2>&1 || fail "mkfs.ext4" mkfs.err
done
MOUNTS='[]'
if mount -o loop "$VM/fs.raw" "$FS" 2>/dev/null; then
    MOUNTS='["'$FS'"]'
else
    echo "  no file system can be mounted here: its consistency is not looked at"
fi
cp "$VM/os.raw" vm-blob.raw

# A counter, first to one disk, then to the other: in one cut they are the same, or one apart.
cat >writer.mjs <<'JS'
import fs from "node:fs";
const [os, data] = process.argv.slice(2).map((path) => fs.openSync(path, "r+"));
const piece = Buffer.alloc(4096), never = new Int32Array(new SharedArrayBuffer(4));
for (let n = 1n; ; n++) {
    piece.fill(Number(n & 255n)).writeBigUInt64LE(n);
    fs.writeSync(os, piece, 0, 4096, 8 << 20);
    fs.writeSync(data, piece, 0, 4096, 12 << 20);
    fs.writeSync(data, piece, 0, 512, (13 << 20) + Number(n & 63n) * 4096);
    Atomics.wait(never, 0, 0, 1); // ms: others need the processor too
}
JS
counter() { od -An -tu8 -j "$2" -N 8 "$1" | tr -d ' '; }

# ---- Hooks: what each machine's are told is in freeze.log ----
cat >freeze.sh <<SH
echo "freeze \$1" >>"$TMPDIR/freeze.log"
case \$1 in
vm1)
    kill -STOP \$(cat "$TMPDIR/writer.pid")
    until grep -q '^State:.T' "/proc/\$(cat "$TMPDIR/writer.pid")/status"; do sleep 0.01; done
    cp --sparse=always "$VM/os.raw" "$TMPDIR/capture-os.new" && mv "$TMPDIR/capture-os.new" "$TMPDIR/capture-os"
    cp --sparse=always "$VM/data.raw" "$TMPDIR/capture-data" ;;
vm-bad) echo "the database says no" >&2; exit 7 ;;
vm-hang) sleep 600 ;;
vm-kill)
    cp "$VM/os.raw" "$TMPDIR/capture-kill"
    until [ -e "$TMPDIR/go" ]; do sleep 0.02; done ;;
esac
SH
cat >thaw.sh <<SH
echo "thaw \$1" >>"$TMPDIR/freeze.log"
case \$1 in
vm1) kill -CONT \$(cat "$TMPDIR/writer.pid") ;;
vm-stuck) echo "it does not answer" >&2; exit 9 ;;
esac
SH
cat >drop.sh <<SH
echo dropped >>"$TMPDIR/drop.log"
while [ -e "$TMPDIR/drop-waits" ]; do sleep 0.02; done
rm "\$SNAPFERRY_CUT"
SH
: >freeze.log

# machine NAME DISKS [SECONDS]: with hooks that are told its name; without seconds: with none
machine() {
    local hooks=
    [ -z "${3:-}" ] || hooks='"hooks":{"freezeCommand":"sh '$TMPDIR'/freeze.sh '$1'","thawCommand":"sh '$TMPDIR'/thaw.sh '$1'","timeoutSeconds":'$3'},'
    echo '{"id":"/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/'"$1"'",'"$hooks"'"location":"westus","disks":['"$2"']}'
}
one() { echo '{"name":"'"$1"'-os","role":"os","file":"'"$VM"'/os.raw","snapshot":'"$MEANS"'}'; }
refused() { machine "vm-$1" '{"name":"'"$1"'-os","role":"os","file":"'"$VM"'/os.raw","snapshot":'"$MEANS,$2"'}'; }
DROP='{"means":"command","folder":"'$VM'/cuts","command":"cp \"$SNAPFERRY_SOURCE\" \"$SNAPFERRY_CUT\"","dropCommand":"sh '$TMPDIR'/drop.sh"}'
: >drop.log
start_region west
start_region east
DISK_blob=$(sas "$west_URL" vm-blob rcwd)
export DISK_blob
"$SNAPFERRY_BIN" copy --quiet vm-blob.raw env:DISK_blob || fail "cannot make the machine's blob"
cat >config.json <<CONFIG
{"regions":[{"name":"westus","url":"$west_URL/disks","account":"disks","key":"env:CLI_KEY"},
            {"name":"eastus","url":"$east_URL/disks","account":"disks","key":"env:CLI_KEY"}],
 "virtualMachines":[
  $(machine vm1 "$(one vm1)"',{"name":"vm1-data","lun":0,"file":"'"$VM"'/data.raw","snapshot":'"$DROP"'}' 30),
  $(machine vm-bad "$(one bad)" 20), $(machine vm-hang "$(one hang)" 1), $(machine vm-stuck "$(one stuck)" 20),
  $(machine vm-kill "$(one kill)" 30),
  $(machine vm-plain "$(one plain)"',{"name":"plain-blob","lun":1,"blob":"vhds/vm-blob"}'),
  $(machine vm-none '{"name":"none-os","role":"os","file":"'"$VM"'/os.raw"}'),
  $(refused ultra '"storageAccountType":"UltraSSD_LRS"'), $(refused ephemeral '"ephemeral":true'),
  $(refused shared '"shared":true'), $(refused unmanaged '"unmanaged":true'),
  {"id":"/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-fs","location":"westus",
   "hooks":{"fileSystems":$MOUNTS},"disks":[{"name":"fs-os","role":"os","file":"$VM/fs.raw","snapshot":$MEANS}]}]}
CONFIG
start() {
    controld_start one --config config.json --token env:SNAPFERRYD_TOKEN --tls-cert "$LAB/server.pem" \
        --tls-key "$LAB/server.key" || exit 1
    export RAW_URL=$one_URL
}
start
coproc API { exec node "$SYSTEM/controld_raw.mjs" serve; } # one for all steps: it takes longer to start than to ask
# api STEP...: sets GOT
api() {
    printf '%s' "$RAW_URL" >&"${API[1]}"
    printf '\x1f%s' "${RAW_VERSION:-}" "$@" >&"${API[1]}"
    echo >&"${API[1]}"
    read -r GOT <&"${API[0]}"
}
# says WORDS STEP...: the step of the API answers so
says() {
    local wanted=$1
    shift
    GOT=
    api "$@"
    PASSED=$((PASSED + 1))
    [ "$GOT" = "$wanted" ] || { PASSED=$((PASSED - 1)); echo "$GOT" >got; fail "not \"$wanted\": $*" got; sed 's/^/    /' api.err | tail -5; }
}
collection() { says 201 collection "$1" "$2" "virtualMachines/$3"; }
written() { # bytes of pages written to a region
    grep '"pageWrite":"update"' "$1" | grep '"status":201,' | sed 's/.*"bytesIn":\([0-9]*\).*/\1/' |
        awk '{ sum += $1 } END { print sum + 0 }'
}
until_true() { # WORDS COMMAND...
    local words=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { fail "never: $words" one.err; return 1; }
        sleep 0.1
    done
    PASSED=$((PASSED + 1))
}
no_cuts() { [ -z "$(ls "$VM/cuts")" ]; }

# ---- One cut across both disks, while both change ----
node writer.mjs "$VM/os.raw" "$VM/data.raw" &
echo $! >writer.pid
collection local westus vm1
says '201 Succeeded' put local/rp1
cp capture-os first-os && cp capture-data first-data
says complete wait local/rp1
full=$(written "$west_LOG")
for disk in os data; do
    says 200 take local/rp1 "vm1-$disk" "got-$disk"
    check "the restore point of $disk is what the hook saw inside the window" cmp "got-$disk" "first-$disk"
done
apart=$(($(counter got-os $((8 << 20))) - $(counter got-data $((12 << 20)))))
check "the disks are of one moment: the counters are $apart apart" [ "$apart" = 0 -o "$apart" = 1 ]
check "the writer has gone on since" [ "$(counter "$VM/os.raw" $((8 << 20)))" -gt "$(counter got-os $((8 << 20)))" ]
says '["ApplicationConsistent","Succeeded",true]' show local/rp1 \
    '[point.properties.consistencyMode, point.properties["x-snapferry"].statusCode, point.properties["x-snapferry"].totalUsedSizeInBytes > 0]'
until_true "the cuts are dropped" no_cuts
check "by its own command where there is one" [ "$(wc -l <drop.log)" = 1 ]

# ---- The second is a delta by map ----
before=$(written "$west_LOG")
says '201 Succeeded' put local/rp2
says complete wait local/rp2
delta=$(($(written "$west_LOG") - before))
check "a delta: $delta bytes of $full were written" [ "$delta" -gt 0 -a "$delta" -lt $((full / 10)) ]
for disk in os data; do
    says 200 take local/rp2 "vm1-$disk" "got-$disk"
    check "the second restore point of $disk" cmp "got-$disk" "capture-$disk"
    says 200 take local/rp1 "vm1-$disk" "got-$disk"
    check "the first one of $disk is as it was" cmp "got-$disk" "first-$disk"
done

# ---- Copied to the other region, both; the second as a delta there, too ----
says 201 collection far eastus restorePointCollections/local
for rp in rp1 rp2; do
    before=$(written "$east_LOG")
    says '201 Succeeded' put "far/$rp" '{"properties":{"sourceRestorePoint":{"id":"/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute/restorePointCollections/local/restorePoints/'$rp'"}}}'
    says complete wait "far/$rp"
    moved=$(($(written "$east_LOG") - before))
done
check "the copy of the second is a delta: $moved bytes of $full" [ "$moved" -gt 0 -a "$moved" -lt $((full / 10)) ]
for disk in os data; do
    says 200 take far/rp2 "vm1-$disk" "got-$disk"
    check "the copy of $disk" cmp "got-$disk" "capture-$disk"
done

# ---- Crash consistent: no hook runs ----
frozen=$(wc -l <freeze.log)
says '201 Succeeded' put local/crash '{"properties":{"consistencyMode":"CrashConsistent"}}'
check "no hook has run" [ "$(wc -l <freeze.log)" = "$frozen" ]
says '["CrashConsistent","None"]' show local/crash '[point.properties.consistencyMode, point.properties["x-snapferry"].statusCode]'
says '409 OperationNotAllowed' put local/crash
collection plain westus vm-plain
says '201 Succeeded' put plain/rp1
says '"CrashConsistent"' show plain/rp1 point.properties.consistencyMode
says complete wait plain/rp1

# ---- Hooks that fail ----
collection bad westus vm-bad
says '201 Failed' put bad/rp1
check "says why" grep -q 'the database says no\|cannot freeze' api.err
says '["Failed","FreezeFailed"]' show bad/rp1 '[point.properties.provisioningState, point.properties["x-snapferry"].statusCode]'
check "what failed to freeze is thawed" grep -qx 'thaw vm-bad' freeze.log
collection hang westus vm-hang
says '201 Failed' put hang/rp1
check "what hung is thawed" grep -qx 'thaw vm-hang' freeze.log
says '202 Succeeded' delete hang/rp1
collection stuck westus vm-stuck
says '201 Succeeded' put stuck/rp1
says '"ThawFailed"' show stuck/rp1 'point.properties["x-snapferry"].statusCode'
check "it was tried again and again" [ "$(grep -cx 'thaw vm-stuck' freeze.log)" -ge 4 ]
check "the operator is told" grep -q 'STILL FROZEN.*stuck' one.err
says complete wait stuck/rp1
rm one/frozen/*.frozen

# ---- kill -9 inside the window: thawed first, then cut anew ----
collection kill westus vm-kill
node "$SYSTEM/controld_raw.mjs" put kill/rp1 >put.out 2>&1 &
put=$!
until_true "it is frozen" grep -qx 'freeze vm-kill' freeze.log
kill -KILL "$one_PID" && wait "$one_PID" 2>/dev/null
wait $put
check "it is not thawed yet" [ "$(grep -cx 'thaw vm-kill' freeze.log)" = 0 ]
: >go
start
says complete wait kill/rp1
check "thawed at the next start, frozen again, thawed again" \
    [ "$(grep 'vm-kill' freeze.log | tr '\n' ' ')" = "freeze vm-kill thaw vm-kill freeze vm-kill thaw vm-kill " ]
check "nothing is noted as frozen" [ -z "$(ls one/frozen)" ]
until_true "the cuts are dropped after the restart" no_cuts

# ---- kill -9 while a cut is dropped: the next start drops it ----
: >drop-waits
: >drop.log
says '201 Succeeded' put local/rp3
says complete wait local/rp3
until_true "it is being dropped" [ -s drop.log ]
kill -KILL "$one_PID" && wait "$one_PID" 2>/dev/null
check "a cut is left" [ -n "$(ls "$VM/cuts")" ]
rm drop-waits
start
until_true "it is dropped by the next life" no_cuts
says complete wait local/rp3
says 200 take local/rp3 vm1-data got-data
check "and its restore point is whole" cmp got-data capture-data
: >drop-waits
says '201 Succeeded' put local/gone
says complete wait local/gone
rm drop-waits
says '202 Succeeded' delete local/gone
check "a restore point that goes takes its cuts along" no_cuts

# ---- Refused by name ----
for what in ultra:Ultra ephemeral:ephemeral shared:shared unmanaged:unmanaged; do
    collection "${what%:*}" westus "vm-${what%:*}"
    says '409 OperationNotAllowed' put "${what%:*}/rp1"
    check "${what%:*} is told" grep -q "${what#*:}" api.err
done
collection none westus vm-none
says '409 SnapshotMeansRequired' put none/rp1

# ---- Straight into another region: cut here, copied there ----
RAW_VERSION=2021-03-01 says '400 BadRequest' collection early eastus virtualMachines/vm1
collection direct eastus vm1
says '201 Succeeded' put direct/rp1
says complete wait direct/rp1
for disk in os data; do
    says 200 take direct/rp1 "vm1-$disk" "got-$disk"
    check "a raw disk cut for the other region" cmp "got-$disk" "capture-$disk"
done
collection blobs eastus vm-plain
says '201 Succeeded' put blobs/rp1
says complete wait blobs/rp1
says 200 take blobs/rp1 plain-blob got-blob
check "a blob cut for the other region" cmp got-blob vm-blob.raw
before=$(written "$east_LOG")
says '201 Succeeded' put direct/rp2
says complete wait direct/rp2
says '201 Succeeded' put blobs/rp2
says complete wait blobs/rp2
moved=$(($(written "$east_LOG") - before))
check "their second ones write what changed: $moved bytes of $full" [ "$moved" -gt 0 -a "$moved" -lt $((full / 5)) ]
says 200 take direct/rp2 vm1-data got-data
check "the second one of a raw disk" cmp got-data capture-data
says 200 take blobs/rp2 plain-blob got-blob
check "the second one of a blob" cmp got-blob vm-blob.raw
says 200 take blobs/rp1 plain-blob got-blob
check "its first one is as it was" cmp got-blob vm-blob.raw
no_hidden() { [ "$(grep '"method":"DELETE"' "$west_LOG" | grep -c '"blob":"vm-blob","snapshot":.*"status":202')" = 1 ]; }
until_true "the hidden snapshot that the second one was a delta of is deleted" no_hidden
until_true "the cuts are dropped" no_cuts

# ---- Deleted: the others stay ----
says '202 Succeeded' delete local/rp1
says 200 take local/rp2 vm1-os got-os
says '202 Succeeded' delete far
says '202 Succeeded' delete local

# ---- A frozen file system is clean ----
if [ "$MOUNTS" != '[]' ]; then
    (while :; do cp -r "$SNAPFERRY_SOURCE_DIR/blockmap" "$FS/copy" && rm -r "$FS/copy"; done) 2>/dev/null &
    writer=$!
    collection fs westus vm-fs
    says '201 Succeeded' put fs/rp1
    kill $writer && wait $writer 2>/dev/null
    says complete wait fs/rp1
    says '["FileSystemConsistent","Succeeded"]' show fs/rp1 '[point.properties.consistencyMode, point.properties["x-snapferry"].statusCode]'
    says 200 take fs/rp1 fs-os got-fs
    e2fsck -fn got-fs >fsck.out 2>&1
    check "its file system is clean" [ $? = 0 ]
    check "it needs no recovery" sh -c '! dumpe2fs -h got-fs 2>/dev/null | grep -q needs_recovery'
fi
no_secret one.out one.err api.err
finish
