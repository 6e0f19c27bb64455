#!/usr/bin/env bash
# What the handlers of snapferryd refuse, with restore points that are there; the catalog is compared before and after.
set -u
. "$(dirname "$0")/by_hand.sh"
export SNAPFERRYD_BIN=${SNAPFERRYD_BIN:-$lab_root/build/release/snapferryd}
[ -x "$SNAPFERRYD_BIN" ] || exit 77
node "$SNAPFERRY_SOURCE_DIR/tests/system/controld_refusals.mjs" "$@"
lab_end $? "$@"
