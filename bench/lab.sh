# lab.sh - what benchmarks against regions share: four regions on loopback, plain and TLS, a disk in each, and
# the arithmetic of medians, what system calls are counted with, chapters and figures. Sourced, from the root, with
# bytes and mib set; everything it starts it ends. BENCH_OUT: the folder of RESULTS.md (bench).
build=${BUILD:-build/release}
out=${BENCH_OUT:-bench}
mkdir -p "$out"
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

median() { sort -g | awk '{v[NR]=$1} END {if (NR) print (NR%2) ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }
spread() { sort -g | awk '{v[NR]=$1} END {printf "%.0f to %.0f", v[1], v[NR]}'; }
own_rates() { awk -v b="$bytes" '{printf "%.1f\n", b/1e6/$1}' "$work/$1.s"; }
cpu_gib() { awk -v b="$bytes" '{printf "%.3f\n", $2/(b/1073741824)}' "$work/$1"; }
rss() { awk '{print $3}' "$work/$1"; }
# Ratios are taken run by run, of neighbours in time, and their median is told.
ratio() { paste "$1" "$2" | awk '{print $1/$2}' | median; }
# counted KEY COMMAND...: one run, of which only the system calls are told, its threads' and children's too: their number
# goes to $work/KEY.calls. With perf, or strace; with neither there is no such file.
counted() {
    local key=$1
    shift
    case $(counter) in
    perf)
        perf stat -x, -o "$work/$key.stat" -e raw_syscalls:sys_enter "$@" >"$work/$key.out" 2>&1 ||
            { cat "$work/$key.out" >&2; exit 1; }
        awk -F, '/sys_enter/ {print $1}' "$work/$key.stat" >"$work/$key.calls"
        ;;
    strace)
        strace -c -f -o "$work/$key.stat" "$@" >"$work/$key.out" 2>&1 || { cat "$work/$key.out" >&2; exit 1; }
        awk '$NF == "total" {print $4}' "$work/$key.stat" >"$work/$key.calls"
        ;;
    esac
}
# counter: perf, strace, or nothing: perf's event of the kernel is not everybody's.
counter() {
    if perf stat -o /dev/null -e raw_syscalls:sys_enter true 2>/dev/null; then
        echo perf
    elif strace -c -o /dev/null true 2>/dev/null; then
        echo strace
    fi
}
# watched KEY COMMAND...: as `measure`, and where perf can count without being noticed, its system calls too: for lines
# that are slow, and runs that are long.
watched() {
    if [ "$(counter)" != perf ]; then
        measure "$@"
        return
    fi
    perf stat -x, -o "$work/$1.stat" -e raw_syscalls:sys_enter \
        "$build/bench/timed" "$work/$1" "${@:2}" >"$work/$1.out" 2>&1 || { cat "$work/$1.out" >&2; exit 1; }
    awk -F, '/sys_enter/ {print $1}' "$work/$1.stat" >>"$work/$1.calls"
}
# calls_gib KEY [BYTES]: thousands of system calls a GiB, or nothing.
calls_gib() {
    [ ! -s "$work/$1.calls" ] || awk -v b="${2:-$bytes}" '{printf "%.2f\n", $1 / 1e3 / (b / 1073741824)}' "$work/$1.calls"
}

# figure CHAPTER SCENARIO WHAT UNIT MEDIAN [LOWEST HIGHEST [at_least|at_most BOUND]]: a line for the JSON of bench/run.sh,
# when that runs: BENCH_JSON names its file. Words without quotes; numbers as they are. WHAT is "throughput" for ours alone.
figure() {
    [ -n "${BENCH_JSON:-}" ] || return 0
    printf '{"chapter":"%s","scenario":"%s","what":"%s","unit":"%s","median":%s,"lowest":%s,"highest":%s,"%s":%s}\n' \
        "$1" "$2" "$3" "$4" "$5" "${6:-$5}" "${7:-$5}" "${8:-bound}" "${9:-null}" >>"$BENCH_JSON"
}
# figures CHAPTER SCENARIO WHAT UNIT [at_least|at_most BOUND] <NUMBERS: the same, of all runs' numbers; of none, no line.
figures() {
    local all
    all=$(sort -g)
    [ -n "$all" ] || return 0
    figure "$1" "$2" "$3" "$4" "$(median <<<"$all")" "$(head -n1 <<<"$all")" "$(tail -n1 <<<"$all")" "${@:5}"
}
# the_machine: one sentence.
the_machine() {
    echo "Machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n1), Linux $(uname -r)."
}
# replace_chapter NAME: what the function `chapter` prints, which begins with "## NAME", takes the place of the one
# of that name in RESULTS.md, or stands at its end; all others stay.
replace_chapter() {
    chapter >"$work/chapter"
    [ -e "$out/RESULTS.md" ] || echo "# Figures" >"$out/RESULTS.md"
    if grep -qx "## $1" "$out/RESULTS.md"; then
        sed "/^## $1\$/,\$d" "$out/RESULTS.md"
        cat "$work/chapter"
        sed "1,/^## $1\$/d" "$out/RESULTS.md" | sed -n '/^## /,$p' | sed '1s/^/\n/'
    else
        cat "$out/RESULTS.md"
        echo
        cat "$work/chapter"
    fi | cat -s >"$work/RESULTS.md"
    cp "$work/RESULTS.md" "$out/RESULTS.md"
    cat "$work/chapter"
}
