#!/usr/bin/env bash
# bench/run.sh - the first figures: null to null, region to null, region to region, each beside the
# ceiling of a raw client on the same servers in the same run. Plain against plain, TLS against TLS.
#
#   bench/run.sh [RUNS] [MIB]        medians of RUNS (default 5) over a disk of MIB (default 2048)
#
# Writes bench/RESULTS.md. Needs the release build; starts its own servers and ends them.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5} mib=${2:-2048}
build=build/release connections=${CONNECTIONS:-4}
bytes=$((mib * 1024 * 1024))
work=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-bench.XXXXXX")
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

account=bench
BENCH_KEY=$(head -c 64 /dev/urandom | base64 -w0)
export BENCH_KEY

json() { sed -n "s/.*\"$2\":\"\{0,1\}\([^\",}]*\).*/\1/p" <<<"$1"; }

# region NAME [ARGS...]: starts a region, sets NAME_url.
region() {
    local name=$1 line
    shift
    mkdir -p "$work/$name"
    "$build/regiond" --data "$work/$name" --account "$account:env:BENCH_KEY" "$@" >"$work/$name.ready" &
    pids+=($!)
    for _ in $(seq 200); do
        line=$(head -n1 "$work/$name.ready")
        [ -n "$line" ] && break
        sleep 0.05
    done
    printf -v "${name}_url" '%s' "$(json "$line" url)"
}

sas() { # URL CONTAINER/BLOB PERMISSIONS -> a full SAS URL on stdout, kept in variables only
    "$build/regiond" sas --account "$account:env:BENCH_KEY" --resource "$2" --permissions "$3" --expiry +6h "$1"
}

make_container() { # URL NAME; the SAS of a container cannot make it: a signed request does
    node bench/make_container.mjs "$1" "$account" "$2"
}

# How one run of a command went: seconds, CPU seconds and peak RSS, as bash and the kernel saw it.
# timed OUT COMMAND...
timed() {
    local out=$1
    shift
    /usr/bin/time -f '%e %U %S %M' -o "$out" "$@"
}

median() { sort -g | awk '{v[NR]=$1} END {print (NR%2) ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }

declare -A rate cpu rss
note() { # KEY TIME-FILE BYTES
    read -r seconds user system kib <"$2"
    rate[$1]+="$(awk -v b="$3" -v s="$seconds" 'BEGIN{printf "%.1f\n", b/1e6/(s>0?s:0.001)}')"$'\n'
    cpu[$1]+="$(awk -v b="$3" -v u="$user" -v s="$system" 'BEGIN{printf "%.4f\n", (u+s)/(b/1073741824)}')"$'\n'
    rss[$1]+="$(awk -v k="$kib" 'BEGIN{printf "%.1f\n", k/1024}')"$'\n'
}
middle() { printf '%s' "${!1}" | median; }
