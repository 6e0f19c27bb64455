#!/usr/bin/env bash
# A relay over a link that cuts connections, stalls, and flips bits (bench/shape_proxy): the command is run
# again until it says that it is done, and the target is the source to the last byte. SEEDS="1 2 3" tries
# more, MIB=1 more often.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
PROXY=$SNAPFERRY_BUILD_DIR/bench/shape_proxy
[ -x "$PROXY" ] || { echo "no $PROXY: build all"; exit 77; }
. tests/system/cli_region.sh
. tests/system/relay_lab.sh
PROXY_PID=
trap 'relay_end_all; [ -z "$PROXY_PID" ] || kill "$PROXY_PID" 2>/dev/null' EXIT
cd "$TMPDIR" || exit 1
LAB=$TMPDIR/lab
relay_lab "$LAB" || exit 1
mkdir root
# Bytes that do not compress, a hole, a repetition, and text.
head -c 40M /dev/urandom >disk
truncate -s 64M disk
dd if=disk of=disk bs=1M skip=3 seek=50 count=4 conv=notrunc status=none
yes 'a line of a log that says little' | head -c 6M | dd of=disk bs=1M seek=56 conv=notrunc status=none

# faulty SEED: a link to the receiver; sets LINK_PORT
faulty() {
    : >link.out
    "$PROXY" --to "${east_URL#https://}" --faults "$1" --fault-mib "${MIB:-4}" --stats link.stats >link.out &
    PROXY_PID=$!
    for _ in {1..3000}; do
        grep -q ready link.out && break
        sleep 0.02
    done
    LINK_PORT=$(sed -n 's/.*"port":\([0-9]*\).*/\1/p' link.out)
}

for seed in ${SEEDS:-1 2}; do
    relay_receive east root --index "$TMPDIR/index"
    faulty "$seed"
    status=3 runs=0
    while [[ $status == 3 || $status == 124 ]] && [ "$runs" -lt 15 ]; do
        runs=$((runs + 1))
        timeout 120 "$SNAPFERRY_BIN" send disk "relay:https://127.0.0.1:$LINK_PORT/a/$seed" \
            --client-cert "$LAB/a.pem" --client-key "$LAB/a.key" --cacert "$LAB/ca.pem" \
            --no-dedup --quiet >send.out 2>send.err
        status=$?
    done
    check "seed $seed: done after $runs runs" [ "$status" = 0 ]
    [ "$status" = 0 ] || cat send.err
    check "seed $seed: the target is the source" cmp disk "root/a/$seed"
    kill "$PROXY_PID"
    wait "$PROXY_PID"
    check "seed $seed: the link was faulty" grep -qE '"(cuts|stalls|flips)":[1-9]' link.stats
    cat link.stats
    relay_end east
done
no_secret east.out east.err send.err
finish
