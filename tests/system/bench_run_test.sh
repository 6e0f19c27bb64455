#!/usr/bin/env bash
# bench_run_test.sh - bench/run.sh measures, and writes a table, a chart and JSON that say the same and no secret.
set -u
: "${SNAPFERRY_BUILD_DIR:?}" "${SNAPFERRY_SOURCE_DIR:?}" "${TMPDIR:?}"
[ -x "$SNAPFERRY_BUILD_DIR/bench/raw_ceiling" ] || { echo "no $SNAPFERRY_BUILD_DIR/bench/raw_ceiling: build all"; exit 77; }
command -v node >/dev/null && command -v python3 >/dev/null || { echo "needs node and python3"; exit 77; }
here="$SNAPFERRY_SOURCE_DIR/tests/system"
run="$SNAPFERRY_SOURCE_DIR/bench/run.sh"
out="$TMPDIR/out"
log="$TMPDIR/log"
export BENCH_OUT=$out BENCH_TMP=$TMPDIR BUILD=$SNAPFERRY_BUILD_DIR
# Where strace counts, leaks cannot be looked for: both trace.
[ -z "${SNAPFERRY_TEST_SHORT:-}" ] || export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
count=0
ok() { count=$((count + 1)) && echo "ok $count - $1"; }
fail() {
    echo "not ok $((count + 1)) - $1"
    tail -n 40 "$log"
    exit 1
}

"$run" --quick --only nothing >"$log" 2>&1
[ $? -eq 2 ] && grep -q 'no scenario nothing' "$log" || fail "a scenario that is not there is refused"
[ ! -e "$out" ] || fail "nothing was written for it"
ok "a scenario that is not there is refused"

"$run" --quick --only full 1 64 >"$log" 2>&1 || fail "a quick run succeeds"
ok "a quick run succeeds"
python3 "$here/bench_results.py" "$out" "A full copy" >>"$log" 2>&1 || fail "table, chart and JSON say the same"
ok "table, chart and JSON say the same"

# What fails is named, and takes nothing away that was measured before.
BUILD="$TMPDIR/nothing" "$run" --quick --only full,threads 1 64 >"$log" 2>&1
[ $? -eq 1 ] && tail -n 1 "$log" | grep -qx 'failed: full threads' || fail "scenarios that fail are named"
grep -q 'not measured: full threads' "$out/RESULTS.md" || fail "the table names them"
python3 "$here/bench_results.py" "$out" "A full copy" >>"$log" 2>&1 || fail "the figures of before stand"
ok "scenarios that fail are named, and the figures of before stand"

grep -rqE 'sig=|AccountKey' "$out" "$log" && fail "no signature is in any of it"
ok "no signature is in any of it"
[ -z "$(find "$TMPDIR" -maxdepth 1 -name 'snapferry-bench.*')" ] || fail "no disk is left behind"
ok "no disk is left behind"
