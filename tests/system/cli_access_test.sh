#!/usr/bin/env bash
# URLs that really end in mid copy: renewed ahead of time and after a refusal, by a command and through an
# @FILE, on every side; and what happens when that does not help. Nothing is read twice that was durable.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
start_region west
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
DISK_BYTES=$((16 << 20))

# short URL BLOB PERMISSIONS EXPIRY [SNAPSHOT]: as sas, but it ends when told.
short() {
    "$REGIOND_BIN" sas --account "disks:env:CLI_KEY" --resource "vhds/$2" \
        --permissions "$3" --expiry "$4" ${5:+--snapshot "$5"} "$1"
}

# json_is FILE EXPRESSION: every line of FILE is a JSON object, and the expression over `events` holds.
json_is() {
    node -e '
        const lines = require("fs").readFileSync(process.argv[1], "utf8").trimEnd().split("\n");
        const events = lines.map((line) => JSON.parse(line));
        const of = (name) => events.filter((e) => e.event === name);
        const states = of("state").map((e) => e.code.split("/")[1]);
        process.exit(eval(process.argv[2]) ? 0 : 1);' "$1" "$2"
}

# forget LOG; refused LOG: how many requests since the last `forget` were answered 403.
forget() { wc -l <"$1" >"$1.seen"; }
fresh_lines() { tail -n +$(($(cat "$1.seen") + 1)) "$1"; }
refused() { fresh_lines "$1" | grep -c '"status":403'; }

# read_once: since the last `forget` no range of a disk's data was sent twice. (A first page is looked at again.)
read_once() {
    fresh_lines "$west_LOG" >west.part
    node -e '
        const seen = new Set();
        for (const line of require("fs").readFileSync("west.part", "utf8").trimEnd().split("\n")) {
            const r = JSON.parse(line);
            if (r.verb !== "Get Blob" || r.status !== 206 || r.rangeLength === 512) continue;
            const key = `${r.rangeOffset}+${r.rangeLength}`;
            if (seen.has(key)) process.exit(1);
            seen.add(key);
        }
        process.exit(seen.size > 20 ? 0 : 1);'
}

# ---- The disk, on an ordinary account ----
truncate -s $DISK_BYTES disk.img
for ((i = 0; i < 32; i++)); do # many ranges, so that a URL ends between two of them
    dd if=/dev/urandom of=disk.img bs=256K count=1 seek=$((2 * i)) conv=notrunc status=none
