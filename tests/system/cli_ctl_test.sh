#!/usr/bin/env bash
# snapferry ctl: its verbs, its table, its exit statuses; limits that count while a run goes on, by the region's log; URLs
# that really end and are renewed in time and late.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
cd "$TMPDIR" || exit 1
. "$SNAPFERRY_SOURCE_DIR/tests/system/run_lab.sh"
SF=$SNAPFERRY_BIN
start_region west
start_region east
raw disk.raw 16
disks 2 disk.raw
LONG_ID="a-subscription/with-a-long-name/and-a-restore-point-of-it/whose-name-is-longer-still/os-disk"

# ---- Wrong usage, and nobody there ----
expect 2 'verb' "$SF" ctl
expect 2 'verb' "$SF" ctl path
expect 2 'no verb "dance"' "$SF" ctl path dance
expect 2 'DISK' "$SF" ctl path pause
expect 2 'too many' "$SF" ctl path pause a b
expect 2 'too many' "$SF" ctl path status a
expect 2 'from 1 to 1000' "$SF" ctl path priority a
expect 2 'from 1 to 1000' "$SF" ctl path priority a 0
expect 2 'source, base or target' "$SF" ctl path renew a sauce env:SOURCE_d0
expect 2 'renew DISK' "$SF" ctl path renew a source
expect 2 'not set' "$SF" ctl path renew a source env:NOT_THERE
expect 2 'No such file' "$SF" ctl path renew a source @nowhere
expect 2 'takes a URL' "$SF" ctl path renew a source word
expect 2 'without --restore-point' "$SF" ctl path renew source env:SOURCE_d0 --restore-point p
expect 2 'NAME=VALUE' "$SF" ctl path limits
expect 2 'is no limit' "$SF" ctl path limits speed=5
expect 2 'none' "$SF" ctl path limits bytesPerSecond=fast
expect 2 '--restore-point goes with' "$SF" ctl path status --restore-point p
expect 2 '--expires goes with' "$SF" ctl path status --expires 2030-01-01T00:00:00Z
expect 2 'bytes, and the kernel' "$SF" ctl "$(printf 'x%.0s' {1..120})" status
expect 3 'nobody answers at nowhere' "$SF" ctl nowhere status
expect 3 'nobody answers' "$SF" ctl disk.raw status
expect 3 'nobody answers' "$SF" ctl nowhere status --json
"$SF" ctl nowhere status --quiet >out 2>err
check "--quiet says nothing" sh -c '[ ! -s out ] && [ ! -s err ]'

# ---- Limits count while the run goes on ----
# moved SECONDS: what is written in about that time; BYTES, and in WITHIN_MS not less than the time it took.
moved() {
    local seen begun=${EPOCHREALTIME/./}
    seen=$(wc -l <"$east_LOG")
    sleep "$1"
    tail -n "+$((seen + 1))" "$east_LOG" >moved.log
    WITHIN_MS=$(((${EPOCHREALTIME/./} - begun) / 1000))
    BYTES=$(grep '"pageWrite":"update"' moved.log | sed 's/.*"rangeLength":\([0-9]*\).*/\1/' |
        awk '{ sum += $1 } END { print sum + 0 }')
}
JOB_MORE=',"limits":{"bytesPerSecond":131072,"blobBytesPerSecond":"none","blobRequestsPerSecond":"none"}'
job "$(point rp-1 "$(disk d0)" "$(disk "$LONG_ID" d1)")" >two.json
JOB_MORE=
begin run two.json --control ctl
sees run '"durableBytes":[1-9]' >seen || fail "no progress" seen
# 5 % above, and a request on each side of the window; run_caps_test.sh is the one that measures
moved 2
check "128 KiB/s is held: $BYTES in $WITHIN_MS ms" \
    [ "$BYTES" -gt 50000 -a "$BYTES" -le $((WITHIN_MS * 131072 / 1000 * 105 / 100 + 2 * 65536)) ]
expect 0 'from the next' "$SF" ctl ctl limits bytesPerSecond=1M
sleep 1
moved 2
check "1 MiB/s counts at once: $BYTES in $WITHIN_MS ms" \
    [ "$BYTES" -gt $((WITHIN_MS * 131072 / 1000 * 2)) -a "$BYTES" -le $((WITHIN_MS * 1048576 / 1000 * 105 / 100 + 2 * 104858)) ]
