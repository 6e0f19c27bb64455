#!/usr/bin/env bash
# The account verbs of snapferryd at Azurite: containers, snapshots that name their point, lists, stored access
# policies, both kinds of SAS.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SYSTEM=$SNAPFERRY_SOURCE_DIR/tests/system
"$SYSTEM/install_clients.sh" >"$TMPDIR/install.log" 2>&1 || {
    cat "$TMPDIR/install.log"
    echo "the foreign clients could not be installed"
    exit 1
}
cd "$TMPDIR" || exit 1
. "$SYSTEM/azurite.sh"
start_azurite
expect 0 'Passing: 2' "$SNAPFERRY_BUILD_DIR/tests/region_azurite_test"
check "nothing was skipped" grep -qF 'Failing: 0' err
no_secret azurite.out
finish
