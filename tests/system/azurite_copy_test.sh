#!/usr/bin/env bash
# Azurite as a region: a page blob made by the official SDK is copied into another container and
# compared byte for byte by that SDK; Azurite's false diff must end in a full copy with a sentence why;
# Azurite to regiond and back; what Azurite cannot do is said once.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SYSTEM=$SNAPFERRY_SOURCE_DIR/tests/system
SF=$SNAPFERRY_BIN
export REGION_KEY=$CLI_KEY
"$SYSTEM/install_clients.sh" >"$TMPDIR/install.log" 2>&1 || {
    cat "$TMPDIR/install.log"
    echo "the foreign clients could not be installed"
    exit 1
}
cd "$TMPDIR" || exit 1
. "$SYSTEM/azurite.sh"

# event_is EXPRESSION: holds for the events and the only summary `s` in what the last expect caught.
event_is() {
    node -e '
        const lines = require("fs").readFileSync("out", "utf8").trimEnd().split("\n");
        const events = lines.map((line) => JSON.parse(line));
        const [s] = events.filter((e) => e.event === "summary");
        process.exit(eval(process.argv[1]) ? 0 : 1);' "$1"
}
# snapshot_of SOURCE CONTAINER BLOB FILE: by snapferry; FILE becomes a URL of it for reading.
snapshot_of() {
    local said
    said=$("$SF" snapshot "@$1") || fail "snapshot"
    sdk sas "$2" "$3" r "$4" "${said#*snapshot=}" || fail "a SAS of the snapshot"
}
UNCHECKED='neither CRC64 nor MD5'
warned() { grep -cF "$UNCHECKED" err; }

start_azurite
truncate -s 24M footer.vhd
node "$SYSTEM/make_vhd.mjs" footer.vhd
tail -c 512 footer.vhd >footer
sdk sas source disk.vhd racwd from.url
sdk sas target disk.vhd racwd to.url
check "the SDK makes a disk" sdk make from.url footer

# ---- Container to container ----
expect 0 complete "$SF" copy @from.url @to.url
check "one warning that Azurite confirms no write" [ "$(warned)" = 1 ]
check "byte for byte, says the SDK" sdk same from.url to.url
expect 0 equal "$SF" verify @from.url @to.url

# ---- Leases as Azurite has them ----
LEASE=11111111-1111-4111-8111-111111111111
# lease ACTION HEADER...: of the target, by hand.
lease() {
    local action=$1
    shift
    curl -sf -X PUT -H "x-ms-lease-action: $action" "${@/#/-H}" -H 'x-ms-version: 2021-12-02' -d '' \
        "$(cat to.url)&comp=lease"
}
check "the copy said nothing of leases, and gave its own back" [ "$(cat out err | grep -ci lease)" = 0 ]
check "somebody leases the target" lease acquire 'x-ms-lease-duration: 60' \
    "x-ms-proposed-lease-id: $LEASE"
expect 1 'somebody else holds a lease' "$SF" copy @from.url @to.url
check "and renews it" lease renew "x-ms-lease-id: $LEASE"
check "and gives it back" lease release "x-ms-lease-id: $LEASE"
expect 0 complete "$SF" copy @from.url @to.url
check "no word about leases" [ "$(cat out err | grep -ci lease)" = 0 ]

# ---- A delta that Azurite cannot tell ----
snapshot_of from.url source disk.vhd rp1.url
expect 0 complete "$SF" copy @rp1.url @to.url
check "the SDK changes the disk" sdk change from.url
check "and can see it" sh -c "! node '$SYSTEM/sdk/azurite.mjs' same from.url to.url"
expect 4 differs "$SF" verify @from.url @to.url
snapshot_of from.url source disk.vhd rp2.url
expect 0 'the full list and no clears' "$SF" plan @rp2.url @to.url --base @rp1.url
expect 0 'Making a full copy: the service answered the diff with the full list and no clears' \
    "$SF" copy @rp2.url @to.url --base @rp1.url
check "the delta that became a full copy is right" sdk same rp2.url to.url
check "what was cleared is zero" sdk zero to.url $((2 * 1048576)) 1048576
check "zero is told from data" sh -c "! node '$SYSTEM/sdk/azurite.mjs' zero to.url 0 1048576"
expect 0 '"mode":"full"' "$SF" copy @rp2.url null: --base @rp1.url --json

# ---- Between Azurite and regiond ----
start_region east
EAST=$(sas "$east_URL" disk.vhd rcwd)
export EAST
printf %s "$EAST" >east.url
expect 0 '"committed":true' "$SF" copy @rp1.url env:EAST --json
check "reads from Azurite are checked by MD5: no warning" [ "$(cat out err | grep -cF "$UNCHECKED")" = 0 ]
check "no hole was read, no zero written" event_is '
    s.readBytes < 12 * 1048576 && s.writtenBytes <= s.readBytes - 1040000'
check "Azurite to regiond" sdk same rp1.url east.url
snapshot_of_east=$("$SF" snapshot env:EAST)
EAST1=$(sas "$east_URL" disk.vhd r "${snapshot_of_east#*snapshot=}")
export EAST1
check "the SDK changes regiond's disk as it did Azurite's" sdk change east.url
check "and finds both the same" sdk same rp2.url east.url
snapshot_of_east=$("$SF" snapshot env:EAST)
EAST2=$(sas "$east_URL" disk.vhd r "${snapshot_of_east#*snapshot=}")
export EAST2
sdk sas back disk.vhd racwd back.url
expect 0 'complete and verified' "$SF" copy env:EAST1 @back.url --verify
check "still one warning, with a verify" [ "$(warned)" = 1 ]
check "regiond to Azurite" sdk same rp1.url back.url
expect 0 '"mode":"delta"' "$SF" copy env:EAST2 @back.url --base env:EAST1 --coalesce 0 --json
check "one warning among the events" [ "$(grep -cF "$UNCHECKED" out)" = 1 ]
check "a true diff into Azurite moves little" event_is '
    s.readBytes <= 1048576 && s.clearedBytes >= 1048576 && !s.whyFull'
check "and is right" sdk same rp2.url back.url

# ---- What is no disk ----
sdk sas source notes.txt racwd block.url
check "the SDK makes a block blob" sdk block block.url
expect 2 'not a page blob' "$SF" copy @block.url @to.url
check "in one sentence" [ "$(cat out err | grep -cvE '^[^ ]+  ')" = 1 ] # beside what it says when it takes a second
expect 2 'not a page blob' "$SF" verify @block.url @to.url
check "the target is as it was" sdk same rp2.url to.url

no_secret azurite.out "$east_LOG"
check "no secret in the state folder" sh -c "! grep -rlE 'sig=' '$XDG_STATE_HOME'"
finish
