#!/usr/bin/env bash
# copy --path: an ext4 disk from region to region without a byte of it through this machine, by the regions'
# own logs; full and delta; what a service that refuses does to "server" and to "auto"; answers that are
# lost, a write that comes late, kills, a manifest, a SAS that ends.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
export PATH=$PATH:/sbin:/usr/sbin
start_region west
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
WEST=$(sas "$west_URL" disk.vhd rcwd)
export WEST

# of EXPRESSION: over the summary `s` and the events of the copy that the last expect caught.
of() {
    node -e '
        const events = require("fs").readFileSync("out", "utf8").trimEnd().split("\n").map((l) => JSON.parse(l));
        const s = events.find((e) => e.event === "summary");
        process.exit(eval(process.argv[1]) ? 0 : 1);' "$1"
}
# log_holds FILE FIRST EXPRESSION: over the lines `l` of a log from line FIRST on; `gets` are those that
# snapferry itself sent (regiond, as a client, asks for no checksum), without the footer's and first page.
log_holds() {
    node -e '
        const l = require("fs").readFileSync(process.argv[1], "utf8").trimEnd().split("\n")
            .slice(process.argv[2]).map((x) => JSON.parse(x));
        const verb = (v) => l.filter((x) => x.verb === v);
        const bytes = (list) => list.reduce((sum, x) => sum + x.rangeLength, 0);
        const gets = verb("Get Blob").filter((x) => x.checksumAsked && x.rangeLength > 512);
        process.exit(eval(process.argv[3]) ? 0 : 1);' "$@"
}
lines() { wc -l <"$1"; }
# take_snapshot VARIABLE: of the western disk; exports a read-only URL of it.
take_snapshot() {
    local said
    said=$("$SF" snapshot env:WEST) || fail "snapshot"
    printf -v "$1_TIME" %s "${said#*snapshot=}"
    export "$1=$(sas "$west_URL" disk.vhd r "${said#*snapshot=}")"
}
# fresh VARIABLE URL: exports the URL of a blob that is not there yet.
FRESH=0
fresh() {
    FRESH=$((FRESH + 1))
    export "$1=$(sas "$2" "disk$FRESH.vhd" rcwd)"
}
# faulty NAME RULE...: a region with these rules.
faulty() {
    local name=$1 rules
    shift
    rules=$(IFS=,; echo "$*")
    echo "{\"seed\":7,\"rules\":[$rules]}" >"$name.json"
    start_region "$name" --faults "$TMPDIR/$name.json"
}
PULL='"match":{"verb":"Put Page From URL"}'

# ---- A real disk, and what changed on it ----
mkdir tree
cp -r "$SNAPFERRY_SOURCE_DIR"/{engine,io,tests/engine,tests/io} tree/ 2>err || fail "the tree"
truncate -s 48M disk.img
mkfs.ext4 -q -d tree disk.img 2>err || fail "the disk"
dd if=/dev/urandom of=disk.img bs=64K seek=640 count=8 conv=notrunc 2>err
expect 0 complete "$SF" copy disk.img env:WEST --add-footer
take_snapshot RP1
node -e '
    const put = async (offset, body, length = body.length) => {
        const answer = await fetch(process.env.WEST + "&comp=page", { method: "PUT", body, headers: {
            "x-ms-version": "2021-12-02", "x-ms-page-write": body.length ? "update" : "clear",
            "x-ms-range": `bytes=${offset}-${offset + length - 1}` } });
        if (answer.status !== 201) throw new Error(`put: ${answer.status}`);
    };
    (async () => {
        for (const mib of [1, 5, 21]) await put(mib << 20, Buffer.alloc(192 << 10, "new" + mib));
        await put((40 << 20) + (64 << 10), "", 128 << 10);
    })();' || fail "the change"
take_snapshot RP2

# ---- From service to service ----
start_region east
fresh A "$east_URL"
west=$(lines "$west_LOG") east=$(lines "$east_LOG")
expect 0 '"path":"server"' "$SF" copy env:RP1 env:A --path server --json
check "its summary says what went which way" of 's.committed && s.readBytes === 0 && s.pulledBytes > 1 << 20 &&
    s.writtenBytes === s.pulledBytes && !s.root && !s.whyPath'
cp out events
settled west east
check "no byte of the data was downloaded" log_holds "$west_LOG" "$west" 'gets.length === 0 &&
    bytes(verb("Get Blob")) > 1 << 20'
check "nor uploaded" log_holds "$east_LOG" "$east" 'verb("Put Page From URL").length > 3 &&
    verb("Put Page").filter((x) => x.pageWrite === "update").every((x) => x.rangeLength === 512) &&
    verb("Put Page From URL").every((x) => x.rangeLength <= 4 << 20 && x.leaseId)'
check "each range was written once" log_holds "$east_LOG" "$east" '
    bytes(verb("Put Page From URL")) === JSON.parse(require("fs").readFileSync("events", "utf8")
        .split("\n").find((x) => x.includes("summary"))).pulledBytes'
expect 0 equal "$SF" verify env:RP1 env:A
expect 0 'complete: 48.0 MiB' "$SF" verify --complete env:A
expect 0 'went from service to service' "$SF" copy env:RP2 env:A --base env:RP1 --path server --verify
expect 0 equal "$SF" verify env:RP2 env:A
fresh A "$east_URL"
expect 0 '"path":"server"' "$SF" copy env:RP1 env:A --path auto --json --manifest rp1.manifest
check "the manifest gave it a root" of 's.root.startsWith("sha256:") && s.manifest && s.pulledBytes > 0'
expect 0 'holds the source already' "$SF" copy env:RP1 env:A --path auto --json --manifest rp1.manifest
fresh B "$east_URL"
expect 0 '"path":"server"' "$SF" copy env:RP1 env:B --path auto --json
expect 0 'holds the source already' "$SF" copy env:RP1 env:B --path auto --json
check "nothing went twice" of 's.pulledBytes === 0 && s.readBytes === 0'
expect 0 equal "$SF" verify --manifest rp1.manifest env:A
expect 0 '"mode":"delta"' "$SF" copy env:RP2 env:A --base env:RP1 --path auto --json
check "a delta too" of 's.path === "server" && s.readBytes === 0 && s.clearedBytes > 0'
expect 0 equal "$SF" verify env:RP2 env:A

# ---- Where it is not possible ----
fresh A "$east_URL"
expect 2 'nothing was touched' "$SF" copy disk.img env:A --path server
check "nothing was made" sh -c '! "$0" verify --complete env:A >/dev/null 2>&1' "$SF"
expect 2 'the target is no page blob' "$SF" copy env:RP1 file.img --path server
expect 0 '"path":"client"' "$SF" copy disk.img env:A --path auto --json
check "and says why" of 's.whyPath.includes("no page blob") && s.root'
expect 2 'takes one of' "$SF" copy env:RP1 env:A --path best

# ---- Services that refuse, from the first range on ----
n=0
for status in '403,"code":"CannotVerifyCopySource"' '409,"code":"PendingCopyOperation"' \
    '501,"code":"NotImplemented"' '404,"code":"CannotVerifyCopySource"' \
    '400,"code":"UnsupportedHeader"' '500,"code":"CannotVerifyCopySource"'; do
    faulty "no$((n += 1))" "{\"name\":\"no\",$PULL,\"fault\":\"status\",\"status\":$status}"
    url=no${n}_URL
    fresh A "${!url}"
    expect 0 '"path":"client"' "$SF" copy env:RP1 env:A --path auto --json
    check "$status: it says why, and has its root" of 's.whyPath.length > 20 && s.root && s.pulledBytes === 0 &&
        events.some((e) => e.event === "state" && e.displayStatus.includes("goes through this machine"))'
    expect 0 equal "$SF" verify env:RP1 env:A
    case $status in
    500*) continue ;; # tried for minutes, as every 500
    esac
    fresh A "${!url}"
    case $status in
    403*) expect 3 "HTTP 403" "$SF" copy env:RP1 env:A --path server ;; # a fresh SAS may help
    *) expect 1 "HTTP ${status%%,*}" "$SF" copy env:RP1 env:A --path server ;;
    esac
    expect 4 '' "$SF" verify --complete env:A
