#!/usr/bin/env bash
# bench/churn.sh - what a sparse disk's next restore point costs: 0.1 %, 1 % and 10 % of its data changed, in scattered
# pages and in clusters; bytes by the regions' own logs; and AzCopy, which moves the disk again, beside 1 %.
#
#   bench/churn.sh [RUNS] [GIB] [ALLOCATED_MIB]     medians of RUNS (3); a disk of GIB (64), MIB of it data (2048)
#   ALONE=1 bench/churn.sh                          without AzCopy, which takes most of the time
#   AZCOPY_LIMIT=300                                seconds after which a run of AzCopy is ended: its times are then lower
#                                                   bounds, and said to be
#
# AzCopy allocates all of the disk in the file that it downloads to, and writes its zeros: where the file system has no
# room for it, it fails at once. So it downloads to /dev/null, and uploads a sparse file that is there: less work than a
# real download and upload, and any machine has room for it.
#
# Needs the release build, `npm ci` in tests/system for AzCopy (else left out), and three times ALLOCATED_MIB of disk.
# Plain HTTP on loopback. AzCopy takes a URL on its command line alone: signed with a key that lives as long as this
# run. Writes its chapter of bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-3} gib=${2:-64} mib=${3:-2048} limit_s=${AZCOPY_LIMIT:-300}
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
    TARGET=$(sas "east_$key" disk)
    export RP1 RP2 TARGET
    for ((i = 0; i <= runs; i++)); do # the last one for its system calls
        "$build/snapferry" copy --quiet env:RP1 env:TARGET
        : >"$work/$key.log"
        if [ "$i" = "$runs" ]; then
            counted "$key" "$build/snapferry" copy --json --coalesce 0 --base env:RP1 env:RP2 env:TARGET
        else
            measure "$key" "$build/snapferry" copy --json --coalesce 0 --base env:RP1 env:RP2 env:TARGET
            bytes_read "$work/$key.log" >>"$work/$key.read"
        fi
    done
    [ "$2 $3" != "10 scattered" ] || beside_azcopy "east_$key"
    end_region "${pids[-1]}"
    end_region "$source"
    unset 'pids[-1]' 'pids[-1]'
    rm -r "$work/west_$key" "$work/east_$key"
}
# azcopy_once KEY SOURCE TARGET FROM_TO [OPTION]...: its seconds and how it ended, Completed or limit, go to $work/KEY.end.
azcopy_once() {
    local begun=$EPOCHREALTIME ended=Completed took
    timeout --signal=INT --kill-after=10 "$limit_s" "$azcopy" copy "$2" "$3" --from-to "$4" --log-level NONE "${@:5}" \
        >"$work/$1.out" 2>&1 || ended=$?
    took=$(awk "BEGIN {printf \"%.2f\", $EPOCHREALTIME - $begun}")
    case $ended in
    124 | 137) ended=limit took=$limit_s ;;
    *)
        grep -q 'Final Job Status: Completed$' "$work/$1.out" || {
            sed 's/sig=[^& "]*/sig=REDACTED/g' "$work/$1.out" >&2
            echo "AzCopy did not complete: $1" >&2
            exit 1
        }
        ended=Completed
        ;;
    esac
    echo "$took $ended" >"$work/$1.end"
}
beside_azcopy() { # REGION: once, it takes minutes
    [ -x "$azcopy" ] && [ -z "${ALONE:-}" ] || return 0
    "$build/snapferry" copy --quiet env:RP2 "$work/theirs"
    azcopy_once az_service "$RP2" "$(sas "$1" their_service)" BlobBlob
    azcopy_once az_down "$RP2" /dev/null BlobLocal
    azcopy_once az_up "$work/theirs" "$(sas "$1" theirs)" LocalBlob --blob-type PageBlob
    rm "$work/theirs" "$work/theirs.snapferry"
}

for permille in 1 10 100; do
    for kind in scattered clustered; do
        one_churn "${kind}_$permille" $permille $kind
    done
done

