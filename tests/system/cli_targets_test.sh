#!/usr/bin/env bash
# copy SOURCE TARGET TARGET...: an ext4 disk to several targets at once, the source read once by its own log;
# one target that fails, one that is slow, a kill; deltas, verifies, renewals; what people and programs see.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
export PATH=$PATH:/sbin:/usr/sbin
start_region west
start_region east
start_region north
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
WEST=$(sas "$west_URL" disk.vhd rcwd)
export WEST

# of EXPRESSION: over `events` of the copy that the last expect caught; s: summaries by the target's host part.
of() {
    node -e '
        const events = require("fs").readFileSync("out", "utf8").trimEnd().split("\n").map((l) => JSON.parse(l));
        const s = events.filter((e) => e.event === "summary");
        const shared = events.find((e) => e.event === "shared");
        const end = events.at(-1);
        process.exit(eval(process.argv[1]) ? 0 : 1);' "$1"
}
# reads_once FIRST: in the western log from that line on every byte of data was sent once, and there was one list.
reads_once() {
    settled west
    node -e '
        const l = require("fs").readFileSync(process.argv[1], "utf8").trimEnd().split("\n")
            .slice(process.argv[2]).map((x) => JSON.parse(x));
        const gets = l.filter((x) => x.verb === "Get Blob" && x.rangeLength > 512)
            .sort((a, b) => a.rangeOffset - b.rangeOffset);
        const lists = l.filter((x) => x.verb === "Get Page Ranges");
        let end = 0, again = 0;
        for (const g of gets) {
            if (g.rangeOffset < end) again++;
            end = Math.max(end, g.rangeOffset + g.rangeLength);
        }
        console.log(gets.length, "reads", again, "again", lists.length, "lists");
        process.exit(gets.length > 3 && !again && (process.argv[3] === "any" || lists.length === 1) ? 0 : 1);
    ' "$west_LOG" "$1" "${2:-one}"
}
lines() { wc -l <"$1"; }
# take_snapshot VARIABLE: of the western disk; exports a read-only URL of it.
take_snapshot() {
    local said
    said=$("$SF" snapshot env:WEST) || fail "snapshot"
    export "$1=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")"
}
# fresh VARIABLE URL: exports the URL of a blob that is not there yet.
FRESH=0
fresh() {
    FRESH=$((FRESH + 1))
    export "$1=$(sas "$2" "disk$FRESH.vhd" rcwd)"
}

mkdir tree
cp -r "$SNAPFERRY_SOURCE_DIR"/{engine,io,tools,tests/engine,tests/io,tests/tools} tree/ 2>err || fail "the tree"
truncate -s 96M disk.img
mkfs.ext4 -q -d tree disk.img 2>err || fail "the disk"
dd if=/dev/urandom of=disk.img bs=1M seek=60 count=12 conv=notrunc 2>err
expect 0 complete "$SF" copy disk.img env:WEST --add-footer
take_snapshot RP1
node -e '
    const put = async (offset, body, length = body.length) => {
        const answer = await fetch(process.env.WEST + "&comp=page", { method: "PUT", body, headers: {
            "x-ms-version": "2021-12-02", "x-ms-page-write": body.length ? "update" : "clear",
            "x-ms-range": `bytes=${offset}-${offset + length - 1}` } });
        if (answer.status !== 201) throw new Error(`put: ${answer.status}`);
    };
    (async () => {
        for (const mib of [1, 5, 21, 40, 61, 62, 70]) await put(mib << 20, Buffer.alloc(192 << 10, "new" + mib));
        await put(66 << 20, "", 1 << 20);
    })();' || fail "the change"
take_snapshot RP2

# ---- Full: three targets, one of them a file ----
fresh A "$east_URL"
fresh B "$north_URL"
west=$(lines "$west_LOG")
expect 0 '"exit":0' "$SF" copy env:RP1 env:A env:B copy.vhd --verify --json
check "each has its summary, its root, its verify" of 's.length === 3 && new Set(s.map((x) => x.target)).size === 3 &&
    s.every((x) => x.committed && x.verified && x.root === s[0].root) &&
    new Set(s.map((x) => x.copy)).size === 3'