expect 0 'from the next' "$SF" ctl ctl limits bytesPerSecond=128K memoryBytes=64M accountBytesPerSecond=none blobRequestsPerSecond=400
expect 1 'must be a whole number' "$SF" ctl ctl limits bytesPerSecond=1K
expect 1 'must be a whole number' "$SF" ctl ctl limits memoryBytes=none

# ---- The table ----
expect 0 'restore point rp-1' "$SF" ctl ctl status
cp out table
check "it has a head, a restore point, two disks" [ "$(grep -c . table)" = 4 ]
check "no line is wider than a screen" sh -c '! grep -q "^.\{80\}" table'
check "state, percent, rate and time left" grep -qE '^d0 +copying +[0-9.]+% +[0-9.]+ [KM]iB/s +[0-9:]+$' table
check "a long id keeps its end" grep -qE '/os-disk +copying ' table
expect 0 '"disks":[' "$SF" ctl ctl status --json
check "--json is one line, the run's own answer" node -e '
    const a = JSON.parse(require("fs").readFileSync("out", "utf8"));
    process.exit(a.event === "answer" && a.accepted && a.disks.length === 2 ? 0 : 1)'

# ---- Verbs ----
expect 0 '' "$SF" ctl ctl pause d0
expect 1 'paused already' "$SF" ctl ctl pause d0
expect 1 'no disk "d7"' "$SF" ctl ctl pause d7
expect 1 '"accepted":false' "$SF" ctl ctl pause d7 --json
sees run '"event":"state","disk":"d0".*/paused"' >seen || fail "d0 is not paused" seen
expect 0 'paused' "$SF" ctl ctl status
expect 0 '' "$SF" ctl ctl resume d0
expect 0 '' "$SF" ctl ctl priority "$LONG_ID" 20
expect 0 '' "$SF" ctl ctl priority 3 --restore-point rp-1
expect 0 '' "$SF" ctl ctl pause --restore-point rp-1
sees run 'os-disk.*/paused"' >seen || fail "not paused" seen
expect 0 '' "$SF" ctl ctl resume --restore-point rp-1
expect 1 'base' "$SF" ctl ctl renew d0 base env:SOURCE_d0
expect 0 '' "$SF" ctl ctl renew d0 source env:SOURCE_d0
echo "$TARGET_d0" >target.url
expect 0 '' "$SF" ctl ctl renew d0 target @target.url --expires 2090-01-01T00:00:00Z
expect 1 '' "$SF" ctl ctl renew d0 target env:TARGET_d1
expect 0 '' "$SF" ctl ctl cancel "$LONG_ID"
expect 0 'from the next' "$SF" ctl ctl limits bytesPerSecond=none
ends run 3
holds run 'disk("d0").summary.code.endsWith("/succeeded")'
expect 3 'nobody answers' "$SF" ctl ctl status
same d0

# ---- URLs that end ----
# short URL BLOB PERMISSIONS SECONDS [SNAPSHOT]: as sas
short() {
    "$REGIOND_BIN" sas --account "disks:env:CLI_KEY" --resource "vhds/$2" --permissions "$3" \
        --expiry "+$4s" ${5:+--snapshot "$5"} "$1"
}
TARGET_good=$TARGET_d1
TARGET_d1=$(short "$east_URL" d1 rcwd 4)
TARGET_d0=$(sas "$east_URL" d0 rcwd)
export TARGET_d1 TARGET_d0 TARGET_good
JOB_MORE=',"limits":{"bytesPerSecond":1048576}'
job "$(point rp "$(disk d0)" "$(disk d1)")" >ending.json
JOB_MORE=
begin ending ending.json --control ctl --restart
sees ending '"event":"accessExpiring","disk":"d1".*"side":"target"' >seen || fail "nobody is told that it ends" seen
sees ending '"event":"state","disk":"d1".*/waitingForAccess"' >seen || fail "d1 does not wait" seen
expect 0 'needs a URL' "$SF" ctl ctl status
expect 1 '' "$SF" ctl ctl renew d1 target env:TARGET_d1
expect 0 '' "$SF" ctl ctl renew d1 target env:TARGET_good
expect 0 'from the next' "$SF" ctl ctl limits bytesPerSecond=none
ends ending 0
holds ending 'disk("d1").states.join() === "pending,inProgress,waitingForAccess,inProgress,succeeded"'
holds ending 'disk("d0").states.join() === "pending,inProgress,succeeded"'
TARGET_d1=$TARGET_good
same d0 d1
grep -hE 'sig=|sv=' ./*.events ./*.err out err table && fail "a secret"
finish
