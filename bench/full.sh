#!/usr/bin/env bash
# bench/full.sh - a full copy: region to null and region to region, plain and TLS, each beside the ceiling that a raw
# client reaches on the same server, in the same run, with the same number of connections; what a GiB costs in CPU,
# memory and system calls; how far runs of the same copy lie apart.
#
#   bench/full.sh [RUNS] [MIB]     medians of RUNS (5) over a disk of MIB (2048) without holes
#   SPREAD_RUNS=10                 copies, region to region, whose spread is told
#
# Needs the release build. Starts its own regions on loopback and ends them. Writes its chapter of bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5} mib=${2:-2048} connections=${CONNECTIONS:-4} spread_runs=${SPREAD_RUNS:-10}
bytes=$((mib * 1048576))
. bench/lab.sh
start_regions

# ---- The runs ----
ceiling() { # KEY read|write ENV: the client's own clock, without its start
    "$build/bench/raw_ceiling" "$2" "env:$3" "$bytes" "$connections" >>"$work/$1.json"
}
rates() { sed 's/.*"mb_per_s":\([0-9.]*\).*/\1/' "$work/$1.json"; }

for kind in plain tls; do # not measured: memory that this machine touches for the first time costs extra
    copy warm "env:SAS_${kind}_a" "env:SAS_${kind}_b"
done
for ((i = 0; i < runs; i++)); do
    "$build/bench/null_null" 300000 >>"$work/null.json"
    for kind in plain tls; do
        ceiling "${kind}_read" read "SAS_${kind}_a"
        copy "${kind}_null" "env:SAS_${kind}_a" null:
        ceiling "${kind}_write" write "SAS_${kind}_b"
        copy "${kind}_copy" "env:SAS_${kind}_a" "env:SAS_${kind}_b"
    done
done
for ((i = 0; i < spread_runs; i++)); do
    for kind in plain tls; do
        copy "${kind}_again" "env:SAS_${kind}_a" "env:SAS_${kind}_b"
    done
done
count() { # KEY SOURCE TARGET
    counted "$1" "$build/snapferry" copy --quiet --cacert "$work/cert.pem" --window "$connections" \
        --max-window "$connections" "$2" "$3"
}
for kind in plain tls; do
    count "${kind}_null" "env:SAS_${kind}_a" null:
    count "${kind}_copy" "env:SAS_${kind}_a" "env:SAS_${kind}_b"
done

# ---- The figures ----
for kind in plain tls; do
    rates "${kind}_read" >"$work/${kind}_null.most"
    rates "${kind}_write" >"$work/${kind}_write.rate"
    paste "$work/${kind}_null.most" "$work/${kind}_write.rate" | awk '{print 1 / (1 / $1 + 1 / $2)}' >"$work/${kind}_copy.most"
    for what in null copy; do
        own_rates "${kind}_$what" >"$work/${kind}_$what.rate"
        paste "$work/${kind}_$what.rate" "$work/${kind}_$what.most" | awk '{printf "%.3f\n", $1 / $2}' \
            >"$work/${kind}_$what.ratio"
    done
    own_rates "${kind}_again" | sort -g >"$work/${kind}_again.rate"
    awk -v m="$(median <"$work/${kind}_again.rate")" 'NR == 1 {low = $1} {high = $1} END {printf "%.3f\n", (high - low) / m}' \
        "$work/${kind}_again.rate" >"$work/${kind}_again.spread"
done
full() { # SCENARIO KEY CEILING
    figures "A full copy" "$1" throughput MB/s <"$work/$2.rate"
    figures "A full copy" "$1" "raw client, $3" MB/s <"$work/$2.most"
    figures "A full copy" "$1" "of the raw client's $3" ratio at_least 0.90 <"$work/$2.ratio"
    cpu_gib "$2" | figures "A full copy" "$1" CPU s/GiB
    rss "$2" | figures "A full copy" "$1" "peak RSS" MiB
    calls_gib "$2" | figures "A full copy" "$1" "system calls" thousand/GiB
}
row() { # SCENARIO KEY CEILING
    local calls
    full "$@"
    calls=$(calls_gib "$2")
    printf '| %s | %.0f | %s | %.0f (%s) | %.2f | %s | %.2f | %.0f | %s |\n' "$1" "$(median <"$work/$2.rate")" \
        "$(spread <"$work/$2.rate")" "$(median <"$work/$2.most")" "$3" "$(median <"$work/$2.ratio")" \
        "$(sort -g "$work/$2.ratio" | sed -n '1p;$p' | paste -sd' ' | sed 's/ / to /')" \
        "$(cpu_gib "$2" | median)" "$(rss "$2" | median)" "${calls:-not counted}"
}
apart() { # KIND
    figures "A full copy" "region to region, $1" "spread of $spread_runs runs, (highest - lowest) / median" ratio \
        at_most 0.25 <"$work/$1_again.spread"
    printf '| %s | %s | %.0f | %s |\n' "$1" "$(cat "$work/$1_again.spread")" "$(median <"$work/$1_again.rate")" \
        "$(spread <"$work/$1_again.rate")"
}
chapter() {
    local by
    by=$(counter)
    echo "## A full copy"
    echo
    echo "Written by \`bench/full.sh $runs $mib\`: medians of $runs runs; a disk of $mib MiB without holes; $connections connections;"
    echo "servers and client on one machine, over loopback; the regions' files and our journals on $(stat -f -c %T "$work"). Ratios are taken within"
    echo "a run, against the ceiling measured just before, and must be 0.90 at least. Before the runs each copy was made once,"
    echo "unmeasured; the target's blob is written again in place. System calls are those of snapferry, counted (by ${by:-nobody}) in a"
    echo "run of its own that is not timed."
    echo
    the_machine
    echo
    echo "| scenario | MB/s | lowest to highest | ceiling MB/s | ratio | lowest to highest | CPU s/GiB | peak RSS MiB | thousand system calls a GiB |"
    echo "|---|---|---|---|---|---|---|---|---|"
    for kind in plain tls; do
        row "region to null, $kind" "${kind}_null" read
        row "region to region, $kind" "${kind}_copy" "1/(1/read + 1/write)"
    done
    echo
    echo "Write ceiling: $(median <"$work/plain_write.rate") MB/s plain, $(median <"$work/tls_write.rate") MB/s TLS."
    echo "Null to null, hashing off: $(sed 's/.*"cpu_us_per_range":\([0-9.]*\).*/\1/' "$work/null.json" | median)" \
        "microseconds of CPU a range."
    echo
    echo "snapferry checks a CRC64 on each range both ways and hashes each block (XXH3-128, SHA-256 root);"
    echo "the raw client asks for and sends the same CRC64 headers and checks nothing but the length."
    echo
    echo "Region to region, $spread_runs times more:"
    echo
    echo "| | (highest - lowest) / median, at most 0.25 | MB/s | lowest to highest |"
    echo "|---|---|---|---|"
    apart plain
    apart tls
}
replace_chapter "A full copy"
