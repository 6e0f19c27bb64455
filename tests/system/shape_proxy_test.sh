#!/usr/bin/env bash
# shape_proxy_test.sh - the link that the relay is measured over is as slow, as long and as faulty as it says.
set -u
proxy="$SNAPFERRY_BUILD_DIR/bench/shape_proxy"
[ -x "$proxy" ] || { echo "no $proxy: build all"; exit 77; }
command -v node >/dev/null || { echo "needs node"; exit 77; }
exec timeout 120 node "$(dirname "$0")/shape_proxy_check.mjs" "$proxy"