check "each event of a target names it" of 'events.every((e) => e.target || !["progress", "summary"].includes(e.event))
    && events.filter((e) => e.event === "progress" && e.completionPercent === 100).length === 3'
check "what one read the others were given" of 'shared.againBytes === 0 &&
    Math.abs(shared.readBytes - 2 * s[0].readBytes) < 8192 && Math.abs(shared.givenBytes - 4 * s[0].readBytes) < 8192'
expect 0 equal "$SF" verify env:RP1 env:A
expect 0 equal "$SF" verify env:RP1 env:B
expect 0 equal "$SF" verify env:RP1 copy.vhd
fresh C "$east_URL"
fresh D "$north_URL"
west=$(lines "$west_LOG")
expect 0 'vhds/disk4.vhd: full copy of a disk' "$SF" copy env:RP1 env:C env:D
check "the source was listed and read once" reads_once "$west"
check "and says so" grep -q 'source for 2 targets: read' out

# ---- Deltas: each target judged by itself ----
fresh C "$east_URL"
west=$(lines "$west_LOG")
expect 0 '"exit":0' "$SF" copy env:RP2 env:A env:B env:C --base env:RP1 --json
check "two deltas and a full copy" of 's.filter((x) => x.mode === "delta").length === 2 &&
    s.filter((x) => x.mode === "full" && x.whyFull).length === 1'
for t in A B C; do expect 0 equal "$SF" verify env:RP2 "env:$t"; done

# ---- One that fails stops no other ----
echo '{"seed":1,"rules":[{"name":"no","match":{"verb":"Put Page","range":[20971520,41943039]},
    "fault":"status","status":403,"code":"AuthorizationPermissionMismatch"}]}' >no.json
start_region bad --faults "$TMPDIR/no.json"
fresh A "$east_URL"
fresh B "$bad_URL"
fresh C "$north_URL"
west=$(lines "$west_LOG")
expect 1 '"exit":1' "$SF" copy env:RP1 env:A env:B env:C --json
check "one failed, two are complete" of 's.filter((x) => x.committed).length === 2 &&
    s.find((x) => !x.committed).code.endsWith("/failed") &&
    events.some((e) => e.level === "Error" && e.target.includes("disk'"$((FRESH - 1))"'"))'
check "and the source was read once" reads_once "$west"
expect 0 equal "$SF" verify env:RP1 env:A
expect 0 equal "$SF" verify env:RP1 env:C
expect 4 '' "$SF" verify --complete env:B
echo 'not a disk' >full.img
truncate -s 200M full.img
fresh A "$east_URL"
expect 1 'never shrunk' "$SF" copy env:RP1 env:A full.img
expect 0 equal "$SF" verify env:RP1 env:A

# ---- One that stops makes 3 ----
echo '{"seed":1,"rules":[{"name":"ended","match":{"verb":"Put Page"},"after":3,
    "fault":"status","status":403}]}' >ended.json
start_region ended --faults "$TMPDIR/ended.json"
fresh A "$east_URL"
fresh B "$ended_URL"
expect 3 'Run the same command again with a fresh SAS' "$SF" copy env:RP1 env:A env:B
expect 0 equal "$SF" verify env:RP1 env:A

# ---- A slow one: the fast ones do not wait for it for ever ----
echo '{"latencyMs":5,"blob":{"bytesPerSecond":5000000}}' >slow.json
start_region slow --shape "$TMPDIR/slow.json"
fresh A "$east_URL"
fresh B "$slow_URL"
expect 0 '"exit":0' "$SF" copy env:RP1 env:A env:B --json --memory 16M
restart_region slow
check "the fast one was done well before the slow one" of 's[0].target.includes("disk'"$((FRESH - 1))"'") &&
    s[1].seconds > s[0].seconds && shared.readBytes <= 2 * s[0].readBytes'
expect 0 equal "$SF" verify env:RP1 env:A
expect 0 equal "$SF" verify env:RP1 env:B

