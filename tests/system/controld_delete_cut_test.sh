#!/usr/bin/env bash
# DELETE of restore points and collections of snapferryd while they are cut and carried: nothing is left half there.
set -u
. "$(dirname "$0")/by_hand.sh"
export SNAPFERRYD_BIN=${SNAPFERRYD_BIN:-$lab_root/build/release/snapferryd}
[ -x "$SNAPFERRYD_BIN" ] || exit 77
node "$SNAPFERRY_SOURCE_DIR/tests/system/controld_delete_cut.mjs" "$@"
lab_end $? "$@"
