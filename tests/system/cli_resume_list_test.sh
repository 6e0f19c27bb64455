#!/usr/bin/env bash
# A long listing that is killed goes on where it was, for a full copy and for a delta. A page is believed, and
# recorded, when the next one lies behind it: by the region's log the last answered page alone comes again.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SYSTEM=$SNAPFERRY_SOURCE_DIR/tests/system
SF=$SNAPFERRY_BIN
# Three pages of a list, twice, of PAGE ranges; the third page takes its time. (The fourth and fifth are the second
# and third, asked for again.)
PAGE=2000
RANGES=4120
CHANGED=4060
echo '{"seed":1,"rules":[{"name":"slow","match":{"verb":"Get Page Ranges","snapshot":true},
       "nth":[3,8],"fault":"delay","ms":3000},
      {"name":"short","match":{"verb":"Get Page Ranges","snapshot":true},"fault":"listShortPage","entries":'$PAGE'}]}' >"$TMPDIR/faults.json"
start_region west --faults "$TMPDIR/faults.json"
start_region east
cd "$TMPDIR" || exit 1
WEST=$(sas "$west_URL" disk.vhd rcwd)
EAST=$(sas "$east_URL" disk.vhd rcwd)
export WEST EAST

take_snapshot() {
    local said
    said=$("$SF" snapshot env:WEST) || fail "snapshot"
    export "$1=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")"
}
journal_bytes() { cat "$XDG_STATE_HOME"/snapferry/journals/*.journal 2>/dev/null | wc -c; }
KILLS=0
# kill_in_list ARGUMENT...: ends the copy with its third page under way: one is recorded, 2 bytes a range.
kill_in_list() {
    local tries pid
    "$SF" "$@" --quiet >killed.out 2>&1 &
    pid=$!
    for tries in {1..3000}; do
        [ "$(journal_bytes)" -ge $((2 * PAGE)) ] && break
        sleep 0.02
    done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    check "killed while it listed ($tries)" [ $? = 137 ]
    KILLS=$((KILLS + 1))
    for tries in {1..600}; do # the late answer is logged too
        [ "$(grep -c '"fault":"slow"' "$west_LOG")" = $KILLS ] && break
        sleep 0.1
    done
    cp "$west_LOG" before.log
}
# goes_on_in_list FROM WORDS ARGUMENT...: no list is asked for below FROM bytes.
goes_on_in_list() {
    local from=$1 words=$2
    shift 2
    expect 0 "$words" "$SF" "$@"
    check "it says so" grep -q 'interrupted while it was planned' err
    settled west
    check "the list goes on at its second page" node -e '
        const fs = require("fs");
        const lines = (file) => fs.readFileSync(file, "utf8").trimEnd().split("\n");
        const seen = lines("before.log").length;
        const lists = lines(process.argv[1]).slice(seen).map((l) => JSON.parse(l))
            .filter((l) => l.verb === "Get Page Ranges" && !l.since === !process.argv[3]);
        if (lists.length !== 2) console.log(`${lists.length} pages were asked for`);
        if (lists.some((l) => !(l.rangeOffset >= Number(process.argv[2])))) console.log("from the beginning");
        process.exit(lists.length === 2 && lists.every((l) => l.rangeOffset >= Number(process.argv[2])) ? 0 : 1);' \
        "$west_LOG" "$from" "$SINCE"
}
FROM=$((PAGE * 1024 - 1024)) # behind the last range of the first page

DISK=$WEST node "$SYSTEM/many_ranges.mjs" $RANGES || fail "the disk"
take_snapshot RP1
SINCE=
kill_in_list copy env:RP1 env:EAST
check "the target is not touched yet" sh -c '! grep -q "\"verb\":\"Put" "$1"' sh "$east_LOG"
goes_on_in_list $FROM 'complete' copy env:RP1 env:EAST

DISK=$WEST node "$SYSTEM/many_ranges.mjs" $CHANGED again || fail "the change"
take_snapshot RP2
SINCE=yes
kill_in_list copy env:RP2 env:EAST --base env:RP1 --coalesce 0
goes_on_in_list $FROM 'delta copy' copy env:RP2 env:EAST --base env:RP1 --coalesce 0
expect 0 equal "$SF" verify env:RP2 env:EAST

no_secret "$west_LOG" "$east_LOG" killed.out
finish