# versus KEY WAY END...: the seconds of AzCopy's runs by those of ours, run by run; where one was ended by the limit they are
# lower bounds, which WAY says.
versus() {
    local key=$1 way=$2 must=(at_least 30) least=
    shift 2
    cat "${@/#/$work/}" >"$work/ends"
    ! grep -q limit "$work/ends" || least=", ended after $limit_s s: a lower bound"
    [[ "$way" == *service* ]] && must=()
    awk '{sum += $1} END {print sum}' "$work/ends" >"$work/sum"
    cut -d' ' -f1 "$work/$key" | awk -v s="$(cat "$work/sum")" '{printf "%.1f\n", s / $1}' >"$work/times"
    figures Churn "$gib GiB, 1 % changed, ${key%_*}" "AzCopy's time, $way, by ours$least" ratio "${must[@]}" <"$work/times"
    printf '| %s | %s | %.1f%s | %.0f | %s |\n' "$way" "${key%_*}" "$(cat "$work/sum")" "$least" \
        "$(median <"$work/times")" "${must[1]:-}"
}
row() { # WORDS KEY
    local changed calls name="$gib GiB, $1"
    changed=$(member "$2.made" changedBytes)
    calls=$(calls_gib "$2" "$changed")
    awk -v b="$changed" '{printf "%.4f\n", $1 / b}' "$work/$2.read" >"$work/part"
    figures Churn "$name" "bytes read, of those changed" ratio at_most 1.05 <"$work/part"
    cut -d' ' -f1 "$work/$2" | figures Churn "$name" seconds s
    cpu_gib "$2" | awk -v b="$bytes" -v c="$changed" '{printf "%.3f\n", $1 * b / c}' | figures Churn "$name" CPU "s/GiB changed"
    rss "$2" | figures Churn "$name" "peak RSS" MiB
    [ -z "$calls" ] || figures Churn "$name" "system calls" "thousand/GiB changed" <<<"$calls"
    printf '| %s | %.1f | %.2f | %.3f | %.2f | %.0f | %s |\n' "$1" "$(awk -v b="$changed" 'BEGIN {print b / 1048576}')" \
        "$(cut -d' ' -f1 "$work/$2" | median)" "$(median <"$work/part")" \
        "$(cut -d' ' -f2 "$work/$2" | median)" "$(rss "$2" | median)" "$(awk '{printf "%.1f", $1 / 1e3}' "$work/$2.calls" 2>/dev/null ||
            echo "not counted")"
}
chapter() {
    local key
    echo "## Churn"
    echo
    echo "Written by \`bench/churn.sh $runs $gib $mib\`: a disk of $gib GiB, $mib MiB of it data in extents of 1 MiB, copied; then what"
    echo "changed since, with \`--base\` and \`--coalesce 0\`; medians of $runs runs, whole processes, plain HTTP on loopback. Bytes"
    echo "read are those of the source region's log, at most 1.05 of those changed. Scattered: pages of 4 KiB; clustered: 1 MiB."
    echo "System calls: of one more run, which is not timed."
    echo
    the_machine
    echo
    echo "| changed | MiB | seconds | bytes read, of those changed | CPU seconds | peak RSS MiB | thousand system calls |"
    echo "|---|---|---|---|---|---|---|"
    for kind in scattered clustered; do
        row "0.1 % changed, $kind" "${kind}_1"
        row "1 % changed, $kind" "${kind}_10"
        row "10 % changed, $kind" "${kind}_100"
    done
    echo
    [ -x "$azcopy" ] || echo "AzCopy was not there."
    [ -s "$work/az_up.end" ] || return 0
    echo "AzCopy has no deltas and moves the disk again; one run of each, on the disk with 1 % changed in scattered pages (the other"
    echo "has the same size and data). Downloaded to /dev/null, and uploaded from a sparse file: with a real file between, of"
    echo "whose $gib GiB it allocates all and writes each zero, it takes longer."
    echo
    echo "| AzCopy | beside | seconds | times ours | must hold |"
    echo "|---|---|---|---|---|"
    for key in scattered_10 clustered_10; do
        versus $key "download and upload" az_down.end az_up.end
        versus $key "service to service" az_service.end
    done
}
replace_chapter Churn
