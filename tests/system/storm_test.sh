#!/usr/bin/env bash
# Thirty seeds of storms; under sanitizers ten, without those that wait long for late clears. storm.sh runs more, or
# one again.
[ -z "${SNAPFERRY_TEST_SHORT:-}" ] || set -- --first 11 --seeds 10
exec "$SNAPFERRY_SOURCE_DIR/tests/system/storm.sh" --seeds 30 --width 30 "$@"
