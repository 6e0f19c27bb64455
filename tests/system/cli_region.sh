# cli_region.sh - what the tests of the command line share: regions, URLs, expectations. Sourced.
# Needs SNAPFERRY_BIN, REGIOND_BIN, TMPDIR. Every region started here is ended, by its pid, at exit.
# Nothing here prints a URL's query.

PASSED=0
FAILED=0
REGION_PIDS=()
CLI_KEY="Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
export CLI_KEY # the public development key
export XDG_STATE_HOME="$TMPDIR/state"
unset NO_COLOR TERM

end_regions() {
    local pid
    [ "$BASHPID" = "$$" ] || return 0 # a child that a signal caught before its exec
    for pid in "${REGION_PIDS[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    REGION_PIDS=()
}
trap end_regions EXIT

# start_region NAME [OPTION...]: sets NAME_URL, NAME_PID and NAME_LOG; returns when it serves.
start_region() {
    local name=$1 ready="$TMPDIR/$1.ready" line
    shift
    mkfifo "$ready"
    "$REGIOND_BIN" --data "$TMPDIR/$name" --log "$TMPDIR/$name.log" --container vhds \
        --account "disks:env:CLI_KEY" "$@" >"$ready" 2>"$TMPDIR/$name.err" &
    REGION_PIDS+=($!)
    printf -v "${name}_PID" %s $!
    printf -v "${name}_LOG" %s "$TMPDIR/$name.log"
    if ! read -r line <"$ready"; then
        cat "$TMPDIR/$name.err"
        echo "region $name did not begin to serve"
        exit 1
    fi
    printf -v "${name}_URL" %s "$(sed 's/.*"url":"\([^"]*\)".*/\1/' <<<"$line")"
}

# restart_region NAME [OPTION...]: ended, and served again at its URL with its data and its log; with these options.
restart_region() {
    local name=$1 url="$1_URL" pid="$1_PID" at
    shift
    kill "${!pid}" && wait "${!pid}" 2>/dev/null
    for at in "${!REGION_PIDS[@]}"; do
        [ "${REGION_PIDS[at]}" != "${!pid}" ] || unset "REGION_PIDS[at]"
    done
    rm "$TMPDIR/$name.ready"
    start_region "$name" --listen "${!url#http://}" "$@"
}

# sas URL BLOB PERMISSIONS [SNAPSHOT]: prints a secret, for $(...) only.
sas() {
    "$REGIOND_BIN" sas --account "disks:env:CLI_KEY" --resource "vhds/$2" --permissions "$3" \
        --expiry +1h ${4:+--snapshot "$4"} "$1"
}

# expect STATUS WORDS COMMAND...: runs it, compares its exit status and looks for WORDS in what it said.
expect() {
    local wanted=$1 words=$2 status
    shift 2
    "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"
    status=$?
    if [ "$status" != "$wanted" ]; then
        fail "status $status, not $wanted: ${*:2}"
    elif ! cat "$TMPDIR/out" "$TMPDIR/err" | grep -qF -- "$words"; then
        fail "does not say \"$words\": ${*:2}"
    else
        PASSED=$((PASSED + 1))
    fi
    no_secret "$TMPDIR/out" "$TMPDIR/err"
}

# check WORDS COMMAND...: a condition with a name; leaves what the last expect caught.
check() {
    local name=$1
    shift
    if "$@" >"$TMPDIR/checked" 2>&1; then
        PASSED=$((PASSED + 1))
    else
        fail "$name" "$TMPDIR/checked"
    fi
}

# fail WORDS [FILE]: shows the file, or what the last expect caught.
fail() {
    FAILED=$((FAILED + 1))
    echo "FAILED: $1" | sed 's/?[^ ]*/?.../g'
    sed 's/^/    /' "${2:-$TMPDIR/out}" "${2:-$TMPDIR/err}" | sed 's/sig=[^&" ]*/sig=.../g' | tail -20
}

# until_said FILE PATTERN PID: waits until FILE has such a line (true) or the process has ended (whether it has).
until_said() {
    local gone
    for (( ; ; )); do
        kill -0 "$3" 2>/dev/null
        gone=$?
        grep -qE -- "$2" "$1" && return
        [ $gone = 0 ] || return 1
        sleep 0.02
    done
}

# until_listens PID: until it minds SIGINT, blocked or caught; what bash starts in the background ignores it at first.
until_listens() {
    local mask
    while kill -0 "$1" 2>/dev/null; do
        for mask in $(sed -n 's/^Sig\(Blk\|Cgt\):[[:space:]]*//p' "/proc/$1/status"); do
            [ $((0x$mask & 2)) = 0 ] || return 0
        done
        sleep 0.02
    done
    return 1
}

# settled NAME...: until each region's log is whole. A line is written when its answer has left, so whoever was
# answered may look too early; the log is whole when no thread runs, or waits for a processor, nor has run since.
settled() {
    local name pid tries idle now before
    for name; do
        pid=${name}_PID before=
        for ((tries = 0, idle = 0; tries < 600 && idle < 2; tries++)); do
            now=$(cat /proc/"${!pid}"/task/*/schedstat /proc/"${!pid}"/task/*/stat 2>/dev/null)
            if [ "$now" != "$before" ] || [[ $now =~ \)\ [RD]\  ]]; then idle=0; else idle=$((idle + 1)); fi
            before=$now
            [ $idle = 2 ] || sleep 0.02
        done
    done
}

# No signature in any of these files, and no query with one.
no_secret() {
    if grep -lE 'sig=[^*]|sig%3[Dd]' "$@" >/dev/null; then fail "a secret in the output"; fi
}

# holds_no_signature URL FILE...: not URL's own signature. For what is packed or random, where any four bytes
# stand somewhere by chance.
holds_no_signature() {
    local own=${1#*sig=}
    own=${own%%&*}
    shift
    if [ ${#own} -lt 20 ]; then fail "no URL with a signature was given"; fi
    check "what holds a signature is found" grep -aqF -e "$own" <(head -c 5000 /dev/urandom && echo "sig=$own&")
    if grep -laF -e "$own" -e "$(printf '%b' "${own//%/\\x}")" "$@" >/dev/null; then fail "a secret in $*"; fi
}

finish() {
    echo "$PASSED passed, $FAILED failed"
    [ "$FAILED" = 0 ]
    exit
}
