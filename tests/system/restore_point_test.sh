#!/usr/bin/env bash
# snapferry restore-point against snapferryd over TLS and two regions: list, status, access, restore, a copy in full and
# as a delta, access ended in any case, the token where it must not go.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
. tests/system/relay_lab.sh
. tests/system/controld_lab.sh
MAKE=$PWD/tests/system/restore_point_make.mjs
trap 'controld_end_all; end_regions' EXIT
cd "$TMPDIR" || exit 1
LAB=$TMPDIR/lab
relay_lab "$LAB" || exit 1
export NODE_EXTRA_CA_CERTS=$LAB/ca.pem SNAPFERRYD_TOKEN=a-token-for-this-test-0123456789
start_region west
start_region east
make() { node "$MAKE" "$@" 2>make.err || fail "make $*" make.err; }

# Two disks of a VM as page blobs of west: one of 24 MiB, full; one of 8 MiB, with holes.
head -c 25165824 /dev/urandom >os.raw
head -c 2097152 /dev/urandom >data.raw && truncate -s 8M data.raw
for disk in os data; do
    declare -x "DISK_$disk=$(sas "$west_URL" "vm-$disk" rcwd)"
    "$SNAPFERRY_BIN" copy --quiet --map "$disk.map" "$disk.raw" "env:DISK_$disk" || fail "cannot make the VM's $disk"
    cp "$disk.raw" "$disk.first"
done
VM=/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm1
cat >config.json <<CONFIG
{"regions":[{"name":"westus","url":"$west_URL/disks","account":"disks","key":"env:CLI_KEY"},
            {"name":"eastus","url":"$east_URL/disks","account":"disks","key":"env:CLI_KEY"}],
 "virtualMachines":[{"id":"$VM","location":"westus",
   "disks":[{"name":"vm1-os","role":"os","blob":"vhds/vm-os"},{"name":"vm1-data","lun":0,"blob":"vhds/vm-data"}]}]}
CONFIG
controld_start one --config config.json --token env:SNAPFERRYD_TOKEN --tls-cert "$LAB/server.pem" \
    --tls-key "$LAB/server.key" || exit 1
export one_URL
WHERE=(--endpoint "$one_URL" --token env:SNAPFERRYD_TOKEN --cacert "$LAB/ca.pem")
NAMES=(--subscription s1 --group rg)
rp() { "$SNAPFERRY_BIN" restore-point "$1" "${@:2}" "${WHERE[@]}" "${NAMES[@]}"; }
make collection points westus "$VM"
make point points rp1

# ---- list, status ----
expect 0 "points" rp list
expect 0 "of $VM" "$SNAPFERRY_BIN" restore-point list --subscription s1 "${WHERE[@]}"
expect 0 "rp1" rp list points
expect 0 '"event":"diskRestorePoint"' rp list points/rp1 --json
expect 0 "rp1: complete (Succeeded)" rp status points/rp1
expect 0 "vm1-data" rp status "${VM%/virtualMachines*}/restorePointCollections/POINTS/restorePoints/rp1"
expect 0 '"state":"complete"' rp status points/rp1 --watch --json
expect 1 "ResourceNotFound" rp status points/rp9
expect 2 "takes a restore point" rp status points
expect 2 "need --subscription" "$SNAPFERRY_BIN" restore-point status points/rp1 "${WHERE[@]}"

# ---- access ----
OS=$(make disk points rp1 vm1-os)
expect 2 "needs -o FILE" rp access grant "$OS"
expect 0 "is in os.url" rp access grant "$OS" -o os.url
check "its file is its owner's alone" [ "$(stat -c %a os.url)" = 600 ]
check "it is good for the disk's bytes" "$SNAPFERRY_BIN" copy --quiet @os.url got.raw
check "and they are the disk's" cmp os.first got.raw
rp access grant "$OS" -o - >same.url 2>out
check "stdout has the same URL, and nothing else" cmp os.url same.url
expect 0 "is ended" rp access revoke "$OS"
rm -f got.raw got.raw.snapferry
expect 3 "" "$SNAPFERRY_BIN" copy --quiet --renew-wait 1 @os.url got.raw
rm -f os.url same.url

# ---- restore ----
expect 0 "" rp restore "$OS" restored.raw
check "the restored file is the disk" cmp os.first restored.raw
expect 2 "a file or a block device" rp restore "$OS" env:NOWHERE

