#!/usr/bin/env bash
# A real ext4 disk on its way: up as a VHD, snapshots, full and delta into another region, down again and
# through e2fsck; changed, grown, from a managed disk's host and into an upload disk; killed in the midst
# of a full copy and of a delta.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SYSTEM=$SNAPFERRY_SOURCE_DIR/tests/system
SF=$SNAPFERRY_BIN
export REGION_KEY=$CLI_KEY PATH=$PATH:/sbin:/usr/sbin
"$SYSTEM/install_clients.sh" >"$TMPDIR/install.log" 2>&1 || {
    cat "$TMPDIR/install.log"
    echo "the foreign clients could not be installed"
    exit 1
}
MD=md-0123456789ab
UPLOAD=md-impexp-0123456789ab
echo '{"latencyMs":5,"blob":{"bytesPerSecond":4000000}}' >"$TMPDIR/slow.json"
start_region west --account "$MD:env:CLI_KEY" --account "$UPLOAD:env:CLI_KEY"
start_region east
start_region slow --account "$UPLOAD:env:CLI_KEY"
cd "$TMPDIR" || exit 1
export REGION_URL=$west_URL

platform() { node "$SYSTEM/sdk/platform.mjs" "$@"; }
same() { cmp "$1" "$2"; }
# granted ACCOUNT BLOB [SNAPSHOT]: of $REGION_URL; prints a managed disk's SAS: a policy's name, no expiry in it.
granted() {
    "$REGIOND_BIN" sas --account "$1:env:CLI_KEY" --resource "vhds/$2" --policy grant \
        --sv 2018-11-09 ${3:+--snapshot "$3"} "$REGION_URL"
}
# take_snapshot VARIABLE: of the western disk; exports a read-only URL of it.
take_snapshot() {
    local said
    said=$("$SF" snapshot env:WEST) || fail "snapshot"
    export "$1=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")"
}
# arrived VARIABLE IMAGE: the blob there is this image, bit by bit, and a sound file system.
arrived() {
    rm -f down.img down.img.snapferry
    expect 0 complete "$SF" copy "env:$1" down.img --strip-footer
    check "$1 is $2" same "$2" down.img
    check "$1 holds a sound file system" e2fsck -fn down.img
}
# delta_is EXPRESSION: over the summary `s` of the copy whose events the last expect caught.
delta_is() {
    node -e '
        const lines = require("fs").readFileSync("out", "utf8").trimEnd().split("\n");
        const s = lines.map((line) => JSON.parse(line)).find((e) => e.event === "summary");
        console.log(s);
        process.exit(s.mode === "delta" && s.committed && eval(process.argv[1]) ? 0 : 1);' "$1"
}

# ---- Three states of one disk: made, changed, grown ----
mkdir files
find /usr/share /usr/lib -xdev -type f -size +8k -size -128k -readable \
    -printf '%s %p\n' 2>/dev/null |
    awk '{ sum += $1; if (sum > 18e6) exit; sub(/^[0-9]+ /, ""); print }' | # fits, whatever is here
    xargs -d '\n' cp --backup=numbered -t files 2>/dev/null
mkfs.ext4 -q -F -d files one.img 64M >/dev/null || fail "mkfs.ext4"
cp one.img two.img
head -c 300000 /dev/urandom >fresh
{
    find files -type f -printf '%f\n' | sort | head -100 | sed 's/.*/rm "\/&"/'
    echo 'mkdir /new'
    echo 'write fresh /new/fresh'
} >changes
check "debugfs changes the files" debugfs -w -f changes two.img
e2image -ra two.img used.img 2>/dev/null # what the removed files held becomes zero
mv used.img two.img
check "the file is there" sh -c "debugfs -R 'cat /new/fresh' two.img 2>/dev/null | cmp - fresh"
check "the disks differ" sh -c '! cmp -s one.img two.img'
cp two.img three.img
truncate -s 96M three.img
check "the disk grows" resize2fs three.img
for state in one two three; do
    cp "$state.img" "$state.vhd"
    node "$SYSTEM/make_vhd.mjs" "$state.vhd"
done

