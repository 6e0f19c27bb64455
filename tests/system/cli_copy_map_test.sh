#!/usr/bin/env bash
# copy --map between two regions, by their own logs: what is reported changed and is the same is not
# written, without a diff only changed blocks are, no byte of a hole is read, what is read as proof is
# counted; a map that another writer, another target or damage makes worthless is refused with a sentence,
# and the target is right all the same; also after kill -9.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
start_region west
start_region east
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
WEST=$(sas "$west_URL" disk.raw rcwd)
EAST=$(sas "$east_URL" disk.raw rcwd)
OTHER=$(sas "$east_URL" other.raw rcwd)
export WEST EAST OTHER
KIB=1024
HOLE=$((3072 * KIB))
HOLE_BYTES=$((1024 * KIB + 12 * KIB))

# fill OFFSET BYTES: random bytes into disk.raw.
fill() { head -c "$2" /dev/urandom | dd of=disk.raw bs=512 seek="$(($1 / 512))" conv=notrunc status=none; }
truncate -s $((6 * 1024 * KIB)) disk.raw
fill 0 "$HOLE"
fill $((HOLE + HOLE_BYTES)) $((6 * 1024 * KIB - HOLE - HOLE_BYTES))
DATA=$((6 * 1024 * KIB - HOLE_BYTES))

