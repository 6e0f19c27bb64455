#!/usr/bin/env bash
# schedule and keep over the real program: a first restore point comes by itself, in a collection that is made by itself;
# when the next is due (the catalog's rows are made older while nothing runs) it comes, and the old one goes, with its
# snapshots. What a caller made stays. A machine whose disk is not there is told in the log, and hinders nobody.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
. tests/system/controld_lab.sh
trap 'controld_end_all; end_regions' EXIT
cd "$TMPDIR" || exit 1
export SNAPFERRYD_TOKEN=a-token-for-this-test-0123456789
GROUP=/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute
HOURLY=$GROUP/restorePointCollections/hourly
start_region west

head -c 1M /dev/urandom >disk.raw
for disk in os data; do
    declare -x "DISK_$disk=$(sas "$west_URL" "vm-$disk" rcwd)"
    "$SNAPFERRY_BIN" copy --quiet --map "$disk.map" disk.raw "env:DISK_$disk" || fail "cannot make the VM's disk $disk"
done
cat >config.json <<CONFIG
{"regions":[{"name":"westus","url":"$west_URL/disks","account":"disks","key":"env:CLI_KEY"}],
 "virtualMachines":[
   {"id":"$GROUP/virtualMachines/vm1","location":"westus",
    "disks":[{"name":"vm1-os","role":"os","blob":"vhds/vm-os"},{"name":"vm1-data","lun":0,"blob":"vhds/vm-data"}],
    "schedule":{"everyMinutes":60,"collection":"$HOURLY"},"keep":{"last":1}},
   {"id":"$GROUP/virtualMachines/vm2","location":"westus",
    "disks":[{"name":"vm2-os","role":"os","blob":"vhds/nowhere"}],
    "schedule":{"everyMinutes":60,"collection":"$GROUP/restorePointCollections/broken"},"keep":{"last":1}}]}
CONFIG

# ask METHOD PATH [BODY]: sets STATUS, leaves the answer in ./answer. The token goes in by a file.
printf 'header = "authorization: Bearer %s"\n' "$SNAPFERRYD_TOKEN" >curl.config
ask() {
    STATUS=$(curl -sS -m 60 -K curl.config -o answer -w '%{http_code}' -X "$1" -H 'content-type: application/json' \
        ${3:+--data "$3"} "$one_URL$2?api-version=2024-03-01${4:-}")
}

# scheduled STATE: the names of the hourly points that the schedule made and that are in this state, one a line.
scheduled() {
    ask GET "$HOURLY" '' '&$expand=restorePoints'
    [ "$STATUS" = 200 ] && python3 - "$1" <<'PYTHON'
import json, sys
for point in json.load(open('answer'))['properties'].get('restorePoints', []):
    if point['name'].startswith('scheduled-') and point['properties']['provisioningState'] == sys.argv[1]:
        print(point['name'])
PYTHON
}

# wait_for WORDS COMMAND...: until it is true, a minute at most.
wait_for() {
    local words=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ]; then
            fail "$words" answer one.err
            return 1
        fi
        sleep 0.2
    done
    PASSED=$((PASSED + 1))
}
has_one() { [ "$(scheduled Succeeded | wc -l)" = 1 ]; }
has_another() { [ "$(scheduled Succeeded)" != "$FIRST" ] && has_one; }
is_gone() {
    ask GET "$HOURLY/restorePoints/$FIRST"
    [ "$STATUS" = 404 ]
}
is_cut() {
    ask GET "$HOURLY/restorePoints/by-hand"
    grep -q '"provisioningState":"Succeeded"' answer
}
is_told() { grep -q 'vm2: no restore point was made on schedule, next try in 1 min: .*nowhere' one.err; }
# A region's line in its log follows its answer.
are_deleted() { [ "$(grep -c '"method":"DELETE".*"blob":"vm-[a-z]*","snapshot":.*"status":202' "$west_LOG")" = 2 ]; }
snapshots() { # how many the blob has
    python3 - "$1" <<'PYTHON'
import sqlite3, sys
rows = sqlite3.connect('file:one/catalog.db?mode=ro', uri=True).execute(
    "SELECT count(*) FROM disk_points WHERE snapshot IS NOT NULL AND blob = ?", sys.argv[1:])
print(rows.fetchone()[0])
PYTHON
}

controld_start one --config config.json --token env:SNAPFERRYD_TOKEN || exit 1
wait_for "the first point comes by itself" has_one
FIRST=$(scheduled Succeeded)
check "it is named by its time" grep -qE '^scheduled-[0-9]{8}T[0-9]{6}Z$' <<<"$FIRST"
wait_for "a disk that is not there is told" is_told
ask PUT "$HOURLY/restorePoints/by-hand" '{}'
check "a caller makes one, too" [ "$STATUS" = 201 ]
wait_for "it is cut" is_cut # a cut that the end of snapferryd interrupts is dropped, and made anew
controld_end one
check "it ends well" [ $? = 0 ]

# An hour goes by while nothing runs.
python3 - <<'PYTHON'
import sqlite3
db = sqlite3.connect('one/catalog.db')
db.execute('UPDATE points SET created_ns = created_ns - 3700000000000')
db.commit()
db.close()
PYTHON
controld_start one --config config.json --token env:SNAPFERRYD_TOKEN || exit 1
wait_for "the next one comes, and the first goes" has_another
wait_for "nobody finds the first any more" is_gone
wait_for "its snapshots were deleted" are_deleted
check "of each disk there are the caller's and the newest" [ "$(snapshots vm-os) $(snapshots vm-data)" = "2 2" ]
ask GET "$HOURLY/restorePoints/by-hand"
check "what the caller made is there" [ "$STATUS" = 200 ]
controld_end one
check "it ends well again" [ $? = 0 ]
no_secret one.out one.err
finish
