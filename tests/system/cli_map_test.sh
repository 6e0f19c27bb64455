#!/usr/bin/env bash
# Block maps by command: of a real ext4 image in a file and in a blob, compared with what dd and cmp say; what
# is refused; what a kill leaves.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
start_region west
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
BLOB=$(sas "$west_URL" disk.vhd rcwd)
export BLOB

same() { cmp -s "$1" "$2"; }
# json_is EXPRESSION: over the events that the last expect caught.
json_is() {
    node -e '
        const lines = require("fs").readFileSync("out", "utf8").trimEnd().split("\n");
        const events = lines.map((line) => JSON.parse(line));
        const of = (name) => events.filter((e) => e.event === name);
        process.exit(eval(process.argv[1]) ? 0 : 1);' "$1"
}
# blocks FILE: its blocks of 64 KiB that are not all zero, by number.
blocks() {
    node -e '
        const bytes = require("fs").readFileSync(process.argv[1]);
        for (let at = 0; at < bytes.length; at += 65536)
            if (bytes.subarray(at, at + 65536).some((b) => b)) console.log(at / 65536);' "$1"
}
# changed A B: ranges of blocks in which two files of one size differ, as map diff says them.
changed() {
    node -e '
        const fs = require("fs");
        const a = fs.readFileSync(process.argv[1]), b = fs.readFileSync(process.argv[2]);
        let from = -1;
        const end = (at) => { if (from >= 0) console.log(`differs: offset ${from} length ${at - from}`); from = -1; };
        for (let at = 0; at < a.length; at += 65536) {
            const to = Math.min(at + 65536, a.length);
            if (a.compare(b, at, to, at, to) === 0) end(at);
            else if (from < 0) from = at;
        }
        end(a.length);' "$1" "$2"
}

# ---- A real file system, and what it is a day later ----
truncate -s 96M day1.img
mkfs.ext4 -q -F -d "$SNAPFERRY_SOURCE_DIR/engine" day1.img 2>/dev/null || { echo "no mkfs.ext4"; exit 77; }
cp --sparse=always day1.img day2.img
head -c 700000 /dev/urandom | dd of=day2.img bs=1 seek=50000001 conv=notrunc status=none
dd if=/dev/zero of=day2.img bs=1M seek=0 count=1 conv=notrunc status=none
expect 0 'XXH3-128' "$SF" map build day1.img -o day1.map
check "a map is for its owner's eyes" [ "$(stat -c %a day1.map)" = 600 ]
check "and nothing is left beside it" [ ! -e day1.map.making -a ! -e day1.map.new ]
expect 0 '"event":"map"' "$SF" map build day1.img -o events.map --json
check "a build says what it read" json_is "of('summary')[0].root.startsWith('sha256:') &&
    of('summary')[0].readBytes > 0 && of('summary')[0].readBytes < 96 * 1048576 && of('end')[0].exit === 0"
expect 0 '"zeroBlocks"' "$SF" map show day1.map --json
check "it counts what is not zero" json_is "of('map')[0].allocatedBlocks === $(blocks day1.img | wc -l)"
check "and is small" json_is "of('map')[0].fileBytes < 8192 + 16 * 2 + 290 * 2 + 16 * $(blocks day1.img | wc -l)"
expect 0 'map of file:' "$SF" map build day2.img -o day2.map --like day1.map
expect 4 DIFFERENT "$SF" map diff day1.map day2.map
check "it names just what differs" same <(grep '^differs' out) <(changed day1.img day2.img)
expect 4 '"difference"' "$SF" map diff day1.map day2.map --json
check "as events too" json_is "of('difference').length === $(changed day1.img day2.img | wc -l) &&
    of('difference').every((e) => e.known) && of('summary')[0].notKnownBytes === 0"
expect 0 equal "$SF" map diff day1.map day1.map
"$SF" map diff day1.map day2.map --quiet >quiet 2>&1
check "the status alone, when asked quietly" [ $? = 4 -a ! -s quiet ]

