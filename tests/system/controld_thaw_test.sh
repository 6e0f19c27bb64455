#!/usr/bin/env bash
# A machine whose thaw fails: told, refused to be cut again, thawed by a later try while snapferryd runs.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
. tests/system/controld_lab.sh
trap 'controld_end_all; end_regions' EXIT
cd "$TMPDIR" || exit 1
GROUP=/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute
start_region west
head -c 1M /dev/urandom >disk.raw
DISK_os=$(sas "$west_URL" vm-os rcwd)
export DISK_os
"$SNAPFERRY_BIN" copy --quiet disk.raw env:DISK_os || fail "cannot make the VM's disk"
cat >thaw.sh <<SH
echo thaw >>"$TMPDIR/hooks.log"
[ -e "$TMPDIR/repaired" ] && exit
echo 'the database does not answer' >&2
exit 9
SH
vm() { # NAME HOOKS
    echo '{"id":"'$GROUP'/virtualMachines/'"$1"'","location":"westus","disks":[{"name":"'"$1"'-os","role":"os","blob":"vhds/vm-os"}]'"$2"'}'
}
cat >config.json <<CONFIG
{"regions":[{"name":"westus","url":"$west_URL/disks","account":"disks","key":"env:CLI_KEY"}],
 "virtualMachines":[
   $(vm vm1 ',"hooks":{"freezeCommand":"echo freeze >>'"$TMPDIR"'/hooks.log","thawCommand":"sh '"$TMPDIR"'/thaw.sh"}'),
   $(vm vm2 '')]}
CONFIG
controld_start one --config config.json --no-auth || exit 1

# is STATUS METHOD PATH [BODY]: asks, and compares; the answer is in ./answer.
is() {
    local got
    got=$(curl -sS -m 60 -o answer -w '%{http_code}' -X "$2" -H 'content-type: application/json' ${4:+--data "$4"} \
        "$one_URL$GROUP/$3?api-version=2024-03-01")
    check "$2 $3 is answered $1, not $got" [ "$got" = "$1" ]
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
collection() {
    is 201 PUT "restorePointCollections/$1" '{"location":"westus","properties":{"source":{"id":"'$GROUP'/virtualMachines/'"$2"'"}}}'
}
is_cut() {
    curl -sS "$one_URL$GROUP/restorePointCollections/$1?api-version=2024-03-01" >answer &&
        grep -q '"provisioningState":"Succeeded"' answer && grep -q "\"statusCode\":\"$2\"" answer
}

collection rpc vm1
collection other vm2
is 201 PUT restorePointCollections/rpc/restorePoints/p1 '{}'
until_true "the machine is told to be frozen" grep -q 'STILL FROZEN, since .*/p1, may be .*/vm1: .*does not answer' one.err
check "its thaw was tried four times" [ "$(grep -c thaw hooks.log)" = 4 ]
until_true "its restore point is whole, all the same" is_cut rpc/restorePoints/p1 ThawFailed
is 409 PUT restorePointCollections/rpc/restorePoints/p2 '{}'
check "says why" grep -q 'may still be frozen.*p1' answer
is 409 PUT restorePointCollections/rpc/restorePoints/p2 '{"properties":{"consistencyMode":"CrashConsistent"}}'
check "nothing was frozen a second time" [ "$(grep -c freeze hooks.log)" = 1 ]
is 201 PUT restorePointCollections/other/restorePoints/p1 '{}'
: >repaired
until_true "it is thawed while snapferryd runs" grep -q 'vm1, frozen since .*/p1, is thawed at last' one.err
check "nothing is noted as frozen" [ -z "$(ls one/frozen)" ]
is 201 PUT restorePointCollections/rpc/restorePoints/p2 '{}'
until_true "the next one is made" is_cut rpc/restorePoints/p2 Succeeded
controld_end one
check "it ends well" [ $? = 0 ]
no_secret one.out one.err
finish
