#!/usr/bin/env bash
# bench/controld.sh - snapferryd with 10,000 restore points in its catalog, and with 200 clients that look at a copy.
#
#   bench/controld.sh [POINTS] [CLIENTS] [PAIRS]    10000, 200, 5
#
# Needs the release build, node and python3. Starts its own regions on loopback and ends them. Writes its chapter of
# bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
export SNAPFERRY_BIN=$PWD/build/release/snapferry REGIOND_BIN=$PWD/build/release/regiond
export SNAPFERRYD_BIN=$PWD/build/release/snapferryd
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-bench.XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
node bench/controld_bench.mjs "${1:-10000}" "${2:-200}" "${3:-5}" >"$TMPDIR/chapter"
{
    sed '/^## The service/,$d' bench/RESULTS.md
    cat "$TMPDIR/chapter"
    # What others measure stands before and after.
    sed '1,/^## The service/d' bench/RESULTS.md | sed -n '/^## /,$p' | sed '1s/^/\n/'
} >"$TMPDIR/RESULTS.md"
cp "$TMPDIR/RESULTS.md" bench/RESULTS.md
cat "$TMPDIR/chapter"
