#!/usr/bin/env bash
# bench/relay.sh - what a send over the relay costs: bytes of a first send, of a clone with 1 % changed,
# of identical clones; the time over a slow, long link; auto against off over a fast one.
#
#   bench/relay.sh [IMAGE]      IMAGE: an ext4 image; without it one is made of this machine's files
#   ONLY="first clone"          some of: first clone clones shaped fast
#   CLONES=10 RUNS=3 BITS=100000000 DELAY=80
#
# Needs the release build. Everything goes through bench/shape_proxy, which counts TCP payload, TLS and
# HTTP included, in both directions. Needs room for the image and its copies under TMPDIR. Prints a table.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build/release}
only=${ONLY:-first clone clones shaped fast} clones=${CLONES:-10} runs=${RUNS:-3}
bits=${BITS:-100000000} delay=${DELAY:-80}
work=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-relay.XXXXXX")
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT
export XDG_STATE_HOME="$work/state"
. tests/system/relay_lab.sh
relay_lab "$work/lab"

wants() { [[ " $only " == *" $1 "* ]]; }
json() { sed -n "s/.*\"$2\":\([0-9.]*\).*/\1/p" "$1" | tail -n1; } # json FILE KEY
calc() { awk "BEGIN { printf \"$1\", $2 }"; }
row() { printf '| %s | %s | %s | %s |\n' "$@"; }

# await FILE PID: until a program said that it is ready
await() {
    until grep -q '"ready"' "$1" 2>/dev/null; do
        kill -0 "$2" 2>/dev/null || { echo "it did not start: $1" >&2; cat "$1"* >&2; exit 1; }
        sleep 0.02
    done
}

# receiver NAME: a new one, with an empty root and no index; sets receiver_port, receiver_pid
receiver() {
    mkdir -p "$work/$1"
    : >"$work/$1.out" # here: the child may open it later than it is looked at
    "$build/snapferry" receive --json --listen 127.0.0.1:0 --target-root "$work/$1" \
        --tls-cert "$work/lab/server.pem" --tls-key "$work/lab/server.key" \
        --client-ca "$work/lab/ca.pem" --index "$work/$1.index" >"$work/$1.out" 2>"$work/$1.out.err" &
    receiver_pid=$!
    pids+=("$receiver_pid")
    await "$work/$1.out" "$receiver_pid"
    receiver_port=$(sed -n 's/.*"ready","url":"https:[^"]*:\([0-9]*\)".*/\1/p' "$work/$1.out")
}

# through NAME OPTION...: the link to the receiver; sets link_port, link_pid
through() {
    local name=$1
    shift
    : >"$work/$name.proxy"
    "$build/bench/shape_proxy" --to "127.0.0.1:$receiver_port" --stats "$work/$name.stats" "$@" \
        >"$work/$name.proxy" &
    link_pid=$!
    pids+=("$link_pid")
    await "$work/$name.proxy" "$link_pid"
    link_port=$(json "$work/$name.proxy" port)
}

# send NAME SOURCE TARGET COMPRESS [LINK OPTION...]: sets wire_bytes, link_s, send_s
send() {
    local name=$1 source=$2 target=$3 compress=$4 begun
    shift 4
    through "$name" "$@"
    begun=$(date +%s%N)
    "$build/snapferry" send "$source" "relay:https://127.0.0.1:$link_port/a/$target" \
        --client-cert "$work/lab/a.pem" --client-key "$work/lab/a.key" --cacert "$work/lab/ca.pem" \
        --compress "$compress" --json >"$work/$name.out" 2>&1 ||
        { tail -n 5 "$work/$name.out" >&2; exit 1; }
    send_s=$(calc %.2f "($(date +%s%N) - $begun) / 1e9")
    kill "$link_pid" && wait "$link_pid"
    wire_bytes=$(($(json "$work/$name.stats" upBytes) + $(json "$work/$name.stats" downBytes)))
    link_s=$(json "$work/$name.stats" activeSeconds)
}
same() { cmp -n "$(stat -c %s "$1")" "$1" "$2" || { echo "$2 is not $1" >&2; exit 1; }; }
end_receiver() {
    kill "$receiver_pid" && wait "$receiver_pid" || true
    rm -rf "${work:?}/$1"
}

# The bytes of a file that are allocated, one behind the other.
allocated() {
    perl -e 'open my $f, "<:raw", $ARGV[0] or die $!; my $at = 0;
             while (defined($at = sysseek($f, $at, 3))) { # SEEK_DATA
                 $at += 0; my $end = sysseek($f, $at, 4) + 0; sysseek($f, $at, 0);
                 while ($at < $end) {
                     my $got = sysread $f, my $bytes, $end - $at < 1 << 20 ? $end - $at : 1 << 20;
                     $got or die; print $bytes; $at += $got } }' "$1"
}

make_image() {
    local tree=$work/tree
    mkdir -p "$tree/lib" "$tree/share"
    cp -a /usr/bin "$tree/" && cp -a /usr/lib/x86_64-linux-gnu "$tree/lib/"
    cp -a /usr/share/doc /usr/share/man /usr/share/perl /usr/share/locale "$tree/share/"
    mkfs.ext4 -q -d "$tree" -E nodiscard "$1" 3G
    rm -rf "$tree"
    sync "$1"
}

