#!/usr/bin/env bash
# bench/controld.sh - snapferryd with 10,000 restore points in its catalog, and with 200 clients that look at a copy.
#
#   bench/controld.sh [POINTS] [CLIENTS] [PAIRS]    10000, 200, 5
#
# Needs the release build, node and python3. Starts its own regions on loopback and ends them. Writes its chapter of
# bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/lab.sh
case $build in /*) ;; *) build=$PWD/$build ;; esac
export SNAPFERRY_BIN=$build/snapferry REGIOND_BIN=$build/regiond SNAPFERRYD_BIN=$build/snapferryd
mkdir "$work/controld"
TMPDIR=$work/controld node bench/controld_bench.mjs "${1:-10000}" "${2:-200}" "${3:-5}" >"$work/said"
chapter() {
    cat "$work/said"
    echo
    the_machine
}
replace_chapter "The service"
