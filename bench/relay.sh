#!/usr/bin/env bash
# bench/relay.sh - what a send over the relay costs: bytes of a first send, of a clone with 1 % changed,
# of identical clones; the time over slow, long links, compressed and not; auto against off over a fast one.
#
#   bench/relay.sh [IMAGE]      IMAGE: an ext4 image; without it one is made of this machine's files
#   ONLY="first clone"          some of: first clone clones shaped fast; what is left out is left out of the chapter
#   CLONES=10 RUNS=3 DELAY=80
#   LINKS="100:off,3,auto 1000:off,auto"    Mbit/s, and how each is sent over
#
# Needs the release build, perl and zstd. Everything goes through bench/shape_proxy, which counts TCP payload, TLS and
# HTTP included, in both directions. Needs room for the image and three copies under TMPDIR. Writes its chapter of
# bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
only=${ONLY:-first clone clones shaped fast} clones=${CLONES:-10} runs=${RUNS:-3}
links=${LINKS:-100:off,3,auto 1000:off,auto} delay=${DELAY:-80}
. bench/lab.sh
. tests/system/relay_lab.sh
relay_lab "$work/lab"

wants() { [[ " $only " == *" $1 "* ]]; }
json() { sed -n "s/.*\"$2\":\([0-9.]*\).*/\1/p" "$1" | tail -n1; } # json FILE KEY
calc() { awk "BEGIN { printf \"$1\", $2 }"; }
# row SCENARIO WHAT UNIT VALUE [BOUND] [WORDS]: a line of the table, and a figure; what is bounded is at most BOUND.
row() {
    figure "The relay" "$1" "$2" "$3" "$4" "$4" "$4" ${5:+at_most "$5"}
    printf '| %s | %s | %s%s | %s | %s |\n' "$1" "$2" "$4" "$([ "$3" = ratio ] || echo " $3")" "${5:-}" "${6:-}" >>"$work/table"
}

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
    local name=$1 source=$2 target=$3 compress=$4
    shift 4
    through "$name" "$@"
    watched "send_$name" "$build/snapferry" send "$source" "relay:https://127.0.0.1:$link_port/a/$target" \
        --client-cert "$work/lab/a.pem" --client-key "$work/lab/a.key" --cacert "$work/lab/ca.pem" \
        --compress "$compress" --json
    send_s=$(cut -d' ' -f1 "$work/send_$name" | tail -n1)
    kill "$link_pid" && wait "$link_pid"
    wire_bytes=$(($(json "$work/$name.stats" upBytes) + $(json "$work/$name.stats" downBytes)))
    link_s=$(json "$work/$name.stats" activeSeconds)
}
# cost SCENARIO NAME...: what their sends cost at the sender, a GiB of the disk's data.
cost() {
    local scenario=$1 name
    shift
    for name in "$@"; do
        awk -v b="$allocated_bytes" '{printf "%.3f %.1f\n", $2 / (b / 1073741824), $3}' "$work/send_$name"
    done >"$work/costs"
    for name in "$@"; do calls_gib "send_$name" "$allocated_bytes"; done >"$work/costs.calls"
    cut -d' ' -f1 "$work/costs" | figures "The relay" "$scenario" "CPU of the sender" s/GiB
    cut -d' ' -f2 "$work/costs" | figures "The relay" "$scenario" "peak RSS of the sender" MiB
    figures "The relay" "$scenario" "system calls of the sender" thousand/GiB <"$work/costs.calls"
    printf '| %s | %.2f | %.0f | %s |\n' "$scenario" "$(cut -d' ' -f1 "$work/costs" | median)" \
        "$(cut -d' ' -f2 "$work/costs" | median)" "$(median <"$work/costs.calls")" >>"$work/cost_table"
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
[ -n "${1:-}" ] || bench/image.sh "$image" 1536
allocated_bytes=$(allocated "$image" | wc -c)

if wants first || wants clone; then
    receiver first
    send first "$image" disk 3
    same "$image" "$work/first/a/disk"
    if wants first; then
        reference=$(allocated "$image" | zstd -3 -q -c | wc -c)
        row "first send, --compress 3" "wire bytes by those of zstd -3 of the allocated bytes" ratio \
            "$(calc %.4f "$wire_bytes / $reference")" 1.03 "$wire_bytes by $reference"
        cost "first send, --compress 3" first
    fi
    if wants clone; then
        make_clone "$image" "$work/clone" "$work/changed"
        reference=$(zstd -3 -q -c "$work/changed" | wc -c)
        send clone "$work/clone" clone 3
        same "$work/clone" "$work/first/a/clone"
        bound=$(calc %.0f "1.15 * $reference + 0.005 * $allocated_bytes")
        row "clone with 1 % changed, no base at hand" "wire bytes by 1.15 times zstd -3 of what changed + 0.5 % of the disk" \
            ratio "$(calc %.4f "$wire_bytes / $bound")" 1 \
            "$wire_bytes; $(stat -c %s "$work/changed") changed, zstd -3 of them $reference"
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
    row "$clones identical clones" "wire bytes by those of the first" ratio "$(calc %.3f "$total / $first_bytes")" 1.2 \
        "$total by $first_bytes"
    end_receiver clones
fi

if wants shaped; then
    for link in $links; do
        for compress in $(tr , ' ' <<<"${link#*:}"); do
            mbit=${link%:*} must=1.1
            # Only the compressed way over the slow link was promised: over a fast one two cores may be the limit.
            [ "$mbit" -le 100 ] && [ "$compress" != off ] || must=
            name=shaped$mbit$compress scenario="$mbit Mbit/s, $delay ms, --compress $compress"
            receiver "$name"
            send "$name" "$image" disk "$compress" --bits-per-s "${mbit}000000" --delay-ms "$delay"
            same "$image" "$work/$name/a/disk"
            least=$(calc %.2f "$wire_bytes * 8 / ${mbit}000000")
            row "$scenario" "time, first byte to last, by what its bytes need" ratio "$(calc %.3f "$link_s / $least")" \
                "$must" "$link_s s, $send_s s in all, for $wire_bytes bytes that need $least s"
            figure "The relay" "$scenario" throughput MB/s "$(calc %.1f "$allocated_bytes / 1e6 / $send_s")"
            cost "$scenario" "$name"
            end_receiver "$name"
        done
    done
fi

if wants fast; then
    for ((i = 0; i < runs; i++)); do
        for compress in off auto; do
            receiver "fast$i$compress"
            send "fast$i$compress" "$image" disk "$compress"
            echo "$send_s" >>"$work/$compress.s"
            end_receiver "fast$i$compress"
        done
    done
    paste "$work/auto.s" "$work/off.s" | awk '{printf "%.3f\n", $1 / $2}' >"$work/auto_off"
    row "loopback, medians of $runs" "time of --compress auto by off" ratio "$(median <"$work/auto_off")" 1.05 \
        "$(median <"$work/auto.s") s by $(median <"$work/off.s") s"
    for compress in off auto; do
        names=()
        for ((i = 0; i < runs; i++)); do names+=("fast$i$compress"); done
        cost "loopback, --compress $compress" "${names[@]}"
        awk -v b="$allocated_bytes" '{printf "%.1f\n", b / 1e6 / $1}' "$work/$compress.s" |
            figures "The relay" "loopback, --compress $compress" throughput MB/s
    done
fi

chapter() {
    echo "## The relay"
    echo
    echo "Written by \`bench/relay.sh IMAGE\`: an ext4 image of this machine's files, $(stat -c %s "$image") bytes, $allocated_bytes of them"
    echo "allocated; sender, receiver and link on one machine. Wire bytes are TCP payload in both directions, with TLS, HTTP"
    echo "and the questions which blocks are held; each received disk was compared with its source. Over a shaped link one run"
    echo "each: the link sets the time."
    echo
    the_machine
    echo
    echo "| scenario | what | measured | at most | |"
    echo "|---|---|---|---|---|"
    cat "$work/table"
    [ -s "$work/cost_table" ] || return 0
    echo
    echo "What it costs the sender, a GiB of the disk's data; system calls are counted in the runs themselves:"
    echo
    echo "| scenario | CPU s/GiB | peak RSS MiB | thousand system calls a GiB |"
    echo "|---|---|---|---|"
    cat "$work/cost_table"
}
touch "$work/table" "$work/cost_table"
replace_chapter "The relay"
