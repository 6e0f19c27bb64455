#!/usr/bin/env bash
# Runs the fuzz targets for SECONDS each, as many at once as there are cores, and says what each did. What
# they found stays in build/fuzz/fuzz/NAME and is where the next run begins; what broke one is beside it.
#
#     tests/fuzz/run_fuzz.sh 3600               an hour each
#     tests/fuzz/run_fuzz.sh 600 journal vhd    ten minutes, these two
#
# Exit status 1 when one broke: shorten its input (NAME_fuzz -minimize_crash=1 FILE), and write a test of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:?usage: tests/fuzz/run_fuzz.sh SECONDS [NAME...]}
shift

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz >/dev/null
names=("$@")
if [ $# = 0 ]; then
    for source in tests/fuzz/*_fuzz.c; do
        names+=("$(basename "$source" _fuzz.c)")
    done
fi

# one NAME: a line of figures, status 1 when it broke.
one() {
    local name=$1_fuzz status=0 corpus log
    corpus=build/fuzz/fuzz/$name
    log=$corpus.log
    mkdir -p "$corpus"
    set -- "$corpus"
    [ ! -d "tests/fuzz/seeds/$name" ] || set -- "$@" "tests/fuzz/seeds/$name"
    "build/fuzz/tests/$name" -max_total_time="$seconds" -max_len=65536 -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$corpus." "$@" >"$log" 2>&1 ||
        status=1
    awk -v name="$name" -v status="$status" '
        /cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
        /number_of_executed_units/ { runs = $2 }
        /average_exec_per_sec/ { rate = $2 }
        /peak_rss_mb/ { rss = $2 }
        /^(SUMMARY|artifact_prefix|.*Test unit written)/ { said = said "\n    " $0 }
        END { printf "%-22s %12d runs %7d/s  %6d edges  %5d MB  %s%s\n", name, runs, rate, cov, rss,
                  status ? "BROKE" : "ok", said }' "$log"
    return "$status"
}
export -f one
export seconds
printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I{} bash -c 'one {}'
