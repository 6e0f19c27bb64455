#!/usr/bin/env bash
# bench/peers.sh - the same disk on the same regions, moved by others: AzCopy, nbdcopy and qemu-img over nbdkit's curl
# plugin, curl --parallel; and the raw sockets' ceiling. Neighbours in time are compared, run by run.
#
#   bench/peers.sh [RUNS] [MIB]      medians of RUNS (5); a disk of MIB (2048) without holes
#   TMPDIR=/dev/shm bench/peers.sh   the same with everybody's files in memory: four times MIB of it
#
# Needs the release build, `npm ci` in tests/system (AzCopy) and, for the readers, nbdkit, libnbd-bin and qemu-utils
# (tools/install_packages.sh bench); who is not there is left out, and said to be. Plain HTTP on loopback. AzCopy and
# nbdkit take a URL on their command line alone: it is signed with a key that lives as long as this run.
#
# Memory that this machine touches for the first time costs several times what it costs later, more than either copier
# does. So one round goes before the runs, unmeasured, and all write to one blob, one file, over what the last one left.
# Writes its chapter of bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5} mib=${2:-2048} connections=${CONNECTIONS:-8}
bytes=$((mib * 1048576))
. bench/lab.sh
kinds=plain
start_regions
ARRIVED=$(sas plain_b arrived) # another name: to AzCopy one host's blobs of one name are one, whatever the port
export ARRIVED
azcopy=$PWD/tests/system/node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64
export AZCOPY_LOG_LOCATION=$work/azcopy_log AZCOPY_JOB_PLAN_LOCATION=$work/azcopy_plan AZCOPY_DISABLE_SYSLOG=true

# ---- Who copies what ----
has() { command -v "$1" >/dev/null; }
sf() { "$do" "$1" "$build/snapferry" copy --quiet "${@:2}"; }
# azcopy_once KEY SOURCE TARGET FROM_TO: all or nothing.
azcopy_once() {
    "$do" "$1" "$azcopy" copy "$2" "$3" --from-to "$4" --log-level NONE "${@:5}"
    grep -q 'Final Job Status: Completed$' "$work/$1.out" || { echo "AzCopy did not complete: $1" >&2; exit 1; }
}
nbd() { # KEY COMMAND: over nbdkit, with what its readers ask for in parallel
    "$do" "$1" nbdkit -U - -r curl url="$SAS_plain_a" --run "$2"
}
curl_config() { # one request a chunk of 4 MiB, as many at once as the others have
    local at
    for ((at = 0; at < bytes; at += 4194304)); do
        printf 'next\nurl = "%s"\nrange = %d-%d\noutput = /dev/null\n' "$SAS_plain_a" $at $((at + 4194303))
    done | tail -n +2
}
curl_config >"$work/curl.config"
# remove URL: the blob, so that its copy must be made anew.
remove() {
    printf 'url = "%s"\nrequest = DELETE\nheader = "x-ms-version: 2021-12-02"\n' "$1" |
        curl --silent --fail -K -
}
# everybody HOW: each once, by `measure` or `counted`.
everybody() {
    do=$1
    sf read --window "$connections" --max-window "$connections" env:SAS_plain_a null:
    "$do" curl curl --silent --fail --parallel --parallel-max "$connections" --config "$work/curl.config"
    if has nbdkit && has nbdcopy; then
        nbd nbdcopy "nbdcopy --requests=$connections --connections=$connections \"\$uri\" null:"
    fi
    if has nbdkit && has qemu-img; then
        nbd qemu "qemu-img convert -n -W -m $connections -f raw \"\$uri\" \
            --target-image-opts driver=null-co,size=$bytes,read-zeroes=on"
    fi
    sf copy env:SAS_plain_a env:ARRIVED
    if [ -x "$azcopy" ]; then
        azcopy_once down "$SAS_plain_a" "$work/disk.down" BlobLocal
        azcopy_once up "$work/disk.down" "$ARRIVED" LocalBlob --blob-type PageBlob
        azcopy_once service "$SAS_plain_a" "$ARRIVED" BlobBlob
    fi
    sf server --path server env:SAS_plain_a env:ARRIVED
    remove "$ARRIVED"
    sf anew env:SAS_plain_a env:ARRIVED
}
# both FIRST SECOND KEY: two commands one after the other as one figure: times and CPU added, the larger RSS.
both() {
    paste -d' ' "$work/$1" "$work/$2" | awk '{print $1 + $4, $2 + $5, ($3 > $6 ? $3 : $6)}' >"$work/$3"
}
every=(read curl nbdcopy qemu copy down up service server anew)

