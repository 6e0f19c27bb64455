#!/usr/bin/env bash
# bench/image.sh - an ext4 image of this machine's files: what a disk really holds, programs, libraries, documents.
#
#   bench/image.sh FILE MIB      an image of MIB, about six tenths of it full; it needs twice that beside FILE
set -euo pipefail
image=$1 mib=$2
tree=$(mktemp -d "$image.tree.XXXXXX")
trap 'rm -rf "$tree"' EXIT
# Whole folders would not fit a given size: files, each with its chance, until it is full.
find /usr/bin /usr/lib/x86_64-linux-gnu /usr/share/doc /usr/share/man /usr/share/perl /usr/share/locale \
    -xdev -type f -readable -size -32M -printf '%s %p\n' 2>/dev/null |
    awk -v budget=$((mib * 1048576 * 6 / 10)) -v seed=7 '
        function draw() {seed = (seed * 1103515245 + 12345) % 2147483648; return seed}
        {printf "%d %s\n", draw(), $0}' |
    sort -n | awk -v budget=$((mib * 1048576 * 6 / 10)) '
        {took = $2 + 4096} used + took > budget {next} {used += took; sub(/^[0-9]+ [0-9]+ /, ""); print}' >"$tree/.files"
tar -C / -cf - --files-from="$tree/.files" 2>/dev/null | tar -C "$tree" -xf - || [ -d "$tree/usr" ]
rm "$tree/.files"
PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q -F -d "$tree" -E nodiscard "$image" "${mib}M"
sync "$image"
