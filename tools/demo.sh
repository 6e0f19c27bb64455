#!/usr/bin/env bash
# The main job on this machine: two regions, a real ext4 disk, restore point 1 copied whole - killed on
# the way, and gone on with -, restore point 2 copied as what changed, both verified, a bit that rots in
# the target found; both sent to a receiver, compressed; the bytes each of them moved; and at last the
# restore-point service, whose API takes a machine's restore point to another region and restores it there.
#
# Needs Debian and root or sudo for missing packages. Everything stays in one temporary folder and on
# loopback. URLs with their SAS pass by the environment only and are never printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-demo.XXXXXX")
region_pids=()
cleanup() {
    local pid
    for pid in "${region_pids[@]:-}"; do
        [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "$work"
}
trap cleanup EXIT
trap 'echo "the demo failed at line $LINENO" >&2' ERR
export XDG_STATE_HOME="$work/state"

say() {
    if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi
}
quietly() { "$@" >"$work/log" 2>&1 || { tail -n 40 "$work/log"; exit 1; }; }

say "Installing what is missing, building"
tools/install_packages.sh all
quietly cmake --preset release
quietly cmake --build --preset release --target snapferry regiond snapferryd
bin=$PWD/build/release

# ---- Two regions ----
say "Starting two regions"
REGION_KEY=$(openssl rand -base64 64 | tr -d '\n')
export REGION_KEY
# What one standard page blob carries: 60 MiB/s and 500 requests/s.
echo '{"blob":{"bytesPerSecond":62914560,"requestsPerSecond":500}}' >"$work/shape"
start_region() {
    local line
    mkfifo "$work/$1.ready"
    "$bin/regiond" --data "$work/$1" --account "$1:env:REGION_KEY" --container disks \
        --shape "$work/shape" --log "$work/$1.log" >"$work/$1.ready" &
    region_pids+=($!)
    read -r line <"$work/$1.ready"
    printf -v "$1_url" %s "$(sed 's/.*"url":"\([^"]*\)".*/\1/' <<<"$line")"
}
start_region west
start_region east
echo "west at $west_url, east at $east_url"
sas() { "$bin/regiond" sas --account "$1:env:REGION_KEY" --resource "disks/${5:-os.vhd}" --permissions "$3" \
    --expiry +1h ${4:+--snapshot "$4"} "$2"; }
WEST_DISK=$(sas west "$west_url" rcw)
EAST_DISK=$(sas east "$east_url" rcw)
export WEST_DISK EAST_DISK

# ---- A real disk ----
say "Making an ext4 disk of 1 GiB from files of this machine, and a fixed VHD of it in the west"
mkdir "$work/root"
find /usr/include /usr/share/perl /usr/lib/gcc /usr/bin -xdev -type f -size -8M -readable -print0 2>/dev/null |
    awk -v RS='\0' -v ORS='\0' 'n++ < 4000' | xargs -0 cp --parents -t "$work/root" 2>/dev/null || true
truncate -s 1G "$work/os.img"
quietly mkfs.ext4 -q -F -E lazy_itable_init=0,nodiscard -d "$work/root" "$work/os.img"
echo "$(find "$work/root" -type f | wc -l) files, $(du -sh "$work/root" | cut -f1)"

run() { # shows a command as one would type it, and keeps its events
    printf '$ snapferry %s\n' "$*"
    "$bin/snapferry" "$@"
}
# copy ROW ...: a copy with its summary kept for the table.
copy() {
    local row=$1
    shift
    printf '$ snapferry copy %s\n' "$*"
    "$bin/snapferry" copy --json "$@" >"$work/$row.events"
    grep '"event":"summary"' "$work/$row.events" >"$work/$row.summary"
}
# snapshot VARIABLE: of the western disk; its URL is exported.
snapshot() {
    local url
    url=$(run snapshot env:WEST_DISK | tail -n 1)
    echo "$ snapferry snapshot env:WEST_DISK"
    echo "$url"
    export "$1=$(sas west "$west_url" r "${url#*snapshot=}")"
}

copy upload "$work/os.img" env:WEST_DISK --add-footer
snapshot RESTORE_POINT_1

say "Restore point 1: a full copy to the east, killed on the way"
# bytes_read: by the region's own log, of data the copies asked of the restore point.
bytes_read() {
    awk -F'"' '/"verb":"Get Blob"/ && /"snapshot":"/ {
        if (match($0, /"bytesOut":[0-9]+/)) sum += substr($0, RSTART + 11, RLENGTH - 11)
    } END { printf "%d", sum }' "$work/west.log"
}
echo '$ snapferry copy env:RESTORE_POINT_1 env:EAST_DISK --manifest rp1.manifest'
"$bin/snapferry" copy --json env:RESTORE_POINT_1 env:EAST_DISK --manifest "$work/rp1.manifest" \
    >"$work/killed.events" 2>&1 &
copier=$!
until [ "$(bytes_read)" -gt 41943040 ]; do sleep 0.02; done
kill -9 "$copier"
wait "$copier" 2>/dev/null || true
read_before=$(bytes_read)
echo "killed by SIGKILL after $((read_before >> 20)) MiB were read. Can that target be used?"
run verify --complete env:EAST_DISK || true
echo "The same command again:"
copy full env:RESTORE_POINT_1 env:EAST_DISK --manifest "$work/rp1.manifest"
grep -o 'Going on from[^"]*' "$work/full.events" || true
read_all=$(bytes_read)
run verify --complete --manifest "$work/rp1.manifest" env:EAST_DISK
run verify env:RESTORE_POINT_1 env:EAST_DISK 2>/dev/null

say "A bit rots in the east, behind the region's back: who notices?"
# Of the disk's segment files the first is the one with the file system's superblock.
segment=$(find "$work/east" -type f -size +512k | sort | head -n 1)
flip_bit() { # in the byte at 1124 of the disk
    local byte
    byte=$(dd if="$segment" bs=1 skip=1124 count=1 status=none | od -An -tu1)
    printf "\\x$(printf %02x $((byte ^ 1)))" |
        dd of="$segment" bs=1 seek=1124 conv=notrunc status=none
}
flip_bit
run verify env:RESTORE_POINT_1 env:EAST_DISK 2>/dev/null || echo "exit status $?"
run verify --manifest "$work/rp1.manifest" env:EAST_DISK 2>/dev/null || echo "exit status $?"
flip_bit

# ---- A day of work ----
say "Changing files inside the disk: some removed and trimmed, some written"
mapfile -t victims < <(cd "$work/root" && find . -type f -size +16k | sort | awk 'NR % 40 == 1' | head -n 30)
{
    echo "mkdir /changed"
    echo "write $bin/snapferry /changed/snapferry"
    echo "write $bin/regiond /changed/regiond"
    echo "write $PWD/LICENSE /changed/LICENSE"
    for file in "${victims[@]}"; do echo "rm ${file#.}"; done
} >"$work/changes"
quietly debugfs -w -f "$work/changes" "$work/os.img"
# e2fsck does to an image what fstrim does to a disk; not in a run that had something else to change,
# which it says with status 1 (or does, and says 0).
for _ in 1 2; do
    e2fsck -f -y -E discard "$work/os.img" >"$work/log" 2>&1 || [ $? = 1 ]
done
echo "${#victims[@]} files removed, 3 written"

# A virtual machine writes to its disk page by page, and trims. This does the same with the pages that
# differ, so that the west has a true history: a second upload would have rewritten every page.
"$bin/snapferry" verify "$work/os.img" env:WEST_DISK --add-footer --json >"$work/differences" || true
put_page() { # OFFSET LENGTH: as the image has it; an empty one is trimmed
    local range="bytes=$1-$(($1 + $2 - 1))"
    dd if="$work/os.img" of="$work/page" iflag=skip_bytes,count_bytes skip="$1" count="$2" bs=64k \
        status=none
    if cmp -s -n "$2" "$work/page" /dev/zero; then
        printf 'header = "x-ms-page-write: clear"\ndata = ""\n' >"$work/verb"
    else
        printf 'header = "x-ms-page-write: update"\ndata-binary = "@%s"\n' "$work/page" >"$work/verb"
    fi
    # The URL goes by a pipe, so that it is no argument either.
    printf 'url = "%s&comp=page"\n' "$WEST_DISK" |
        curl -sf -X PUT -H 'x-ms-version: 2021-08-06' -H "x-ms-range: $range" \
            -K "$work/verb" -K - -o /dev/null
}
writes=0
while read -r offset length; do
    while [ "$length" -gt 0 ]; do
        part=$((length < 4194304 ? length : 4194304))
        put_page "$offset" "$part"
        offset=$((offset + part)) length=$((length - part)) writes=$((writes + 1))
    done
done < <(sed -n 's/.*"event":"difference".*"offset":\([0-9]*\),"length":\([0-9]*\).*/\1 \2/p' "$work/differences")
echo "$writes page writes in the west"
snapshot RESTORE_POINT_2

say "Restore point 2: only what changed"
run plan env:RESTORE_POINT_2 env:EAST_DISK --base env:RESTORE_POINT_1
copy delta env:RESTORE_POINT_2 env:EAST_DISK --base env:RESTORE_POINT_1
run verify env:RESTORE_POINT_2 env:EAST_DISK 2>/dev/null

# ---- And it is the disk ----
say "The disk in the east, back as a file: is it the one we changed?"
copy download env:EAST_DISK "$work/back.img" --strip-footer
cmp "$work/os.img" "$work/back.img"
quietly e2fsck -f -n "$work/back.img"
echo "equal byte for byte, and its file system is clean"

# ---- Less over the boundary ----
say "The same restore points to a receiver in the east: compressed, and no block twice"
# shellcheck source=tests/system/relay_lab.sh
. tests/system/relay_lab.sh
relay_lab "$work/lab"
mkdir "$work/vault" && mkfifo "$work/receiver.ready"
"$bin/snapferry" receive --listen 127.0.0.1:0 --target-root "$work/vault" --quiet \
    --tls-cert "$work/lab/server.pem" --tls-key "$work/lab/server.key" --client-ca "$work/lab/ca.pem" \
    >"$work/receiver.ready" &
region_pids+=($!)
read -r line <"$work/receiver.ready"
relay=relay:$(sed 's/.*"url":"\([^"]*\)".*/\1/' <<<"$line")/a # the name in the sender's certificate
me=(--client-cert "$work/lab/a.pem" --client-key "$work/lab/a.key" --cacert "$work/lab/ca.pem")
send() {
    echo "$ snapferry send $* --client-cert a.pem --client-key a.key --cacert ca.pem"
    "$bin/snapferry" send "$@" "${me[@]}" 2>/dev/null
}
send env:RESTORE_POINT_1 "$relay/os-1"
echo "Restore point 2 to a new disk, with no base at hand: what is there already is sent as a reference."
send env:RESTORE_POINT_2 "$relay/os-2"
"$bin/snapferry" verify env:RESTORE_POINT_2 "$relay/os-2" "${me[@]}" 2>/dev/null

say "As a file: what changed, as a delta stream"
run export env:RESTORE_POINT_2 --base env:RESTORE_POINT_1 -o "$work/rp2.sfd" 2>/dev/null
echo "$(stat -c %s "$work/rp2.sfd") bytes, to be applied to a disk that is at restore point 1, and to no other"

say "Two plain files, and no service to ask what changed: a block map"
run copy "$work/os.img" "$work/plain.img" --map "$work/plain.map" 2>/dev/null
quietly debugfs -w -R "write $bin/snapferry /changed/snapferry-again" "$work/os.img"
run copy "$work/os.img" "$work/plain.img" --map "$work/plain.map" 2>/dev/null
cmp "$work/os.img" "$work/plain.img"
run map show "$work/plain.map" | tail -n 20

# ---- A restore point of many disks ----
say "A restore point of four disks, as a control plane has it copied: one process, steered while it works"
job='{"restorePoints":[{"id":"vm7-monday","disks":[' comma=
for disk in os data1 data2 data3; do
    export "FROM_$disk=$RESTORE_POINT_2" "TO_$disk=$(sas east "$east_url" rcwd "" "vm7-$disk.vhd")"
    job+="$comma{\"id\":\"$disk\",\"source\":{\"url\":\"env:FROM_$disk\"},\"target\":{\"url\":\"env:TO_$disk\"},\"verify\":true}"
    comma=,
done
echo "$job]}],\"limits\":{\"bytesPerSecond\":41943040}}" >"$work/job.json"
echo "$ snapferry run job.json --control ctl > events"
"$bin/snapferry" run "$work/job.json" --control "$work/ctl" >"$work/run.events" &
runner=$!
until grep -q '"completionPercent":[1-9]' "$work/run.events"; do sleep 0.05; done
run ctl "$work/ctl" pause data3
run ctl "$work/ctl" status
run ctl "$work/ctl" limits bytesPerSecond=none
run ctl "$work/ctl" resume data3
wait $runner
grep '"event":"summary"' "$work/run.events" | cut -c 1-150
tail -n 1 "$work/run.events"

# ---- What moved ----
say "What each copy moved"
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p" "$2"; }
mib() { awk -v b="$1" 'BEGIN { printf "%.1f MiB", b / 1048576 }'; }
printf '%-20s %-6s %12s %12s %12s %9s %8s\n' copy mode read written cleared requests seconds
row() {
    local f=$work/$2.summary
    printf '%-20s %-6s %12s %12s %12s %9s %8s\n' "$1" "$(field mode "$f")" \
        "$(mib "$(field readBytes "$f")")" "$(mib "$(field writtenBytes "$f")")" \
        "$(mib "$(field clearedBytes "$f")")" "$(field requests "$f")" "$(field seconds "$f")"
}
row "rp 1, gone on with" full
row "restore point 2" delta
again=$((read_all - $(field readBytes "$work/full.summary") - $(field resumedBytes "$work/full.summary")))
echo "restore point 1 in both runs: $(mib "$read_all"), of it twice, because it was in flight: $(mib "$again")"
changed=$(grep -o '"differentBytes":[0-9]*' "$work/differences" | cut -d: -f2)
echo "really different between the two: $(mib "$changed")"

# ---- As a service ----
say "The same by an API: snapferryd with all it needs, a machine of two disks in the region westus"
echo '$ snapferryd --embedded site'
mkfifo "$work/site.ready"
# What it says holds the token, once; it stays in a file of the owner's.
"$bin/snapferryd" --embedded "$work/site" --listen 127.0.0.1:0 >"$work/site.ready" 2>"$work/site.said" &
region_pids+=($!)
read -r line <"$work/site.ready"
service=$(sed 's/.*"url":"\([^"]*\)".*/\1/' <<<"$line")
compute=/subscriptions/embedded/resourceGroups/sample/providers/Microsoft.Compute
echo "$line"
call() { # METHOD PATH [BODY]: of the API; the token goes by a descriptor, so that it is no argument
    local version=2025-04-01
    case $2 in disks/*) version=2025-01-02 ;; esac
    case $2 in *\?*) version="&api-version=$version" ;; *) version="?api-version=$version" ;; esac
    curl -sf --cacert "$work/site/ca.pem" -H @<(sed 's/^/Authorization: Bearer /' "$work/site/token") \
        -H 'Content-Type: application/json' -X "$1" ${3:+-d "$3"} "$service$compute/$2$version"
}
put() {
    echo "PUT $1  ${2//"$compute"/...}"
    call PUT "$1" "$2" >/dev/null
}
watch() { # COLLECTION/POINT: until both of its disks are complete
    local seen="" now=""
    until [ "$seen" = "100 100 " ]; do
        now=$(call GET "restorePointCollections/${1%/*}/restorePoints/${1#*/}?\$expand=instanceView" |
            grep -oE '"completionPercent":[0-9.]+' | cut -d: -f2 | tr '\n' ' ')
        [ "$now" = "$seen" ] || echo "  percent of each disk: $now"
        seen=$now
        sleep 0.1
    done
}
id() { echo "{\"id\":\"$compute/$1\"}"; }
put restorePointCollections/west "{\"location\":\"westus\",\"properties\":{\"source\":$(id virtualMachines/sample-vm)}}"
put restorePointCollections/west/restorePoints/monday '{"properties":{}}'
watch west/monday
put restorePointCollections/east "{\"location\":\"eastus\",\"properties\":{\"source\":$(id restorePointCollections/west)}}"
put restorePointCollections/east/restorePoints/monday \
    "{\"properties\":{\"sourceRestorePoint\":$(id restorePointCollections/west/restorePoints/monday)}}"
watch east/monday

say "The machine, restored in the region eastus: its disks, then itself"
mapfile -t points < <(call GET restorePointCollections/east/restorePoints/monday |
    grep -oE '"diskRestorePoint":\{"id":"[^"]*"' | cut -d'"' -f6)
restored() { call GET "disks/$1" | grep -q '"provisioningState":"Succeeded"'; }
names=(os data)
for at in 0 1; do
    put "disks/new-${names[at]}" "{\"location\":\"eastus\",\"properties\":{\"creationData\":{\"createOption\":\"Restore\",\"sourceResourceId\":\"${points[at]}\"}}}"
    until restored "new-${names[at]}"; do sleep 0.1; done
done
put virtualMachines/new-vm "{\"location\":\"eastus\",\"properties\":{\"hardwareProfile\":{\"vmSize\":\"Standard_D2s_v5\"},\"storageProfile\":{\"osDisk\":{\"osType\":\"Linux\",\"createOption\":\"Attach\",\"managedDisk\":$(id disks/new-os)},\"dataDisks\":[{\"lun\":0,\"createOption\":\"Attach\",\"managedDisk\":$(id disks/new-data)}]}}}"
call PUT disks/as-a-file "{\"location\":\"eastus\",\"properties\":{\"x-snapferry\":{\"file\":\"data.raw\"},
    \"creationData\":{\"createOption\":\"Restore\",\"sourceResourceId\":\"${points[1]}\"}}}" >/dev/null
until restored as-a-file; do sleep 0.1; done
quietly e2fsck -f -n "$work/site/disks/data.raw"
echo "its data disk as a file: $(debugfs -R 'cat orders/this-year.txt' "$work/site/disks/data.raw" 2>/dev/null | head -n 1); the file system is clean"
