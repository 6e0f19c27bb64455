#!/usr/bin/env bash
# What is not snapferryd's own is never taken away with its restore points, and what they need is never taken from them:
# disks that change what backs them, disks that are deleted, and requests in the moments between two states.
set -u
. "$(dirname "$0")/by_hand.sh"
export SNAPFERRYD_BIN=${SNAPFERRYD_BIN:-$lab_root/build/release/snapferryd}
[ -x "$SNAPFERRYD_BIN" ] || exit 77
node "$SNAPFERRY_SOURCE_DIR/tests/system/controld_own.mjs" "$@"
lab_end $? "$@"
