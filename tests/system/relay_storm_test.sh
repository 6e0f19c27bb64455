#!/usr/bin/env bash
# Five seeds of storms over a relay, with kills, three under sanitizers; relay_storm.sh runs more, or one again.
exec "$SNAPFERRY_SOURCE_DIR/tests/system/relay_storm.sh" --seeds "$([ -n "${SNAPFERRY_TEST_SHORT:-}" ] && echo 3 || echo 5)" --width 5 --kills
