#!/usr/bin/env bash
# The published schemas are schemas, and every example in the documents fits the one it is an example of.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
failed=0

check() { /usr/bin/python3 -W ignore tests/system/check_schema.py "$@"; }

# examples KIND COUNT FILE : there are at least so many, and all of them fit
examples() {
    if [ "$(wc -l <"$3")" -lt "$2" ]; then
        echo "README.md: fewer than $2 examples of $1"
        failed=1
    fi
    check "$1" "$3" || failed=1
}

check schemas || failed=1
check job tools/examples/job.json || failed=1
grep -E '^    \{"command":' README.md | sed 's/^    //' >"$TMPDIR/commands"
grep -E '^    \{"time":.*"event":' README.md | sed 's/^    //' >"$TMPDIR/events"
examples command 5 "$TMPDIR/commands"
examples event 6 "$TMPDIR/events"

# The judge can say no.
for bad in 'event {"time":"2026-11-21T14:20:05.007Z","event":"end"}' 'command {"command":"stop"}' \
    'job {"restorePoints":[{}]}' 'event {"a":NaN}' 'command {"command":"status","command":"status"}'; do
    if printf '%s\n' "${bad#* }" | check "${bad%% *}" - >/dev/null 2>&1; then
        echo "was not refused: $bad"
        failed=1
    fi
done
printf '%s\n' '{"time":"2026-11-21T14:20:05.007Z","event":"end","exit":0}' >"$TMPDIR/end"
check event "$TMPDIR/end" --end || failed=1
cat "$TMPDIR/end" "$TMPDIR/end" >"$TMPDIR/ends"
if check event "$TMPDIR/ends" --end >/dev/null; then
    echo "a line behind the end was not refused"
    failed=1
fi
exit $failed
