# shellcheck shell=bash disable=SC2034
# controld_lab.sh - starts and ends snapferryd for tests; to be sourced after cli_region.sh. Needs
# SNAPFERRYD_BIN and TMPDIR.
#
# controld_start NAME [OPTION...]  starts it with data in $TMPDIR/NAME, on a free port (a later --listen counts);
#                                  sets NAME_URL and NAME_PID; what it says is in $TMPDIR/NAME.out and .err
# controld_end NAME                ends it with SIGTERM; returns its exit status
# controld_end_all                 ends all of them, for a trap

CONTROLD_PIDS=()

controld_start() {
    local name=$1 tries=0
    shift
    : >"$TMPDIR/$name.out" # of an earlier one
    "$SNAPFERRYD_BIN" --data "$TMPDIR/$name" --listen 127.0.0.1:0 "$@" >"$TMPDIR/$name.out" \
        2>"$TMPDIR/$name.err" &
    CONTROLD_PIDS+=($!)
    printf -v "${name}_PID" %s $!
    until grep -q '"event":"ready"' "$TMPDIR/$name.out"; do
        tries=$((tries + 1))
        if [ $tries -gt 600 ] || ! kill -0 $! 2>/dev/null; then
            echo "snapferryd $name does not serve:" >&2
            cat "$TMPDIR/$name.err" >&2
            return 1
        fi
        sleep 0.1
    done
    printf -v "${name}_URL" %s "$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$TMPDIR/$name.out" | head -n 1)"
}

controld_end() {
    local pid="$1_PID" at
    for at in "${!CONTROLD_PIDS[@]}"; do
        [ "${CONTROLD_PIDS[at]}" != "${!pid}" ] || unset "CONTROLD_PIDS[at]"
    done
    kill "${!pid}" 2>/dev/null
    wait "${!pid}"
}

controld_end_all() {
    local pid
    [ "$BASHPID" = "$$" ] || return 0 # a child that a signal caught before its exec
    for pid in "${CONTROLD_PIDS[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    CONTROLD_PIDS=()
}
