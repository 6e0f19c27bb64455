# shellcheck shell=bash
# by_hand.sh - sourced by tests that people run too: where CTest did not say which, the programs are those of
# build/release. TMPDIR is a folder of its own from here on; lab_end removes it, or with --keep names it.
lab_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export SNAPFERRY_SOURCE_DIR=${SNAPFERRY_SOURCE_DIR:-$lab_root}
export SNAPFERRY_BIN=${SNAPFERRY_BIN:-$lab_root/build/release/snapferry}
export REGIOND_BIN=${REGIOND_BIN:-$lab_root/build/release/regiond}
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-lab.XXXXXX")
export TMPDIR

# lab_end STATUS ARGUMENT...
lab_end() {
    case " $* " in
    *" --keep "*) echo "kept: $TMPDIR" ;;
    *) rm -rf "$TMPDIR" ;;
    esac
    exit "$1"
}