# ---- Up, full, delta, grown ----
WEST=$(sas "$west_URL" disk.vhd rcwd)
EAST=$(sas "$east_URL" disk.vhd rcwd)
export WEST EAST
expect 0 'complete and verified' "$SF" copy --add-footer one.img env:WEST --verify
take_snapshot RP1
expect 0 complete "$SF" copy env:RP1 env:EAST --manifest one.manifest
arrived EAST one.img
expect 0 'every block is as' "$SF" verify --complete --manifest one.manifest env:EAST
expect 0 complete "$SF" copy --add-footer two.img env:WEST
take_snapshot RP2
expect 4 'differs: offset' "$SF" verify --manifest one.manifest env:WEST
expect 0 '"event":"end","exit":0' "$SF" copy env:RP2 env:EAST --base env:RP1 --json \
    --manifest two.manifest --base-manifest one.manifest --audit 100%
check "a delta, with clears" delta_is 's.clearedBytes > 0 && s.readBytes > 300000 && s.manifest &&
    s.auditedBytes === s.auditableBytes && s.root.startsWith("sha256:")'
arrived EAST two.img
expect 0 'every block is as' "$SF" verify --manifest two.manifest env:EAST
expect 2 'grown only by a copy with --base' "$SF" copy --add-footer three.img env:WEST
check "the platform grows the disk" platform disks update disk.vhd two.vhd three.vhd
take_snapshot RP3
expect 0 '"event":"end","exit":0' "$SF" copy env:RP3 env:EAST --base env:RP2 --json \
    --manifest three.manifest --base-manifest two.manifest --audit 50%
check "a delta that grew moved little" delta_is 's.diskBytes === 100663808 && s.readBytes < 8388608'
arrived EAST three.img
expect 0 'every block is as' "$SF" verify --complete --manifest three.manifest env:EAST
check "its footer stands at the new end" sh -c 'curl -sf -o grown.vhd "$EAST" &&
    [ "$(tail -c 512 grown.vhd | head -c 8)" = conectix ]'
check "and not at the old one" sh -c '! tail -c +67108865 grown.vhd | head -c 8 | grep -q conectix'

# ---- The same from a managed disk's host ----
check "a managed disk" platform "$MD" grant r
check "is made" platform "$MD" create abcd one.vhd
MD1=$(granted "$MD" abcd "$(platform "$MD" snapshot abcd)")
read -r data clear < <(platform "$MD" update abcd one.vhd two.vhd)
MD2=$(granted "$MD" abcd "$(platform "$MD" snapshot abcd)")
check "grows" platform "$MD" update abcd two.vhd three.vhd
MD3=$(granted "$MD" abcd "$(platform "$MD" snapshot abcd)")
EAST_MD=$(sas "$east_URL" managed.vhd rcwd)
export MD1 MD2 MD3 EAST_MD
check "its SAS names a policy and no time" sh -c 'case $MD1 in *si=grant*) ;; *) false ;; esac &&
    case $MD1 in *se=*) false ;; esac'
expect 0 complete "$SF" copy env:MD1 env:EAST_MD
arrived EAST_MD one.img
expect 0 '"event":"end","exit":0' "$SF" copy env:MD2 env:EAST_MD --base env:MD1 --coalesce 0 --json
check "exactly what changed is read, the rest cleared" delta_is "s.readBytes === $data &&
    $data > 300000 && s.clearedBytes >= $clear && $clear > 1000000"
arrived EAST_MD two.img
expect 0 '"event":"end","exit":0' "$SF" copy env:MD3 env:EAST_MD --base env:MD2 --json
check "a delta of the grown disk" delta_is 's.readBytes < 8388608'
arrived EAST_MD three.img
expect 0 complete "$SF" copy env:MD1 raw.img --strip-footer
expect 0 'delta copy' "$SF" copy env:MD2 raw.img --strip-footer --base env:MD1
check "a delta into a raw file" same two.img raw.img
expect 0 'delta copy' "$SF" copy env:MD3 raw.img --strip-footer --base env:MD2
check "a raw file grows" same three.img raw.img
expect 2 'a snapshot cannot change' "$SF" copy one.vhd env:MD1
MD_NOW=$(granted "$MD" abcd)
export MD_NOW
expect 1 'does not permit' "$SF" copy three.vhd env:MD_NOW

