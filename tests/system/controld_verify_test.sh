#!/usr/bin/env bash
# POST .../verify of snapferryd: with a bit that a bad disk turned, without the source, through kills and refusals.
set -u
. "$(dirname "$0")/by_hand.sh"
export SNAPFERRYD_BIN=${SNAPFERRYD_BIN:-$lab_root/build/release/snapferryd}
[ -x "$SNAPFERRYD_BIN" ] || exit 77
node "$SNAPFERRY_SOURCE_DIR/tests/system/controld_verify.mjs" "$@"
lab_end $? "$@"
