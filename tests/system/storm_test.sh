#!/usr/bin/env bash
# Thirty seeds of storms, ten under sanitizers; storm.sh runs more, or one again.
exec "$SNAPFERRY_SOURCE_DIR/tests/system/storm.sh" --seeds "${SNAPFERRY_TEST_SHORT:+10}${SNAPFERRY_TEST_SHORT-30}" --width 15
