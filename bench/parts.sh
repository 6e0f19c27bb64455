#!/usr/bin/env bash
# bench/parts.sh - what parts of snapferry cost by themselves: block maps, packing a first send, the catalog of
# snapferryd. No network, no server.
#
#   bench/parts.sh [IMAGE] [POINTS]      IMAGE: an ext4 image (one is made of this machine's files); POINTS: 10000
#
# Needs the release build. Writes three chapters of bench/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/lab.sh
image=${1:-} points=${2:-10000}
[ -n "$image" ] || { image=$work/image && bench/image.sh "$image" 1536; }

# told CHAPTER PATTERN WHAT UNIT [at_least|at_most BOUND]: of the program's lines in $work/said the one that begins so:
# "what   median unit   (lowest to highest)". A figure, and a row of the table.
told() {
    local line mid low high
    line=$(grep -m1 -- "^$2" "$work/said") || { echo "no line begins with: $2" >&2; exit 1; }
    mid=$(sed -E 's/^.{44,} +([0-9.]+) [a-zA-Z].*/\1/' <<<"$line")
    low=$(sed -nE 's/.*\(([0-9.]+) to .*/\1/p' <<<"$line")
    high=$(sed -nE 's/.* to ([0-9.]+)\).*/\1/p' <<<"$line")
    figure "$1" "$3" "$4" "$5" "$mid" "${low:-$mid}" "${high:-$mid}" "${@:6}"
    printf '| %s | %s %s | %s | %s |\n' "$3, $4" "$mid" "$5" "${low:+$low to $high}" "${6:+${6/_/ } $7}"
}
table() {
    the_machine
    echo
    echo "| what | median | lowest to highest | must hold |"
    echo "|---|---|---|---|"
}

# ---- Block maps ----
"$build/bench/map_bench" "$work" >"$work/said"
chapter() {
    local of="Block maps" hash look
    echo "## $of"
    echo
    echo "Written by \`bench/parts.sh\`: medians of 9 rounds of \`map_bench\`. Random data of 512 MiB, 4 MiB at a time, each block hashed and"
    echo "its hash looked up and compared; then two maps of 512 GiB without a zero block."
    echo
    table
    look="hash and look up"
    told "$of" "$look, XXH3-128" "keyed XXH3-128" "$look, CPU" "s/GiB" at_most 0.15
    told "$of" "$look, SHA-256" "SHA-256" "$look, CPU" "s/GiB" at_most 0.9
    for hash in XXH3-128 SHA-256; do
        told "$of" "compare two full maps, 1 % differs, $hash" "$hash" "compare two maps, disk a second" "GB/s" at_least 5
    done
}
replace_chapter "Block maps"

# ---- Packing a first send ----
"$build/bench/pack_bench" "$image" >"$work/said"
chapter() {
    echo "## Packing a first send"
    echo
    echo "Written by \`bench/parts.sh\`, \`pack_bench\` on an ext4 image of this machine's files: $(head -n1 "$work/said"). Bytes are"
    echo "exact; CPU is of one thread. The last row is what a send does: blocks of 64 KiB as references where the other end has"
    echo "them, in frames of 4 MiB with a window as large. What costs more and was not kept: smaller blocks, whose questions and"
    echo "index outweigh what they save; long-distance matching; a dictionary, which a frame of 4 MiB does not need."
    echo
    the_machine
    echo
    sed -n '/^|/p' "$work/said"
}
replace_chapter "Packing a first send"
line=$(grep '^| stream_pack' "$work/said")
cell() { cut -d'|' -f"$1" <<<"$line" | tr -d ' '; }
figure "Packing a first send" "as it is sent" "bytes by those of one zstd stream" ratio "$(cell 5)"
figure "Packing a first send" "as it is sent" CPU s/GiB "$(cell 6)"

# ---- The catalog ----
# It fails where a bound is missed, and the figures say so themselves.
"$build/bench/catalog_bench" "$points" "$work" >"$work/said" || grep -q 'ABOVE' "$work/said"
chapter() {
    local of="The catalog" name="$points restore points"
    echo "## $of"
    echo
    echo "Written by \`bench/parts.sh\`, \`catalog_bench $points\`: $(head -n1 "$work/said");"
    echo "medians of the catalog alone. What must hold is of a whole answer: what HTTP and JSON cost beside it is not in it."
    echo
    table
    told "$of" "get of a restore point" "$name" "get of one" ms at_most 5
    told "$of" "get with its collection" "$name" "get of one as an instance view reads it" ms at_most 5
    told "$of" "page of 100 restore points of a" "$name" "page of 100" ms at_most 50
    told "$of" "page of 499" "$name" "page of 499" ms at_most 50
    told "$of" "page of 100 restore points, each" "$name" "page of 100 with their disks" ms at_most 50
    told "$of" "progress of a restore point" "$name" "progress of its disks, committed" ms
    told "$of" "open, with its check" "$name" "open, with a check of the whole file" ms
}
replace_chapter "The catalog"