# ---- copy in full, again, and as a delta ----
container() { "$REGIOND_BIN" sas --account disks:env:CLI_KEY --resource vhds --permissions rcwl --expiry +1h "$east_URL"; }
TO=$(container)
export TO
writes() { node -e '
    const lines = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").map((line) => JSON.parse(line));
    console.log(lines.filter((r) => r.pageWrite === "update" && r.status === 201).reduce((sum, r) => sum + r.bytesIn, 0));
' "$east_LOG"; }
same() { # same DISK STAMP
    declare -x "COPIED=$(sas "$east_URL" "vm1-$1.vhd" r)"
    rm -f got.raw*
    "$SNAPFERRY_BIN" copy --quiet env:COPIED got.raw && cmp got.raw "$1.$2"
}
expect 0 "" rp copy points/rp1 --to env:TO --verify
check "the copied os disk is the first" same os first
check "the copied data disk is the first" same data first
full=$(writes)
expect 0 "holds it already" rp copy points/rp1 --to env:TO
check "nothing was written again" [ "$(writes)" = "$full" ]
for disk in os data; do
    dd if=/dev/urandom of="$disk.raw" bs=4096 count=9 seek=100 conv=notrunc status=none
    "$SNAPFERRY_BIN" copy --quiet --map "$disk.map" "$disk.raw" "env:DISK_$disk" || fail "cannot change the VM's $disk"
    cp "$disk.raw" "$disk.second"
done
make point points rp2
expect 0 '"base":"/subscriptions/' rp copy points/rp2 --to env:TO --json
check "the last line is the end" sh -c 'tail -1 out | grep -q "\"event\":\"end\",\"exit\":0"'
check "the copied os disk is the second" same os second
check "the copied data disk is the second" same data second
delta=$(($(writes) - full))
check "only what changed was written: $delta of $full" [ $delta -gt 0 -a $delta -lt 1048576 ]

# ---- killed amid a delta, it goes on as that delta ----
await_bytes() { # of the process $2 in the events $1
    for _ in {1..600}; do
        grep -q '"durableBytes":[1-9]' "$1" && return 0
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
dd if=/dev/urandom of=os.raw bs=1M count=20 seek=2 conv=notrunc status=none
"$SNAPFERRY_BIN" copy --quiet --map os.map os.raw env:DISK_os || fail "cannot change the VM's os"
cp os.raw os.third
make point points rp3
echo '{"blob":{"bytesPerSecond":2000000}}' >slow.json
restart_region east --shape slow.json
"$SNAPFERRY_BIN" restore-point copy points/rp3 --to env:TO --json "${WHERE[@]}" "${NAMES[@]}" >killed.out 2>killed.err &
check "bytes of the delta come" await_bytes killed.out $!
kill -9 $!
wait $! 2>/dev/null
restart_region east
expect 0 '"resumedBytes":' rp copy points/rp3 --to env:TO --json
check "what was durable is not written again" grep -q '"mode":"delta".*"resumedBytes":[1-9]' out
check "the copied os disk is the third" same os third
# The data disk was complete when it was killed: nobody asked for it again, so its access is there until it is revoked.
for point in rp2 rp3; do
    expect 0 "is ended" rp access revoke "$(make disk points $point vm1-data)"
done

# ---- what must not be done ----
export WRONG=no-token-of-this-service
expect 1 "does not take the token" "$SNAPFERRY_BIN" restore-point list "${NAMES[@]}" --endpoint "$one_URL" \
    --token env:WRONG --cacert "$LAB/ca.pem"
check "it is not said again" sh -c '! grep -q "$WRONG" out err'
expect 2 "env:NAME or @FILE" "$SNAPFERRY_BIN" restore-point list "${NAMES[@]}" --endpoint "$one_URL" --token abc
expect 2 "https only" "$SNAPFERRY_BIN" restore-point list "${NAMES[@]}" --endpoint http://192.0.2.1 \
    --token env:SNAPFERRYD_TOKEN
"$SNAPFERRY_BIN" copy --quiet os.first "$(sas "$east_URL" vm1-os.vhd rcwd)" --restart
expect 1 "no disk of a restore point" rp copy points/rp1 --to env:TO

# ---- SIGINT amid a copy: it stops, access is ended, and the same command goes on ----
restore_slowly() { # begins it in the background, returns when bytes have come
    "$SNAPFERRY_BIN" restore-point restore "$OS2" slow.raw --json "${WHERE[@]}" "${NAMES[@]}" >slow.out 2>slow.err &
    SLOW=$!
    await_bytes slow.out $SLOW
}
OS2=$(make disk points rp2 vm1-os)
echo '{"blob":{"bytesPerSecond":3000000}}' >slow.json
restart_region west --shape slow.json
check "bytes come slowly" restore_slowly
check "somebody has access meanwhile" sh -c '! node "$0" deletable points rp2' "$MAKE"
kill -INT $SLOW
wait $SLOW
STATUS=$?
check "status 3 after Ctrl-C, not $STATUS" [ $STATUS = 3 ]
restart_region west
expect 0 "" rp restore "$OS2" slow.raw
check "the same command goes on, and the file is the disk" cmp os.second slow.raw
check "no access to rp3 is left" node "$MAKE" deletable points rp3
check "no access to rp2 is left" node "$MAKE" deletable points rp2
check "no access to rp1 is left" node "$MAKE" deletable points rp1
controld_end one
check "snapferryd ends well" [ $? = 0 ]
check "no token in any output" sh -c '! grep -rlF "$SNAPFERRYD_TOKEN" *.out *.err out err state'
no_secret one.out one.err slow.out slow.err killed.out killed.err
finish
