#!/usr/bin/env bash
# What snapferry run reports upstream, whatever upstream does (run_report.mjs).
set -u
. "$(dirname "$0")/by_hand.sh"
node "$SNAPFERRY_SOURCE_DIR/tests/system/run_report.mjs"
lab_end $? "$@"
