#!/usr/bin/env bash
# `snapferry run --metrics` as a Prometheus meets it; see metrics_run.mjs, metrics_check.py.
set -u
. "$(dirname "$0")/by_hand.sh"

# The checker must refuse what is wrong, or its word is worth nothing.
page=$TMPDIR/page.txt
refused() {
    printf '%b' "$1" >"$page"
    if python3 "$SNAPFERRY_SOURCE_DIR/tests/system/metrics_check.py" "$page" >/dev/null 2>&1; then
        echo "FAILED: the checker took this page: $1"
        lab_end 1
    fi
}
head='# HELP a A.\n# TYPE a counter\n'
histogram='# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"}'
printf '%b' "${head}a{l=\"v\\\\\\\\\"} 1\n$histogram 3\nh_sum 1.5\nh_count 3\n" >"$page"
python3 "$SNAPFERRY_SOURCE_DIR/tests/system/metrics_check.py" "$page" || lab_end 1
refused "${head}a 1"
refused 'a 1\n'
refused '# TYPE a counter\na 1\n'
refused "${head}b 1\n"
refused "${head}a 1\na 1\n"
refused "${head}a{l=\"1\"} 1\na{l=\"1\"} 2\n"
refused "${head}a{l=\"x\"y\"} 1\n"
refused "${head}a{l=\"x\",} 1\n"
refused "${head}a -1\n"
refused "${head}a 1,5\n"
refused "${head}a 1\n${head}a{l=\"2\"} 1\n"
refused "$histogram 1\nh_sum 1\nh_count 1\n"
refused "$histogram 3\nh_sum 1\nh_count 4\n"
refused "$histogram 3\nh_count 3\n"

node "$SNAPFERRY_SOURCE_DIR/tests/system/metrics_run.mjs"
lab_end $? "$@"
