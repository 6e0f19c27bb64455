#!/usr/bin/env bash
# The official SDK (@azure/storage-blob) against regiond: verbs, range lists, diffs, signatures.
# shellcheck source=tests/system/regions.sh
source "$(dirname "$0")/regions.sh"
clients

accounts=()
for name in devstoreaccount1 md-0123456789ab md-impexp-0123456789ab; do
    accounts+=(--account "$name:env:REGION_KEY")
done
region_start one "${accounts[@]}"
region_start two "${accounts[@]}"
# shellcheck disable=SC2154 # region_start sets them
REGION_URL=$REGION_URL_one REGION_URL_2=$REGION_URL_two \
    node "$SNAPFERRY_SOURCE_DIR/tests/system/sdk_regiond.mjs"
logs_hold_no_secret