# ---- Killed, and gone on with ----
restart_region slow --shape "$TMPDIR/slow.json"
fresh A "$slow_URL"
fresh B "$slow_URL"
: >moving # there before anybody looks at it, and without what was said before
"$SF" copy env:RP1 env:A env:B --json --max-window 1 >>moving 2>moving.err &
MOVING=$!
for disk in $((FRESH - 1)) $FRESH; do # both have something to go on with
    until_said moving "\"durableBytes\":[1-9].*disk$disk\.vhd" "$MOVING"
done
kill -KILL "$MOVING"
wait "$MOVING" 2>/dev/null
restart_region slow
expect 0 '"exit":0' "$SF" copy env:RP1 env:A env:B --json
check "both went on" of 's.length === 2 && s.every((x) => x.committed && x.resumedBytes > 0)'
expect 0 equal "$SF" verify env:RP1 env:A
expect 0 equal "$SF" verify env:RP1 env:B

# ---- By the server's path ----
fresh A "$east_URL"
fresh B "$north_URL"
expect 0 '"exit":0' "$SF" copy env:RP1 env:A env:B --path server --json
check "no byte came here" of 's.every((x) => x.path === "server" && x.readBytes === 0) &&
    shared.readBytes <= 4 * 512' # footers and first pages
expect 0 equal "$SF" verify env:RP1 env:B

# ---- A SAS of the source that ends: one question for all ----
echo '{"seed":1,"rules":[{"name":"end","match":{"verb":"Get Blob","range":[8388608,104857600]},"nth":2,
    "fault":"status","status":403}]}' >end.json
start_region ending --faults "$TMPDIR/end.json"
LIVE=$(sas "$ending_URL" disk.vhd rcwd)
export LIVE
expect 0 complete "$SF" copy disk.img env:LIVE --add-footer
SNAP=$("$SF" snapshot env:LIVE)
export RPE RENEWED
RPE=$(sas "$ending_URL" disk.vhd r "${SNAP#*snapshot=}")
RENEWED=$("$REGIOND_BIN" sas --account "disks:env:CLI_KEY" --resource vhds/disk.vhd --permissions r \
    --expiry +2h --snapshot "${SNAP#*snapshot=}" "$ending_URL")
cat >renew.sh <<'END'
echo "$SNAPFERRY_SIDE ${A:+leaked}${B:+leaked}" >>sides
printenv RENEWED
END
fresh A "$east_URL"
fresh B "$north_URL"
expect 0 '"exit":0' "$SF" copy env:RPE env:A env:B --json --renew-command 'sh renew.sh'
check "asked once, for the source, and no target's URL was there" [ "$(cat sides)" = "source " ]
expect 0 equal "$SF" verify env:RENEWED env:A
expect 0 equal "$SF" verify env:RENEWED env:B

# ---- What is no such copy ----
expect 2 'two of the TARGETs are the same' "$SF" copy env:RP1 env:A env:B env:A
expect 2 'SOURCE and TARGET are the same' "$SF" copy disk.img one.img disk.img
expect 2 'leave them out' "$SF" copy env:RP1 env:A env:B --journal j
expect 2 'leave them out' "$SF" copy env:RP1 env:A env:B --manifest m
expect 2 'one argument too many' "$SF" copy env:RP1 1.img 2.img 3.img 4.img 5.img 6.img 7.img 8.img 9.img
expect 2 'one argument too many' "$SF" verify env:RP1 env:A env:B

# ---- On a terminal: a line each ----
restart_region slow --shape "$TMPDIR/slow.json"
fresh A "$slow_URL"
script -qec "stty cols 70; TERM=xterm $SF copy pattern:8M,3,0 env:A p.img" typescript >/dev/null 2>&1
check "lines are redrawn below each other" grep -q "$(printf '\033\[2A')" typescript

no_secret ./*.log moving moving.err sides typescript
check "no secret in the state folder" sh -c "! grep -rlE 'sig=' '$XDG_STATE_HOME'"
finish
