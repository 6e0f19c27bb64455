#!/usr/bin/env bash
# snapferryd --embedded DIR on its own: what the first start makes, a restore point of the sample machine copied to the
# other region, regions that are killed and come back, ends that leave no process, starts that are killed and completed.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
trap 'end_site' EXIT
cd "$TMPDIR" || exit 1
SITE="$TMPDIR/the site"
GROUP=/subscriptions/embedded/resourceGroups/sample/providers/Microsoft.Compute
VERSION=2025-04-01
site_PID=

# start_site [OPTION...]: sets site_PID, and returns at once.
start_site() {
    : >site.out
    "$SNAPFERRYD_BIN" --embedded "$SITE" --listen 127.0.0.1:0 "$@" >site.out 2>site.err &
    site_PID=$!
}
# await WORDS COMMAND...: for a minute.
await() {
    local words=$1 tries=0
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 600 ]; then
            fail "$words" site.err
            return 1
        fi
        sleep 0.1
    done
    PASSED=$((PASSED + 1))
}
serve_site() {
    start_site "$@"
    await "it serves" grep -q '"event":"ready"' site.out || finish
    site_URL=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' site.out)
}
end_site() {
    [ "$BASHPID" = "$$" ] || return 0
    [ -z "$site_PID" ] || { kill "$site_PID" 2>/dev/null && wait "$site_PID" 2>/dev/null; }
    site_PID=
}
# with_argument TEXT: the processes with it on their command line. It goes by a file, so as not to find its own grep.
with_argument() {
    printf '%s\n' "$1" >wanted
    grep -lsFf wanted /proc/[0-9]*/cmdline | tr -dc '0-9\n'
}
of_site() { with_argument "$SITE/"; }
none_of_site() { [ -z "$(of_site)" ]; }
region_pid() { with_argument "$SITE/regions/$1/data"; }