# ---- A picture ----
expect 0 'a cell is' "$SF" map show day2.map --diff day1.map
check "plain ASCII where no terminal is" sh -c '! LC_ALL=C grep -q "[^ -~]" out'
check "with its changes" grep -q '^  [-+*#.x]*x[-+*#.x]*$' out
check "no line is too long" [ "$(awk '{ if (length > m) m = length } END { print m }' out)" -le 80 ]

# ---- The same disk elsewhere ----
expect 0 complete "$SF" copy day1.img env:BLOB --add-footer
expect 0 "$west_URL" "$SF" map build env:BLOB -o blob.map --like day1.map
expect 0 equal "$SF" map diff day1.map blob.map
check "no SAS is in a map" sh -c '! grep -aq sig= blob.map'
expect 0 'SHA-256' "$SF" map build day1.img -o strong.map --strong
expect 0 'SHA-256' "$SF" map build day2.img -o strong2.map --like strong.map
expect 4 DIFFERENT "$SF" map diff strong.map strong2.map
check "SHA-256 finds the same" same <(grep '^differs' out) <(changed day1.img day2.img)
expect 2 'different ways' "$SF" map diff day1.map strong.map
expect 0 '' "$SF" map build day1.img -o other.map
expect 2 'different seeds' "$SF" map diff day1.map other.map
check "how to compare them is said" grep -q -- --like err
truncate -s 100M grown.img
dd if=day1.img of=grown.img bs=1M conv=notrunc,sparse status=none
expect 0 '' "$SF" map build grown.img -o grown.map --like day1.map
expect 0 equal "$SF" map diff day1.map grown.map

# ---- What is refused ----
echo precious >precious
expect 2 'not replaced' "$SF" map build day1.img -o precious
check "what is no map stays" grep -q precious precious
ln -s day1.map link.map
mkfifo fifo
for path in link.map fifo . day2.img; do
    expect 2 '' "$SF" map build day1.img -o "$path"
done
check "a link is not followed" [ -L link.map ]
check "nothing is left of it" [ -z "$(ls | grep -e '\.making' -e '\.new')" ]
expect 2 'no block map' "$SF" map show link.map
expect 2 'no block map' "$SF" map show absent.map
expect 1 'no block map' "$SF" map show day1.img
expect 2 'second word' "$SF" map paint day1.map
head -c 9000 day1.map >cut.map
expect 1 'cut off' "$SF" map show cut.map
cp day1.map bad.map
printf X | dd of=bad.map bs=1 seek=$(($(stat -c %s bad.map) - 20)) conv=notrunc status=none
expect 1 'page' "$SF" map diff day1.map bad.map
expect 0 '' "$SF" map build day1.img -o bad.map
expect 0 'block map' "$SF" map show bad.map

# ---- A kill leaves the old map, and the next build is whole ----
cp day1.map killed.map
"$SF" map build pattern:40G,1 -o killed.map --quiet &
builder=$!
for _ in $(seq 6000); do [ -e killed.map.making ] && break; sleep 0.01; done
kill -9 $builder
wait $builder 2>/dev/null
check "it had begun" [ -e killed.map.making ]
check "the old map stands" same killed.map day1.map
expect 0 '' "$SF" map build day2.img -o killed.map --like day1.map
expect 0 equal "$SF" map diff day2.map killed.map
check "nothing is left beside it" [ ! -e killed.map.making ]
"$SF" map build pattern:40G,1 -o killed.map --quiet &
builder=$!
for _ in $(seq 6000); do [ -e killed.map.making ] && break; sleep 0.01; done
kill -INT $builder
wait $builder
check "interrupted it says so" [ $? = 130 ]
check "and leaves nothing" [ ! -e killed.map.making ]
expect 0 equal "$SF" map diff day2.map killed.map
finish
