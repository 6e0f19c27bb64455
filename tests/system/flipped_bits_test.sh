#!/usr/bin/env bash
# One wrong bit, on the wire (under TLS) or in the target's storage. LAB_TRIALS=N tries more places.
set -u
. "$(dirname "$0")/by_hand.sh"
cd "$TMPDIR" || exit 1
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=snapferry test authority" \
        -keyout ca.key -out ca.pem &&
        openssl req -newkey rsa:2048 -nodes -subj "/CN=127.0.0.1" -keyout region.key -out region.csr &&
        printf 'subjectAltName=IP:127.0.0.1\n' >region.ext &&
        openssl x509 -req -in region.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
            -extfile region.ext -out region.pem
} >openssl.out 2>&1 || {
    cat openssl.out
    echo "not ok - the certificates could not be made"
    exit 1
}
node "$SNAPFERRY_SOURCE_DIR/tests/system/flipped_bits.mjs"
lab_end $? "$@"
