#!/usr/bin/env bash
# A few seeds of storms over a relay, with kills; relay_storm.sh runs more, or one again.
exec "$SNAPFERRY_SOURCE_DIR/tests/system/relay_storm.sh" --seeds 5 --width 5 --kills
