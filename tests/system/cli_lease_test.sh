#!/usr/bin/env bash
# One copy at a time to one target: the second on this machine is refused by a lock, one on another machine
# (here: another state folder) by the blob's lease; both end with the copy, and a copy that was killed is
# gone on with at once where its name is known. The region's log shows who carried which lease.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SF=$SNAPFERRY_BIN
cd "$TMPDIR" || exit 1

echo '{"latencyMs":20,"blob":{"bytesPerSecond":4000000}}' >slow.json
start_region slow --shape "$TMPDIR/slow.json"
TARGET=$(sas "$slow_URL" disk.vhd rcwd)
export TARGET
SOURCE=pattern:24M,4,0   # some seconds
SPARSE=pattern:24M,4,900 # less
here() { env XDG_STATE_HOME="$TMPDIR/here" "$@"; }
there() { env XDG_STATE_HOME="$TMPDIR/there" "$@"; }

# start_copy [OPTION...]: a slow copy from here; returns when bytes are durable.
start_copy() {
    : >moving
    XDG_STATE_HOME="$TMPDIR/here" "$SF" copy $SOURCE env:TARGET --restart --json \
        --window 1 --max-window 2 "$@" >>moving 2>>moving.err &
    MOVING=$!
    until_said moving '"durableBytes":[1-9]' "$MOVING"
}
# end_copy SIGNAL STATUS
end_copy() {
    kill "-$1" "$MOVING"
    wait "$MOVING" 2>/dev/null
    [ $? = "$2" ]
}
# log_is WORDS EXPRESSION: holds for the lines of the region's log; r(VERB) are those that did VERB.
log_is() {
    check "$1" node -e '
        const log = require("fs").readFileSync(process.argv[1], "utf8").trimEnd().split("\n")
            .map((line) => JSON.parse(line));
        const r = (verb) => log.filter((l) => l.verb === verb && l.status < 300);
        const changes = ["Put Page", "Clear Pages", "Set Blob Metadata", "Set Blob Properties"]
            .flatMap(r);
        const leases = (action) => r("Lease Blob").filter((l) => l.leaseAction === action);
        process.exit(eval(process.argv[2]) ? 0 : 1);' "$slow_LOG" "$2"
}

# ---- A whole copy ----
expect 0 complete here "$SF" copy $SPARSE env:TARGET
check "nothing about leases to say" [ "$(cat out err | grep -ci lease)" = 0 ]
log_is "a new target is leased once it exists, and given back" '
    leases("acquire").length === 1 && leases("release").length === 1
    && leases("release")[0].leaseId === leases("acquire")[0].leaseProposed'
log_is "every change carries the name, no read does" '
    changes.length > 1 && changes.every((l) => l.leaseId === leases("acquire")[0].leaseProposed)
    && ["Get Blob Properties", "Get Page Ranges", "Get Blob"].flatMap(r).every((l) => !l.leaseId)'

# ---- Two at once ----
start_copy
expect 1 "another copy (process $MOVING) works on this target" here "$SF" copy $SOURCE env:TARGET
expect 1 'somebody else holds a lease on the target' there "$SF" copy $SOURCE env:TARGET
check "and what becomes of a dead copy's" grep -q 'within 60 s' err
check "interrupted, it gives both back" end_copy INT 130
expect 0 complete there "$SF" copy $SPARSE env:TARGET

# ---- Killed ----
start_copy
check "killed" end_copy KILL 137
expect 1 'somebody else holds a lease on the target' there "$SF" copy $SOURCE env:TARGET
expect 0 'complete and verified' here "$SF" copy $SPARSE env:TARGET --restart --verify
expect 0 complete there "$SF" copy $SPARSE env:TARGET
log_is "the lease of the killed one was taken up by its name" '
    leases("acquire").some((l, i, all) => i && l.leaseProposed === all[i - 1].leaseProposed)'

start_copy --journal "$TMPDIR/journal"
check "killed once more" end_copy KILL 137
expect 1 'somebody else holds a lease on the target' there "$SF" copy $SPARSE env:TARGET
restart_region slow # not slow any more; the lease is its own still
expect 0 complete there "$SF" copy $SOURCE env:TARGET --journal "$TMPDIR/journal"
log_is "who has its journal takes it up on another machine too" '
    leases("acquire").at(-1).leaseProposed === leases("acquire").at(-2).leaseProposed'

# ---- Taken away by hand ----
# lease HEADER...: what its owner could do with curl.
lease() {
    curl -sf -X PUT "${@/#/-H}" -H 'x-ms-version: 2021-12-02' -d '' "$TARGET&comp=lease"
}
restart_region slow --shape slow.json
start_copy
check "somebody breaks the lease" lease 'x-ms-lease-action: break' 'x-ms-lease-break-period: 0'
check "and takes it" lease 'x-ms-lease-action: acquire' 'x-ms-lease-duration: 15'
wait "$MOVING"
check "the copy ends, to be run again" [ $? = 3 ]
check "and says why" grep -q 'lease on the target is gone' moving
restart_region slow
expect 0 'was not finished' here "$SF" verify $SOURCE env:TARGET

# ---- Hosts without ----
# without STATUS CODE: a region that refuses every lease that way
without() {
    echo '{"seed":1,"rules":[{"name":"none","match":{"verb":"Lease Blob"},"fault":"status",
           "status":'"$1"',"code":"'"$2"'"}]}' >"none$1.json"
    start_region "none$1" --faults "$TMPDIR/none$1.json"
    local url=none$1_URL
    TARGET=$(sas "${!url}" disk.vhd rcwd)
    expect 0 'gives no lease on the target' here "$SF" copy pattern:2M,4,0 env:TARGET
    check "once" [ "$(cat out err | grep -c 'gives no lease')" = 1 ]
    expect 0 equal here "$SF" verify pattern:2M,4,0 env:TARGET
}
without 403 AuthorizationPermissionMismatch
without 400 UnsupportedHeader
without 501 NotImplemented

no_secret "$slow_LOG" moving moving.err
check "no secret in the state folders" sh -c "! grep -rlE 'sig=' here there"
check "state files are the owner's alone" [ -z "$(find here there -type f -perm /077)" ]
check "and so are their folders" [ -z "$(find here there -mindepth 1 -type d -perm /077)" ]
finish
