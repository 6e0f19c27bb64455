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
build=${BUILD:-build/release}
bytes=$((mib * 1048576))
work=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-bench.XXXXXX")
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

BENCH_KEY=$(head -c 64 /dev/urandom | base64 -w0)
export BENCH_KEY XDG_STATE_HOME="$work/state"

# region NAME [OPTION]...: starts a region and prints its URL.
start_region() {
    local name=$1
    shift
    mkdir -p "$work/$name"
    : >"$work/$name.ready" # here: the child may open it later than it is looked at
    "$build/regiond" --data "$work/$name" --account bench:env:BENCH_KEY --container disks "$@" \
        >"$work/$name.ready" &
    pids+=($!)
    until [ -s "$work/$name.ready" ]; do
        kill -0 "${pids[-1]}" || { echo "a region did not start" >&2; exit 1; }
        sleep 0.02
    done
}
url_of() { sed 's/.*"url":"\([^"]*\)".*/\1/' "$work/$1.ready"; }
sas() {
    "$build/regiond" sas --account bench:env:BENCH_KEY --resource "disks/$2" --permissions racwd \
        --expiry +6h "$(url_of "$1")"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
start_region plain_a
start_region plain_b
start_region tls_a --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
start_region tls_b --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
for kind in plain tls; do
    for side in a b; do
        declare -x "SAS_${kind}_$side=$(sas ${kind}_$side disk)"
        "$build/snapferry" copy --quiet --no-root --cacert "$work/cert.pem" "pattern:${mib}M,7" \
            "env:SAS_${kind}_$side" >/dev/null
    done
done

# measure KEY COMMAND...: one run; its line goes to $work/KEY.
measure() {
    local key=$1
    shift
    "$build/bench/timed" "$work/$key" "$@" >"$work/$key.out" 2>&1 || { cat "$work/$key.out" >&2; exit 1; }
}
ceiling() { # KEY read|write ENV: the client's own clock, without its start
    "$build/bench/raw_ceiling" "$2" "env:$3" "$bytes" "$connections" >>"$work/$1.json"
}
copy() { # KEY SOURCE TARGET [OPTION]...
    local key=$1
    shift
    measure "$key" "$build/snapferry" copy --json --cacert "$work/cert.pem" --window "$connections" \
        --max-window "$connections" "$@"
    # As with the ceiling: the copy's own clock, from its first request to its commit.
    sed -n 's/.*"event":"summary".*"seconds":\([0-9.]*\).*/\1/p' "$work/$key.out" | head -n1 >>"$work/$key.s"
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

median() { sort -g | awk '{v[NR]=$1} END {print (NR%2) ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }
rates() { sed 's/.*"mb_per_s":\([0-9.]*\).*/\1/' "$work/$1.json"; }
own_rates() { awk -v b="$bytes" '{printf "%.1f\n", b/1e6/$1}' "$work/$1.s"; }
cpu_gib() { awk -v b="$bytes" '{printf "%.3f\n", $2/(b/1073741824)}' "$work/$1"; }
rss() { awk '{print $3}' "$work/$1"; }
spread() { sort -g | awk '{v[NR]=$1} END {printf "%.0f to %.0f", v[1], v[NR]}'; }
# Ratios are taken run by run, of neighbours in time, and their median is told.
ratio() { paste "$1" "$2" | awk '{print $1/$2}' | median; }

{
    echo "# Figures"
    echo
    echo "Written by \`bench/run.sh $runs $mib\`: medians of $runs runs; a disk of $mib MiB without holes;"
    echo "$connections connections; servers and client on one machine, over loopback. Ratios are taken"
    echo "within a run, against the ceiling measured just before, and their median is told."
    echo
    echo "Machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n1), Linux $(uname -r)."
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