# ---- Into an upload disk ----
platform "$UPLOAD" grant rw || fail "a grant"
platform "$UPLOAD" allocate abcd "$(stat -c %s three.vhd)" || fail "an upload disk"
platform "$UPLOAD" allocate less "$(stat -c %s two.vhd)" || fail "a smaller one"
UP=$(granted "$UPLOAD" abcd)
LESS=$(granted "$UPLOAD" less)
export UP LESS
expect 0 complete "$SF" copy env:MD3 env:UP --manifest up.manifest
expect 0 'every block is as' "$SF" verify --manifest up.manifest env:UP
expect 1 'not knowable on this host' "$SF" verify --complete env:UP
check "an upload disk is read by its key" platform "$UPLOAD" download abcd uploaded.vhd
check "and is the disk" same three.vhd uploaded.vhd
expect 2 'must have' "$SF" copy env:MD3 env:LESS
expect 0 'Making a full copy' "$SF" copy env:MD3 env:UP --base env:MD2
check "a delta is never trusted there" platform "$UPLOAD" download abcd uploaded.vhd
check "and it is the disk still" same three.vhd uploaded.vhd

# ---- Killed in the midst ----
SLOW=$(sas "$slow_URL" disk.vhd rcwd)
export SLOW
pages_put() { grep -c '"pageWrite":"update".*"status":201' "$slow_LOG"; }
# kill_in_midst ARGUMENT...: a copy that has written two ranges of some ten, slowly, and dies.
kill_in_midst() {
    local before pid tries
    restart_region slow --shape "$TMPDIR/slow.json" --account "$UPLOAD:env:CLI_KEY"
    before=$(pages_put)
    "$SF" copy "$@" --window 1 --max-window 2 --quiet >killed.out 2>&1 &
    pid=$!
    for tries in {1..3000}; do
        [ "$(pages_put)" -ge $((before + 2)) ] && break
        sleep 0.02
    done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    check "killed, not done ($tries)" [ $? = 137 ]
    restart_region slow --account "$UPLOAD:env:CLI_KEY"
}
killed() {
    kill_in_midst "$@" env:SLOW
    check "its marker says copying" sh -c 'curl -sfI "$SLOW" |
        grep -qi "^x-ms-meta-snapferry_state: copying"'
    check "it has no footer" sh -c '[ "$(curl -sf -r 67108864-67109375 "$SLOW" | wc -c)" = 512 ] &&
        ! curl -sf -r 67108864-67109375 "$SLOW" | tr -d "\0" | grep -q .'
    expect 4 'was not finished' "$SF" verify "${@:1:1}" env:SLOW
    expect 4 'begun and not finished' "$SF" verify --complete env:SLOW
}
killed env:RP1
expect 0 'Going on from' "$SF" copy env:RP1 env:SLOW
expect 0 'a sound VHD footer' "$SF" verify --complete env:SLOW
check "complete has a footer" sh -c 'curl -sf -r 67108864-67109375 "$SLOW" | grep -qa conectix'
arrived SLOW one.img
expect 0 'delta copy' "$SF" plan env:RP2 env:SLOW --base env:RP1
killed env:RP2 --base env:RP1
expect 0 'Going on from' "$SF" copy env:RP2 env:SLOW --base env:RP1
check "it is still a delta" grep -q 'delta copy' out
arrived SLOW two.img

# An upload disk carries no marker: that it is ours, and how far, the journal alone knows.
export REGION_URL=$slow_URL
platform "$UPLOAD" grant rw || fail "a grant"
platform "$UPLOAD" allocate abcd "$(stat -c %s one.vhd)" || fail "an upload disk"
SLOWUP=$(granted "$UPLOAD" abcd)
export SLOWUP
kill_in_midst env:RP1 env:SLOWUP
expect 0 'Going on from' "$SF" copy env:RP1 env:SLOWUP
check "an upload disk is read by its key" platform "$UPLOAD" download abcd uploaded.vhd
check "and is the disk" cmp -n "$(stat -c %s one.img)" one.img uploaded.vhd
check "with a footer" sh -c 'tail -c 512 uploaded.vhd | grep -qa conectix'

no_secret "$west_LOG" "$east_LOG" "$slow_LOG" killed.out
check "no secret in the state folder" sh -c "! grep -rlE 'sig=' '$XDG_STATE_HOME' ./*.snapferry"
finish
