#!/usr/bin/env bash
# bench/wan.sh - how near to its limit a copy over a long way comes: a standard page blob's 60 MiB/s and 500 requests/s at
# a round trip of 80 and of 250 ms, also with 1 % of 503; and a link of 200 MB/s at 250 ms, whose window must be found.
#
#   bench/wan.sh [RUNS] [MIB]      medians of RUNS (3); a disk of MIB (1536) without holes
#
# Needs the release build. Starts its own regions and link on loopback and ends them. A rate is that of the copy's own
# durable bytes from 5 s (blob) or 10 s (link) after the first of them to the last second that it copies; `--json` says
# both. Writes its chapter of bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-3} mib=${2:-1536}
bytes=$((mib * 1048576))
. bench/lab.sh
cap=62914560

rate_after() { # KEY SECONDS: bytes a second
    node -e '
        const [file, skip] = process.argv.slice(1);
        const all = require("fs").readFileSync(file, "utf8").split("\n").filter((l) => l[0] === "{").map((l) => JSON.parse(l));
        const seen = all.filter((e) => e.event === "progress" && e.phase === "copying" && e.durableBytes > 0)
            .map((e) => [Date.parse(e.time) / 1000, e.durableBytes]);
        const late = seen.filter(([t]) => t >= seen[0][0] + Number(skip));
        if (late.length < 4) throw new Error("the copy was over too soon; give it a larger disk");
        const [from, to] = [late[0], late[late.length - 1]];
        console.log(((to[1] - from[1]) / (to[0] - from[0])).toFixed(0));' "$work/$1.out" "$2" >>"$work/$1.rate"
}
# shaped KEY LATENCY_MS FAULTS: region to region, both far and narrow.
shaped() {
    local key=$1 i side options=()
    echo "{\"latencyMs\":$2,\"blob\":{\"bytesPerSecond\":$cap,\"requestsPerSecond\":500}}" >"$work/$key.shape"
    echo '{"seed":7,"rules":[{"name":"busy","match":{"comp":"page"},"probability":0.01,"fault":"status","status":503},
        {"name":"busy","match":{"verb":"Get Blob"},"probability":0.01,"fault":"status","status":503}]}' >"$work/busy.json"
    [ "$3" = none ] || options=(--faults "$work/busy.json")
    # The disk is made before its region is far away.
    start_region "west_$key"
    SOURCE=$(sas "west_$key" disk)
    export SOURCE
    "$build/snapferry" copy --quiet --no-root "pattern:${mib}M,7" env:SOURCE
    kill "${pids[-1]}" && wait "${pids[-1]}" || true
    unset 'pids[-1]'
    start_region "west_$key" --shape "$work/$key.shape" "${options[@]}"
    start_region "east_$key" --shape "$work/$key.shape" "${options[@]}" --log "$work/$key.log"
    SOURCE=$(sas "west_$key" disk)
    for ((i = 0; i < runs; i++)); do
        TARGET=$(sas "east_$key" "disk$i")
        export TARGET
        watched "$key" "$build/snapferry" copy --json env:SOURCE env:TARGET
        rate_after "$key" 5
    done
    for side in 1 2; do
        kill "${pids[-1]}" && wait "${pids[-1]}" || true
        unset 'pids[-1]'
    done
    rm -r "$work/west_$key" "$work/east_$key"
}
link() { # KEY MEGABYTES_PER_S DELAY_MS
    local key=$1 i
    start_region "west_$key"
    SOURCE=$(sas "west_$key" disk)
    export SOURCE
    "$build/snapferry" copy --quiet --no-root "pattern:$((4 * mib))M,7" env:SOURCE
    "$build/bench/shape_proxy" --listen 127.0.0.1:0 --to "$(url_of "west_$key" | sed 's,.*//,,')" \
        --bits-per-s $(($2 * 8000000)) --delay-ms "$3" >"$work/link.ready" &
    pids+=($!)
    until [ -s "$work/link.ready" ]; do sleep 0.02; done
    SOURCE=$("$build/regiond" sas --account bench:env:BENCH_KEY --resource disks/disk --permissions r --expiry +6h \
        "http://127.0.0.1:$(sed 's/.*"port":\([0-9]*\).*/\1/' "$work/link.ready")")
    for ((i = 0; i < runs; i++)); do
        watched "$key" "$build/snapferry" copy --json --memory 256M env:SOURCE null:
        rate_after "$key" 10
    done
}

shaped near 80 none
shaped far 250 none
shaped near_busy 80 busy
shaped far_busy 250 busy
link link 200 250

row() { # WORDS KEY LIMIT MUST [TIMES_THE_DISK]
    local calls disk=$((bytes * ${5:-1}))
    calls=$(calls_gib "$2" "$disk" | median)
    awk -v limit="$3" '{printf "%.3f\n", $1 / limit}' "$work/$2.rate" >"$work/r"
    awk '{printf "%.1f\n", $1 / 1e6}' "$work/$2.rate" | figures "A long way" "$1" throughput MB/s
    figures "A long way" "$1" "of the limit" ratio at_least "$4" <"$work/r"
    awk -v b="$disk" '{printf "%.3f\n", $2 / (b / 1073741824)}' "$work/$2" >"$work/c"
    figures "A long way" "$1" CPU s/GiB <"$work/c"
    rss "$2" | figures "A long way" "$1" "peak RSS" MiB
    calls_gib "$2" "$disk" | figures "A long way" "$1" "system calls" thousand/GiB
    printf '| %s | %.1f | %.1f | %s | %s to %s | %s | %.2f | %.0f | %s |\n' "$1" "$(awk -v l="$3" 'BEGIN {print l / 1e6}')" \
        "$(median <"$work/$2.rate" | awk '{print $1 / 1e6}')" "$(median <"$work/r")" "$(sort -g "$work/r" | head -n1)" \
        "$(sort -g "$work/r" | tail -n1)" "$4" "$(median <"$work/c")" "$(rss "$2" | median)" "${calls:-not counted}"
}
chapter() {
    echo "## A long way"
    echo
    echo "Written by \`bench/wan.sh $runs $mib\`: medians of $runs runs over a disk of $mib MiB without holes (the link: four times that),"
    echo "default window; the rate of durable bytes from 5 s (the link: 10 s) after the first. Regions, link and client on"
    echo "the same cores. System calls are counted in the runs themselves."
    echo
    the_machine
    echo
    echo "| region to region | limit MB/s | MB/s | of the limit | lowest to highest | must hold | CPU s/GiB | peak RSS MiB | thousand system calls a GiB |"
    echo "|---|---|---|---|---|---|---|---|---|"
    row "60 MiB/s and 500 requests/s a blob, 80 ms" near $cap 0.97
    row "60 MiB/s and 500 requests/s a blob, 250 ms" far $cap 0.97
    row "the same, 80 ms, 1 % of 503" near_busy $cap 0.97
    row "the same, 250 ms, 1 % of 503" far_busy $cap 0.97
    row "a link of 200 MB/s, 250 ms, --memory 256M, to null" link 200000000 0.95 4
}
replace_chapter "A long way"