done

# ---- A service that refuses on the way ----
faulty later "{\"name\":\"no\",$PULL,\"after\":4,\"fault\":\"status\",\"status\":403,\"code\":\"CannotVerifyCopySource\"}"
fresh A "$later_URL"
expect 0 '"path":"both"' "$SF" copy env:RP1 env:A --path auto --json --window 2
check "the rest went through this machine" of 's.pulledBytes > 0 && s.readBytes > 0 && s.whyPath &&
    s.readBytes + s.pulledBytes >= s.writtenBytes && !s.root'
check "which was said once" of 'events.filter((e) => e.event === "state" &&
    e.displayStatus.includes("goes through this machine")).length === 1'
expect 0 equal "$SF" verify env:RP1 env:A

# ---- Faults: survived as those of writes ----
faulty hard "{\"name\":\"busy\",$PULL,\"probability\":0.3,\"timesPerRange\":1,\"fault\":\"status\",\"status\":503}" \
    "{\"name\":\"lost\",$PULL,\"probability\":0.3,\"timesPerRange\":1,\"fault\":\"lostAnswer\"}" \
    "{\"name\":\"late\",$PULL,\"probability\":0.3,\"timesPerRange\":1,\"fault\":\"late\",\"ms\":700}" \
    "{\"name\":\"source\",$PULL,\"probability\":0.3,\"timesPerRange\":1,\"fault\":\"status\",\"status\":500,\"code\":\"CannotVerifyCopySource\"}"
