#!/usr/bin/env bash
# Commands to a snapferry run, on stdin and by its socket: each is answered, wrong ones are refused and everything
# else goes on; pause, resume, cancel; limits that count at once; URLs that end and are renewed.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
cd "$TMPDIR" || exit 1
. "$SNAPFERRY_SOURCE_DIR/tests/system/run_lab.sh"
SF=$SNAPFERRY_BIN
echo '{"latencyMs":5,"blob":{"bytesPerSecond":300000}}' >slow.json
start_region west
start_region slow --shape slow.json
raw disk.raw 4 2
disks 4 disk.raw slow
TWO_POINTS=$(job "$(point rp-a "$(disk d0)" "$(disk d1)")" "$(point rp-b "$(disk d2)" "$(disk d3)")")
tell() { echo "$1" >&6; }
answered() { sees "$1" "\"event\":\"answer\".*\"tag\":\"$2\"" >seen || fail "no answer to $2" seen; }
peer() { node "$SYSTEM/control_peer.mjs" "$@"; }
writes_to() { grep '"pageWrite":"update"' "$slow_LOG" | grep -c "\"blob\":\"$1\""; }

# ---- On stdin: each is answered, also what is wrong ----
mkfifo commands
exec 6<>commands
begin run - --control ctl <commands 6>&-
tell "$TWO_POINTS"
sees run '"disk":"d0".*"durableBytes":[1-9]' >seen || fail "no progress" seen
tell '{"command":"status","tag":"s1"}'
tell '{"command":"pause","disk":"d0","tag":"p1"}'
tell '{"command":"resume","disk":"d1","tag":"r0"}'
tell '{"command":"pause","disk":"nobody","tag":"n1"}'
tell '{"command":"pause","restorePoint":"nobody","tag":"n2"}'
tell '{"command":"pause","tag":"n3"}'
tell '{"command":"pause","disk":"d1","restorePoint":"rp-a","tag":"n4"}'
tell '{"command":"dance","tag":"n5"}'
tell '{"command":"setPriority","disk":"d1","priority":0,"tag":"n6"}'
tell '{"command":"setPriority","disk":"d1","priority":7,"tag":"q1"}'
tell '{"command":"setLimits","bytesPerSecond":1,"tag":"n7"}'
tell '{"command":"status","disk":7,"tag":"n8"}'
tell '{"tag":"n9"}'
tell '{"command":"renewAccess","disk":"d0","side":"target","url":"https://x/y/z?sv=1&sig=abc","tag":"n10"}'
tell '{"command":"renewAccess","disk":"d0","side":"base","url":"https://x/y/z?sv=1&sig=abc","tag":"n11"}'
tell '{"command":"renewAccess","disk":"d0","side":"target","url":"https://x/y/z","tag":"n12"}'
tell 'not JSON'
tell '["command"]'
printf '{"command":"status","tag":"\0"}\n' >&6
head -c 1048576 /dev/zero | tr '\0' x >&6
echo >&6
tell '{"command":"status","tag":"after"}'
answered run after

# ---- Pause, resume, cancel ----
tell '{"command":"cancel","disk":"d3","tag":"c1"}'
sees run '"event":"summary","disk":"d3"' >seen || fail "d3 is not canceled" seen
tell '{"command":"cancel","disk":"d3","tag":"c2"}'
tell '{"command":"pause","disk":"d3","tag":"c3"}'
sees run '"event":"state","disk":"d0".*/paused"' >seen || fail "d0 is not paused" seen
paused_at=$(writes_to d0)
moved=$(writes_to d1)
for ((i = 0; i < 600; i++)); do
    [ "$(writes_to d1)" -ge $((moved + 4)) ] && break
    sleep 0.1
done
check "a disk that is paused writes nothing" [ "$(writes_to d0)" = "$paused_at" ]

# ---- By the socket ----
check "the socket is its owner's alone" [ "$(stat -c %a ctl)" = 600 ]
job "$(point p "$(disk d0)")" >one.json
expect 2 'another process listens' "$SF" run one.json --control ctl
peer ctl ask '{"command":"status","tag":"k1"}' '{"command":"pause","disk":"no","tag":"k2"}' >heard
check "a peer hears the answers to its own, in order" \
    sh -c 'grep -c . heard | grep -qx 2 && head -1 heard | grep -q "\"tag\":\"k1\".*\"disks\":\[" &&
        tail -1 heard | grep -q "\"tag\":\"k2\",\"accepted\":false"'
