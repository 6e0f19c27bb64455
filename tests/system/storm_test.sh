#!/usr/bin/env bash
# Fifty seeds of storms; storm.sh runs more, or one again.
exec "$SNAPFERRY_SOURCE_DIR/tests/system/storm.sh" --seeds 50 --width 20
