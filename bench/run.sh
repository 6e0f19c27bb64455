#!/usr/bin/env bash
# bench/run.sh - every figure that the README claims, in one command: bench/RESULTS.md (what must hold, then a chapter a
# scenario), bench/RESULTS.svg (a chart) and bench/results.json.
#
#   bench/run.sh [--quick] [--only NAME,...] [RUNS] [MIB]
#
#   RUNS, MIB   medians of RUNS (5); full, peers and threads over a disk of MIB (2048), the others have sizes of their own
#   --quick     small disks, one run: shows that all works; its figures mean nothing
#   --only      some of: full peers churn wan relay disks planning threads parts controld. What is not measured again
#               stays in the files as it was, with the commit that it is of
#   BENCH_OUT=FOLDER    where the three files go (bench)
#   BENCH_TMP=FOLDER    where regions keep their disks: /dev/shm where it has 16 GiB to spare, else $TMPDIR or /tmp
#   IMAGE=FILE          an ext4 image for the relay and the packer; else one is made of this machine's files
#
# Needs the release build, node, openssl; peers are left out, and said to be, where they are not installed
# (tools/install_packages.sh bench, `npm ci` in tests/system). A scenario that fails does not stop the others: it
# is named at the end, and the exit status is 1.
set -euo pipefail
cd "$(dirname "$0")/.."
all=(full peers churn wan relay disks planning threads parts controld)
command="bench/run.sh${*:+ $*}" quick= only=
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 && shift ;;
    --only) only=${2:?NAME,...} only=${only//,/ } && shift 2 ;;
    -*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
    *) break ;;
    esac
done
if [ $# -gt 2 ] || [[ "${1:-5}${2:-5}" == *[!0-9]* ]]; then
    echo "RUNS and MIB are numbers" >&2
    exit 2
fi
runs=${1:-${quick:-5}} mib=${2:-$([ -n "$quick" ] && echo 64 || echo 2048)}
for name in $only; do
    [[ " ${all[*]} " == *" $name "* ]] || { echo "no scenario $name: ${all[*]}" >&2; exit 2; }
done
room_mib() { df --output=avail -B1M /dev/shm 2>/dev/null | tail -n1; }
free_mib() { awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo; }
journals=${BENCH_TMP:-${TMPDIR:-/tmp}} # of many disks: what they sync is part of what they cost
if [ -n "${BENCH_TMP:-}" ]; then
    export TMPDIR=$BENCH_TMP
elif [ "$(room_mib)" -gt 16384 ] && [ "$(free_mib)" -gt 16384 ]; then
    export TMPDIR=/dev/shm
fi
. bench/lab.sh
export BENCH_OUT=$out
lines=$work/figures
commit=$(git describe --always 2>/dev/null || echo unknown) # now: what this writes is not a change of what is measured
[ -z "$(git status --porcelain -- . ':!bench/RESULTS.*' ':!bench/results.json' 2>/dev/null)" ] || commit+=-dirty

image() { # once, for those who need one; without it they make their own, or say why not
    [ -n "${IMAGE:-}" ] || { bench/image.sh "$work/image" "$([ -n "$quick" ] && echo 64 || echo 1536)" &&
        export IMAGE=$work/image; }
}
# scenario NAME: its script, with what --quick makes of it.
scenario() {
    case $1${quick:+ quick} in
    full) bench/full.sh "$runs" "$mib" ;;
    "full quick") SPREAD_RUNS=2 bench/full.sh "$runs" "$mib" ;;
    "peers"*) bench/peers.sh "$runs" "$mib" ;;
    churn) bench/churn.sh "$runs" ;;
    "churn quick") AZCOPY_LIMIT=5 bench/churn.sh 1 4 1024 ;;
    wan) bench/wan.sh "$runs" 1152 ;;
    "wan quick") bench/wan.sh 1 640 ;;
    relay) RUNS=$runs bench/relay.sh "${IMAGE:-}" ;;
    "relay quick") CLONES=3 RUNS=1 bench/relay.sh "${IMAGE:-}" ;;
    disks) REGIONS=${TMPDIR:-/tmp} TMPDIR=$journals bench/disks.sh "$runs" ;;
    "disks quick") REGIONS=${TMPDIR:-/tmp} TMPDIR=$journals bench/disks.sh 1 64 8 ;;
    planning) bench/scattered.sh ;;
    "planning quick") bench/scattered.sh --quick ;;
    "threads"*) bench/threads.sh "$runs" "$mib" ;;
    parts) bench/parts.sh "${IMAGE:-}" ;;
    "parts quick") bench/parts.sh "${IMAGE:-}" 1000 ;;
    controld) bench/controld.sh 10000 200 "$runs" ;;
    "controld quick") bench/controld.sh 1000 10 1 ;;
    esac
}

# report: of what was measured so far, so that a run that is cut short has its files too.
report() {
    node bench/report.mjs "$out" "$lines" "$(the_machine)" "$commit" "$command" "${failed[*]}" >"$work/said"
}
failed=()
touch "$lines"
for name in ${only:-${all[@]}}; do
    begun=$SECONDS
    printf '\n==== %s\n' "$name"
    : >"$work/some"
    case $name in relay | parts) image || true ;; esac
    if BENCH_JSON=$work/some scenario "$name"; then
        cat "$work/some" >>"$lines"
    else
        failed+=("$name")
    fi
    printf '==== %s: %d s\n' "$name" $((SECONDS - begun))
    report
done
cat "$work/said"
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
