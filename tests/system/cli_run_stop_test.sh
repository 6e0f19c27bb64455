#!/usr/bin/env bash
# How a snapferry run is stopped and goes on: the end of stdin, --detach, signals, the same job twice at once, and kill -9
# in the midst of many disks, after which nothing durable is read again.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
cd "$TMPDIR" || exit 1
. "$SNAPFERRY_SOURCE_DIR/tests/system/run_lab.sh"
SF=$SNAPFERRY_BIN
DISKS=16
echo '{"latencyMs":20,"blob":{"bytesPerSecond":500000}}' >slow.json
start_region west
start_region slow --shape slow.json
raw disk.raw 4 2 # 32 ranges of 64 KiB
disks $DISKS disk.raw slow

# all COUNT: a job of so many disks, in one line
all() {
    local i list=()
    for ((i = 0; i < $1; i++)); do list+=("$(disk "d$i")"); done
    job "$(point rp "${list[@]}")"
}

# quickly COMMAND...: with a region that is not slow, and where nobody has to wait for it.
quickly() {
    restart_region slow
    "$@"
    restart_region slow --shape slow.json
}

# ---- The end of stdin ----
all 2 >two.json
begin orphan - <two.json
ends orphan 3
holds orphan 'of("warning").some((e) => e.message.includes("standard input has ended"))'
begin detached - --detach <two.json
ends detached 0
quickly same d0 d1
begin whole two.json </dev/null # stdin is not looked at
ends whole 0
expect 2 'before there was a job' "$SF" run - </dev/null
expect 2 'standard input' "$SF" run two.json --detach
printf '\n  \n' | cat - two.json >blanks
begin blanks - --detach <blanks
ends blanks 0
tr -d '\n' <two.json >unended
begin unended - --detach <unended
ends unended 0

# ---- Signals ----
all 4 >four.json
for signal in INT TERM HUP; do
    begin "$signal" four.json --restart --control ctl
    sees "$signal" '"durableBytes":[1-9]' >seen || fail "no progress before SIG$signal" seen
    kill "-$signal" "$(eval "echo \$${signal}_RUN")"
    ends "$signal" 3
    check "SIG$signal: its socket is gone" [ ! -e ctl ]
    holds "$signal" 'of("summary").filter((e) => e.disk).some((e) => e.code.endsWith("/paused"))'
done
begin twice four.json --restart --control ctl
sees twice '"durableBytes":[1-9]' >seen || fail "no progress" seen
kill -TERM "$twice_RUN"
sees twice 'Once more ends at once' >seen || fail "the first signal is not answered" seen
kill -TERM "$twice_RUN"
wait "$twice_RUN"
status=$?
check "a second signal ends at once: $status" [ "$status" = 130 ]
check "its last line is the end all the same" sh -c 'tail -n 1 twice.events | grep -q "\"event\":\"end\",\"exit\":130}"'
check "its socket is gone" [ ! -e ctl ]
mkfifo never
exec 7<>never
begin waiting - <never
until_listens "$waiting_RUN"
kill -TERM "$waiting_RUN"
wait "$waiting_RUN"
status=$?
check "a run that waits for its job can be stopped: $status" [ "$status" = 3 ]
check "it ends with the end" sh -c 'tail -n 1 waiting.events | grep -q "\"event\":\"end\",\"exit\":3}"'
exec 7>&-

# ---- The same job twice at once ----
begin first four.json
sees first '"durableBytes":[1-9]' >seen || fail "no progress" seen
begin second four.json --state-dir other
begin third four.json
wait "$second_RUN" "$third_RUN"
check "the second, with another state folder, did not succeed" \
    node "$SYSTEM/run_events.mjs" second.events 'exit === 1 || exit === 3'
check "nor did the third, with the same" \
    node "$SYSTEM/run_events.mjs" third.events 'exit === 1 || exit === 3'
ends first 0
quickly same d0 d1 d2 d3

# ---- kill -9 in the midst of many disks ----
all $DISKS >all.json
KILLED_FROM=$(wc -l <"$slow_LOG")
# 32 MiB of buffers: 8 ranges of all disks together are in flight when it is killed, some more are not recorded yet
begin killed all.json --restart --memory 32M
for ((i = 0; i < 600; i++)); do
    [ "$(node -e '
        const last = {};
        for (const l of require("fs").readFileSync("killed.events", "utf8").split("\n")) {
            try { const e = JSON.parse(l); if (e.event === "progress") last[e.disk] = e.durableBytes; } catch {}
        }
        console.log(Object.values(last).filter((n) => n > 300000).length);')" -ge $((DISKS / 2)) ] && break
    sleep 0.1
done
kill -9 "$killed_RUN"
wait "$killed_RUN" 2>/dev/null
settled slow west # what was in flight arrives
wc -l <"$west_LOG" >west.seen
wc -l <"$slow_LOG" >slow.seen
begin resumed all.json
ends resumed 0
cat >repeated.mjs <<'END'
// What was durable at the target when the run was killed, and was read again by the next one.
import { readFileSync } from "node:fs";
const [, , west, slow, westSeen, slowSeen, killedFrom] = process.argv;
const read = (file) => readFileSync(file, "utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l));
const since = (lines, seen) => lines.slice(Number(readFileSync(seen, "utf8")));
const reads = since(read(west), westSeen).filter((l) => l.verb === "Get Blob" && l.rangeLength > 512);
const durable = read(slow).slice(Number(killedFrom), Number(readFileSync(slowSeen, "utf8")))
    .filter((l) => l.verb === "Put Page" && l.status === 201 && l.rangeLength > 512);
const again = durable.filter((d) => reads.some((r) => r.blob === d.blob &&
    r.rangeOffset < d.rangeOffset + d.rangeLength && d.rangeOffset < r.rangeOffset + r.rangeLength));
console.log(`${durable.length} ranges were durable, ${again.length} of them were read again, of ${reads.length} reads`);
process.exit(durable.length > 60 && again.length <= 16 ? 0 : 1);
END
check "nothing durable is read again, but what was in flight" \
    node repeated.mjs "$west_LOG" "$slow_LOG" west.seen slow.seen "$KILLED_FROM"
cat checked
holds resumed 'of("summary").filter((e) => e.disk && e.resumedBytes > 0).length >= 8'
restart_region slow
for ((i = 0; i < DISKS; i++)); do same "d$i"; done
finish
