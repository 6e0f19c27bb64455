#!/usr/bin/env bash
# Bad input to snapferryd: malformed bodies, names, versions, verbs. The ARM error each time, and nothing changed.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
. tests/system/controld_lab.sh
MJS=$PWD/tests/system
trap 'controld_end_all; end_regions' EXIT
cd "$TMPDIR" || exit 1
export REGION_KEY=c2VjcmV0 SNAPFERRYD_TOKEN=a-token-for-this-test-0123456789
truncate -s 1M disk.raw
cat >config.json <<CONFIG
{"regions":[{"name":"eastus","url":"http://127.0.0.1:1/east","key":"env:REGION_KEY"}],
 "virtualMachines":[{"id":"/subscriptions/sub/resourceGroups/group/providers/Microsoft.Compute/virtualMachines/vm1",
   "location":"eastus","disks":[{"name":"os","role":"os","file":"$TMPDIR/disk.raw"}]}]}
CONFIG
controld_start one --config config.json --token env:SNAPFERRYD_TOKEN || exit 1
check "bad input is refused in form, and changes nothing" node "$MJS/controld_input.mjs" "$one_URL"
controld_end one
check "it is alive to the end" [ $? = 0 ]
if [ -s one.err ]; then fail "it said something" one.out one.err; fi
if grep -q "$SNAPFERRYD_TOKEN" one.out one.err; then fail "the token in the output"; fi

# A port that is taken: a sentence, not an abort.
controld_start two --config config.json --token env:SNAPFERRYD_TOKEN || exit 1
expect 1 'in use' "$SNAPFERRYD_BIN" --config config.json --data three --token env:SNAPFERRYD_TOKEN \
    --listen "${two_URL#http://}"
finish
