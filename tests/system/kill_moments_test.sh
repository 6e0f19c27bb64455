#!/usr/bin/env bash
# Forty kills of client and regions at random moments; by hand: kill_moments_test.sh --kills 500
set -u
node "$SNAPFERRY_SOURCE_DIR/tests/system/kill_moments.mjs" --kills 40 "$@"
