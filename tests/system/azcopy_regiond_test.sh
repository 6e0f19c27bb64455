#!/usr/bin/env bash
# AzCopy against regiond: a real disk image goes up, down and from region to region, byte for byte.
# shellcheck source=tests/system/regions.sh
source "$(dirname "$0")/regions.sh"
clients

azcopy=$CLIENTS/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64
export AZCOPY_LOG_LOCATION=$TMPDIR/azcopy AZCOPY_JOB_PLAN_LOCATION=$TMPDIR/azcopy_plan
export AZCOPY_DISABLE_SYSLOG=true AZCOPY_CONCURRENCY_VALUE=8
account=devstoreaccount1:env:REGION_KEY
count=0

"$azcopy" --version >"$TMPDIR/azcopy.version" 2>&1 || {
    cat "$TMPDIR/azcopy.version"
    echo "not ok - AzCopy does not start (it needs libsecret-1-0)"
    exit 1
}

ok() { count=$((count + 1)); echo "ok $count - $1"; }
fail() { echo "not ok $((count + 1)) - $1"; exit 1; }
same() { cmp "$1" "$2" || fail "$3"; ok "$3"; }

# azcopy_copy SOURCE TARGET [OPTION]...: fails unless the whole job was done.
azcopy_copy() {
    "$azcopy" copy "$@" >"$TMPDIR/azcopy.out" 2>&1 || true
    grep -q 'Final Job Status: Completed$' "$TMPDIR/azcopy.out" && return
    sed 's/sig=[^& "]*/sig=REDACTED/g' "$TMPDIR/azcopy.out"
    fail "AzCopy did not complete"
}
sas() {
    region_sas "$1" --account "$account" --resource "$2" --permissions "$3" --expiry +1h "${@:4}"
}
requests() { grep -c "\"verb\":\"$2\"" "$TMPDIR/$1.log" || true; }

# ---- A disk: a file system of this machine's files, and a footer ----
disk=$TMPDIR/disk.vhd
mkdir "$TMPDIR/files"
find /usr/share /usr/lib -xdev -type f -size -64k -readable 2>/dev/null | head -1500 |
    xargs -d '\n' cp --no-clobber -t "$TMPDIR/files" 2>/dev/null || true
/sbin/mkfs.ext4 -q -F -d "$TMPDIR/files" "$disk" 48M
node "$SNAPFERRY_SOURCE_DIR/tests/system/make_vhd.mjs" "$disk"
[ "$(stat -c %s "$disk")" -eq $((48 * 1048576 + 512)) ] || fail "the disk's size"

# The second region fails now and then, by a script; what comes through must be right all the same.
cat >"$TMPDIR/faults.json" <<'SCRIPT'
{ "seed": 7, "rules": [
  { "name": "busy", "match": { "comp": "page" }, "after": 2, "times": 2,
    "fault": "status", "status": 503, "retryAfter": 1 },
  { "name": "lost", "match": { "comp": "page" }, "nth": [7], "fault": "lostAnswer" },
  { "name": "cut", "match": { "verb": "Get Blob" }, "nth": [3],
    "fault": "resetBody", "afterBytes": 100000 }
] }
SCRIPT
region_start one
region_start two --faults "$TMPDIR/faults.json"
# shellcheck disable=SC2154 # region_start sets them
for url in "$REGION_URL_one" "$REGION_URL_two"; do
    node "$SNAPFERRY_SOURCE_DIR/tests/system/make_container.mjs" "$url" devstoreaccount1 disks
done

# ---- Up and down ----
azcopy_copy "$disk" "$(sas one disks/disk.vhd rcw)" --from-to LocalBlob \
    --blob-type PageBlob --put-md5
[ "$(requests one 'Put Page')" -gt 1 ] || fail "pages went up by Put Page"
ok "AzCopy uploads a page blob"
azcopy_copy "$(sas one disks/disk.vhd r)" "$TMPDIR/down.vhd" --from-to BlobLocal \
    --check-md5 FailIfDifferentOrMissing
same "$disk" "$TMPDIR/down.vhd" "AzCopy downloads the same bytes, its own MD5 checked"

# ---- With a container's signature, by folder ----
azcopy_copy "$(sas one disks rl)" "$TMPDIR/all" --from-to BlobLocal --recursive
same "$disk" "$TMPDIR/all/disks/disk.vhd" "AzCopy lists and downloads a container"

# ---- Service to service ----
azcopy_copy "$(sas one disks/disk.vhd r)" "$(sas one disks/copy.vhd rcw)" --from-to BlobBlob
azcopy_copy "$(sas one disks/copy.vhd r)" "$TMPDIR/copy.vhd" --from-to BlobLocal
same "$disk" "$TMPDIR/copy.vhd" "AzCopy copies from blob to blob in a region"

# Another name: AzCopy takes two regions on one host, whatever their ports, for the same.
azcopy_copy "$(sas one disks/disk.vhd r)" "$(sas two disks/arrived.vhd rcw)" --from-to BlobBlob
[ "$(requests two 'Put Page From URL')" -gt 1 ] || fail "pages came by Put Page From URL"
azcopy_copy "$(sas two disks/arrived.vhd r)" "$TMPDIR/two.vhd" --from-to BlobLocal
same "$disk" "$TMPDIR/two.vhd" "AzCopy copies from region to region, through 503s and lost answers"
for fault in busy lost cut; do
    grep -q "\"fault\":\"$fault\"" "$TMPDIR/two.log" || fail "the fault $fault did not happen"
done
ok "every fault of the script happened"

# ---- A snapshot, after the base went on ----
time=$(node "$SNAPFERRY_SOURCE_DIR/tests/system/make_snapshot.mjs" "$(sas one disks/disk.vhd rw)")
url=$(sas one disks/disk.vhd r --snapshot "$time")
azcopy_copy "$url" "$TMPDIR/snapshot.vhd" --from-to BlobLocal
same "$disk" "$TMPDIR/snapshot.vhd" "AzCopy downloads a snapshot by its own signature"

logs_hold_no_secret
echo "1..$count"
