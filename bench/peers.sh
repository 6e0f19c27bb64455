#!/usr/bin/env bash
# bench/peers.sh - the same disk on the same regions, moved by others: AzCopy, nbdcopy and qemu-img over nbdkit's curl
# plugin, curl --parallel; and the raw sockets' ceiling. Neighbours in time are compared, run by run.
#
#   bench/peers.sh [RUNS] [MIB]      medians of RUNS (5); a disk of MIB (2048) without holes
#   TMPDIR=/dev/shm bench/peers.sh   the same with everybody's files in memory: 10 GiB of it
#
# Needs the release build, `npm ci` in tests/system (AzCopy) and, for the readers, nbdkit, libnbd-bin and qemu-utils;
# who is not there is left out, and said to be. Plain HTTP on loopback. AzCopy and nbdkit take a URL on their command
# line alone: it is signed with a key that lives as long as this run. Writes its chapter of bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5} mib=${2:-2048} connections=${CONNECTIONS:-8}
bytes=$((mib * 1048576))
. bench/lab.sh
kinds=plain
start_regions
azcopy=$PWD/tests/system/node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64
export AZCOPY_LOG_LOCATION=$work/azcopy_log AZCOPY_JOB_PLAN_LOCATION=$work/azcopy_plan AZCOPY_DISABLE_SYSLOG=true

# fresh NAME: in FRESH a URL of region b's blob of that name, and in the environment for snapferry.
fresh() {
    FRESH=$(sas plain_b "$1")
    export FRESH
}
# forget: the blob of FRESH, so that no run pays for the last one's pages on their way to the disk.
forget() {
    printf 'url = "%s"\nrequest = DELETE\nheader = "x-ms-version: 2021-12-02"\n' "$FRESH" | curl --silent --fail -K -
}
# azcopy_once KEY SOURCE TARGET FROM_TO: all or nothing.
azcopy_once() {
    measure "$1" "$azcopy" copy "$2" "$3" --from-to "$4" --log-level NONE "${@:5}"
    grep -q 'Final Job Status: Completed$' "$work/$1.out" || { echo "AzCopy did not complete: $1" >&2; exit 1; }
}
# both FIRST SECOND KEY: two commands one after the other as one figure: times and CPU added, the larger RSS.
both() {
    paste -d' ' "$work/$1" "$work/$2" | awk '{print $1 + $4, $2 + $5, ($3 > $6 ? $3 : $6)}' >"$work/$3"
}
has() { command -v "$1" >/dev/null; }

# ---- The runs ----
nbd() { # KEY COMMAND: over nbdkit, with what its readers ask for in parallel
    measure "$1" nbdkit -U - -r curl url="$SAS_plain_a" --run "$2"
}
curl_config() { # one request a chunk of 4 MiB, as many at once as the others have
    local at
    for ((at = 0; at < bytes; at += 4194304)); do
        printf 'next\nurl = "%s"\nrange = %d-%d\noutput = /dev/null\n' "$SAS_plain_a" $at $((at + 4194303))
    done | tail -n +2
}
curl_config >"$work/curl.config"
for ((i = 0; i < runs; i++)); do
    "$build/bench/raw_ceiling" read env:SAS_plain_a "$bytes" "$connections" >>"$work/ceiling.json"
    measure read "$build/snapferry" copy --quiet --window "$connections" --max-window "$connections" env:SAS_plain_a null:
    measure curl curl --silent --fail --parallel --parallel-max "$connections" --config "$work/curl.config"
    if has nbdkit && has nbdcopy; then
        nbd nbdcopy "nbdcopy --requests=$connections --connections=$connections \"\$uri\" null:"
    fi
    if has nbdkit && has qemu-img; then
        nbd qemu "qemu-img convert -n -W -m $connections -f raw \"\$uri\" \
            --target-image-opts driver=null-co,size=$bytes,read-zeroes=on"
    fi
    fresh "ours$i"
    measure copy "$build/snapferry" copy --quiet env:SAS_plain_a env:FRESH
    forget
    if [ -x "$azcopy" ]; then
        azcopy_once down "$SAS_plain_a" "$work/disk.down" BlobLocal
        fresh "theirs$i"
        azcopy_once up "$work/disk.down" "$FRESH" LocalBlob --blob-type PageBlob
        rm "$work/disk.down"
        forget
        fresh "their_service$i"
        azcopy_once service "$SAS_plain_a" "$FRESH" BlobBlob
        forget
    fi
    fresh "our_service$i"
    measure server "$build/snapferry" copy --quiet --path server env:SAS_plain_a env:FRESH
    forget
done
[ ! -x "$azcopy" ] || both down up azcopy

# ---- The table ----
seconds() { cut -d' ' -f1 "$work/$1"; }
# versus KEY OURS COLUMN: their figure by ours, run by run: 2 is twice as much as ours.
versus() {
    paste -d' ' "$work/$1" "$work/$2" | awk -v c="$3" '{printf "%.2f\n", $c / $(c + 3)}' | median
}
row() { # WORDS KEY OURS
    [ -s "$work/$2" ] || { echo "| $1 | not there | | | | | |"; return; }
    seconds "$2" >"$work/s"
    printf '| %s | %.2f | %.2f | %.0f | %s | %s | %s |\n' "$1" "$(median <"$work/s")" "$(cpu_gib "$2" | median)" \
        "$(rss "$2" | median)" "$(versus "$2" "$3" 1)" "$(versus "$2" "$3" 2)" "$(versus "$2" "$3" 3)"
}
chapter() {
    echo "## Peers"
    echo
    echo "Written by \`bench/peers.sh $runs $mib\`: medians of $runs runs over a disk of $mib MiB without holes, plain HTTP on"
    echo "loopback, $connections connections for those who can be told; servers and clients on the same cores. A whole process"
    echo "each, from its start to its end; the regions' files, and AzCopy's on its way, on $(stat -f -c %T "$work"). Times ours:"
    echo "2.00 is twice what snapferry took in the run beside it."
    echo
    the_machine
    echo
    echo "| what | seconds | CPU s/GiB | peak RSS MiB | seconds, times ours | CPU, times ours | RSS, times ours |"
    echo "|---|---|---|---|---|---|---|"
    row "snapferry copy, region to null" read read
    row "curl --parallel, no checks" curl read
    row "nbdcopy, nbdkit curl, no checks" nbdcopy read
    row "qemu-img convert, nbdkit curl, no checks" qemu read
    row "snapferry copy, region to region" copy copy
    row "AzCopy, download and upload" azcopy copy
    row "snapferry copy --path server" server server
    row "AzCopy, service to service" service server
    echo
    echo "Raw sockets read the same disk at $(sed 's/.*"mb_per_s":\([0-9.]*\).*/\1/' "$work/ceiling.json" | median) MB/s."
    echo
}
replace_chapter Peers
