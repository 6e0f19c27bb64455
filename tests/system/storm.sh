#!/usr/bin/env bash
# Storms by hand: tests/system/storm.sh [--first N] [--seeds N] [--kills] [--width N] [--keep]; see storm.mjs.
set -u
. "$(dirname "$0")/by_hand.sh"
node "$SNAPFERRY_SOURCE_DIR/tests/system/storm.mjs" "$@"
lab_end $? "$@"
