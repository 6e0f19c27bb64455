#!/usr/bin/env bash
# bench/run.sh - null to null, region to null, region to region; plain and TLS; each beside the ceiling
# that a raw client reaches on the same server, in the same run, with the same number of connections.
#
#   bench/run.sh [RUNS] [MIB]      medians of RUNS (5) over a disk of MIB (2048) without holes
#
# Needs the release build. Starts its own regions on loopback and ends them. Writes bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5} mib=${2:-2048} connections=${CONNECTIONS:-4}
bytes=$((mib * 1048576))
. bench/lab.sh
start_regions

ceiling() { # KEY read|write ENV: the client's own clock, without its start
    "$build/bench/raw_ceiling" "$2" "env:$3" "$bytes" "$connections" >>"$work/$1.json"
}

for ((i = 0; i < runs; i++)); do
    "$build/bench/null_null" 300000 >>"$work/null.json"
    for kind in plain tls; do
        ceiling "${kind}_read" read "SAS_${kind}_a"
        copy "${kind}_null" "env:SAS_${kind}_a" null:
        ceiling "${kind}_write" write "SAS_${kind}_b"
        copy "${kind}_copy" "env:SAS_${kind}_a" "env:SAS_${kind}_b"
    done
done

rates() { sed 's/.*"mb_per_s":\([0-9.]*\).*/\1/' "$work/$1.json"; }

{
    echo "# Figures"
    echo
    echo "Written by \`bench/run.sh $runs $mib\`: medians of $runs runs; a disk of $mib MiB without holes;"
    echo "$connections connections; servers and client on one machine, over loopback. Ratios are taken"
    echo "within a run, against the ceiling measured just before, and their median is told."
    echo
    the_machine
    echo
    echo "| scenario | MB/s | lowest to highest | ceiling MB/s | ratio | CPU s/GiB | peak RSS MiB |"
    echo "|---|---|---|---|---|---|---|"
    for kind in plain tls; do
        rates "${kind}_read" >"$work/r"
        rates "${kind}_write" >"$work/w"
        own_rates "${kind}_null" >"$work/n"
        own_rates "${kind}_copy" >"$work/c"
        paste "$work/r" "$work/w" | awk '{print 1/(1/$1+1/$2)}' >"$work/rw"
        printf '| region to null, %s | %.0f | %s | %.0f (read) | %.2f | %.2f | %.0f |\n' "$kind" \
            "$(median <"$work/n")" "$(spread <"$work/n")" "$(median <"$work/r")" \
            "$(ratio "$work/n" "$work/r")" "$(cpu_gib "${kind}_null" | median)" "$(rss "${kind}_null" | median)"
        printf '| region to region, %s | %.0f | %s | %.0f (1/(1/read+1/write)) | %.2f | %.2f | %.0f |\n' "$kind" \
            "$(median <"$work/c")" "$(spread <"$work/c")" "$(median <"$work/rw")" \
            "$(ratio "$work/c" "$work/rw")" "$(cpu_gib "${kind}_copy" | median)" "$(rss "${kind}_copy" | median)"
    done
    echo
    echo "Write ceiling: $(rates plain_write | median) MB/s plain, $(rates tls_write | median) MB/s TLS."
    echo "Null to null, hashing off: $(sed 's/.*"cpu_us_per_range":\([0-9.]*\).*/\1/' "$work/null.json" | median)" \
        "microseconds of CPU a range."
    echo
    echo "snapferry checks a CRC64 on each range both ways and hashes each block (XXH3-128, SHA-256 root);"
    echo "the raw client asks for and sends the same CRC64 headers and checks nothing but the length."
    # What other programs here measure stands below, and stays.
    [ ! -e bench/RESULTS.md ] || { echo && sed -n '/^## /,$p' bench/RESULTS.md; }
} >"$work/RESULTS.md"
cp "$work/RESULTS.md" bench/RESULTS.md
cat bench/RESULTS.md
