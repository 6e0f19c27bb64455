#!/usr/bin/env bash
# Forty kills of client and regions at random moments; by hand: kill_moments_test.sh --kills 500
set -u
. "$(dirname "$0")/by_hand.sh"
node "$SNAPFERRY_SOURCE_DIR/tests/system/kill_moments.mjs" --kills 40 "$@"
lab_end $? "$@"
