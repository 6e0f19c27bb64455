#!/usr/bin/env bash
# What snapferry run really writes fits the published schema: disks that succeed, fail, are paused, canceled and
# gone on with; answers of every kind; a job that is refused, and a command line that is.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
SCHEMA_CHECK=$SNAPFERRY_SOURCE_DIR/tests/system/check_schema.py
start_region west
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN

# fits FILE WORDS... : all of it is events, "end" last, and each of the words is in it
fits() {
    local file=$1 word
    shift
    check "$file fits the schema" /usr/bin/python3 -W ignore "$SCHEMA_CHECK" event "$file" --end
    for word in "$@"; do check "$file has $word" grep -qF -- "$word" "$file"; done
    no_secret "$file" "$file"
}

# await FILE WORDS: until they are there, or nothing comes for a minute
await() {
    local i
    for ((i = 0; i < 600; i++)); do
        grep -qF -- "$2" "$1" && return
        sleep 0.1
    done
    fail "never came: $2"
}

head -c 8M /dev/urandom >a
head -c 4M /dev/urandom >b
A=$(sas "$west_URL" a.vhd rcwd)
BAD=$(sas "$west_URL" bad.vhd r)
export A BAD
expect 0 complete "$SF" copy a env:A
cat >job.json <<END
{"restorePoints":[{"id":"p","colour":"red","disks":[
  {"id":"up","source":{"url":"$TMPDIR/b"},"target":{"url":"$(sas "$west_URL" b.vhd rcwd)"},"verify":true,"map":"b.map"},
  {"id":"down","priority":3,"source":{"url":"env:A"},"target":{"url":"a2"}}]},
 {"id":"q","disks":[
  {"id":"gone","source":{"url":"$TMPDIR/gone"},"target":{"url":"g2"}},
  {"id":"refused","source":{"url":"$TMPDIR/b"},"target":{"url":"env:BAD"}},
  {"id":"canceled","source":{"url":"$TMPDIR/a"},"target":{"url":"c2"}}]}],
 "limits":{"bytesPerSecond":1048576},"report":{"intervalMs":100}}
END
check "the job fits its schema" /usr/bin/python3 -W ignore "$SCHEMA_CHECK" job job.json

mkfifo commands
"$SF" run - --json <commands >events 2>err &
pid=$!
exec 7>commands
tr -d '\n' <job.json >&7
echo >&7
await events '"event":"progress","disk":"canceled"'
for command in '{"command":"status","tag":"s1"}' '{"command":"pause","disk":"down","tag":"p1"}' \
    '{"command":"pause","disk":"nobody","tag":"p2"}' '{"command":"cancel","disk":"canceled","tag":"c1"}' \
    '{"command":"setPriority","restorePoint":"p","priority":7}' 'no command' '{"command":"resume","disk":7}' \
    '{"command":"setLimits","bytesPerSecond":"none","tag":"l1"}'; do
    echo "$command" >&7
done
await events '"tag":"l1"'
await events '"event":"summary","disk":"gone"'
await events '"event":"summary","disk":"refused"'
await events '"event":"summary","disk":"up"'
echo '{"command":"pause","disk":"gone","tag":"late"}' >&7
echo '{"command":"resume","disk":"down"}' >&7 # the last one that is not complete
wait $pid
check "a disk that failed is the exit status" [ $? = 1 ]
exec 7>&-
check "there were many" [ "$(grep -c . events)" -gt 20 ]
fits events '"path":"$.restorePoints[0].colour"' '"tag":"s1","accepted":true' '"tag":"p2","accepted":false' \
    '"tag":"late","accepted":false' '"code":"ReplicationState/paused"' '"code":"ReplicationState/canceled"' \
    '"event":"summary","restorePoint":"p","code":"ReplicationState/succeeded"' \
    '"event":"summary","restorePoint":"q","code":"ReplicationState/failed"'
for disk in up down gone refused canceled; do
    check "$disk has one summary" [ "$(grep -c "\"event\":\"summary\",\"disk\":\"$disk\"" events)" = 1 ]
done

echo '{"restorePoints":[{"id":"p","disks":[{"id":"d","source":{"url":"x"}}]}],"limits":{"memoryBytes":1}}' >bad.json
expect 2 invalid "$SF" run bad.json --json
cp out refused
fits refused '"path":"$.restorePoints[0].disks[0].target"' '"path":"$.limits.memoryBytes"' '"exit":2'
expect 2 '"exit":2' "$SF" run nowhere.json --json
cp out absent
fits absent '"event":"invalid"'
expect 2 '"exit":2' "$SF" run --json
cp out misused
fits misused '"event":"end"'
finish