done
sas "$west_URL" disk.vhd rcwd >disk.url
expect 0 'complete' "$SF" copy disk.img @disk.url
POINT=$("$SF" snapshot @disk.url --quiet)
POINT=${POINT#*snapshot=}
sas "$west_URL" other.vhd rcwd >other.url
expect 0 'complete' "$SF" copy pattern:16M,9,900 @other.url
echo '{"latencyMs":10,"blob":{"bytesPerSecond":3000000}}' >slow.json # longer than a URL's 2 s
restart_region west --shape "$TMPDIR/slow.json"

# renew.sh: what an operator would write; tells the test what it was given.
cat >renew.sh <<'END'
env | grep -q 'sig=' && echo leak >>"$TMPDIR/leaks"
echo "$SNAPFERRY_SIDE $SNAPFERRY_ADDRESS $SNAPFERRY_SNAPSHOT" >>"$TMPDIR/asked"
account=${SNAPFERRY_ADDRESS#*://*/}; account=${account%%/*}
resource=${SNAPFERRY_ADDRESS#*://*/*/}
exec "$REGIOND_BIN" sas --account "$account:env:CLI_KEY" --resource "$resource" --permissions rcwd \
    --expiry "${LIFE:-+1h}" ${SNAPFERRY_SNAPSHOT:+--snapshot "$SNAPFERRY_SNAPSHOT"} "${BASE_URL:-$west_URL}"
END
export west_URL REGIOND_BIN TMPDIR
SLOWLY=(--window 1 --max-window 1)

# ---- Ahead of time: no request is refused ----
forget "$west_LOG"
export SRC=$(short "$west_URL" disk.vhd r +5s "$POINT")
SOON=$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ) # early, so that a busy machine has its time
LIFE=+6s expect 0 'complete' "$SF" copy env:SRC ahead.img "${SLOWLY[@]}" --renew-command 'sh renew.sh' \
    --source-expires "$SOON"
check "the bytes are the disk's" cmp disk.img ahead.img
check "no request was refused" [ "$(refused "$west_LOG")" = 0 ]
check "the command was asked" grep -q '^source ' asked
check "and told the address without its query" sh -c "! grep -q '[?]' asked"
check "and the snapshot" grep -qF "$(printf %s "$POINT" | sed 's/%3[Aa]/:/g')" asked
check "and no SAS" [ ! -e leaks ]

# ---- A refusal: all waits, one question, nothing durable is read again ----
rm -f asked
forget "$west_LOG"
export SRC=$(short "$west_URL" disk.vhd r +2s "$POINT")
expect 0 '"exit":0' "$SF" copy env:SRC refused.img --json "${SLOWLY[@]}" \
    --renew-command 'sleep 1; sh renew.sh' --source-expires 2099-01-01T00:00:00+01:00
check "the bytes are the disk's" cmp disk.img refused.img
check "requests were refused" [ "$(refused "$west_LOG")" -ge 1 ]
check "one question" [ "$(wc -l <asked)" = 1 ]
check "the states tell it" json_is out 'states.join(" ").includes("inProgress waitingForAccess inProgress")
    && of("accessExpiring").length === 1 && of("accessExpiring")[0].side === "source"
    && of("accessExpiring")[0].expiresOn.startsWith("2098-12-31T23:00:00")
    && of("progress").some((e) => e.phase === "waiting for access")
    && of("progress").every((e, i, all) => i === 0 || e.completionPercent >= all[i - 1].completionPercent)'
check "no range was read twice" read_once

# ---- An @FILE replaced in mid copy: the target's ----
short "$west_URL" target.vhd rcwd +2s >target.url
forget "$west_LOG"
: >moving
"$SF" copy disk.img @target.url --json "${SLOWLY[@]}" --target-expires 2099-01-01T00:00:00Z >>moving 2>moving.err &
MOVING=$!
until_said moving waitingForAccess "$MOVING"
printf 'https://half-written' >target.url # as an editor may do it; nobody may take that
sas "$west_URL" target.vhd rcwd >target.new
mv target.new target.url
wait "$MOVING"
check "a copy whose @FILE was replaced ends well" [ $? = 0 ]
expect 0 'equal' "$SF" verify disk.img @target.url
check "it had to wait" [ "$(refused "$west_LOG")" -ge 1 ]
check "it went on" json_is moving 'states.at(-1) === "succeeded" && of("summary")[0].committed'

# ---- Verify waits, too; both of its ends ----
export SRC=$(short "$west_URL" disk.vhd r +2s "$POINT")
export DST=$(short "$west_URL" target.vhd r +2s)
rm -f asked
expect 0 'equal' "$SF" verify env:SRC env:DST "${SLOWLY[@]}" --renew-command 'sh renew.sh' \
    --source-expires 2099-01-01T00:00:00Z --target-expires 2099-01-01T00:00:00Z
check "both ends were asked for" sh -c "grep -q ^source asked && grep -q ^target asked"

# ---- Another address: the same disk is taken, another one is refused by its name ----
export SRC=$(short "$west_URL" disk.vhd r +2s "$POINT")
BASE_URL=${west_URL/127.0.0.1/localhost} expect 0 'complete' "$SF" copy env:SRC alias.img \
    "${SLOWLY[@]}" --renew-command 'sh renew.sh'
check "the bytes are the disk's" cmp disk.img alias.img
export SRC=$(short "$west_URL" disk.vhd r +2s "$POINT")
cat >wrong.sh <<'END'
"$REGIOND_BIN" sas --account disks:env:CLI_KEY --resource vhds/other.vhd --permissions r --expiry +1h "$west_URL"
END
expect 3 'other.vhd is another disk than the source' "$SF" copy env:SRC wrong.img \
    "${SLOWLY[@]}" --renew-command 'sh wrong.sh' --renew-wait 2
check "and nothing of it was read" sh -c "! fgrep other.vhd '$west_LOG' | grep -q '\"status\":206'"

# ---- When it does not help ----
export GONE=$(short "$west_URL" disk.vhd r -1h "$POINT")
expect 3 'was refused too' "$SF" copy env:GONE bad.img --renew-command \
    'sh renew.sh | sed "s/sig=..../sig=AAAA/"'
expect 3 'ended with status 7: no, sig=*' "$SF" copy env:GONE bad.img --renew-wait 2 --renew-command \
    'echo "no, sig=abc" >&2; exit 7'
expect 3 'not a URL' "$SF" copy env:GONE bad.img --renew-command 'echo sorry' --renew-wait 1
expect 3 'printed nothing' "$SF" copy env:GONE bad.img --renew-command true --renew-wait 1
expect 3 'came within 1 s: --renew-command has not answered' "$SF" copy env:GONE bad.img --renew-wait 1 \
    --renew-command 'sleep 60'
expect 3 'Run the same command again with a fresh SAS.' "$SF" copy env:GONE bad.img
expect 2 '--source-expires' "$SF" copy env:GONE bad.img --source-expires 2099-01-01T00:00:00Z
expect 2 '--target-expires' "$SF" copy env:GONE bad.img --target-expires 2099-01-01T00:00:00Z
expect 2 'takes a time' "$SF" copy env:GONE bad.img --source-expires tomorrow

# ---- Stopped while it waits, and gone on with another URL ----
forget "$west_LOG"
short "$west_URL" disk.vhd r +2s "$POINT" >source.url
: >moving
"$SF" copy @source.url stopped.img --json "${SLOWLY[@]}" --source-expires 2099-01-01T00:00:00Z \
    >>moving 2>>moving.err &
MOVING=$!
until_said moving waitingForAccess "$MOVING"
kill -INT "$MOVING"
wait "$MOVING"
check "interrupted while waiting: 130" [ $? = 130 ]
check "something was written" json_is moving 'of("summary")[0].writtenBytes > 0'
short "$west_URL" disk.vhd r +1h "$POINT" >source.url
expect 0 'complete' "$SF" copy @source.url stopped.img
check "the bytes are the disk's" cmp disk.img stopped.img
check "neither run read what the other had" read_once

no_secret "$west_LOG" moving moving.err asked
check "no secret in the state folder" sh -c "! grep -rlE 'sig=' '$XDG_STATE_HOME'"
finish
