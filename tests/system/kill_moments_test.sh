#!/usr/bin/env bash
# Twenty-four kills of client and regions at random moments, twelve under sanitizers; by hand:
# kill_moments_test.sh --kills 500
set -u
. "$(dirname "$0")/by_hand.sh"
node "$SNAPFERRY_SOURCE_DIR/tests/system/kill_moments.mjs" \
    --kills "$([ -n "${SNAPFERRY_TEST_SHORT:-}" ] && echo 12 || echo 24)" "$@"
lab_end $? "$@"
