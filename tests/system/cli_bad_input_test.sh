#!/usr/bin/env bash
# Bad input gets one clear sentence, the right exit status, nothing touched and no secret shown.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
start_region west
cd "$TMPDIR" || exit 1
SF=$SNAPFERRY_BIN

# one_sentence STATUS WORDS COMMAND...: as expect, and stderr is exactly one line from snapferry, beside what a copy of
# more than a second says of itself ("NAME  looking").
one_sentence() {
    expect "$@"
    if [ "$(grep . "$TMPDIR/err" | grep -cvE '^[^ ]+  ')" != 1 ] || ! grep -q '^snapferry: ' "$TMPDIR/err"; then
        fail "not one sentence: ${*:3}"
    fi
    if [ -s "$TMPDIR/out" ]; then fail "something on stdout: ${*:3}"; fi
}

requests() { wc -l <"$west_LOG"; }

# ---- What is refused before anything is sent ----
BEFORE=$(requests)
DISK=$(sas "$west_URL" disk.vhd rcwd)
export DISK NOT_A_URL=hello NO_SAS="${DISK%%\?*}" HALF="${DISK%%\?*}?sv=2020-12-06&sp=r"
one_sentence 2 'there is no command' "$SF" --frobnicate
one_sentence 2 'there is no command' "$SF" coppy a b
one_sentence 2 'SOURCE and TARGET' "$SF" copy
one_sentence 2 'not a URL of a page blob' "$SF" copy "ftp://h/c/b?sig=abc" null:
one_sentence 2 'not a URL of a page blob' "$SF" copy "${DISK#http://}" null:
one_sentence 2 'does not hold a URL' "$SF" copy env:NOT_A_URL null:
one_sentence 2 'not set' "$SF" copy env:MISSING_VARIABLE null:
one_sentence 2 'cannot open' "$SF" copy @missing.url null:
one_sentence 2 'no SAS' "$SF" copy env:NO_SAS null:
one_sentence 2 'no SAS' "$SF" copy env:HALF null:
one_sentence 2 'no SAS' "$SF" copy null:1M env:NO_SAS
one_sentence 2 'no SAS' "$SF" snapshot env:NO_SAS
one_sentence 2 'in clear' "$SF" copy "http://example.com/c/b?sv=1&sig=abc" null:
one_sentence 2 'are the same' "$SF" copy env:DISK env:DISK
one_sentence 2 'SOURCE that is a snapshot' "$SF" copy env:DISK null: --base env:DISK
one_sentence 2 'multiple of 512' "$SF" copy null:1000 env:DISK
one_sentence 2 '--memory' "$SF" copy null:1M env:DISK --memory 64X
one_sentence 2 '--memory' "$SF" copy null:1M env:DISK --memory 1M
one_sentence 2 'not an option' "$SF" copy null:1M env:DISK --forse
one_sentence 2 'exclude' "$SF" copy null:1M env:DISK --strip-footer --add-footer
check "nothing was sent for any of them" [ "$BEFORE" = "$(requests)" ]

# ---- What only the service can tell ----
expect 0 complete "$SF" copy pattern:4M env:DISK
MORE=$(sas "$west_URL" more.vhd rcwd)
READ_ONLY=$(sas "$west_URL" fresh.vhd r)
GONE=$(sas "$west_URL" gone.vhd r)
export MORE READ_ONLY GONE
one_sentence 2 'must have 8388608' "$SF" copy pattern:8M env:DISK
one_sentence 2 'never shrunk' "$SF" copy pattern:2M env:DISK
expect 0 'equal' "$SF" verify pattern:4M env:DISK
expect 1 'does not exist' "$SF" copy env:GONE env:MORE
expect 1 'does not exist' "$SF" snapshot env:GONE
expect 1 'does not permit' "$SF" copy pattern:1M env:READ_ONLY
BLOCK=$(sas "$west_URL" block.txt rcwd)
export BLOCK
curl -sf -X PUT -H 'x-ms-blob-type: BlockBlob' -d hello "$BLOCK" || fail "block blob"
one_sentence 2 'not a page blob' "$SF" copy env:BLOCK env:MORE
one_sentence 2 'not a page blob' "$SF" copy pattern:1M env:BLOCK
check "the block blob was not touched" [ "$(curl -sf "$BLOCK")" = hello ]
expect 1 'does not exist' "$SF" copy env:MORE null:

# ---- Help and version are no bad input ----
expect 0 'snapferry copy' "$SF" --help
expect 0 'snapferry ' "$SF" --version
for command in copy plan verify snapshot; do
    expect 0 "Usage: snapferry $command" "$SF" "$command" --help
done
for command in build diff show; do
    expect 0 "Usage: snapferry map $command" "$SF" map --help
done
one_sentence 2 'second word' "$SF" map

# ---- Descriptors that came closed ----
timeout 240 "$SF" apply - closed.img <&- 2>err
check "no stdin: an error, no other descriptor in its place" [ $? = 1 ]
check "no stdin: a sentence" grep -q 'cannot be read: Bad file descriptor' err
check "no stdin: nothing made" [ ! -e closed.img ]
timeout 240 "$SF" copy pattern:1M closed.img >&- 2>err
check "no stdout: what could not be said is a failure" [ $? = 1 ]
check "no stdout: a sentence" grep -q 'output could not be written' err
timeout 240 "$SF" export pattern:1M -o - >&- 2>err
check "no stdout for a stream" [ $? = 1 ]

# ---- A stream that has no place ----
expect 0 complete "$SF" copy pattern:1M disk.img
expect 2 'is not replaced' "$SF" export pattern:1M -o disk.img
expect 0 equal "$SF" verify pattern:1M disk.img
check "nothing left beside it" [ ! -e disk.img.part ]
no_secret "$west_LOG" "$west_LOG"
finish
