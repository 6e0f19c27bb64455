#!/usr/bin/env bash
# snapferry run with real regions: several restore points, one bad disk, jobs that are wrong, jobs from stdin, signals,
# the same job twice, and kill -9 in the midst of many disks.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
cd "$TMPDIR" || exit 1
. "$SNAPFERRY_SOURCE_DIR/tests/system/run_lab.sh"
SF=$SNAPFERRY_BIN
start_region west
start_region east
raw disk.raw 8
disks 6 disk.raw

# ---- Two restore points, one with a disk that is not there ----
SOURCE_gone=$(sas "$west_URL" gone r)
TARGET_gone=$(sas "$east_URL" gone rcwd)
SOURCE_shut=$SOURCE_d3
TARGET_shut=$(sas "$east_URL" shut r)
export SOURCE_gone TARGET_gone SOURCE_shut TARGET_shut
DISK_MORE=',"verify":true,"colour":"blue"'
job "$(point rp-good "$(disk d0)" "$(disk d1)")" "$(point rp-bad "$(disk d2)" "$(disk gone)" "$(disk shut)")" >two.json
DISK_MORE=
begin two two.json
ends two 1
holds two 'point("rp-good").code.endsWith("/succeeded") && point("rp-bad").code.endsWith("/failed")'
holds two '["d0","d1","d2"].every((d) => disk(d).summary.code.endsWith("/succeeded"))'
holds two 'disk("gone").summary.message.includes("does not exist")'
holds two '((s) => s.httpStatus === 403 && s.requestId && s.lastPercent === 0)(disk("shut").summary)'
holds two 'disk("d0").states.join() === "pending,inProgress,succeeded"'
holds two 'of("warning").some((e) => e.path === "$.restorePoints[0].disks[0].colour")'
same d0 d1 d2

# ---- The same job again: what is complete is not copied again ----
before=$(writes "$east_LOG")
begin again two.json
ends again 1
check "nothing was written again" [ "$(writes "$east_LOG")" = "$before" ]

# ---- Jobs that are wrong: nothing is begun ----
cp "$west_LOG" west.before
cp "$east_LOG" east.before
# wrong NAME PATTERN: NAME.json is refused, with an event like that; in words for people, too.
wrong() {
    expect 2 '"event":"end","exit":2' "$SF" run "$1.json"
    cp out "$1.events"
    check "$1 says $2" grep -qE "$2" "$1.events"
    holds "$1" 'exit === 2 && of("state").length === 0 && of("invalid").length > 0'
    expect 2 '' "$SF" run "$1.json" --quiet
    check "$1 --quiet prints no event" [ ! -s out ]
    check "$1 says why in words" grep -q '^snapferry: ' err
    expect 2 '"exit":2' "$SF" run - <"$1.json"
}
echo '{"restorePoints":[' >cut.json
wrong cut '"event":"invalid".*"message":"[^"]+'
job "$(point a "$(disk x d0)")" | sed 's/,/,\n/g' >lines.json
expect 2 'must not be on several lines' "$SF" run - <lines.json
echo '[]' >array.json
wrong array '"event":"invalid"'
: >empty.json
wrong empty '"event":"invalid"'
job >none.json
wrong none '"path":"\$\.restorePoints"'
job "$(point a "$(disk x d0)" "$(disk x d1)")" >ids.json
wrong ids '"path":"\$\.restorePoints\[0\]\.disks\[1\]\.id"'
job "$(point a "$(disk x d0)")" "$(point a "$(disk y d1)")" >points.json
wrong points '"path":"\$\.restorePoints\[1\]\.id"'
job "$(point a "$(disk x d0)")" "$(point b "$(disk y d0)")" >targets.json
wrong targets '"path":"\$\.restorePoints\[1\]\.disks\[0\]\.target'
job "$(point a '{"id":"x","source":{"url":7},"target":{}}' '{"id":"","priority":0}')" >many.json
wrong many '"path":"\$\.restorePoints\[0\]\.disks\[0\]\.source\.url"'
holds many 'of("invalid").length >= 5'
JOB_MORE=',"limits":{"bytesPerSecond":7,"memoryBytes":"much"},"report":{"url":"ftp://x","intervalMs":1}'
job "$(point a "$(disk x d0)")" >limits.json
JOB_MORE=
wrong limits '"path":"\$\.limits\.bytesPerSecond"'
JOB_MORE=',"report":{"url":"http://127.0.0.1:9/events","tokenEnv":"NOT_THERE"}'
job "$(point a "$(disk x d0)")" >token.json
JOB_MORE=
wrong token 'NOT_THERE'
head -c 68000000 /dev/zero | tr '\0' x >long.json
wrong long '67108864'
SECRET_JOB='{"restorePoints":[{"id":"a","disks":[{"id":"x","source":{"url":"https://h/c/b?sv=1&sig=abc"},"target":5}]}],'
echo "$SECRET_JOB" >secret.json
expect 2 '"event":"invalid"' "$SF" run secret.json
expect 2 'No such file' "$SF" run nowhere.json
expect 2 '"event":"end","exit":2' "$SF" run --json
expect 2 '"event":"end","exit":2' "$SF" run two.json more --json
expect 2 'no socket' "$SF" run two.json --control disk.raw
expect 2 'cannot make the control socket' "$SF" run two.json --control nowhere/socket
expect 2 'bytes, and the kernel' "$SF" run two.json --control "$(printf 'x%.0s' {1..120})"
check "nothing was asked of west" cmp -s "$west_LOG" west.before
check "nothing was asked of east" cmp -s "$east_LOG" east.before
finish