peer ctl shut '{"command":"setPriority","restorePoint":"rp-b","priority":3,"tag":"k3"}' >heard
check "one that sends no more is still answered" grep -q '"tag":"k3","accepted":true' heard
peer ctl long '{"command":"status","tag":"k4"}' >heard
check "a line of 1 MiB is refused, the next is read" \
    sh -c 'head -1 heard | grep -q "\"accepted\":false.*1048576 bytes" && tail -1 heard | grep -q "k4"'
peer ctl deaf '{"command":"status","tag":"deaf"}' >taken &
DEAF=$!
peer ctl ask '{"command":"resume","disk":"d0","tag":"k5"}' >heard
check "others are served meanwhile" grep -q '"tag":"k5","accepted":true' heard
wait $DEAF
check "who reads no answers is read no further" [ "$(cat taken)" -lt 8000000 ]
kill -9 $DEAF 2>/dev/null
sees run '"disk":"d0".*/succeeded' >seen || fail "d0 does not go on" seen
sees run '"event":"end"' >seen || fail "it does not end" seen
tell '{"command":"status","tag":"late"}' 2>/dev/null
exec 6>&-
ends run 3
for tag in s1 p1 q1 after c1 k1 k3 k4 k5; do holds run "answer('$tag').accepted === true"; done
for tag in r0 n{1..12} c2 c3 k2; do
    holds run "((a) => a.accepted === false && a.message.length > 10)(answer('$tag'))"
done
holds run 'of("answer").filter((a) => !a.accepted && !a.tag).length >= 5'
holds run 'of("answer").some((a) => !a.accepted && a.message.includes("1048576 bytes"))'
holds run 'answer("s1").disks.length === 4 && answer("after").disks.every((d) => d.code)'
holds run 'answer("k5").disk === "d0"'
holds run 'disk("d0").states.join() === "pending,inProgress,paused,inProgress,succeeded"'
holds run 'disk("d3").summary.code.endsWith("/canceled") && point("rp-b").code.endsWith("/canceled")'
holds run 'point("rp-a").code.endsWith("/succeeded")'
check "the socket is gone" [ ! -e ctl ]
check "a canceled disk does not look complete" sh -c '! "$1" verify --complete env:TARGET_d3' - "$SF"

# ---- Who floods a run with commands and reads no answers is read no further; nothing is lost ----
FLOOD=100000
mkfifo asked unread
exec 8<>unread # somebody has it open, nobody reads
{
    cat one.json
    echo '{"command":"pause","disk":"d0","tag":"p"}'
    yes '{"command":"status"}' | head -n $FLOOD
    echo all >flooded
    echo '{"command":"cancel","disk":"d0","tag":"c"}'
} >asked 8>&- &
FLOODER=$!
"$SF" run - --restart --control ctl <asked >unread 2>flood.err 8>&- &
RUN_PIDS+=($!)
FLOODED=$!
for ((i = 0; i < 300; i++)); do # until it takes no more
    before=$(awk '/^rchar/ { print $2 }' "/proc/$FLOODED/io")
    sleep 0.5
    [ "$(awk '/^rchar/ { print $2 }' "/proc/$FLOODED/io")" = "$before" ] && [ "$before" -gt 100000 ] && break
done
check "commands wait while no answer is read" [ ! -e flooded ]
exec 9<unread 8>&-
cat <&9 >flood.events
exec 9<&-
wait "$FLOODED"
check "it ends as it should" [ $? = 3 ]
wait "$FLOODER"
cp flood.events flooded.events
holds flooded "of('answer').filter((a) => a.command === 'status' && a.accepted).length === $FLOOD"

# ---- The socket of a run that was killed is replaced ----
begin killed one.json --restart --control ctl
sees killed '"durableBytes":[1-9]' >seen || fail "no progress" seen
kill -9 "$killed_RUN"
wait "$killed_RUN" 2>/dev/null
check "it is still there" [ -S ctl ]
check "nobody answers" sh -c '"$1" ctl ctl status; [ $? = 3 ]' - "$SF"
restart_region slow
begin next one.json --control ctl
ends next 0
check "it is gone" [ ! -e ctl ]
same d0 d1 d2
finish
