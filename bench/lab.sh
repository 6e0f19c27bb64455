# lab.sh - what benchmarks against regions share: four regions on loopback, plain and TLS, a disk in each, and
# the arithmetic of medians. Sourced, from the root, with bytes and mib set; everything it starts it ends.
build=${BUILD:-build/release}
work=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-bench.XXXXXX")
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

BENCH_KEY=$(head -c 64 /dev/urandom | base64 -w0)
export BENCH_KEY XDG_STATE_HOME="$work/state"

# start_region NAME [OPTION]...: returns when it serves.
start_region() {
    local name=$1
    shift
    mkdir -p "$work/$name"
    : >"$work/$name.ready" # here: the child may open it later than it is looked at
    "$build/regiond" --data "$work/$name" --account bench:env:BENCH_KEY --container disks "$@" \
        >"$work/$name.ready" &
    pids+=($!)
    until [ -s "$work/$name.ready" ]; do
        kill -0 "${pids[-1]}" || { echo "a region did not start" >&2; exit 1; }
        sleep 0.02
    done
}
url_of() { sed 's/.*"url":"\([^"]*\)".*/\1/' "$work/$1.ready"; }
sas() {
    "$build/regiond" sas --account bench:env:BENCH_KEY --resource "disks/$2" --permissions racwd \
        --expiry +6h "$(url_of "$1")"
}

# start_regions: SAS_plain_a, SAS_plain_b, SAS_tls_a, SAS_tls_b name disks of $mib MiB without holes. With kinds=plain
# only those.
start_regions() {
    local kind side
    kinds=${kinds:-plain tls}
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
    for kind in $kinds; do
        for side in a b; do
            case $kind in
            plain) start_region "plain_$side" ;;
            tls) start_region "tls_$side" --tls-cert "$work/cert.pem" --tls-key "$work/key.pem" ;;
            esac
            declare -gx "SAS_${kind}_$side=$(sas "${kind}_$side" disk)"
            "$build/snapferry" copy --quiet --no-root --cacert "$work/cert.pem" "pattern:${mib}M,7" \
                "env:SAS_${kind}_$side" >/dev/null
        done
    done
}

# measure KEY COMMAND...: one run; its line (seconds, CPU seconds, peak RSS) goes to $work/KEY.
measure() {
    local key=$1
    shift
    "$build/bench/timed" "$work/$key" "$@" >"$work/$key.out" 2>&1 || { cat "$work/$key.out" >&2; exit 1; }
}
# copy KEY SOURCE TARGET [OPTION]...: its summary is left in $work/KEY.out, its own seconds in $work/KEY.s: as with
# a ceiling, from its first request to its commit.
copy() {
    local key=$1
    shift
    measure "$key" "$build/snapferry" copy --json --cacert "$work/cert.pem" --window "$connections" \
        --max-window "$connections" "$@"
    sed -n 's/.*"event":"summary".*"seconds":\([0-9.]*\).*/\1/p' "$work/$key.out" | head -n1 >>"$work/$key.s"
}

median() { sort -g | awk '{v[NR]=$1} END {print (NR%2) ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }
spread() { sort -g | awk '{v[NR]=$1} END {printf "%.0f to %.0f", v[1], v[NR]}'; }
own_rates() { awk -v b="$bytes" '{printf "%.1f\n", b/1e6/$1}' "$work/$1.s"; }
cpu_gib() { awk -v b="$bytes" '{printf "%.3f\n", $2/(b/1073741824)}' "$work/$1"; }
rss() { awk '{print $3}' "$work/$1"; }
# Ratios are taken run by run, of neighbours in time, and their median is told.
ratio() { paste "$1" "$2" | awk '{print $1/$2}' | median; }
# figure CHAPTER SCENARIO WHAT UNIT MEDIAN [LOWEST HIGHEST [at_least|at_most BOUND]]: a line for the JSON of bench/run.sh,
# when that runs: BENCH_JSON names its file. Words without quotes; numbers as they are.
figure() {
    [ -n "${BENCH_JSON:-}" ] || return 0
    printf '{"chapter":"%s","scenario":"%s","what":"%s","unit":"%s","median":%s,"lowest":%s,"highest":%s,"%s":%s}\n' \
        "$1" "$2" "$3" "$4" "$5" "${6:-$5}" "${7:-$5}" "${8:-bound}" "${9:-null}" >>"$BENCH_JSON"
}
# the_machine: one sentence.
the_machine() {
    echo "Machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n1), Linux $(uname -r)."
}
# replace_chapter NAME: what the function `chapter` prints, which begins with "## NAME", takes the place of the one
# of that name in bench/RESULTS.md, or stands at its end; all others stay.
replace_chapter() {
    chapter >"$work/chapter"
    if grep -q "^## $1\$" bench/RESULTS.md; then
        sed "/^## $1\$/,\$d" bench/RESULTS.md
        cat "$work/chapter"
        sed "1,/^## $1\$/d" bench/RESULTS.md | sed -n '/^## /,$p'
    else
        cat bench/RESULTS.md
        echo
        cat "$work/chapter"
    fi >"$work/RESULTS.md"
    cp "$work/RESULTS.md" bench/RESULTS.md
    cat "$work/chapter"
}
