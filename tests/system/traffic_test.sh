#!/usr/bin/env bash
# What two regions saw of a copy, by their own logs: no byte of a hole read, no clear downloaded, each
# changed page moved once, zeros never written, checksums both ways. Each check is also held against
# traffic or a disk for which it must not hold.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SYSTEM=$SNAPFERRY_SOURCE_DIR/tests/system
start_region west
start_region east
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
WEST=$(sas "$west_URL" disk.vhd rcwd)
export WEST

traffic_disk() { DISK=${!1} node "$SYSTEM/traffic_disk.mjs" "${@:2}"; }
# take_snapshot VARIABLE: exports a URL of it; VARIABLE_TIME is when.
take_snapshot() {
    local said
    said=$("$SF" snapshot env:WEST) || fail "snapshot"
    printf -v "$1_TIME" %s "${said#*snapshot=}"
    export "$1=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")"
}
# settled FOLDER: the regions write a line after its answer has left; true when all lines are there.
settled() {
    local wanted
    wanted=$(sed -n 's/.*"event":"summary".*"requests":\([0-9]*\).*/\1/p' "$1/events")
    [ "$(($(wc -l <"$west_LOG") - west_before + $(wc -l <"$east_LOG") - east_before))" -ge "$wanted" ]
}
# traffic_of FOLDER ARGUMENT...: a copy whose traffic, and its alone, is kept in FOLDER.
traffic_of() {
    local folder=$1 west_before east_before
    shift
    mkdir "$folder"
    west_before=$(wc -l <"$west_LOG")
    east_before=$(wc -l <"$east_LOG")
    expect 0 '"committed":true' "$SF" copy "$@" --json
    cp out "$folder/events"
    for _ in {1..3000}; do
        settled "$folder" && break
        sleep 0.02
    done
    tail -n "+$((west_before + 1))" "$west_LOG" >"$folder/source.log"
    tail -n "+$((east_before + 1))" "$east_LOG" >"$folder/target.log"
}
holds() { check "$2: $1" node "$SYSTEM/traffic_check.mjs" "$1" "$2"; }
fails_on() {
    node "$SYSTEM/traffic_check.mjs" "$1" "$2" >checked 2>&1
    [ $? = 1 ] && grep -q "^$1: " checked && PASSED=$((PASSED + 1)) && return
    fail "the check $1 cannot fail on $2" checked
}

traffic_disk WEST make || fail "the disk"
take_snapshot RP1
traffic_disk WEST change || fail "the change"
take_snapshot RP2
traffic_disk RP1 list rp1.json
traffic_disk RP2 list rp2.json
traffic_disk RP2 list diff.json "$RP1_TIME"

# ---- A full copy ----
EXACT=$(sas "$east_URL" exact.vhd rcwd)
WIDE=$(sas "$east_URL" wide.vhd rcwd)
export EXACT WIDE
traffic_of full env:RP1 env:EXACT
cp rp1.json full/all.json
for name in reads-no-hole writes-no-zero asks-checksums splits-at-4-mib counts-requests; do
    holds "$name" full
done
expect 0 complete "$SF" copy env:RP1 env:WIDE

# ---- A delta: not one byte more; and with the gaps that cost less than a request ----
traffic_of exact env:RP2 env:EXACT --base env:RP1 --coalesce 0
cp rp2.json exact/all.json
cp diff.json exact/
for name in reads-changes-once clears-once writes-changes-once asks-checksums counts-requests; do
    holds "$name" exact
done
traffic_of wide env:RP2 env:WIDE --base env:RP1
cp rp2.json wide/all.json
cp diff.json wide/
for name in counts-gaps clears-once asks-checksums counts-requests; do
    holds "$name" wide
done
expect 0 equal "$SF" verify env:RP2 env:EXACT
expect 0 equal "$SF" verify env:RP2 env:WIDE

# ---- Every check can fail ----
# like NAME OF: the traffic of OF, to be spoiled.
like() { cp -r "$2" "$1"; }
like other_disk full # the second state has holes where the first had data
cp rp2.json other_disk/all.json
fails_on reads-no-hole other_disk
like all_again full # a full copy where a delta would do
cp diff.json all_again/
for name in reads-changes-once clears-once writes-changes-once counts-gaps; do
    fails_on "$name" all_again
done
fails_on reads-changes-once wide
fails_on writes-changes-once wide
fails_on counts-gaps exact
like zeros full
echo '{"verb":"Put Page","pageWrite":"update","rangeOffset":25165824,"rangeLength":512}' >>zeros/target.log
fails_on writes-no-zero zeros
fails_on counts-requests zeros
like twice exact
grep '"pageWrite":"clear"' exact/target.log | head -1 >>twice/target.log
grep '"verb":"Get Blob"' exact/source.log | head -1 >>twice/source.log
grep '"pageWrite":"update"' exact/target.log | head -1 >>twice/target.log
for name in reads-changes-once clears-once writes-changes-once counts-requests; do
    fails_on "$name" twice
done
like unasked full
sed -i '0,/"checksumAsked":"crc64"/s///' unasked/source.log
sed -i 's/,,/,/' unasked/source.log
fails_on asks-checksums unasked
like unsent full
sed -i '0,/"checksumSent":"crc64",/s///' unsent/target.log
fails_on asks-checksums unsent
like spanning full
echo '{"verb":"Get Blob","rangeOffset":4193792,"rangeLength":1024}' >>spanning/source.log
fails_on splits-at-4-mib spanning

no_secret "$west_LOG" "$east_LOG"
finish
