#!/usr/bin/env bash
# What events of `snapferry run` tell of disks that move and of disks that fail (run_progress.mjs).
set -u
. "$(dirname "$0")/by_hand.sh"
node "$SNAPFERRY_SOURCE_DIR/tests/system/run_progress.mjs" "$@"
lab_end $? "$@"