# ask METHOD PATH [BODY]: sets STATUS; the answer is in answer.json.
ask() {
    local query=${2#*\?}
    [ "$query" != "$2" ] || query=
    # The token goes by a descriptor, as an argument can be seen.
    STATUS=$(curl -s -o answer.json -w '%{http_code}' -X "$1" --cacert "$SITE/ca.pem" \
        -H @<(sed 's/^/Authorization: Bearer /' "$SITE/token") -H 'Content-Type: application/json' \
        ${3:+-d "$3"} "$site_URL$GROUP/${2%%\?*}?api-version=${API:-$VERSION}${query:+&$query}")
}
field() { python3 -c 'import json, sys
at = json.load(open("answer.json"))
for step in sys.argv[1].split("."): at = at[int(step) if step.isdigit() else step]
print(at)' "$1"; }
asked() { # STATUS METHOD PATH [BODY]
    local wanted=$1
    shift
    ask "$@"
    check "$1 $2 is answered by $wanted, not $STATUS" [ "$STATUS" = "$wanted" ]
}
complete() { # COLLECTION/POINT
    ask GET "restorePointCollections/${1%/*}/restorePoints/${1#*/}?\$expand=instanceView"
    python3 -c 'import json
point = json.load(open("answer.json"))["properties"]
disks = point["instanceView"]["diskRestorePoints"]
assert point["provisioningState"] == "Succeeded" and len(disks) == 2
assert all(d["replicationStatus"]["status"]["code"] == "ReplicationState/succeeded" for d in disks)'
}

# ---- The first start ----
serve_site
check "the ready line tells the authority" grep -qF "\"cacert\":\"$SITE/ca.pem\"" site.out
check "nothing else went on: token and address are all it says" [ "$(wc -l <site.err)" = 4 ]
check "the token is told" grep -qxF "  $(cat "$SITE/token")" site.err
[ "$(find "$SITE" -type f ! -path '*/data/*' -perm /077 | wc -l)" = 0 ]
check "files are for their owner only" [ $? = 0 ]
check "a client that does not know the authority goes" [ "$(curl -s -o /dev/null -w '%{http_code}' "$site_URL/")" = 000 ]
check "one without a token is turned away" \
    [ "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$SITE/ca.pem" "$site_URL$GROUP/virtualMachines?api-version=$VERSION")" = 401 ]
asked 200 GET virtualMachines
check "the machine is listed" [ "$(field value.0.name)" = sample-vm ]
API=2025-01-02 asked 200 GET disks
check "its disks are listed" [ "$(field value.0.name) $(field value.1.name)" = "sample-vm-data sample-vm-os" ]
check "somebody by the name localhost is served, too" \
    [ "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$SITE/ca.pem" "https://localhost:${site_URL##*:}$GROUP/disks")" = 401 ]

status_of() { # as a program on node sees it, the SDK's world
    NODE_EXTRA_CA_CERTS=$SITE/ca.pem node -e 'fetch(process.argv[1]).then((r) => console.log(r.status), console.log)' "$1"
}
check "node trusts it" [ "$(status_of "$site_URL$GROUP/disks")" = 401 ]

# ---- A restore point, and its copy in the other region ----
asked 201 PUT restorePointCollections/west "{\"location\":\"westus\",\"properties\":{\"source\":{\"id\":\"$GROUP/virtualMachines/sample-vm\"}}}"
asked 201 PUT restorePointCollections/west/restorePoints/one '{"properties":{}}'
await "the restore point is complete" complete west/one
asked 201 PUT restorePointCollections/east "{\"location\":\"eastus\",\"properties\":{\"source\":{\"id\":\"$GROUP/restorePointCollections/west\"}}}"
asked 201 PUT restorePointCollections/east/restorePoints/one \
    "{\"properties\":{\"sourceRestorePoint\":{\"id\":\"$GROUP/restorePointCollections/west/restorePoints/one\"}}}"
await "its copy is complete" complete east/one
disk=$(field properties.sourceMetadata.storageProfile.osDisk.diskRestorePoint.id)
API=2025-01-02 asked 200 GET "${disk#"$GROUP/"}"
check "the copy is of the whole disk" [ "$(field properties.networkAccessPolicy)" != "" ]
API=2025-01-02 asked 202 PUT disks/back "{\"location\":\"eastus\",\"properties\":{\"x-snapferry\":{\"file\":\"back.raw\"},
    \"creationData\":{\"createOption\":\"Restore\",\"sourceResourceId\":\"$disk\"}}}"
restored() { API=2025-01-02 ask GET disks/back && [ "$(field properties.provisioningState)" = Succeeded ]; }
await "the copied disk is restored" restored
if command -v e2fsck >/dev/null; then
    check "it holds a sound file system" e2fsck -fn "$SITE/disks/back.raw"
fi

# ---- A region dies ----
old=$(region_pid eastus)
kill -9 "$old"
reborn() { [ -n "$(region_pid eastus)" ] && [ "$(region_pid eastus)" != "$old" ] && grep -q 'eastus serves again' site.err; }
await "a region that is killed comes back" reborn
asked 201 PUT restorePointCollections/west/restorePoints/two '{"properties":{}}'
await "a second restore point is complete" complete west/two
asked 201 PUT restorePointCollections/east/restorePoints/two \
    "{\"properties\":{\"sourceRestorePoint\":{\"id\":\"$GROUP/restorePointCollections/west/restorePoints/two\"}}}"
await "and is copied" complete east/two

# ---- No secret is where it can be seen ----
cat "$SITE/token" "$SITE"/regions/*/key | head -c 4000 >secrets
hidden() { ! tr '\0' '\n' <"$1" | grep -qFf secrets; }
for pid in $site_PID $(of_site); do
    check "no argument is a secret" hidden "/proc/$pid/cmdline"
done
check "nor is what it printed" hidden site.out
sed -i "/^  [0-9a-f]*$/d" site.err # the one place where the token is told
check "nor what it said" hidden site.err
no_secret site.out site.err

# ---- Its ends, and a second start ----
ports() { cat "$SITE"/regions/*/port; }
kept=$(cat "$SITE/ca.pem" "$SITE/token" "$SITE/server.pem"; ports)
kill "$site_PID"
wait "$site_PID"
check "it ends well when it is asked to" [ $? = 0 ]
check "no process is left" none_of_site
serve_site
check "authority, token and ports are kept" [ "$kept" = "$(cat "$SITE/ca.pem" "$SITE/token" "$SITE/server.pem"; ports)" ]
check "the token is not told again" hidden site.err
complete east/two
check "the copy is still there" [ $? = 0 ]
kill -9 "$site_PID"
wait "$site_PID" 2>/dev/null
await "no region outlives it, killed" none_of_site

# ---- Somebody has the port of a region ----
python3 -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("taken", flush=True)
time.sleep(300)' "$(cat "$SITE/regions/eastus/port")" >taken &
taker=$!
await "the port is taken" grep -q taken taken
serve_site
check "the region moves to another port, and says so" grep -q 'eastus moves to another port' site.err
complete east/two
check "with what it holds" [ $? = 0 ]
kill $taker
end_site
check "no process is left then" none_of_site

# ---- A first start that is ended on its way ----
SITE=$TMPDIR/ended
region_runs() { [ -n "$(region_pid westus)" ]; }
start_site
await "it is on its way" region_runs
kill "$site_PID"
wait "$site_PID"
check "it ends well" [ $? = 0 ]
check "and leaves no process" none_of_site

# ---- A first start that is killed, again and again ----
# Some of what it makes is gone again soon: who looks too late kills it when it serves.
SITE=$TMPDIR/killed
made_or_serves() { [ -e "$SITE/$1" ] || grep -q '"event":"ready"' site.out; }
for made in catalog.db ca.key ca.pem server.key regions/westus/key regions/eastus/port sample/os.tree sample/os.raw \
    sample/state/targets sample/os.made sample/data.raw sample/data.made token; do
    start_site
    await "$made is made" made_or_serves "$made"
    kill -9 "$site_PID"
    wait "$site_PID" 2>/dev/null
done
serve_site
asked 200 GET virtualMachines
for disk in os data; do
    SAMPLE=$("$REGIOND_BIN" sas --account "westus:@$SITE/regions/westus/key" --resource "vhds/$disk" --permissions r \
        --expiry +1h "http://127.0.0.1:$(cat "$SITE/regions/westus/port")")
    export SAMPLE
    check "the disk $disk is whole" "$SNAPFERRY_BIN" verify --complete env:SAMPLE
    check "and can be read" "$SNAPFERRY_BIN" copy --quiet env:SAMPLE "$disk.back"
    ! command -v e2fsck >/dev/null || check "its file system is sound" e2fsck -fn "$disk.back"
done
check "nothing of the making is left" [ -z "$(find "$SITE/sample" -name '*.raw' -o -name '*.tree' -o -name '*.making')" ]
end_site
check "no process is left at the end" none_of_site
finish
