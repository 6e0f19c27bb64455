#!/usr/bin/env bash
# bench/disks.sh - one large disk against many small ones, of the same bytes all in all: what do 8, 64 and 512 disks in one
# `snapferry run` lose? Region to null and region to region; blobs' limits are off.
#
#   bench/disks.sh [RUNS] [MIB] [COUNTS]   medians of RUNS (3) pairs; MIB (4096) all in all, without holes; "8 64 512"
#
# Needs the release build, strace, and three times MIB of memory for the regions' files (REGIONS, /dev/shm). Each round has
# one disk and many as neighbours in time, in changing order; seconds are the whole process's, from its start to its end.
# The targets are made anew each time; the first round, on memory that was never touched, is not counted. System calls are
# counted by a run of its own. Writes its chapter of bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-3} mib=${2:-4096} counts=${3:-8 64 512}
bytes=$((mib * 1048576))
ways="null copy"
. bench/lab.sh
# Regions' files go where no disk is waited for, journals and state files to TMPDIR: a real region is another machine.
regions=$(mktemp -d "${REGIONS:-/dev/shm}/snapferry-bench.XXXXXX")
trap 'finish; rm -rf "$regions"' EXIT
for side in west east; do
    mkdir "$regions/$side"
    ln -s "$regions/$side" "$work/$side"
    start_region "$side"
done

# remove REGION COUNT: its disks of this count, if it has them.
remove() {
    local i
    for ((i = 0; i < $2; i++)); do
        printf 'url = "%s"\nrequest = DELETE\n' "$(cat "$work/$1.$2.$i.url")"
        printf 'header = "x-ms-version: 2021-12-02"\nsilent\noutput = /dev/null\n'
        [ $((i + 1)) = "$2" ] || echo next
    done >"$work/remove.$1.$2"
    again "$1" "$2"
}
again() { curl -K "$work/remove.$1.$2"; } # what `remove` of the same once said

# job FILE COUNT SOURCES TARGETS: text with % for a disk's number, of files that hold a URL, or as it is.
job() {
    local i source target
    {
        echo '{"limits":{"blobBytesPerSecond":0,"blobRequestsPerSecond":0},"restorePoints":[{"id":"point","disks":['
        for ((i = 0; i < $2; i++)); do
            source=${3//%/$i} target=${4//%/$i}
            [ ! -e "$source.url" ] || source=$(cat "$source.url")
            [ ! -e "$target.url" ] || target=$(cat "$target.url")
            [ "$i" = 0 ] || echo ,
            printf '{"id":"disk%d","source":{"url":"%s"},"target":{"url":"%s"}}' "$i" "$source" "$target"
        done
        echo ']}]}'
    } >"$1"
}
# make_disks COUNT: the disks in the west, and the jobs that bring them to null and to the east.
make_disks() {
    local count=$1 i side
    for ((i = 0; i < count; i++)); do
        for side in west east; do sas "$side" "of$count-$i" >"$work/$side.$count.$i.url"; done
    done
    "$build/snapferry" copy --quiet --no-root "pattern:$((mib / count))M,7" "$work/seed"
    job "$work/make.json" "$count" "$work/seed" "$work/west.$count.%"
    "$build/snapferry" run "$work/make.json" --json >"$work/make.out" || { tail -n 3 "$work/make.out" >&2; exit 1; }
    rm "$work/seed"*
    job "$work/null.$count.json" "$count" "$work/west.$count.%" null:
    job "$work/copy.$count.json" "$count" "$work/west.$count.%" "$work/east.$count.%"
}
# once KEY WAY COUNT: one run; what it wrote is removed again, so that the next one gets its memory.
once() {
    measure "$1" "$build/snapferry" run "$work/$2.$3.json" --json
    [ "$2" = null ] || again east "$3"
}
calls() { # WAY COUNT: system calls a GiB
    rm -f "$work/strace"
    strace -f -c -o "$work/strace" "$build/snapferry" run "$work/$1.$2.json" --json >"$work/strace.out" 2>&1
    awk -v b="$bytes" '$NF == "total" {printf "%.0f\n", $4 / (b / 1073741824)}' "$work/strace" >"$work/$1.$2.calls"
    [ "$1" = null ] || again east "$2"
}

make_disks 1
remove east 1
for count in $counts; do
    make_disks "$count"
    remove east "$count"
    for ((i = 0; i <= runs; i++)); do
        for way in $ways; do
            order="1 $count"
            ((i % 2)) || order="$count 1"
            for n in $order; do
                key=$way.$count.$([ "$n" = 1 ] && echo one || echo many)
                once "$([ "$i" = 0 ] && echo warm || echo "$key")" "$way" "$n"
            done
        done
    done
    for way in $ways; do calls "$way" "$count"; done
    remove west "$count"
done
for way in $ways; do calls "$way" 1; done

rates() { awk -v b="$bytes" '{printf "%.1f\n", b / 1e6 / $1}' "$work/$1"; }
row() { # WAY WORDS COUNT
    local key=$1.$3 low high mid
    rates "$key.one" >"$work/one"
    rates "$key.many" >"$work/many"
    paste "$work/many" "$work/one" | awk '{printf "%.3f\n", $1 / $2}' >"$work/ratios"
    mid=$(median <"$work/ratios") low=$(sort -g "$work/ratios" | head -n1) high=$(sort -g "$work/ratios" | tail -n1)
    printf '| %s | %d x %d MiB | %.0f | %.0f | %.2f | %.2f to %.2f | %.2f, %.2f | %.0f, %.0f | %d, %d |\n' "$2" "$3" \
        $((mib / $3)) "$(median <"$work/many")" "$(median <"$work/one")" "$mid" "$low" "$high" \
        "$(cpu_gib "$key.many" | median)" "$(cpu_gib "$key.one" | median)" "$(rss "$key.many" | median)" \
        "$(rss "$key.one" | median)" "$(cat "$work/$key.calls")" "$(cat "$work/$1.1.calls")"
    if [ "$3" = 512 ]; then
        figure "Many disks" "$2" "512 disks against one" ratio "$mid" "$low" "$high" at_least 0.9
    else
        figure "Many disks" "$2" "$3 disks against one" ratio "$mid" "$low" "$high"
    fi
    figure "Many disks" "$2" "$3 disks: CPU" "s/GiB" "$(cpu_gib "$key.many" | median)"
    figure "Many disks" "$2" "$3 disks: peak RSS" MiB "$(rss "$key.many" | median)"
    figure "Many disks" "$2" "$3 disks: system calls" "1/GiB" "$(cat "$work/$key.calls")"
}
chapter() {
    echo "## Many disks"
    echo
    echo "Written by \`bench/disks.sh $runs $mib \"$counts\"\`: medians of $runs pairs; $mib MiB all in all, without holes, as one"
    echo "disk and as many; \`snapferry run\`, plain HTTP over loopback, blobs' limits off, targets made anew. Seconds are the whole"
    echo "process's. Where two figures stand, the second is one disk's."
    echo
    the_machine
    echo
    echo "| scenario | disks | MB/s | one disk's MB/s | ratio | lowest to highest | CPU s/GiB | peak RSS MiB | system calls a GiB |"
    echo "|---|---|---|---|---|---|---|---|---|"
    for count in $counts; do row null "region to null" "$count"; done
    for count in $counts; do row copy "region to region" "$count"; done
}
replace_chapter "Many disks"
