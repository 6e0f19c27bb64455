#!/usr/bin/env bash
# bench/scattered.sh - a 32 TiB sparse disk of a managed-disk host with a million scattered ranges: how long
# planning takes, how much memory a plan and a whole copy to null: take.
#
#   bench/scattered.sh [RANGES]        needs the release build, 4 GiB of disk and a few minutes
set -euo pipefail
cd "$(dirname "$0")/.."
ranges=${1:-1000000}
build=${BUILD:-build/release}
work=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-scattered.XXXXXX")
BENCH_KEY=$(head -c 64 /dev/urandom | base64 -w0)
export BENCH_KEY
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$work"' EXIT

"$build/bench/scattered_disk" "$work/data" md-bench disks/abcd $((32 << 40)) "$ranges"
"$build/regiond" --data "$work/data" --account md-bench:env:BENCH_KEY >"$work/ready" &
pid=$!
until [ -s "$work/ready" ]; do kill -0 "$pid"; sleep 0.02; done
url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$work/ready")
SAS=$("$build/regiond" sas --account md-bench:env:BENCH_KEY --resource disks/abcd --permissions r --expiry +6h "$url")
export SAS

echo "32 TiB, $ranges ranges of 4 KiB; seconds, CPU seconds, peak RSS in MiB:"
for _ in 1 2 3 4 5; do
    "$build/bench/timed" "$work/plan" "$build/snapferry" plan env:SAS null: >/dev/null
done
sort -g "$work/plan" | sed -n '3s/^/plan (median of 5):         /p'
"$build/bench/timed" "$work/copy" "$build/snapferry" copy --quiet --memory 64M env:SAS null: >/dev/null
sed 's/^/copy to null, --memory 64M: /' "$work/copy"
