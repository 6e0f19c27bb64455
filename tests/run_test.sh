#!/usr/bin/env bash
# Runs one test program with a temp folder of its own and fails if a sanitizer wrote a report:
# a leak under Criterion exits 0, the report file is the only witness.
#
# A run that was killed leaves its folder; the next one removes it, once nobody holds it locked.
set -u
base=${TMPDIR:-/tmp}
dir=$(mktemp -d "$base/snapferry-test.XXXXXX")
exec 9<"$dir"
flock 9
for left in "$base"/snapferry-test.??????; do
    [ -O "$left" ] && [ -n "$(find "$left" -maxdepth 0 -mmin +1)" ] && flock -n "$left" rm -rf "$left"
done
trap 'chmod -R u+rwX "$dir" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 143' TERM INT HUP
export TMPDIR="$dir"
export ASAN_OPTIONS="log_path=$dir/asan:detect_leaks=1:abort_on_error=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="log_path=$dir/ubsan:print_stacktrace=1"
export LSAN_OPTIONS="suppressions=$(cd "$(dirname "$0")" && pwd)/lsan.supp:print_suppressions=0"
"$@" 9<&-
status=$?
for report in "$dir"/asan.* "$dir"/ubsan.*; do
    [ -e "$report" ] || continue
    # A leak sanitizer that met a thread at its end says so in a line: that is no finding.
    grep -vxE '==[0-9]+==Unable to get registers from thread [0-9]+\.' "$report" | grep -q . || continue
    echo "sanitizer report $report:"
    cat "$report"
    status=1
done
exit $status
