#!/usr/bin/env bash
# The same command again after kill -9, SIGTERM and Ctrl-C, in a copy, in its verify and in a long listing:
# it goes on. By the regions' logs nothing durable is read again but what was in flight.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SYSTEM=$SNAPFERRY_SOURCE_DIR/tests/system
start_region west
echo '{"latencyMs":5,"blob":{"bytesPerSecond":16000000}}' >"$TMPDIR/slow.json"
start_region slow --shape "$TMPDIR/slow.json"
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
WEST=$(sas "$west_URL" disk.vhd rcwd)
SLOW=$(sas "$slow_URL" disk.vhd rcwd)
export WEST SLOW

take_snapshot() {
    local said
    said=$("$SF" snapshot env:WEST) || fail "snapshot"
    export "$1=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")"
}
journals() { find "$XDG_STATE_HOME/snapferry/journals" -name '*.journal*' 2>/dev/null | wc -l; }

# part FOLDER NUMBER: what the regions logged since the last part; in flight when a client died is over soon.
west_seen=0 slow_seen=0
part() {
    settled west slow
    tail -n "+$((west_seen + 1))" "$west_LOG" >"$1/source$2.log"
    tail -n "+$((slow_seen + 1))" "$slow_LOG" >"$1/target$2.log"
    west_seen=$((west_seen + $(wc -l <"$1/source$2.log")))
    slow_seen=$((slow_seen + $(wc -l <"$1/target$2.log")))
}
skip() { mkdir -p skipped && part skipped 0; }
# end_in_midst FOLDER SIGNAL WORDS ARGUMENT...: runs snapferry until it has said WORDS, then ends it.
end_in_midst() {
    local folder=$1 signal=$2 words=$3
    shift 3
    mkdir -p "$folder"
    : >"$folder/events1"
    "$SF" "$@" --json >>"$folder/events1" 2>"$folder/err1" &
    MOVING=$!
    until_said "$folder/events1" "$words" "$MOVING"
    kill "-$signal" "$MOVING"
    wait "$MOVING" 2>/dev/null
    STATUS=$?
    part "$folder" 1
    no_secret "$folder/events1" "$folder/err1"
}
# go_on FOLDER WORDS ARGUMENT...: the same again comes through.
go_on() {
    local folder=$1 words=$2
    shift 2
    expect 0 "$words" "$SF" "$@" --json
    cp out "$folder/events2"
    part "$folder" 2
}
# quickly COMMAND...: with the target's region not slow.
quickly() {
    restart_region slow
    "$@"
    restart_region slow --shape slow.json
}
holds() { check "$2: $1" node "$SYSTEM/resume_check.mjs" "$1" "$2"; }
fails_on() {
    node "$SYSTEM/resume_check.mjs" "$1" "$2" >checked 2>&1
    [ $? = 1 ] && grep -q "^$1: " checked && PASSED=$((PASSED + 1)) && return
    fail "the check $1 cannot fail on $2" checked
}
HALF='"durableBytes":[0-9]{8},' # 10 MB or more, of 35; told each second
WINDOW=(--window 2 --max-window 4)

expect 0 complete "$SF" copy pattern:48M,1,300 env:WEST
take_snapshot RP1
skip

# ---- kill -9 in a full copy ----
FULL=(copy env:RP1 env:SLOW --manifest full.manifest "${WINDOW[@]}")
end_in_midst killed KILL "$HALF" "${FULL[@]}"
check "it was killed" [ "$STATUS" = 137 ]
check "a journal is left" [ "$(journals)" = 1 ]
check "readable by its owner only" [ "$(find "$XDG_STATE_HOME" -type f -perm /077 | wc -l)" = 0 ]
go_on killed '"committed":true' "${FULL[@]}"
for name in reads-nothing-twice lists-nothing-again percent-goes-on; do holds "$name" killed; done
check "it says so" grep -q 'Going on from [1-9]' killed/events2
check "no journal is left" [ "$(journals)" = 0 ]
quickly expect 0 '' "$SF" verify --manifest full.manifest env:SLOW
skip

