#!/usr/bin/env bash
# A relay whose ends are killed, again and again: the sender goes on by itself when its receiver is back, the
# same command goes on after its own death, and the target is the source to the last byte.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
. tests/system/relay_lab.sh
trap 'relay_end_all; end_regions' EXIT
start_region west
cd "$TMPDIR" || exit 1
LAB=$TMPDIR/lab
relay_lab "$LAB" || exit 1
ROOT=$("$REGIOND_BIN" sas --account disks:env:CLI_KEY --resource vhds --permissions racwdl \
    --expiry +1h "$west_URL") # a container's
export ROOT
mkdir root
# Bytes that do not compress, so that there is time to be killed in; a hole; and a repetition.
head -c 96M /dev/urandom >disk
truncate -s 160M disk
dd if=disk of=disk bs=1M skip=3 seek=150 count=8 conv=notrunc status=none

# In the background: SENDER is its process.
send() {
    "$SNAPFERRY_BIN" send disk "relay:https://127.0.0.1:$PORT/$1" --client-cert "$LAB/a.pem" \
        --client-key "$LAB/a.key" --cacert "$LAB/ca.pem" --quiet >send.out 2>send.err &
    SENDER=$!
}
# begin_receiver ROOT: on the port it had before, if it had one.
begin_receiver() {
    relay_receive east "$1" --listen "127.0.0.1:${PORT:-0}" --index "$TMPDIR/index"
    PORT=${east_URL##*:}
}
kill_receiver() {
    kill -KILL "$east_PID" 2>/dev/null
    wait "$east_PID" 2>/dev/null
}
pause() { sleep "0.$((RANDOM % 4))$((RANDOM % 10))"; }

# receiver_dies ROOT NAME: one sender lives through four deaths of its receiver.
receiver_dies() {
    local root=$1 name=$2 deaths=0
    begin_receiver "$root"
    send "$name"
    for _ in 1 2 3 4; do
        pause
        kill -0 "$SENDER" 2>/dev/null || break
        kill_receiver
        deaths=$((deaths + 1))
        begin_receiver "$root"
    done
    wait "$SENDER"
    check "$name: the sender ended well" [ $? = 0 ]
    check "$name: the receiver died meanwhile" [ "$deaths" -gt 0 ]
    relay_end east
}

# both_die ROOT NAME: either end dies, the command is run again until it says that it is done.
both_die() {
    local root=$1 name=$2 status=1 runs=0
    begin_receiver "$root"
    while [ "$status" != 0 ] && [ "$runs" -lt 12 ]; do
        runs=$((runs + 1))
        send "$name"
        if [ "$runs" -le 4 ]; then
            pause
            if [ $((RANDOM % 2)) = 0 ]; then
                kill_receiver
                begin_receiver "$root"
                pause
            fi
            kill -KILL "$SENDER" 2>/dev/null
        fi
        wait "$SENDER" 2>/dev/null
        status=$?
    done
    check "$name: done after $runs runs" [ "$status" = 0 ]
    relay_end east
}

for root in root env:ROOT; do
    name=a/one-${root%%:*}
    receiver_dies "$root" "$name"
    both_die "$root" "a/two-${root%%:*}"
done
check "the first disk is the source" cmp disk root/a/one-root
check "the second is" cmp disk root/a/two-root
for name in one-env two-env; do
    BLOB="$west_URL/disks/vhds/a/$name?${ROOT#*\?}"
    export BLOB
    expect 0 'equal' "$SNAPFERRY_BIN" verify disk env:BLOB
done
no_secret east.out east.err send.err
finish
