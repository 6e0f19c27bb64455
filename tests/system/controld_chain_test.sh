#!/usr/bin/env bash
# What the next copy of a chain moves when restore points of it were deleted, and what lies in the regions then; by hand:
# controld_chain_test.sh [--keep]
set -u
. "$(dirname "$0")/by_hand.sh"
export SNAPFERRYD_BIN=${SNAPFERRYD_BIN:-$lab_root/build/release/snapferryd}
[ -x "$SNAPFERRYD_BIN" ] || exit 77
node "$SNAPFERRY_SOURCE_DIR/tests/system/controld_chain.mjs" "$@"
lab_end $? "$@"
