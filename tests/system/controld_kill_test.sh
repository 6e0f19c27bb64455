#!/usr/bin/env bash
# Kills of snapferryd, of its children and of the regions at random moments of the story: ten here, six under
# sanitizers, more by hand:
# controld_kill_test.sh --kills 100 [--seed N] [--keep]
set -u
. "$(dirname "$0")/by_hand.sh"
export SNAPFERRYD_BIN=${SNAPFERRYD_BIN:-$lab_root/build/release/snapferryd}
[ -x "$SNAPFERRYD_BIN" ] || exit 77
node "$SNAPFERRY_SOURCE_DIR/tests/system/controld_kill.mjs" --kills "$([ -n "${SNAPFERRY_TEST_SHORT:-}" ] && echo 6 || echo 10)" "$@"
lab_end $? "$@"
