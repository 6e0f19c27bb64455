#!/usr/bin/env bash
# bench/scattered.sh - listing and planning: a 32 TiB sparse disk of a managed-disk host with scattered ranges. How long
# `snapferry plan` takes, how much of that is the client's CPU and how much the region's, how much memory; the same in
# memory alone, without a network; and what a whole copy of a million ranges to null: takes.
#
#   bench/scattered.sh [RANGES]...     [1000 10000 100000 1000000]; up to 10000000, which takes minutes to make
#   bench/scattered.sh --quick         small numbers: shows that all works
#
# Needs the release build and 4 GiB of disk. Starts its own regions on loopback and ends them. Writes its chapter of
# bench/RESULTS.md. Up to a million ranges hold bytes; of more the region only knows where they are.
set -euo pipefail
cd "$(dirname "$0")/.."
args="$*" runs=5 seconds_max=1 rss_max_mib=64
counts=(1000 10000 100000 1000000) memory_counts=(1000 10000 100000 1000000 10000000)
if [ "${1:-}" = --quick ]; then
    counts=(1000 10000) memory_counts=(1000 10000)
elif [ $# -gt 0 ]; then
    counts=("$@")
fi
. bench/lab.sh

region_cpu() { awk '{print ($14 + $15) / 100}' "/proc/${pids[-1]}/stat"; } # ticks of USER_HZ
plan_of() { # RANGES
    local n=$1 hollow='' before i
    [ "$n" -le 1000000 ] || hollow=hollow
    "$build/bench/scattered_disk" "$work/r$n" md-bench disks/abcd $((32 << 40)) "$n" $hollow
    start_region "r$n" --account md-bench:env:BENCH_KEY
    SAS=$("$build/regiond" sas --account md-bench:env:BENCH_KEY --resource disks/abcd --permissions r --expiry +6h \
        "$(url_of "r$n")")
    export SAS
    "$build/snapferry" plan env:SAS null: >/dev/null # not measured: memory touched for the first time
    before=$(region_cpu) # its ticks are too long for one run
    for ((i = 0; i < runs; i++)); do measure "plan_$n" "$build/snapferry" plan env:SAS null:; done
    awk -v a="$before" -v b="$(region_cpu)" -v n="$runs" 'BEGIN {print (b - a) / n}' >"$work/plan_$n.region"
    [ "$n" != 1000000 ] || measure copy "$build/snapferry" copy --quiet --memory 64M env:SAS null:
    kill "${pids[-1]}"
    wait "${pids[-1]}" || true
    unset 'pids[-1]'
    rm -rf "$work/r$n"
}
for n in "${counts[@]}"; do plan_of "$n"; done
"$build/bench/plan_bench" "${memory_counts[@]}" >"$work/memory"

# each RANGES FIELD: a field of each run's line, in nanoseconds a range.
each() { awk -v n="$1" -v f="$2" '{printf "%.1f\n", $f * 1e9 / n}' "$work/plan_$1"; }
column() { cut -d' ' -f"$2" "$work/plan_$1"; }
plan_figures() { # RANGES
    local soon=() small=()
    [ "$1" != 1000000 ] || { soon=(at_most "$seconds_max") && small=(at_most "$rss_max_mib"); }
    column "$1" 1 | figures Planning "$1 ranges over HTTP" "start to plan" s "${soon[@]}"
    column "$1" 2 | figures Planning "$1 ranges over HTTP" "CPU of the client" s
    figure Planning "$1 ranges over HTTP" "CPU of the region" s "$(cat "$work/plan_$1.region")"
    column "$1" 3 | figures Planning "$1 ranges over HTTP" "peak RSS" MiB "${small[@]}"
}
plan_row() { # RANGES
    plan_figures "$1"
    printf '| %s | %.3f (%s to %s) | %.3f | %.3f | %.1f | %.0f |\n' "$1" "$(column "$1" 1 | median)" \
        "$(column "$1" 1 | sort -g | head -n1)" "$(column "$1" 1 | sort -g | tail -n1)" "$(column "$1" 2 | median)" \
        "$(cat "$work/plan_$1.region")" "$(column "$1" 3 | median)" "$(each "$1" 2 | median)"
}
memory_rows() {
    local kind n list low high plan plan_low plan_high bytes
    while read -r kind n list low high plan plan_low plan_high bytes; do
        figure Planning "$n ranges in memory, $kind" "read the list, CPU a range" ns "$list" "$low" "$high"
        figure Planning "$n ranges in memory, $kind" "plan, CPU a range" ns "$plan" "$plan_low" "$plan_high"
        figure Planning "$n ranges in memory, $kind" "memory a range" bytes "$bytes"
        printf '| %s | %s | %.1f (%.1f to %.1f) | %.1f (%.1f to %.1f) | %.0f |\n' "$kind" "$n" "$list" "$low" "$high" \
            "$plan" "$plan_low" "$plan_high" "$bytes"
    done <"$work/memory"
}
# linear KIND FROM TO: what a range costs at TO, by what it costs at FROM. 1 is linear.
linear() {
    awk -v kind="$1" -v from="$2" -v to="$3" '$1 == kind {cost[$2] = $3 + $6}
        END {printf "%.3f\n", cost[to] / cost[from]}' "$work/memory"
}
linearity() {
    local kind times most=${memory_counts[-1]} few=${memory_counts[0]}
    [ ${#memory_counts[@]} -lt 3 ] || few=${memory_counts[-3]}
    for kind in full delta; do
        times=$(linear $kind "$few" "$most")
        figure Planning "linear in memory, $kind" "a range's CPU at $most, by that at $few" ratio "$times" "$times" \
            "$times" at_most 1.5
        echo "$kind: a range costs $times times at $most ranges what it costs at $few; at most 1.5 must hold."
    done
}
chapter() {
    echo "## Planning"
    echo
    echo "Written by \`bench/scattered.sh${args:+ $args}\`: medians of $runs runs (lowest to highest). A disk of 32 TiB on a"
    echo "managed-disk host, every so often a range of 4 KiB. \`snapferry plan\` from its start to its exit: the list of ranges"
    echo "over plain HTTP on loopback, in pages of 10,000 each of which names the next, parsed as it arrives, made a plan. The"
    echo "region works on the same cores; its share is told. 1000000 ranges must take $seconds_max s and $rss_max_mib MiB at most."
    echo
    the_machine
    echo
    echo "| ranges | seconds, start to plan | CPU s of the client | CPU s of the region, mean | peak RSS MiB | client's CPU ns a range |"
    echo "|---|---|---|---|---|---|"
    for n in "${counts[@]}"; do plan_row "$n"; done
    echo
    if [ -s "$work/copy" ]; then
        rss copy | figures Planning "1000000 ranges copied to null, --memory 64M" "peak RSS" MiB
        awk '{printf "The whole copy of 1000000 ranges to null, --memory 64M: %.1f s, %.1f CPU seconds, %.0f MiB. One run.\n\n",
            $1, $2, $3}' "$work/copy"
    fi
    echo "The same without a network (\`bench/plan_bench\`): lists as the service writes them, in memory, through the parser; then"
    echo "from the parsed lists to a plan. CPU nanoseconds a range; bytes a range at the peak, lists and plan together. A delta's"
    echo "plan has two lists: what changed, a quarter of it clears, and all that holds data, by which it is coalesced."
    echo
    echo "| kind | ranges | read the list, ns a range | plan, ns a range | bytes a range |"
    echo "|---|---|---|---|---|"
    memory_rows
    echo
    linearity
}
replace_chapter Planning
