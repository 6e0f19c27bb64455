#!/usr/bin/env bash
# regiond's command line: what it prints, what it refuses, with which status, and how it ends.
set -u
fail=0
complain() { echo "$1"; fail=1; }

# refuses STATUS WORDS ARGUMENT... : that exit status, the words on stderr, nothing on stdout
refuses() {
    local status=$1 words=$2 out
    shift 2
    out=$("$REGIOND_BIN" "$@" 2>"$TMPDIR/err")
    [ $? -eq "$status" ] || complain "regiond $*: not status $status"
    [ -z "$out" ] || complain "regiond $*: printed $out"
    grep -qF -- "$words" "$TMPDIR/err" || complain "regiond $*: $(cat "$TMPDIR/err")"
    [ "$(wc -l <"$TMPDIR/err")" -eq 1 ] || complain "regiond $*: not one sentence"
}

# start ARGUMENT... : sets pid; the ready line is in $TMPDIR/ready
start() {
    : >"$TMPDIR/ready" # here: the child may open it later than it is looked at
    "$REGIOND_BIN" "$@" >"$TMPDIR/ready" &
    pid=$!
    for _ in $(seq 1200); do
        [ -s "$TMPDIR/ready" ] && return
        sleep 0.05
    done
    complain "regiond $*: does not serve"
}

help=$("$REGIOND_BIN" --help) || complain "--help fails"
[ "$(wc -l <<<"$help")" -le 30 ] || complain "--help does not fit a screen"
[ "$(awk '{ print length }' <<<"$help" | sort -n | tail -1)" -le 100 ] || complain "--help is too wide"

refuses 2 "--data DIR is needed"
refuses 2 "unknown option --frob" --frob
refuses 2 "--data needs a value" --data
refuses 2 "unexpected argument: now" --data "$TMPDIR/d" now
refuses 2 "--tls-cert and --tls-key go together" --data "$TMPDIR/d" --tls-cert x.pem
refuses 2 "--threads: not a value it takes: 0" --data "$TMPDIR/d" --threads 0
refuses 2 "--listen: not a value it takes: here" --data "$TMPDIR/d" --listen here
refuses 1 "0.0.0.0 is not a loopback address" --data "$TMPDIR/d" --listen 0.0.0.0:0
refuses 1 "192.168.1.1 is not a loopback address" --data "$TMPDIR/d" --listen 192.168.1.1:0
refuses 1 "cannot read $TMPDIR/none.pem" --data "$TMPDIR/d" --tls-cert "$TMPDIR/none.pem" --tls-key x
echo '{"rules":[{"fault":"frob"}]}' >"$TMPDIR/bad.json"
refuses 1 "" --data "$TMPDIR/d" --faults "$TMPDIR/bad.json"
refuses 1 "" --data "$TMPDIR/d" --shape "$TMPDIR/bad.json"
refuses 1 "" --data "$TMPDIR/d" --account "me:env:SNAPFERRY_NO_SUCH_VARIABLE"

start --data "$TMPDIR/d"
grep -qxE '\{"event":"ready","url":"http://127\.0\.0\.1:[0-9]+","pid":'$pid'\}' "$TMPDIR/ready" ||
    complain "not the ready line: $(cat "$TMPDIR/ready")"
refuses 1 "" --data "$TMPDIR/d" # one server a folder
kill -TERM $pid
wait $pid || complain "SIGTERM does not end it with 0"
if grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null; then
    where='[::1]:0'
else
    where='127.0.0.1:0'
fi
start --data "$TMPDIR/d" --listen "$where" --threads 1
grep -qF "\"url\":\"http://${where%0}" "$TMPDIR/ready" || complain "not $where: $(cat "$TMPDIR/ready")"
kill -INT $pid
wait $pid || complain "SIGINT does not end it with 0"
exit $fail
