#!/usr/bin/env bash
# controld_catalog_test.sh - with 10,000 restore points in the catalog, look-ups and pages stay within what
# the control plane promises. They take a hundredth of it: a query that lost its index does not.
set -u
bench="$SNAPFERRY_BUILD_DIR/bench/catalog_bench"
[ -x "$bench" ] || { echo "skipped: $bench is not built"; exit 77; }
free_kib=$(df -Pk "${TMPDIR:-/tmp}" | awk 'NR == 2 { print $4 }')
[ "$free_kib" -gt $((512 << 10)) ] || { echo "skipped: no 512 MiB free"; exit 77; }
"$bench" 10000
