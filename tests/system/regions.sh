# shellcheck shell=bash disable=SC2034
# regions.sh - sourced by system tests: starts regions on free ports and ends them with the test.
#
# Gives: region_start NAME [OPTION]...  sets REGION_URL_NAME; data and log in $TMPDIR/NAME, NAME.log
#        region_sas NAME OPTION...      prints a SAS URL (regiond sas; the account's key is known)
#        clients                        installs the foreign clients; $CLIENTS is where they are
# Needs: REGIOND_BIN, SNAPFERRY_SOURCE_DIR, TMPDIR.
set -euo pipefail
: "${REGIOND_BIN:?}" "${SNAPFERRY_SOURCE_DIR:?}" "${TMPDIR:?}"

# The development account's public key serves all accounts of a test.
REGION_KEY=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==
export REGION_KEY
CLIENTS=$SNAPFERRY_SOURCE_DIR/tests/system/node_modules
region_pids=()

region_stop_all() {
    local pid
    for pid in "${region_pids[@]:-}"; do
        [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    done
    for pid in "${region_pids[@]:-}"; do
        [ -z "$pid" ] || wait "$pid" 2>/dev/null || true
    done
    region_pids=()
}
trap region_stop_all EXIT

region_start() {
    local name=$1 ready=$TMPDIR/$1.ready tries=0
    shift
    : >"$ready" # here: the child may open it later than it is looked at
    "$REGIOND_BIN" --data "$TMPDIR/$name" --log "$TMPDIR/$name.log" "$@" >"$ready" &
    region_pids+=($!)
    until grep -q '"ready"' "$ready"; do
        tries=$((tries + 1))
        if [ $tries -gt 100 ] || ! kill -0 "${region_pids[-1]}" 2>/dev/null; then
            echo "not ok - region $name did not start"
            exit 1
        fi
        sleep 0.1
    done
    printf -v "REGION_URL_$name" '%s' "$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$ready")"
}

region_sas() {
    local url=REGION_URL_$1
    shift
    "$REGIOND_BIN" sas "$@" "${!url}"
}

clients() {
    "$SNAPFERRY_SOURCE_DIR/tests/system/install_clients.sh" >"$TMPDIR/install.log" 2>&1 || {
        cat "$TMPDIR/install.log"
        echo "not ok - the foreign clients could not be installed"
        exit 1
    }
}

# No signature, key or token may stand in what a region wrote down.
logs_hold_no_secret() {
    if grep -lE 'sig=|SharedKey |Eby8vdM02' "$TMPDIR"/*.log; then
        echo "not ok - a secret stands in a log"
        exit 1
    fi
}
