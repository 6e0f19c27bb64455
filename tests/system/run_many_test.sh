#!/usr/bin/env bash
# Many disks at once through `snapferry run`, shortly; by hand: run_many_test.sh --disks 512 --mib 64 (run_many.mjs).
set -u
. "$(dirname "$0")/by_hand.sh"
[ $# -gt 0 ] || set -- --disks 48 --mib 4
node "$SNAPFERRY_SOURCE_DIR/tests/system/run_many.mjs" "$@"
lab_end $? "$@"
