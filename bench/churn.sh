#!/usr/bin/env bash
# bench/churn.sh - what a sparse disk's next restore point costs: 0.1 %, 1 % and 10 % of its data changed, in scattered
# pages and in clusters; bytes by the regions' own logs; and AzCopy, which moves the disk again, beside 1 %.
#
#   bench/churn.sh [RUNS] [GIB] [ALLOCATED_MIB]     medians of RUNS (3); a disk of GIB (64), MIB of it data (2048)
#   ALONE=1 bench/churn.sh                          without AzCopy, which takes most of the time
#
# Needs the release build, `npm ci` in tests/system for AzCopy (else left out), and three times ALLOCATED_MIB of disk.
# Plain HTTP on loopback. AzCopy takes a URL on its command line alone: signed with a key that lives as long as this
# run. Writes its chapter of bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-3} gib=${2:-64} mib=${3:-2048}
bytes=$((mib * 1048576))
. bench/lab.sh
azcopy=$PWD/tests/system/node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64
export AZCOPY_LOG_LOCATION=$work/azcopy_log AZCOPY_JOB_PLAN_LOCATION=$work/azcopy_plan AZCOPY_DISABLE_SYSLOG=true

snapshot_url() { # REGION TIME
    "$build/regiond" sas --account bench:env:BENCH_KEY --resource disks/disk --permissions r --expiry +6h \
        --snapshot "$2" "$(url_of "$1")"
}
member() { sed "s/.*\"$2\":\"\{0,1\}\([^\",}]*\).*/\1/" "$work/$1"; }
# bytes_read LOG: that snapferry got of the source's pages.
bytes_read() {
    awk -F'"rangeLength":' '/"verb":"Get Blob"/ {split($2, part, /[,}]/); sum += part[1]} END {printf "%d\n", sum}' "$1"
}
# end_region PID
end_region() {
    kill "$1"
    wait "$1" || true
}

one_churn() { # KEY PERMILLE KIND
    local key=$1 i source
    "$build/bench/churned_disk" "$work/$key.west" bench disks/disk $((gib << 30)) "$bytes" "$2" "$3" >"$work/$key.made"
    mv "$work/$key.west" "$work/west_$key"
    start_region "west_$key" --log "$work/$key.log"
    source=${pids[-1]}
    start_region "east_$key"
    RP1=$(snapshot_url "west_$key" "$(member "$key.made" base)")
    RP2=$(snapshot_url "west_$key" "$(member "$key.made" snapshot)")
    export RP1 RP2
    for ((i = 0; i < runs; i++)); do
        TARGET=$(sas "east_$key" "disk$i")
        export TARGET
        "$build/snapferry" copy --quiet env:RP1 env:TARGET
        : >"$work/$key.log"
        measure "$key" "$build/snapferry" copy --json --coalesce 0 --base env:RP1 env:RP2 env:TARGET
        bytes_read "$work/$key.log" >>"$work/$key.read"
    done
    [ "$2 $3" != "10 scattered" ] || beside_azcopy "east_$key"
    end_region "${pids[-1]}"
    end_region "$source"
    unset 'pids[-1]' 'pids[-1]'
    rm -r "$work/west_$key" "$work/east_$key"
}
# azcopy_once KEY SOURCE TARGET FROM_TO
azcopy_once() {
    measure "$1" "$azcopy" copy "$2" "$3" --from-to "$4" --log-level NONE "${@:5}"
    grep -q 'Final Job Status: Completed$' "$work/$1.out" || { echo "AzCopy did not complete: $1" >&2; exit 1; }
}
beside_azcopy() { # REGION: once, it takes minutes
    [ -x "$azcopy" ] && [ -z "${ALONE:-}" ] || return 0
    azcopy_once az_down "$RP2" "$work/disk.down" BlobLocal
    azcopy_once az_up "$work/disk.down" "$(sas "$1" theirs)" LocalBlob --blob-type PageBlob
    rm "$work/disk.down"
    azcopy_once az_service "$RP2" "$(sas "$1" their_service)" BlobBlob
}

for permille in 1 10 100; do
    for kind in scattered clustered; do
        one_churn "${kind}_$permille" $permille $kind
    done
done

row() { # WORDS KEY
    local changed
    changed=$(member "$2.made" changedBytes)
    printf '| %s | %.1f | %.2f | %.3f | %.2f | %.0f |\n' "$1" "$(awk -v b="$changed" 'BEGIN {print b / 1048576}')" \
        "$(cut -d' ' -f1 "$work/$2" | median)" "$(awk -v b="$changed" '{print $1 / b}' "$work/$2.read" | median)" \
        "$(cut -d' ' -f2 "$work/$2" | median)" "$(rss "$2" | median)"
}
chapter() {
    local ours
    echo "## Churn"
    echo
    echo "Written by \`bench/churn.sh $runs $gib $mib\`: a disk of $gib GiB, $mib MiB of it data in extents of 1 MiB, copied; then what"
    echo "changed since, with \`--base\` and \`--coalesce 0\`; medians of $runs runs, whole processes, plain HTTP on loopback. Bytes"
    echo "read are those of the source region's log. Scattered: pages of 4 KiB; clustered: 1 MiB."
    echo
    the_machine
    echo
    echo "| changed | MiB | seconds | bytes read, of those changed | CPU seconds | peak RSS MiB |"
    echo "|---|---|---|---|---|---|"
    for kind in scattered clustered; do
        row "0.1 %, $kind" "${kind}_1"
        row "1 %, $kind" "${kind}_10"
        row "10 %, $kind" "${kind}_100"
    done
    echo
    if [ -s "$work/az_up" ]; then
        ours=$(cut -d' ' -f1 "$work/scattered_10" | median)
        paste -d' ' "$work/az_down" "$work/az_up" "$work/az_service" | awk -v ours="$ours" '{
            printf "AzCopy has no deltas and moves the disk again. Down and up: %.1f s, %.0f times the 1 %% scattered;", $1 + $4, ($1 + $4) / ours
            printf " from service to service: %.1f s, %.0f times. One run.\n", $7, $7 / ours}'
        echo
    fi
}
replace_chapter Churn
