#!/usr/bin/env bash
# cli_run_view_test.sh - what a person sees of many disks: in terminals of 80x24 and 40x10, in one that is
# made smaller, in one that was stopped by a key, in one that nobody reads, and without a terminal.
set -u
. "$SNAPFERRY_SOURCE_DIR/tests/system/cli_region.sh"
SF=$SNAPFERRY_BIN
cd "$TMPDIR" || exit 1
KIB=1024
DISKS=30
command -v tmux >/dev/null || { echo "FAILED: tmux is not here"; exit 1; }
export TERM=xterm LC_ALL=C.UTF-8
SOCKET=$(mktemp -u /tmp/snapferry-tmux.XXXXXX) # a socket's path must be short
screen() { tmux -S "$SOCKET" -f /dev/null "$@"; }
end_all() {
    [ "$BASHPID" = "$$" ] || return 0
    screen kill-server 2>/dev/null
    rm -f "$SOCKET"
    end_regions
}
trap end_all EXIT

# ---- Disks and jobs ----
start_region east
head -c $((1024 * KIB)) /dev/urandom >disk.raw

# job NAME COUNT BYTES: NAME.json, of that many disks, all together so many bytes a second; each URL stays
# in the environment
job() {
    local i comma=
    {
        printf '{"restorePoints":[{"id":"rp-7","disks":['
        for ((i = 0; i < $2; i++)); do
            declare -gx "TARGET_$1_$i=$(sas "$east_URL" "$1-$i" rcwd)"
            printf '%s{"id":"vm%02d-data","source":{"url":"disk.raw"},"target":{"url":"env:TARGET_%s_%d"}}' \
                "$comma" "$i" "$1" "$i"
            comma=,
        done
        printf ']}],"limits":{"bytesPerSecond":%d}}\n' "$3"
    } >"$1.json"
}

job few 5 $((768 * KIB))
job many $DISKS $((1024 * KIB)) # slow, until that is said otherwise by its socket
job bad 1 $((1024 * KIB))
export "TARGET_bad_0=$(sas "$east_URL" bad-0 r)" # it may not be made
job unread $DISKS $((4096 * KIB))
job plain 3 $((8192 * KIB)) # before tmux, whose server keeps the environment it began with

# opens NAME COLUMNS ROWS COMMAND: in a terminal of that size; its exit status goes to NAME.status
opens() {
    screen new-session -d -s "$1" -x "$2" -y "$3" \
        "$4; echo \$? >$1.status; sleep 1000" || fail "tmux does not start"
}
capture() { screen capture-pane -p -t "$1" >seen; }

# sees NAME PATTERN: within a minute the screen shows it
sees() {
    local i
    for ((i = 0; i < 600; i++)); do
        capture "$1"
        grep -qE -- "$2" seen && return 0
        sleep 0.1
    done
    cat seen
    return 1
}
ends() { # NAME STATUS
    local i
    for ((i = 0; i < 900; i++)); do
        [ -s "$1.status" ] && break
        sleep 0.1
    done
    [ "$(cat "$1.status")" = "$2" ]
}
rows() { grep -cE '^vm[0-9]+-data .*[0-9]%' seen; }
widest() { awk '{ if (length($0) > m) m = length($0) } END { print m + 0 }' seen; }

# ---- 80x24, fewer disks than rows ----
opens few 80 24 "$SF run few.json"
check "a row a disk" sees few '^vm04-data +\[#*\.*\] +[0-9.]+% +[0-9.]+ [KM]iB/s'
check "five rows" [ "$(rows)" = 5 ]
check "a line of all below them" sees few '^0/5 complete  [0-9.]+%  .* left$'
check "no line is wider than the screen" [ "$(widest)" -lt 80 ]
check "it ends well" ends few 0
check "each disk's end is said once" sees few '^vm04-data: complete'
check "the restore point's too" sees few '^restore point rp-7: complete'
check "the last line counts them" sees few '^5/5 complete  100.0%'
check "once" [ "$(grep -c '^vm04-data: complete' seen)" = 1 ]
check "no row is left standing" [ "$(rows)" = 0 ]

# ---- One that fails ----
opens bad 400 10 "$SF run bad.json"
check "it ends as failed" ends bad 1
check "the reason is told whole" sees bad '^vm00-data: failed at 0.0%: .*\(HTTP 403 .*host says ".*"$'
check "the request's id once" [ "$(grep -oE '[0-9a-f]{8}-[0-9a-f]{4}-' seen | wc -l)" = 1 ]

# ---- 40x10, more disks than rows ----
opens many 40 10 "$SF run many.json --control ctl"
check "it says how many it shows" sees many '^7 of [0-9]+ under way shown'
check "as many rows as there is room for" [ "$(rows)" = 7 ]
check "with percent and rate, or state" grep -qE '^vm[0-9]+-data +[0-9.]+% [0-9.a-z]' seen
check "no line is wider than the screen" [ "$(widest)" -lt 40 ]
check "the line of all is the last" sh -c "grep -v '^\$' seen | tail -1 | grep -qE '^[0-9]+/30 complete'"
check "the pages turn: another disk is shown later" sees many '^vm1[0-9]-data'

# ---- Made smaller, and stopped by a key ----
screen resize-window -t many -x 30 -y 8
check "it fits the smaller screen" sees many '^5 of [0-9]+ under way shown'
check "no line is wider" [ "$(widest)" -lt 30 ]
screen send-keys -t many C-s
for ((i = 0; i < 40; i++)); do # nothing tells when the key has come, but that nothing moves any more
    capture many
    cp seen stopped
    sleep 1.5
    capture many
    cmp -s seen stopped && break
done
expect 0 '' "$SF" ctl ctl limits bytesPerSecond=none # enough was seen of it
all_complete() { # NAME: within a minute and a half
    local i disk
    for ((i = 0, disk = 0; i < 900 && disk < DISKS; i++)); do
        if "$SF" verify --complete "env:TARGET_$1_$disk" --quiet; then disk=$((disk + 1)); else sleep 0.1; fi
    done
    [ $disk = $DISKS ]
}
check "a stopped terminal stops no copy" all_complete many
capture many
check "nothing was drawn meanwhile" cmp seen stopped
screen send-keys -t many C-q
check "the last words wait for it" ends many 0
check "and say how it went" sees many '^30/30 complete'

# ---- One that nobody reads, and that is full before long ----
python3 -c 'import fcntl, pty, struct, subprocess, sys, termios
master, end = pty.openpty()
fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("4H", 45, 120, 0, 0))
subprocess.run(sys.argv[1:], stdin=end, stdout=end, stderr=end)' "$SF" run unread.json &
holder=$!
check "a terminal that is full stops no copy" all_complete unread
kill $holder # its terminal goes with it, and so the run ends
wait $holder 2>/dev/null

# ---- Without a terminal ----
"$SF" run plain.json >events 2>words
check "without a terminal it ends well too" [ $? = 0 ]
check "stdout has events alone" sh -c "! grep -vq '^{.*}\$' events"
check "the last is the end" sh -c 'tail -n 1 events | grep -q "\"event\":\"end\".*\"exit\":0"'
check "stderr has no control sequence" sh -c "! grep -q \$'\\033' words"
no_secret events words seen stopped
finish
