#!/usr/bin/env bash
# The page of snapferryd in a headless Chromium: two regions, a VM of two disks, a copy that is slow enough to be
# watched, one that fails, many restore points; by keyboard, on a phone's width, light and dark.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
CHROMIUM=$(command -v chromium) || {
    echo "chromium is not installed (Debian: apt-get install chromium)"
    exit 77
}
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
# Writes to north are refused for good.
echo '{"seed":1,"rules":[{"match":{"method":"PUT","comp":"page"},"fault":"status","status":400,"code":"InvalidHeaderValue"}]}' >north.json
start_region north --faults north.json

# Two disks as page blobs of west: 24 MiB of noise, and a small one.
for disk in os:24 data:4; do
    name=${disk%:*}
    head -c "$((${disk#*:} << 20))" /dev/urandom >"$name.raw"
    declare -x "DISK_$name=$(sas "$west_URL" "vm-$name" rcwd)"
    "$SNAPFERRY_BIN" copy --quiet --map "$name.map" "$name.raw" "env:DISK_$name" || fail "cannot make the VM's disk $name"
done
# Each copy at 2.5 MB/s, so that it is seen on its way.
cat >config.json <<CONFIG
{"regions":[{"name":"westus","url":"$west_URL/disks","account":"disks","key":"env:CLI_KEY"},
            {"name":"eastus","url":"$east_URL/disks","account":"disks","key":"env:CLI_KEY"},
            {"name":"northus","url":"$north_URL/disks","account":"disks","key":"env:CLI_KEY"}],
 "limits":{"bytesPerSecond":1000000},
 "virtualMachines":[{"id":"/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm1",
   "location":"westus",
   "disks":[{"name":"vm1-os","role":"os","blob":"vhds/vm-os"},{"name":"vm1-data","lun":0,"blob":"vhds/vm-data"}]}]}
CONFIG
controld_start one --config config.json --token env:SNAPFERRYD_TOKEN --tls-cert "$LAB/server.pem" \
    --tls-key "$LAB/server.key" || exit 1
export one_URL one_PID CHROMIUM
NODE_EXTRA_CA_CERTS=$LAB/ca.pem HOME=$TMPDIR node "$SYSTEM/controld_page.mjs" >page.out 2>page.err
check "the page does what it promises" grep -qx 'the page is well' page.out
grep '^ok ' page.out | sed 's/^ok /  /'
[ "$FAILED" = 0 ] || cat page.out page.err | sed 's/sig=[^&" ]*/sig=.../g' | tail -60
no_secret one.out one.err page.out page.err
finish
