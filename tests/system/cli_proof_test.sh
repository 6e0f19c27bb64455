#!/usr/bin/env bash
# Proof of copy by command: manifests of full copies and deltas, targets that rot, samples, a diff that lies,
# and the guard that lets nothing unfinished be restored.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SYSTEM=$SNAPFERRY_SOURCE_DIR/tests/system
SF=$SNAPFERRY_BIN
# The second list of a liar's snapshot is the diff of the first delta, and so on: see "A diff that lies".
echo '{"seed":5,"rules":[{"match":{"comp":"pagelist","blob":"liar.vhd","snapshot":true},
    "nth":[2,4,6],"fault":"listDrop"}]}' >"$TMPDIR/lie.json"
start_region west --faults "$TMPDIR/lie.json"
start_region east
cd "$TMPDIR" || exit 1
WEST=$(sas "$west_URL" disk.vhd rcwd)
EAST=$(sas "$east_URL" disk.vhd rcwd)
export WEST EAST

flip() { node "$SYSTEM/flip_stored.mjs" "$TMPDIR/east" "$EAST" "$1"; }
# take_snapshot VARIABLE [LIVE BLOB]: of a western disk; exports a read-only URL of it.
take_snapshot() {
    local said
    said=$("$SF" snapshot "env:${2:-WEST}") || fail "snapshot"
    export "$1=$(sas "$west_URL" "${3:-disk.vhd}" r "${said#*snapshot=}")"
}
# json_is EXPRESSION: over the events that the last expect caught.
json_is() {
    node -e '
        const lines = require("fs").readFileSync("out", "utf8").trimEnd().split("\n");
        const events = lines.map((line) => JSON.parse(line));
        const of = (name) => events.filter((e) => e.event === name);
        process.exit(eval(process.argv[1]) ? 0 : 1);' "$1"
}

# ---- A full copy and its manifest ----
expect 4 'There is nothing there' "$SF" verify --complete env:EAST
expect 0 complete "$SF" copy pattern:64M,1,200 env:WEST --add-footer
expect 0 complete "$SF" copy pattern:64M,1,200 env:WEST --add-footer --manifest m0
take_snapshot RP1
take_snapshot RP1B
expect 0 complete "$SF" copy env:RP1 env:EAST --manifest m1
check "a manifest is for its owner's eyes" [ "$(stat -c %a m1)" = 600 ]
check "and holds no secret" sh -c '! grep -aq sig= m1'
check "and nothing is left beside it" [ ! -e m1.new ]
expect 0 'every block is as the manifest says' "$SF" verify --manifest m1 env:EAST
expect 0 'of another copy' "$SF" verify --manifest m0 env:EAST
expect 0 'complete: 64.0 MiB, with a sound VHD footer' "$SF" verify --complete env:EAST
expect 0 'every block' "$SF" verify env:EAST --complete --manifest m1
expect 0 '"complete":true' "$SF" verify --complete env:EAST --json
check "as events" json_is 'of("complete")[0].footer === "vhd" && of("end")[0].exit === 0 &&
    of("complete")[0].root.startsWith("sha256:") && of("complete")[0].copy.length === 36'
expect 0 '"manifest":true' "$SF" copy env:RP1 null: --manifest m-null --json
expect 0 'every block' "$SF" verify --manifest m-null env:EAST
expect 0 complete "$SF" copy env:RP1 raw.img --strip-footer --manifest m-raw
expect 0 'every block' "$SF" verify --manifest m-raw raw.img --complete
# A file that is not the one the copy wrote, beside its marker: only its bytes can tell.
mv raw.img moved.img && cp moved.img raw.img
expect 4 'older than the file' "$SF" verify --complete raw.img
expect 0 'every block' "$SF" verify --manifest m-raw raw.img --complete
truncate -s 0 raw.img && truncate -s 64M raw.img
expect 4 'differs' "$SF" verify --manifest m-raw raw.img --complete
rm raw.img && mv moved.img raw.img
expect 0 'complete' "$SF" verify --complete raw.img
expect 0 'a raw disk without a footer' "$SF" verify raw.img --complete

# ---- A bit that turns in the target's storage ----
before=$(wc -l <"$west_LOG")
check "a bit is flipped in the east" flip 5832704
expect 4 'differs: offset 5832704 length 512' "$SF" verify env:RP1 env:EAST
before=$(wc -l <"$west_LOG")
expect 4 'differs: offset 5832704 length 65536' "$SF" verify --manifest m1 env:EAST
expect 4 '"event":"difference"' "$SF" verify --manifest m1 env:EAST --json
check "as events" json_is 'of("difference").length === 1 && of("difference")[0].offset === 5832704 &&
    of("summary")[0].differentBytes === 65536 && of("summary")[0].equal === false'
check "the source was not asked" [ "$(wc -l <"$west_LOG")" = "$before" ]
expect 4 'differs: offset 5832704 length 65536' "$SF" verify --complete --manifest m1 env:EAST
expect 4 'DIFFERENT: 512 B of the sample' "$SF" verify env:RP1 env:EAST --sample 100%
expect 0 'equal in the sample' "$SF" verify env:RP1 env:EAST --sample 2% --seed 3
check "it says what share, and the seed" grep -qE '\(2?[0-9]\.[0-9]*%\) compared, the rest was not; seed 3' out
cp out first
expect 0 'seed 3' "$SF" verify env:RP1 env:EAST --sample 2% --seed 3
check "the same seed draws the same" sh -c 'cut -d% -f1 out | cmp - first -n "$(cut -d% -f1 out | wc -c)" ||
    [ "$(sed "s/ *(.*//" out)" = "$(sed "s/ *(.*//" first)" ]'
expect 0 'nothing is left to do' "$SF" copy env:RP1 env:EAST --manifest m1 # its ETag is the one it was left with
expect 0 complete "$SF" copy env:RP1 env:EAST --manifest m1 --restart
expect 0 'every block' "$SF" verify --manifest m1 env:EAST

# ---- Manifests that are none ----
head -c 5000 m1 >cut
expect 1 'ends too early' "$SF" verify --manifest cut env:EAST
cp m1 flipped
printf '\377' | dd of=flipped bs=1 seek=3000 conv=notrunc 2>/dev/null
expect 1 'checksum' "$SF" verify --manifest flipped env:EAST
expect 1 'no sound manifest' "$SF" verify --manifest raw.img env:EAST
expect 1 'No such file' "$SF" verify --manifest nowhere env:EAST
expect 0 complete "$SF" copy pattern:32M,9,0 null: --manifest other
expect 4 'by the manifest it must have' "$SF" verify --manifest other env:EAST
expect 2 'TARGET and --manifest are the same file' "$SF" copy env:RP1 raw.img --strip-footer --manifest raw.img
expect 2 "TARGET's state file" "$SF" copy env:RP1 raw.img --strip-footer --manifest raw.img.snapferry
expect 2 'the same file' "$SF" copy env:RP1 env:EAST --base env:RP1B --manifest m1 --base-manifest ./m1
expect 1 'the manifest' "$SF" copy env:RP1 env:EAST --manifest no/such/folder/m
expect 0 complete "$SF" verify --complete env:EAST

# ---- A delta: read back, and held against its base ----
take_snapshot BACK
check "300 KiB change" node "$SYSTEM/put_random.mjs" "$WEST" 1048576 307200
take_snapshot RP2
expect 0 complete "$SF" copy env:BACK env:EAST --manifest m1
expect 0 'reading the target back' "$SF" copy env:RP2 env:EAST --base env:BACK \
    --manifest m2 --base-manifest m1 --audit 100%
check "it was a delta, and audited" sh -c 'grep -q "delta copy" out && grep -qF "(100%) that the diff" out'
check "its marker knows the root" sh -c 'curl -sfI "$EAST" | grep -qi "^x-ms-meta-snapferry_root: sha256"'
expect 0 'every block' "$SF" verify --complete --manifest m2 env:EAST
expect 0 equal "$SF" verify env:RP2 env:EAST

# The target rots where the next delta does not look.
expect 0 complete "$SF" copy env:BACK env:EAST --manifest m1
check "a bit is flipped in the east" flip 33554432
expect 1 'offset 33554432, length 65536 the target is neither changed' "$SF" copy env:RP2 env:EAST \
    --base env:BACK --manifest m2 --base-manifest m1
expect 4 'begun and not finished' "$SF" verify --complete env:EAST
check "it has no footer" sh -c '! curl -sf -r 67108864-67109375 "$EAST" | tr -d "\0" | grep -q .'
expect 0 complete "$SF" copy env:RP2 env:EAST --manifest m2
expect 0 equal "$SF" verify env:RP2 env:EAST
check "a little changes" node "$SYSTEM/put_random.mjs" "$WEST" 8388608 4096
take_snapshot RP3
expect 2 'it is of another disk or snapshot' "$SF" copy env:RP3 env:EAST --base env:RP2 \
    --base-manifest m1 --audit 1%
expect 0 'complete' "$SF" verify --complete env:EAST

# ---- A diff that lies: half of the disk changed, and it says that nothing did ----
LIAR=$(sas "$west_URL" liar.vhd rcwd)
LIED_TO=$(sas "$east_URL" liar.vhd rcwd)
export LIAR LIED_TO
expect 0 complete "$SF" copy pattern:64M,3,0 env:LIAR --add-footer
take_snapshot L1 LIAR liar.vhd
expect 0 complete "$SF" copy env:L1 env:LIED_TO --manifest l1
check "half of it changes" node "$SYSTEM/put_random.mjs" "$LIAR" 16777216 33554432
take_snapshot L2 LIAR liar.vhd
audit() { # SHARE SEED: with a state folder of its own, so that nothing of an earlier run is gone on with
    "$SF" copy env:L2 env:LIED_TO --base env:L1 --base-manifest l1 --audit "$1" --seed "$2" \
        --state-dir "$TMPDIR/audit-$1"
}
expect 1 'the diff is wrong: at offset 16777216, length' audit 100% 1
check "nothing was changed" "$SF" verify --complete --manifest l1 env:LIED_TO
expect 1 'make a full copy, without --base' audit 1% 1
check "it said what it read, and the seed" grep -q 'reading [0-9]* bytes of the 67108864 .* seed 1' err
check "nothing was changed" "$SF" verify --complete --manifest l1 env:LIED_TO
expect 0 'delta copy' "$SF" copy env:L2 env:LIED_TO --base env:L1 --state-dir "$TMPDIR/unaudited"
expect 4 'differs: offset 16777216 length 33554432' "$SF" verify env:L2 env:LIED_TO
expect 0 'full copy' "$SF" copy env:L2 env:LIED_TO --state-dir "$TMPDIR/full"
expect 0 equal "$SF" verify env:L2 env:LIED_TO

# ---- Killed and gone on with: the manifest is that of a copy that nothing ended ----
echo '{"latencyMs":10,"blob":{"bytesPerSecond":8000000}}' >slow.json
start_region slow --shape "$TMPDIR/slow.json"
SLOW=$(sas "$slow_URL" disk.vhd rcwd)
export SLOW
root_of() { sed -n 's/.*root \(sha256:[0-9a-f]*\).*/\1/p' "$1" | head -1; }
expect 0 complete "$SF" copy env:RP1 null: --manifest m-whole
whole=$(root_of out)
for round in 1 2; do
    writes=$(grep -c '"pageWrite":"update".*"status":201' "$slow_LOG")
    "$SF" copy env:RP1 env:SLOW --manifest m-slow --window 1 --max-window 2 --quiet >killed.out 2>&1 &
    pid=$!
    for tries in {1..3000}; do
        [ "$(grep -c '"pageWrite":"update".*"status":201' "$slow_LOG")" -ge $((writes + 3)) ] && break
        sleep 0.02
    done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    check "killed, not done ($tries)" [ $? = 137 ]
    check "there is no manifest yet" [ ! -e m-slow ]
done
restart_region slow
expect 0 'Going on from' "$SF" copy env:RP1 env:SLOW --manifest m-slow
check "the roots are the same" [ "$(root_of out)" = "$whole" ]
expect 0 'every block' "$SF" verify --complete --manifest m-slow env:SLOW
expect 0 'every block' "$SF" verify --manifest m-whole env:SLOW
check "nothing is left beside it" [ ! -e m-slow.new ]

# ---- The guard ----
EMPTY=$(sas "$east_URL" nothing.vhd r)
export EMPTY
expect 4 'There is nothing there' "$SF" verify --complete env:EMPTY
truncate -s 1M bare.img
expect 4 'carries no marker' "$SF" verify --complete bare.img
expect 2 'holds nothing' "$SF" verify --complete null:
expect 2 'needs TARGET' "$SF" verify --complete
no_secret "$west_LOG" "$east_LOG" "$slow_LOG" m1 m2 l1 m-slow killed.out
finish
