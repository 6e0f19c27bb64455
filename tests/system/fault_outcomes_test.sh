#!/usr/bin/env bash
# Every outcome that tools/regiond/faults.md states, shown by a copy between two regions. LAB_SLOW=1 adds
# connections that stall for good (a minute each).
set -u
. "$(dirname "$0")/by_hand.sh"
node "$SNAPFERRY_SOURCE_DIR/tests/system/fault_outcomes.mjs" "$@"
lab_end $? "$@"
