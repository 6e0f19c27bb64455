#!/usr/bin/env bash
# bench/threads.sh - does it cost CPU to share exchanges between threads, and do all of them do their part? One
# thread and several in neighbouring runs, whose order changes from pair to pair: region to null and region to
# region, plain and TLS.
#
#   bench/threads.sh [RUNS] [MIB] [THREADS]    medians of RUNS (5) pairs; a disk of MIB (2048); 2 threads
#
# Needs the release build. Starts its own regions on loopback and ends them. Writes its chapter of
# bench/RESULTS.md, and says how busy others kept the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5} mib=${2:-2048} threads=${3:-2} connections=${CONNECTIONS:-8}
bytes=$((mib * 1048576))
. bench/lab.sh
start_regions

# shares KEY: of the last run, each thread's percent of all their CPU time, and of the bytes.
shares() {
    node -e '
        const lines = require("fs").readFileSync(process.argv[1], "utf8").split("\n").filter((l) => l[0] === "{");
        const all = lines.map((l) => JSON.parse(l)).find((e) => e.event === "summary").threads;
        const part = (of) => {
            const sum = all.reduce((s, t) => s + of(t), 0);
            return all.map((t) => ((100 * of(t)) / sum).toFixed(1)).join(" ");
        };
        console.log(part((t) => t.cpuSeconds));
        console.error(part((t) => t.sentBytes + t.receivedBytes));' "$work/$1.out" >>"$work/$1.cpu" 2>>"$work/$1.bytes"
}
pair() { # KEY SOURCE TARGET
    local order="1 $threads" n
    ((pairs++ % 2)) && order="$threads 1"
    for n in $order; do
        copy "$1_$n" "$2" "$3" --threads "$n"
        cut -d' ' -f1 /proc/loadavg >>"$work/load"
    done
    shares "$1_$threads"
}

pairs=0
for ((i = 0; i < runs; i++)); do
    for kind in plain tls; do
        pair "${kind}_null" "env:SAS_${kind}_a" null:
        pair "${kind}_copy" "env:SAS_${kind}_a" "env:SAS_${kind}_b"
    done
done

# parts FILE: the median of each thread's part.
parts() {
    local n text=
    for ((n = 1; n <= threads; n++)); do
        text+="${text:+ / }$(cut -d' ' -f"$n" "$work/$1" | median) %"
    done
    printf %s "$text"
}
row() { # WORDS KEY
    cpu_gib "$2_1" >"$work/one"
    cpu_gib "$2_$threads" >"$work/more"
    own_rates "$2_1" >"$work/one_rate"
    own_rates "$2_$threads" >"$work/more_rate"
    paste "$work/more" "$work/one" | awk '{printf "%.3f\n", $1 / $2}' >"$work/cpu_ratio"
    figures Threads "$1" "CPU, $threads threads by 1" ratio at_most 1.05 <"$work/cpu_ratio"
    figures Threads "$1, 1 thread" throughput MB/s <"$work/one_rate"
    figures Threads "$1, $threads threads" throughput MB/s <"$work/more_rate"
    figures Threads "$1, 1 thread" CPU s/GiB <"$work/one"
    figures Threads "$1, $threads threads" CPU s/GiB <"$work/more"
    printf '| %s | %.3f | %.3f | %.3f | %s | %s | %.0f | %.0f | %.2f | %.0f, %.0f |\n' "$1" \
        "$(median <"$work/one")" "$(median <"$work/more")" "$(median <"$work/cpu_ratio")" \
        "$(parts "$2_$threads.cpu")" "$(parts "$2_$threads.bytes")" \
        "$(median <"$work/one_rate")" "$(median <"$work/more_rate")" \
        "$(ratio "$work/more_rate" "$work/one_rate")" \
        "$(rss "$2_1" | median)" "$(rss "$2_$threads" | median)"
}
chapter() {
    echo "## Threads"
    echo
    echo "Written by \`bench/threads.sh $runs $mib $threads\`: medians of $runs pairs, one thread and $threads in"
    echo "turns, ratios pair by pair; a disk of $mib MiB without holes; $connections connections; servers and"
    echo "client on the same cores, so rates are told and no gain is claimed; with 4 cores or more it is"
    echo "unmeasured. Must hold: CPU seconds a GiB rise by less than 5 %. Load of the machine after each run"
    echo "(its own servers and client are about 2): $(median <"$work/load"), at most $(sort -g "$work/load" | tail -n1)."
    echo
    the_machine
    echo
    echo "| scenario | CPU s/GiB, 1 thread | $threads threads | ratio | CPU by thread | bytes by thread | MB/s, 1 thread | $threads threads | ratio | peak RSS MiB, 1 and $threads |"
    echo "|---|---|---|---|---|---|---|---|---|---|"
    for kind in plain tls; do
        row "region to null, $kind" "${kind}_null"
        row "region to region, $kind" "${kind}_copy"
    done
}
replace_chapter Threads
