#!/usr/bin/env bash
# The caps of `snapferry run` over real sockets, shortly; by hand: run_cap_test.sh --kind bytes --rate 1,10 --strict (run_cap.mjs).
set -u
. "$(dirname "$0")/by_hand.sh"
node "$SNAPFERRY_SOURCE_DIR/tests/system/run_cap.mjs" "$@"
lab_end $? "$@"
