#!/usr/bin/env bash
# The whole story of the documents, told by the official SDK to snapferryd over TLS: two regions, a VM of two disks with
# real file systems, restore points, copies in full and as a delta, access, restored disks, deletions; bytes compared.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
tests/system/install_clients.sh >"$TMPDIR/npm.log" 2>&1 || {
    cat "$TMPDIR/npm.log"
    exit 1
}
. tests/system/cli_region.sh
. tests/system/relay_lab.sh
. tests/system/controld_lab.sh
SYSTEM=$PWD/tests/system
trap 'controld_end_all; end_regions' EXIT
cd "$TMPDIR" || exit 1
LAB=$TMPDIR/lab
relay_lab "$LAB" || exit 1
export SNAPFERRYD_TOKEN=a-token-for-this-test-0123456789
start_region west
start_region east

# Two disks, each an ext4 file system of files of this machine, as page blobs of west.
for disk in os data; do
    mkdir -p "tree-$disk" && cp -r "$SNAPFERRY_SOURCE_DIR/engine" "tree-$disk/$disk"
    mkfs.ext4 -q -F -d "tree-$disk" "$disk.raw" 48M 2>mkfs.err || fail "mkfs.ext4" mkfs.err
    declare -x "DISK_$disk=$(sas "$west_URL" "vm-$disk" rcwd)"
    "$SNAPFERRY_BIN" copy --quiet --map "$disk.map" "$disk.raw" "env:DISK_$disk" || fail "cannot make the VM's disk $disk"
done
cat >config.json <<CONFIG
{"regions":[{"name":"westus","url":"$west_URL/disks","account":"disks","key":"env:CLI_KEY"},
            {"name":"eastus","url":"$east_URL/disks","account":"disks","key":"env:CLI_KEY"}],
 "virtualMachines":[{"id":"/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm1",
   "location":"westus","metadata":{"hardwareProfile":{"vmSize":"Standard_A1"}},
   "disks":[{"name":"vm1-os","role":"os","blob":"vhds/vm-os"},
            {"name":"vm1-data","lun":0,"blob":"vhds/vm-data"}]}]}
CONFIG
controld_start one --config config.json --token env:SNAPFERRYD_TOKEN --tls-cert "$LAB/server.pem" \
    --tls-key "$LAB/server.key" || exit 1
export one_URL west_LOG east_LOG
NODE_EXTRA_CA_CERTS=$LAB/ca.pem node "$SYSTEM/controld_story.mjs" >story.out 2>story.err
check "the story ends well" grep -qx 'the story ended well' story.out
grep '^ok ' story.out | sed 's/^ok /  /'
[ "$FAILED" = 0 ] || cat story.out story.err | sed 's/sig=[^&" ]*/sig=.../g' | tail -40
for disk in os data; do
    check "the restored disk $disk is the second restore point" cmp "$disk.second" "one/disks/restored-$disk"
    e2fsck -fn "one/disks/restored-$disk" >fsck.out 2>&1
    check "its file system is clean" [ $? = 0 ]
done
controld_end one
check "it ends well when it is asked to" [ $? = 0 ]
no_secret one.out one.err story.out
finish
