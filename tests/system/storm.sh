#!/usr/bin/env bash
# Storms by hand: tests/system/storm.sh [--first N] [--seeds N] [--kills] [--width N] [--keep]
# See storm.mjs. Without the variables that CTest sets, the programs are those of build/release, and what
# --keep keeps is in a folder of /tmp that is named at the end.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
export SNAPFERRY_BIN=${SNAPFERRY_BIN:-$here/build/release/snapferry}
export REGIOND_BIN=${REGIOND_BIN:-$here/build/release/regiond}
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-storm.XXXXXX")
export TMPDIR
node "$here/tests/system/storm.mjs" "$@"
status=$?
case " $* " in
*" --keep "*) echo "kept: $TMPDIR" ;;
*) rm -rf "$TMPDIR" ;;
esac
exit $status
