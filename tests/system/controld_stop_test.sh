#!/usr/bin/env bash
# snapferryd is asked to end (SIGTERM) while its regions do not answer: it ends soon, and the next start goes on with all
# that was in flight; by hand: controld_stop_test.sh [--keep]
set -u
. "$(dirname "$0")/by_hand.sh"
export SNAPFERRYD_BIN=${SNAPFERRYD_BIN:-$lab_root/build/release/snapferryd}
[ -x "$SNAPFERRYD_BIN" ] || exit 77
node "$SNAPFERRY_SOURCE_DIR/tests/system/controld_stop.mjs" "$@"
lab_end $? "$@"