# ---- The runs ----
remove "$SAS_plain_b"
everybody measure
for key in "${every[@]}"; do rm -f "$work/$key"; done
for ((i = 0; i < runs; i++)); do
    "$build/bench/raw_ceiling" read env:SAS_plain_a "$bytes" "$connections" >>"$work/ceiling.json"
    everybody measure
done
everybody counted
if [ -x "$azcopy" ]; then
    both down up azcopy
    [ ! -s "$work/up.calls" ] || paste "$work/down.calls" "$work/up.calls" | awk '{print $1 + $2}' >"$work/azcopy.calls"
fi

# ---- The table ----
rates() { awk -v b="$bytes" '{printf "%.1f\n", b / 1e6 / $1}' "$work/$1"; }
# versus KEY OURS COLUMN: their figure by ours, run by run: 2 is twice as much as ours.
versus() { paste -d' ' "$work/$1" "$work/$2" | awk -v c="$3" '{printf "%.2f\n", $c / $(c + 3)}'; }
# row WORDS KEY OURS [SECONDS CPU RSS]: how many times ours each must be at least.
row() {
    local calls column must=("${@:4}") names=(time "CPU s/GiB" "peak RSS") rate=throughput
    [ -s "$work/$2" ] || { echo "| $1 | not there | | | | | | |"; return; }
    [[ "$1" == snapferry* ]] || rate="a peer"
    calls=$(calls_gib "$2")
    rates "$2" | figures Peers "$1" "$rate" MB/s
    cpu_gib "$2" | figures Peers "$1" CPU s/GiB
    rss "$2" | figures Peers "$1" "peak RSS" MiB
    calls_gib "$2" | figures Peers "$1" "system calls" thousand/GiB
    if [ "$2" != "$3" ]; then
        for column in 1 2 3; do
            versus "$2" "$3" $column | figures Peers "$1" "${names[column - 1]}, times snapferry's" ratio \
                ${must[column - 1]:+at_least "${must[column - 1]}"}
        done
    fi
    printf '| %s | %.2f | %.2f | %.0f | %s | %.2f | %.2f | %.2f |\n' "$1" "$(cut -d' ' -f1 "$work/$2" | median)" \
        "$(cpu_gib "$2" | median)" "$(rss "$2" | median)" "${calls:-not counted}" "$(versus "$2" "$3" 1 | median)" \
        "$(versus "$2" "$3" 2 | median)" "$(versus "$2" "$3" 3 | median)"
}
chapter() {
    echo "## Peers"
    echo
    echo "Written by \`bench/peers.sh $runs $mib\`: medians of $runs runs over a disk of $mib MiB without holes, plain HTTP on"
    echo "loopback, $connections connections for those who can be told; servers and clients on the same cores. A whole process"
    echo "each, from its start to its end; the regions' files, our journals, and AzCopy's file on its way, on $(stat -f -c %T "$work"). Times ours:"
    echo "2.00 is twice what snapferry took in the run beside it. After one round that is not measured, so that nobody pays for"
    echo "memory's first touch, all write to one blob that is there: snapferry into it, page by page; AzCopy makes a blob"
    echo "anew where one is, in the memory that the old one leaves. The last row is snapferry's when it must do so too. System"
    echo "calls: of a run of its own that is not timed."
    echo
    the_machine
    echo
    echo "| what | seconds | CPU s/GiB | peak RSS MiB | thousand system calls a GiB | seconds, times ours | CPU, times ours | RSS, times ours |"
    echo "|---|---|---|---|---|---|---|---|"
    row "snapferry copy, region to null" read read
    row "curl --parallel, no checks" curl read
    row "nbdcopy, nbdkit curl, no checks" nbdcopy read
    row "qemu-img convert, nbdkit curl, no checks" qemu read
    row "snapferry copy, region to region" copy copy
    row "AzCopy, download and upload" azcopy copy 5 5 10
    row "snapferry copy --path server" server server
    row "AzCopy, service to service" service server
    row "snapferry copy, region to region, the blob deleted before" anew copy
    echo
    if [ -s "$work/azcopy" ]; then
        echo "AzCopy's download and upload must take 5 times our seconds and CPU and 10 times our memory at least. Of the copy whose"
        echo "blob was deleted before they take $(versus azcopy anew 1 | median) times the seconds and $(versus azcopy anew 2 | median) times the CPU."
    fi
    sed 's/.*"mb_per_s":\([0-9.]*\).*/\1/' "$work/ceiling.json" >"$work/raw"
    figures Peers "raw client, read" "the ceiling" MB/s <"$work/raw"
    echo "Raw sockets read the same disk at $(median <"$work/raw") MB/s."
}
replace_chapter Peers