take_snapshot() {
    local said
    said=$("$SF" snapshot env:WEST) || fail "snapshot"
    export "$1=$(sas "$west_URL" disk.raw r "${said#*snapshot=}")"
}
# put_page VARIABLE OFFSET: a page of random bytes, as anybody with the URL may write one.
put_page() {
    URL=${!1} OFFSET=$2 node -e '
        const at = +process.env.OFFSET;
        fetch(`${process.env.URL}&comp=page`, {
            method: "PUT", body: require("crypto").randomBytes(512),
            headers: { "x-ms-version": "2021-12-02", "x-ms-page-write": "update", "x-ms-range": `bytes=${at}-${at + 511}` },
        }).then((r) => process.exit(r.status === 201 ? 0 : 1));' || fail "put a page"
}

# copied ARGUMENT...: a copy that goes well; what the regions logged of it is in west.part and east.part.
west_seen=0 east_seen=0
part() {
    settled west east
    tail -n "+$((west_seen + 1))" "$west_LOG" >west.part
    tail -n "+$((east_seen + 1))" "$east_LOG" >east.part
    west_seen=$((west_seen + $(wc -l <west.part)))
    east_seen=$((east_seen + $(wc -l <east.part)))
}
copied() {
    part
    expect 0 '"committed":true' "$SF" copy "$@" --json
    cp out events
    part
}
# traffic_is EXPRESSION: over gets, writes, clears ([offset, length]) and the summary.
traffic_is() {
    HOLE=$HOLE HOLE_BYTES=$HOLE_BYTES node -e '
        const read = (f) => require("fs").readFileSync(f, "utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l));
        const extents = (list) => list.map((l) => [l.rangeOffset, l.rangeLength]);
        const [west, east] = [read("west.part"), read("east.part")];
        const gets = extents(west.filter((l) => l.verb === "Get Blob"));
        const put = (kind) => extents(east.filter((l) => l.verb === "Put Page" && l.pageWrite === kind));
        const [writes, clears] = [put("update"), put("clear")];
        const bytes = (list) => list.reduce((sum, [, length]) => sum + length, 0);
        const hole = [+process.env.HOLE, +process.env.HOLE + +process.env.HOLE_BYTES];
        const inHole = ([o, n]) => o < hole[1] && hole[0] < o + n;
        const summary = read("events").find((e) => e.event === "summary");
        if (eval(process.argv[1])) process.exit(0);
        console.log(JSON.stringify({ gets, writes, clears, summary }));
        process.exit(1);' "$1"
}
same() { check "$1" sh -c "\"$SF\" verify env:$2 env:$3 --quiet"; }
# true_map MAP VARIABLE: a map that is made of the target now says the same, and knows no more.
true_map() {
    check "a map of $2 is made" "$SF" map build "env:$2" -o fresh.map --like "$1" --quiet
    check "$1 is a map of $2" "$SF" map diff "$1" fresh.map --quiet
    check "every block of $1 is known" sh -c "\"$SF\" map show \"$1\" --json | grep -q '\"unknownBlocks\":0[,}]'"
}

# ---- The first copy leaves a map ----
expect 0 'complete' "$SF" copy disk.raw env:WEST
take_snapshot RP1
copied env:RP1 env:EAST --map east.map
check "all data is read once and written once" traffic_is "bytes(gets) === $DATA + 1024 && bytes(writes) === $DATA"
check "no byte of a hole is read, none cleared" traffic_is '!gets.some(inHole) && clears.length === 0'
check "it says that there is a map" traffic_is 'summary.map === true && summary.proofBytes === 0'
check "readable by its owner alone" [ "$(stat -c %a east.map)" = 600 ]
true_map east.map EAST

# ---- With a service diff ----
fill $((5 * 64 * KIB)) $((64 * KIB))
fallocate -p -o $((70 * 64 * KIB)) -l $((64 * KIB)) disk.raw # so that the diff is not all of the list
DATA=$((DATA - 64 * KIB))
expect 0 'complete' "$SF" copy disk.raw env:WEST # writes all of it again: reported changed
take_snapshot RP2
copied env:RP2 env:EAST --base env:RP1 --map east.map
check "what is the same is not written" traffic_is \
    'bytes(writes) === 65536 && writes[0][0] === 5 * 65536 && bytes(clears) === 65536'
check "and counted" traffic_is "summary.mode === 'delta' && summary.skippedBytes === $DATA - 65536"
check "still no hole" traffic_is '!gets.some(inHole)'
same "the target is RP2" RP2 EAST
true_map east.map EAST
rm east.map
copied env:RP2 env:EAST --base env:RP1 --map east.map
check "what the target holds is not moved again" traffic_is \
    'gets.length === 0 && writes.length === 0 && summary.map && summary.proofBytes > 0'
true_map east.map EAST
put_page WEST $((9 * 64 * KIB + 512 * 7))
put_page WEST $((HOLE + 64 * KIB))
take_snapshot RP3
copied env:RP3 env:EAST --base env:RP2 --map east.map --coalesce 0
check "pages are written, blocks are read" traffic_is \
    'bytes(writes) === 1024 && summary.proofBytes === 65536 - 512 && summary.readBytes === 65536 + 512'
check "proof is as logged" traffic_is 'bytes(gets) - 512 === summary.readBytes'
true_map east.map EAST

# ---- Without one ----
put_page WEST $((20 * 64 * KIB))
take_snapshot RP4
copied env:RP4 env:EAST --map east.map
check "only the changed block is written" traffic_is 'bytes(writes) === 65536 && clears.length === 0'
check "the source is read once" traffic_is "summary.mode === 'full' && bytes(gets) === $DATA + 512 + 1024"
same "the target is RP4" RP4 EAST
expect 0 'complete' "$SF" copy disk.raw other.img --map other.map
fill $((30 * 64 * KIB)) 512
expect 0 '"writtenBytes":65536,' "$SF" copy disk.raw other.img --map other.map --json
check "a file is the file" cmp disk.raw other.img

# ---- Maps that are worth nothing ----
put_page EAST $((11 * 64 * KIB))
expect 0 'written to since' "$SF" copy env:RP4 env:EAST --map east.map
same "another's page is gone" RP4 EAST
true_map east.map EAST
cp east.map stolen.map
expect 0 'it is not of this target' "$SF" copy env:RP4 env:OTHER --map stolen.map
same "the other target is RP4" RP4 OTHER
expect 0 'complete' "$SF" copy env:RP3 env:EAST
expect 0 'another copy wrote to the target since' "$SF" copy env:RP4 env:EAST --map east.map
same "the target is RP4 again" RP4 EAST
expect 0 'complete' "$SF" copy env:RP3 env:EAST --map east.map
for at in 0 30 4200 5000; do
    cp east.map damaged.map
    printf '\377' | dd of=damaged.map bs=1 seek="$at" conv=notrunc status=none
    "$SF" copy env:RP4 env:EAST --map damaged.map >out 2>err
    status=$?
    [ "$status" = 0 ] || expect 0 'complete' "$SF" copy env:RP4 env:EAST
    same "a map damaged at $at does no harm (status $status)" RP4 EAST
    expect 0 'complete' "$SF" copy env:RP3 env:EAST --map east.map
done
cp disk.raw precious
expect 2 'no block map' "$SF" copy env:RP4 env:EAST --map precious
check "a file that is no map is left alone" cmp disk.raw precious
for ending in making new; do
    cp disk.raw "precious.$ending"
    expect 2 'are the same file' "$SF" copy "precious.$ending" env:OTHER --map precious
    check "a source named as a file of the map's is left alone" cmp disk.raw "precious.$ending"
done
cp disk.raw mine.making
expect 2 'no unfinished block map' "$SF" copy env:RP4 env:EAST --map mine
check "so is what stands where the unfinished map would" cmp disk.raw mine.making
expect 2 '--strong' "$SF" copy env:RP4 env:EAST --strong
expect 0 'No map is made' "$SF" copy env:RP4 null: --map null.map
check "none is there" [ ! -e null.map ]

# ---- kill -9, and again ----
echo '{"latencyMs":40,"blob":{"bytesPerSecond":6000000}}' >slow.json
start_region slow
SLOW=$(sas "$slow_URL" disk.raw rcwd)
export SLOW
expect 0 'complete' "$SF" copy disk.raw env:SLOW --map slow.map
# goes_on: what was killed; then the map is true. That need not be slow.
goes_on() {
    restart_region slow
    expect 0 'complete' "$SF" copy disk.raw env:SLOW --map slow.map
    expect 0 'equal' "$SF" verify disk.raw env:SLOW
    true_map slow.map SLOW
}
for round in 1 2 3; do
    restart_region slow --shape slow.json
    for block in 2 9 17 33 40 70 81; do fill $((block * 64 * KIB)) 1024; done
    "$SF" copy disk.raw env:SLOW --map slow.map --window 1 --max-window 1 >out 2>err &
    COPYING=$!
    sleep "0.$((round * 15 + 10))"
    kill -KILL "$COPYING" 2>/dev/null
    wait "$COPYING" 2>/dev/null
    goes_on
done
# As soon as the region tells of the second marker, which is the commit: the map may not be written yet.
marks() { grep -c '"verb":"Set Blob Metadata"' "$slow_LOG"; }
for _ in 1 2 3 4; do
    restart_region slow --shape slow.json
    fill $((12 * 64 * KIB)) 1024
    committed=$(($(marks) + 2))
    "$SF" copy disk.raw env:SLOW --map slow.map >out 2>err &
    COPYING=$!
    while [ "$(marks)" -lt "$committed" ] && kill -0 "$COPYING" 2>/dev/null; do :; done
    kill -KILL "$COPYING" 2>/dev/null
    wait "$COPYING" 2>/dev/null
    goes_on
done
check "no secret in a map" sh -c '! grep -qaE "sig=|sig%3" ./*.map'
finish