# ---- SIGTERM in a delta, and a journal of one's own ----
expect 0 complete "$SF" copy pattern:48M,2,300 env:WEST
take_snapshot RP2
skip
DELTA=(copy env:RP2 env:SLOW --base env:RP1 --journal mine.journal "${WINDOW[@]}")
end_in_midst delta TERM "$HALF" "${DELTA[@]}"
check "SIGTERM ends with 130" [ "$STATUS" = 130 ]
check "and says how to go on" grep -qE 'Run the same command again; [0-9.]+ % are recorded in mine.journal' delta/events1
check "its journal is where it was wanted" [ -s mine.journal ]
check "and nowhere else" [ "$(journals)" = 0 ]
expect 1 'give the same --base' "$SF" copy env:RP2 env:SLOW --journal mine.journal
expect 1 'is of a delta' "$SF" copy env:RP1 env:SLOW --journal mine.journal
skip
cp mine.journal again.journal
go_on delta '"mode":"delta"' "${DELTA[@]}"
for name in reads-nothing-twice lists-nothing-again percent-goes-on; do holds "$name" delta; done
check "its journal is gone" [ ! -e mine.journal ]
expect 0 'completed the copy' "$SF" copy env:RP2 env:SLOW --base env:RP1 --journal again.journal --json
check "what others moved is no rate of ours" sh -c 'grep -q "\"bytesPerSecond\":0," out && ! grep -q "\"bytesPerSecond\":[1-9]" out'
quickly expect 0 equal "$SF" verify env:RP2 env:SLOW
skip

# ---- Killed in the verify after a copy: neither is done again ----
VERIFIED=(copy env:RP1 env:SLOW --verify "${WINDOW[@]}")
end_in_midst verify KILL '"phase":"verifying"' "${VERIFIED[@]}"
check "journals of copy and verify are left" [ "$(journals)" -ge 1 ]
go_on verify '"verified":true' "${VERIFIED[@]}"
check "the copy was complete" grep -q 'completed the copy' verify/events2
check "nothing is written" node -e '
    const log = require("fs").readFileSync("verify/target2.log", "utf8");
    process.exit(log.includes("\"Put Page\"") ? 1 : 0);'
check "no journal is left" [ "$(journals)" = 0 ]

# ---- A verify by itself ----
end_in_midst alone HUP "$HALF" verify env:RP1 env:SLOW "${WINDOW[@]}"
check "a verify says that it stops" grep -q 'Once more ends at once' alone/events1
check "a verify that was stopped says how to go on" grep -q 'are recorded in' alone/events1
go_on alone '"equal":true' verify env:RP1 env:SLOW "${WINDOW[@]}"
check "what was equal is not compared again" node -e '
    const events = require("fs").readFileSync("alone/events2", "utf8").trim().split("\n").map((l) => JSON.parse(l));
    const s = events.find((e) => e.event === "summary");
    process.exit(s.resumedBytes > 1e7 && s.comparedBytes < 3e7 ? 0 : 1);'

# ---- Another copy, --restart ----
skip
end_in_midst restart KILL "$HALF" copy env:RP2 env:SLOW "${WINDOW[@]}"
expect 1 'its source is another' "$SF" copy env:RP1 env:SLOW
check "the advice is given" grep -q -- '--restart drops' err
go_on restart '"resumedBytes":0' copy env:RP1 env:SLOW --restart "${WINDOW[@]}"
fails_on reads-nothing-twice restart
fails_on lists-nothing-again restart
fails_on percent-goes-on restart
quickly expect 0 equal "$SF" verify env:RP1 env:SLOW

# ---- To a file ----
end_in_midst file KILL '"durableBytes":[1-9]' copy env:SLOW file.img --window 1 --max-window 2
go_on file '"committed":true' copy env:SLOW file.img --window 1 --max-window 2
check "what was synced is not read again" node -e '
    const events = require("fs").readFileSync("file/events2", "utf8").trim().split("\n").map((l) => JSON.parse(l));
    const s = events.find((e) => e.event === "summary");
    process.exit(s.resumedBytes > 0 && s.readBytes < 35e6 ? 0 : 1);'
expect 0 equal "$SF" verify env:RP1 file.img

# ---- No journal ----
expect 0 complete "$SF" copy env:RP1 null:
check "what keeps nothing has none" [ "$(journals)" = 0 ]
expect 0 'there is no journal' env -u HOME -u XDG_STATE_HOME "$SF" copy pattern:4M homeless.img

no_secret "$west_LOG" "$slow_LOG"
check "no secret in the state folder" sh -c "! grep -rlE 'sig=' '$XDG_STATE_HOME'"
finish