for _ in 1 2; do
    fresh A "$hard_URL"
    expect 0 '"committed":true' "$SF" copy env:RP1 env:A --path server --json
    expect 0 equal "$SF" verify env:RP1 env:A
    expect 0 '"committed":true' "$SF" copy env:RP2 env:A --base env:RP1 --path server --json
    expect 0 equal "$SF" verify env:RP2 env:A
done
check "late pulls happened" grep -q '"fault":"late"' "$hard_LOG"
check "and a fence went up before the commit" grep -q '"verb":"Set Blob Properties"' "$hard_LOG"

# ---- Killed, and gone on with, also the other way ----
# One range's answer stays away until long after the kill, and all others are told to be durable before it.
pulled() { # BYTES of a log, once five ranges were answered
    until log_holds "$1" 0 'verb("Put Page From URL").length === 5' 2>/dev/null; do sleep 0.1; done
    node -e '
        const l = require("fs").readFileSync(process.argv[1], "utf8").trimEnd().split("\n").map((x) => JSON.parse(x));
        console.log(l.reduce((sum, x) => sum + (x.verb === "Put Page From URL" ? x.rangeLength : 0), 0));' "$1"
}
for way in server client auto; do
    faulty "slow_$way" "{\"name\":\"held\",$PULL,\"nth\":6,\"fault\":\"delay\",\"ms\":60000}"
    url=slow_${way}_URL log=slow_${way}_LOG
    fresh A "${!url}"
    : >moving # there before anybody looks at it, and without what was said before
    "$SF" copy env:RP1 env:A --path server --json --window 1 --max-window 1 >>moving 2>moving.err &
    MOVING=$!
    check "five ranges are durable ($way)" until_said moving "\"durableBytes\":$(pulled "${!log}")," "$MOVING"
    kill -KILL "$MOVING"
    wait "$MOVING" 2>/dev/null
    check "killed in the midst" log_holds "${!log}" 0 'verb("Put Page From URL").length === 5'
    expect 0 '"committed":true' "$SF" copy env:RP1 env:A --path "$way" --json
    check "it went on ($way)" of 's.resumedBytes > 0 && !s.root'
    expect 0 equal "$SF" verify env:RP1 env:A
    settled "slow_$way"
    check "nothing durable was written again ($way)" log_holds "${!log}" 0 '(() => {
        const seen = new Map();
        for (const x of [...verb("Put Page From URL"), ...verb("Put Page")])
            if (x.pageWrite === "update" && x.rangeLength > 512)
                seen.set(x.rangeOffset, (seen.get(x.rangeOffset) ?? 0) + 1);
        return [...seen.values()].filter((n) => n > 1).length <= 1; })()'
done

# ---- A SAS of the source that ends: the service's word of it renews the right side ----
faulty ended "{\"name\":\"ended\",$PULL,\"nth\":3,\"fault\":\"status\",\"status\":403,\"code\":\"CannotVerifyCopySource\"}"
fresh A "$ended_URL"
cat >renew.sh <<'END'
echo "$SNAPFERRY_SIDE" >>sides
printenv RENEWED
END
RENEWED=$("$REGIOND_BIN" sas --account "disks:env:CLI_KEY" --resource vhds/disk.vhd --permissions r \
    --expiry +2h --snapshot "$RP1_TIME" "$west_URL")
export RENEWED
expect 0 '"path":"server"' "$SF" copy env:RP1 env:A --path server --json --window 1 --max-window 1 \
    --renew-command 'sh renew.sh'
check "the source was renewed, nothing else" [ "$(sort -u sides)" = source ]
expect 0 equal "$SF" verify env:RP1 env:A

no_secret ./*.log moving moving.err sides
check "no secret in the state folder" sh -c "! grep -rlE 'sig=' '$XDG_STATE_HOME'"
finish
