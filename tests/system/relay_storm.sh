#!/usr/bin/env bash
# Storms over a relay by hand: tests/system/relay_storm.sh [--first N] [--seeds N] [--kills] [--width N] [--keep];
# see relay_storm.mjs.
set -u
. "$(dirname "$0")/by_hand.sh"
. "$(dirname "$0")/relay_lab.sh"
export LAB=$TMPDIR/lab
relay_lab "$LAB" || exit 1
node "$SNAPFERRY_SOURCE_DIR/tests/system/relay_storm.mjs" "$@"
lab_end $? "$@"
