#!/usr/bin/env bash
# The official SDK against regiond over TLS, with a certificate of a test authority.
# shellcheck source=tests/system/regions.sh
source "$(dirname "$0")/regions.sh"
clients

cd "$TMPDIR"
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=snapferry test authority" \
        -keyout ca.key -out ca.pem
    openssl req -newkey rsa:2048 -nodes -subj "/CN=127.0.0.1" -keyout region.key -out region.csr
    printf 'subjectAltName=IP:127.0.0.1\n' >region.ext
    openssl x509 -req -in region.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
        -extfile region.ext -out region.pem
} >openssl.out 2>&1 || {
    cat openssl.out
    echo "not ok - the certificates could not be made"
    exit 1
}
# What one region trusts when it fetches from another.
export SSL_CERT_FILE=$TMPDIR/ca.pem
region_start one --tls-cert region.pem --tls-key region.key
region_start two --tls-cert region.pem --tls-key region.key
# shellcheck disable=SC2154 # region_start sets them
REGION_URL=$REGION_URL_one REGION_URL_2=$REGION_URL_two NODE_EXTRA_CA_CERTS=$TMPDIR/ca.pem \
    node "$SNAPFERRY_SOURCE_DIR/tests/system/sdk_tls.mjs"
logs_hold_no_secret
