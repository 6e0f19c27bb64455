#!/usr/bin/env bash
# The main job by command: full copy, snapshot, delta, plan, verify between two regions, as a person and
# as a program see it; interrupted and killed in the midst.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
start_region west
start_region east
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
WEST=$(sas "$west_URL" disk.vhd rcwd)
EAST=$(sas "$east_URL" disk.vhd rcwd)
export WEST EAST

# take_snapshot VARIABLE: of the western disk; exports a read-only URL of it.
take_snapshot() {
    local said
    said=$("$SF" snapshot env:WEST) || fail "snapshot"
    case $said in
    "${WEST%%\?*}?snapshot="*) PASSED=$((PASSED + 1)) ;;
    *) fail "snapshot does not print its URL" ;;
    esac
    export "$1=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")"
}

# json_is FILE EXPRESSION: every line of FILE is a JSON object, and the expression over `events` holds.
json_is() {
    node -e '
        const lines = require("fs").readFileSync(process.argv[1], "utf8").trimEnd().split("\n");
        const events = lines.map((line) => JSON.parse(line));
        const of = (name) => events.filter((e) => e.event === name);
        process.exit(eval(process.argv[2]) ? 0 : 1);' "$1" "$2"
}

# ---- A full copy, then what changed ----
expect 0 'complete and verified' "$SF" copy pattern:32M,1,500 env:WEST --verify
take_snapshot RP1
expect 0 'complete' "$SF" copy env:RP1 env:EAST
expect 0 'equal' "$SF" verify env:RP1 env:EAST
expect 0 'complete' "$SF" copy pattern:32M,2,500 env:WEST
take_snapshot RP2
expect 0 'delta copy' "$SF" plan env:RP2 env:EAST --base env:RP1
expect 0 'at the base' "$SF" plan env:RP2 --base env:RP1
expect 4 'differs: offset' "$SF" verify env:RP2 env:EAST
expect 0 'equal' "$SF" verify env:RP1 env:EAST
expect 0 'delta copy of a disk' "$SF" copy env:RP2 env:EAST --base env:RP1
expect 0 'equal' "$SF" verify env:RP2 env:EAST
expect 0 'nothing is left to do' "$SF" copy env:RP2 env:EAST --base env:RP1
expect 0 'complete already' "$SF" copy env:RP2 env:EAST
expect 0 'nothing is left to do' "$SF" plan env:RP2 env:EAST --base env:RP1
expect 0 'Making a full copy' "$SF" copy env:RP2 env:EAST --base env:RP1 --restart

# ---- As a program sees it ----
expect 0 '"event":"end","exit":0' "$SF" copy env:RP1 env:EAST --verify --json
cp out events
check "events are JSON, end last" json_is events 'events.at(-1).event === "end" && events.at(-1).exit === 0'
check "percent never goes back and ends at 100" json_is events '
    of("progress").every((e, i, all) => i === 0 || e.completionPercent >= all[i - 1].completionPercent)
    && of("progress").at(-1).completionPercent === 100'
check "100 is said once, after the verify" json_is events '
    of("progress").filter((e) => e.completionPercent === 100).length === 1'
check "one summary that adds up" json_is events '
    of("summary").length === 1 && of("summary")[0].verified && of("summary")[0].root.startsWith("sha256:")
    && of("summary")[0].writtenBytes + of("summary")[0].skippedBytes <= of("summary")[0].diskBytes'
expect 4 '"event":"end","exit":4' "$SF" verify env:RP2 env:EAST --json
check "differences are events" json_is out '
    of("difference").length > 0 && of("difference").every((e) => e.offset % 512 === 0 && e.length % 512 === 0)
    && of("difference").reduce((sum, e) => sum + e.length, 0) === of("summary")[0].differentBytes'
expect 0 '"event":"plan"' "$SF" plan env:RP2 --base env:RP1 --json
check "a plan is an event" json_is out 'of("plan")[0].mode === "delta" && of("plan")[0].readBytes > 0'
expect 0 '"event":"snapshot"' "$SF" snapshot env:WEST --json
check "quiet says nothing" [ -z "$("$SF" copy env:RP1 null: --quiet 2>&1)" ]

# ---- Interrupted, killed, run again ----
echo '{"latencyMs":20,"blob":{"bytesPerSecond":6000000}}' >slow.json
start_region slow --shape "$TMPDIR/slow.json"
SLOW=$(sas "$slow_URL" disk.vhd rcwd)
export SLOW

# until_moving: starts a slow copy and returns when it has said that bytes are durable.
until_moving() {
    : >moving # there before anybody looks at it, and without what was said before
    "$SF" copy pattern:32M,4,0 env:SLOW --json --window 1 --max-window 2 >>moving 2>>moving.err &
    MOVING=$!
    until_said moving '"durableBytes":[1-9]' "$MOVING"
}
until_moving
kill -INT "$MOVING"
wait "$MOVING"
check "an interrupted copy ends with 130" [ $? = 130 ]
check "and says so" json_is moving 'events.at(-1).exit === 130 && of("summary")[0].code.endsWith("/paused")'
restart_region slow
expect 4 'was not finished' "$SF" verify pattern:32M,4,0 env:SLOW
restart_region slow --shape slow.json
until_moving
kill -KILL "$MOVING"
wait "$MOVING" 2>/dev/null
restart_region slow
expect 0 'complete and verified' "$SF" copy pattern:32M,4,0 env:SLOW --verify
restart_region slow --shape slow.json

# ---- On a terminal ----
FRESH=$(sas "$slow_URL" fresh.vhd rcwd)
export FRESH
script -qec "stty cols 60; TERM=xterm $SF copy pattern:20M,3,0 env:FRESH" typescript >/dev/null 2>&1
check "a live line is redrawn, and fits" awk -v RS='[\r\n]' '
    /%.*MiB/ && !/wrote|read/ { lines++; sub(/\033\[K/, ""); if (length($0) > 59) wide++ }
    END { print lines, wide; exit !(lines >= 2 && !wide) }' typescript
check "and is not sent to a file" sh -c "! grep -q '$(printf '\033')' out err"

no_secret "$west_LOG" "$east_LOG" "$slow_LOG" moving moving.err
check "no secret in the state folder" sh -c "! grep -rlE 'sig=' '$XDG_STATE_HOME'"
finish
