#!/usr/bin/env bash
# Disks of snapferryd restored to files outside of its data folder and to named blobs: only where the configuration allows
# it, never over what is somebody's, and after a kill as if there had been none.
set -u
. "$(dirname "$0")/by_hand.sh"
export SNAPFERRYD_BIN=${SNAPFERRYD_BIN:-$lab_root/build/release/snapferryd}
[ -x "$SNAPFERRYD_BIN" ] || exit 77
node "$SNAPFERRY_SOURCE_DIR/tests/system/controld_restore_file.mjs" "$@"
lab_end $? "$@"
