#!/usr/bin/env bash
# Runs one test program with a temp folder of its own and fails if a sanitizer wrote a report:
# a leak under Criterion exits 0, the report file is the only witness.
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-test.XXXXXX")
export TMPDIR="$dir"
export ASAN_OPTIONS="log_path=$dir/asan:detect_leaks=1:abort_on_error=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="log_path=$dir/ubsan:print_stacktrace=1"
export LSAN_OPTIONS="suppressions=$(cd "$(dirname "$0")" && pwd)/lsan.supp:print_suppressions=0"
"$@"
status=$?
for report in "$dir"/asan.* "$dir"/ubsan.*; do
    [ -e "$report" ] || continue
    echo "sanitizer report $report:"
    cat "$report"
    status=1
done
rm -rf "$dir"
exit $status
