# run_lab.sh - what the tests of snapferry run share: disks in a region, jobs, runs in the background. Sourced after
# cli_region.sh, in $TMPDIR. No URL is ever in a job's text or an argument: jobs say env:NAME.

SYSTEM=$SNAPFERRY_SOURCE_DIR/tests/system
RUN_PIDS=()

end_runs() {
    local pid
    [ "$BASHPID" = "$$" ] || return 0
    for pid in "${RUN_PIDS[@]}"; do
        kill -9 "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    end_regions
}
trap end_runs EXIT

# raw FILE MIB [SHARE]: random pieces of 64 KiB, one in SHARE of them (1: all), so that ranges are many and small.
raw() {
    head -c "$(($2 << 20))" /dev/urandom >"$1"
    [ "${3:-1}" = 1 ] && return
    node -e '
        const fs = require("fs"), fd = fs.openSync(process.argv[1], "r+"), none = Buffer.alloc(65536);
        for (let at = 0; at < fs.fstatSync(fd).size; at += 65536)
            if (at / 65536 % Number(process.argv[2])) fs.writeSync(fd, none, 0, 65536, at);' "$1" "$3"
}

# disks COUNT FILE: FILE as a snapshot of the blobs d0... in west; SOURCE_dN, TARGET_dN (in the region $3, or east).
disks() {
    local i said url_of="${3:-east}_URL"
    for ((i = 0; i < $1; i++)); do
        export "SOURCE_d$i=$(sas "$west_URL" "d$i" rcwd)"
        "$SNAPFERRY_BIN" copy "$2" "env:SOURCE_d$i" --quiet || fail "cannot make d$i"
        said=$("$SNAPFERRY_BIN" snapshot "env:SOURCE_d$i" --quiet)
        export "SOURCE_d$i=$(sas "$west_URL" "d$i" r "${said#*snapshot=}")"
        export "TARGET_d$i=$(sas "${!url_of}" "d$i" rcwd)"
    done
}

# disk ID [NAME]: a disk of a job, its ends from SOURCE_NAME and TARGET_NAME; DISK_MORE is added as it is.
disk() {
    printf '{"id":"%s","source":{"url":"env:SOURCE_%s"},"target":{"url":"env:TARGET_%s"}%s}' \
        "$1" "${2:-$1}" "${2:-$1}" "${DISK_MORE:-}"
}
# point ID DISK...: a restore point of these; job POINT...: a job in one line, JOB_MORE is added as it is.
joined() { local IFS=,; echo "$*"; }
point() { printf '{"id":"%s","disks":[%s]}' "$1" "$(joined "${@:2}")"; }
job() { printf '{"restorePoints":[%s]%s}\n' "$(joined "$@")" "${JOB_MORE:-}"; }

# begin NAME ARGUMENT...: a run in the background, with its events in NAME.events; stdin as it is.
begin() {
    local name=$1
    shift
    : >"$name.events"
    "$SNAPFERRY_BIN" run "$@" >"$name.events" 2>"$name.err" <&0 &
    RUN_PIDS+=($!)
    printf -v "${name}_RUN" %s $!
}
# sees NAME PATTERN: within a minute an event of NAME is like that.
sees() {
    local i
    for ((i = 0; i < 600; i++)); do
        grep -qE -- "$2" "$1.events" && return 0
        sleep 0.1
    done
    tail -5 "$1.events"
    return 1
}
# ends NAME STATUS: it does, with that, and its events are in order; no secret in them.
ends() {
    local pid="${1}_RUN" status
    wait "${!pid}"
    status=$?
    check "$1 ends with $2, not $status" [ "$status" = "$2" ]
    holds "$1" true
    no_secret "$1.events" "$1.err"
}
# holds NAME EXPRESSION: of its events (run_events.mjs)
holds() { check "$1: $2" node "$SYSTEM/run_events.mjs" "$1.events" "$2"; }
# same NAME...: each target is equal to its source.
same() {
    local name
    for name in "$@"; do
        check "$name is identical" "$SNAPFERRY_BIN" verify "env:SOURCE_$name" "env:TARGET_$name"
    done
}
# writes LOG: how many writes of data it has.
writes() { grep -c '"pageWrite":"update"' "$1"; }