# One in a hundred of the 64 KiB clusters that hold data, overwritten with other files of this machine.
make_clone() { # IMAGE CLONE CHANGED: the clone, and the changed bytes alone
    cp --sparse=always "$1" "$2"
    perl -e 'my ($image, $clone, $changed, @files) = @ARGV; my $size = 65536; srand 7; my @clusters;
             open my $f, "<:raw", $image or die; open my $c, "+<:raw", $clone or die;
             open my $o, ">:raw", $changed or die;
             for (my $n = 0; sysread($f, my $b, $size) == $size; $n++) { push @clusters, $n if $b =~ /[^\0]/ }
             for (my $i = $#clusters; $i > 0; $i--) { my $j = int rand $i + 1; @clusters[$i, $j] = @clusters[$j, $i] }
             my @chosen = sort { $a <=> $b } @clusters[0 .. $#clusters / 100]; my $from;
             for my $n (@chosen) {
                 my $b = "";
                 until (length $b == $size) {
                     until ($from) { my $name = shift @files or die "too few files"; open $from, "<:raw", $name }
                     sysread($from, $b, $size) == $size or ($b, $from) = ("", undef) }
                 sysseek $c, $n * $size, 0; syswrite $c, $b; syswrite $o, $b }
             printf STDERR "clone: %d of %d clusters changed\n", scalar @chosen, scalar @clusters;' \
        "$1" "$2" "$3" $(find /usr/lib/jvm /usr/lib/llvm-14 /usr/lib/gcc /usr/lib/python3* -type f -size +128k |
        sort | awk 'NR % 3 == 0')
}

image=${1:-$work/image}
[ -n "${1:-}" ] || make_image "$image"
allocated_bytes=$(allocated "$image" | wc -c)
echo "image: $(stat -c %s "$image") bytes, $allocated_bytes allocated; $(date -u +%F)"
echo
row measured value bound kept
row --- --- --- ---

judge() { awk "BEGIN { print ($1 <= $2) ? \"yes\" : \"NO\" }"; }

if wants first || wants clone; then
    receiver first
    send first "$image" disk 3
    same "$image" "$work/first/a/disk"
    if wants first; then
        reference=$(allocated "$image" | zstd -3 -q -c | wc -c)
        row "first send, level 3, against zstd -3 of the allocated bytes ($reference)" \
            "$wire_bytes: $(calc %.4f "$wire_bytes / $reference")" 1.03 \
            "$(judge "$wire_bytes / $reference" 1.03)"
    fi
    if wants clone; then
        make_clone "$image" "$work/clone" "$work/changed"
        reference=$(zstd -3 -q -c "$work/changed" | wc -c)
        send clone "$work/clone" clone 3
        same "$work/clone" "$work/first/a/clone"
        bound=$(calc %.0f "1.15 * $reference + 0.005 * $allocated_bytes")
        row "clone, 1 % changed ($(stat -c %s "$work/changed") bytes, zstd -3 $reference), no base" \
            "$wire_bytes" "$bound" "$(judge "$wire_bytes" "$bound")"
        rm "$work/clone" "$work/changed"
    fi
    end_receiver first
fi

if wants clones; then
    receiver clones
    total=0
    for ((i = 0; i < clones; i++)); do
        send "clone$i" "$image" "disk$i" 3
        [ "$i" -gt 0 ] || first_bytes=$wire_bytes
        total=$((total + wire_bytes))
    done
    same "$image" "$work/clones/a/disk$((clones - 1))"
    row "$clones identical clones, against the first ($first_bytes)" \
        "$total: $(calc %.3f "$total / $first_bytes")" 1.2 "$(judge "$total / $first_bytes" 1.2)"
    end_receiver clones
fi

if wants shaped; then
    for compress in 3 auto; do
        receiver "shaped$compress"
        send "shaped$compress" "$image" disk "$compress" --bits-per-s "$bits" --delay-ms "$delay"
        same "$image" "$work/shaped$compress/a/disk"
        least=$(calc %.2f "$wire_bytes * 8 / $bits")
        row "$((bits / 1000000)) Mbit/s, $delay ms, --compress $compress: $wire_bytes bytes need $least s" \
            "$link_s s first byte to last, $send_s s in all: $(calc %.3f "$link_s / $least")" 1.1 \
            "$(judge "$link_s / $least" 1.1)"
        end_receiver "shaped$compress"
    done
fi

if wants fast; then
    for ((i = 0; i < runs; i++)); do
        for compress in off auto; do
            receiver "fast$i$compress"
            send "fast$i$compress" "$image" disk "$compress"
            echo "$send_s $wire_bytes" >>"$work/$compress.s"
            end_receiver "fast$i$compress"
        done
    done
    median() { sort -n "$work/$1.s" | awk '{ s[NR] = $1 } END { print s[int((NR + 1) / 2)] }'; }
    row "fast link, --compress auto against off ($(median off) s), medians of $runs" \
        "$(median auto) s: $(calc %.3f "$(median auto) / $(median off)")" 1.05 \
        "$(judge "$(median auto) / $(median off)" 1.05)"
fi
