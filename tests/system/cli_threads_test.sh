#!/usr/bin/env bash
# Several threads for the exchanges: copies with faults, over plain HTTP and TLS, are the same bytes as with one;
# every thread does its share; kill -9 and the same again goes on. Faults and order are not those of one
# thread, so what is compared is what came out.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$TMPDIR/key.pem" -out "$TMPDIR/cert.pem" 2>/dev/null
cat >"$TMPDIR/faults.json" <<'SCRIPT'
{"seed":7,"rules":[
 {"match":{"verb":"Get Blob"},"probability":0.02,"fault":"status","status":503},
 {"match":{"verb":"Put Page"},"probability":0.02,"fault":"status","status":503},
 {"match":{"verb":"Get Blob"},"probability":0.02,"fault":"resetBody","afterBytes":70000},
 {"match":{"verb":"Put Page"},"probability":0.02,"fault":"lostAnswer"},
 {"match":{"verb":"Put Page"},"probability":0.02,"fault":"resetRequest","afterBytes":9000},
 {"match":{"verb":"Get Blob"},"probability":0.02,"fault":"corruptBody"},
 {"fault":"reset","probability":0.01}]}
SCRIPT
echo '{"latencyMs":5,"blob":{"bytesPerSecond":24000000}}' >"$TMPDIR/slow.json"
start_region west --faults "$TMPDIR/faults.json"
start_region east --faults "$TMPDIR/faults.json"
start_region safe --tls-cert "$TMPDIR/cert.pem" --tls-key "$TMPDIR/key.pem"
start_region slow --shape "$TMPDIR/slow.json"
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN
WEST=$(sas "$west_URL" disk.vhd rcwd)
EAST=$(sas "$east_URL" disk.vhd rcwd)
SAFE=$(sas "$safe_URL" disk.vhd rcwd)
SLOW=$(sas "$slow_URL" disk.vhd rcwd)
export WEST EAST SAFE SLOW

# share EVENTS N [BUSY]: N threads are told of, and each did something; at least BUSY of them did.
share() {
    node -e '
        const [file, wanted, busy] = process.argv.slice(1);
        const events = require("fs").readFileSync(file, "utf8").trim().split("\n").map((l) => JSON.parse(l));
        const threads = events.find((e) => e.event === "summary").threads ?? [];
        if (threads.length !== +wanted) process.exit(1);
        if (threads.filter((t) => t.requests > 0 && t.cpuSeconds > 0).length < busy) process.exit(1);' "$1" "$2" "${3:-$2}"
}

# ---- Made-up bytes through faults to a region, through faults to another, and back to a file ----
"$SF" copy pattern:64M,3,300 file:wanted.img --quiet --no-root || fail "the image to compare with"
for threads in 2 3; do
    expect 0 '"committed":true' "$SF" copy file:wanted.img env:WEST --restart --threads $threads --json
    check "$threads threads share a write" share out $threads
    expect 0 '"committed":true' "$SF" copy env:WEST env:EAST --restart --threads $threads --json
    check "$threads threads share a copy" share out $threads
    expect 0 equal "$SF" verify env:WEST env:EAST --threads $threads
    rm -f back.img back.img.snapferry
    expect 0 complete "$SF" copy env:EAST file:back.img --threads $threads
    check "$threads threads bring back the same bytes" cmp wanted.img back.img
done

expect 0 '"committed":true' "$SF" copy env:WEST env:EAST --restart --json
check "one thread is the default, and then none is told of" sh -c '! grep -q "\"threads\"" out'

# ---- TLS ----
expect 0 '"verified":true' "$SF" copy env:WEST env:SAFE --verify --threads 3 --cacert cert.pem --json
check "3 threads share TLS" share out 3
expect 0 equal "$SF" verify env:WEST env:SAFE --threads auto --cacert cert.pem
expect 2 '--cacert' "$SF" copy env:SAFE file:untrusted.img --threads 2

# ---- kill -9, and the same again ----
: >events1
"$SF" copy env:WEST env:SLOW --threads 3 --json >>events1 2>err1 &
moving=$!
until_said events1 '"durableBytes":[0-9]{8},' "$moving"
kill -KILL "$moving"
wait "$moving" 2>/dev/null
check "it was killed in the midst" [ $? = 137 ]
no_secret events1 err1
expect 0 '"committed":true' "$SF" copy env:WEST env:SLOW --threads 3 --json
check "it went on" grep -q 'Going on from [1-9]' out
check "with several threads" share out 3 1 # what was left may be little
restart_region slow
expect 0 equal "$SF" verify env:WEST env:SLOW --threads 2
restart_region slow --shape slow.json

# ---- A signal ends it in order ----
: >events2
"$SF" copy env:WEST env:SLOW --restart --threads 4 --json >>events2 2>err2 &
moving=$!
until_said events2 '"durableBytes":[0-9]{7,},' "$moving"
kill -TERM "$moving"
wait "$moving" 2>/dev/null
check "SIGTERM ends with 130" [ $? = 130 ]
expect 0 '"committed":true' "$SF" copy env:WEST env:SLOW --threads 4 --json
restart_region slow
expect 0 equal "$SF" verify env:WEST env:SLOW

finish
