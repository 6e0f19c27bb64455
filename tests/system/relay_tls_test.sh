#!/usr/bin/env bash
# Who may speak to a receiver: no certificate, another authority, one not valid now, one for servers, another
# name, TLS 1.2. Each is refused before a byte of the body is used: the target's service sees nothing of it.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
. tests/system/relay_lab.sh
trap 'relay_end_all; end_regions' EXIT
start_region west
cd "$TMPDIR" || exit 1
LAB=$TMPDIR/lab
relay_lab "$LAB" || exit 1
ROOT="$west_URL/disks/vhds?$(sas "$west_URL" '' racwdl 2>/dev/null | sed 's/^[^?]*?//')"
case $ROOT in *sig=*) ;; *)
    ROOT=$("$REGIOND_BIN" sas --account disks:env:CLI_KEY --resource vhds --permissions racwdl \
        --expiry +1h "$west_URL")
    ;;
esac
export ROOT
relay_receive east env:ROOT
SF=$SNAPFERRY_BIN
BODY_BYTES=5000000
head -c $BODY_BYTES /dev/urandom >body

requests() { wc -l <"$west_LOG"; }

# post CLIENT NAME [OPTION...]: sends the body as a batch; "STATUS SENT-BYTES SECONDS" and the answer.
post() {
    local client=$1 name=$2 who=()
    shift 2
    [ "$client" = none ] || who=(--cert "$LAB/$client.pem" --key "$LAB/$client.key")
    : >answer
    curl -sS --max-time 60 --cacert "$LAB/ca.pem" "${who[@]}" "$@" -o answer \
        -H 'x-snapferry-version: 1' -H 'x-snapferry-size: 1048576' \
        -H 'x-snapferry-sender: 11111111-2222-4333-8444-555555555555' \
        -H 'x-snapferry-generation: 1' --data-binary @body \
        -w '%{http_code} %{size_upload} %{time_total}\n' "$east_URL/v1/write/$name" 2>curl.err
}

# refused CLIENT NAME WORDS: by an answer, whether or not the client asks before it sends.
refused() {
    local client=$1 name=$2 words=$3 before status sent seconds
    before=$(requests)
    read -r status sent seconds < <(post "$client" "$name")
    check "$client for $name: 403" [ "$status" = 403 ]
    check "$client for $name: asked first, sent nothing" [ "$sent" = 0 ]
    check "$client for $name: says \"$words\"" grep -qF -- "$words" answer
    check "$client for $name: a kind the sender knows" grep -qF '"kind":"auth"' answer
    # Who sends at once and slowly is told long before the body is whole.
    read -r status sent seconds < <(post "$client" "$name" -H Expect: --limit-rate 1M)
    if [ "$client" != b ]; then
        check "$client for $name: cut off while it sends" [ "$sent" -lt $BODY_BYTES ]
        check "$client for $name: at once ($seconds s)" [ "${seconds%%.*}" -lt 3 ]
    else
        check "$client for $name: told, its body dropped" [ "$status" = 403 ]
    fi
    check "$client for $name: nothing reached the target" [ "$(requests)" = "$before" ]
}

refused none a/disk 'a client certificate is needed'
refused foreign a/disk 'authority that is not trusted'
refused expired a/disk 'has expired'
refused early a/disk 'not yet valid'
refused purpose a/disk 'not one for clients'
refused b a/disk 'does not begin with the name'

# ---- TLS 1.2, and no TLS ----
BEFORE=$(requests)
read -r STATUS SENT _ < <(post a a/disk --tls-max 1.2)
check "TLS 1.2 is refused" [ "$STATUS $SENT" = "000 0" ]
openssl s_client -connect "${east_URL#https://}" -tls1_2 -cert "$LAB/a.pem" -key "$LAB/a.key" \
    </dev/null >s_client 2>&1
check "TLS 1.2 gets no session" grep -q 'Cipher is (NONE)' s_client
openssl s_client -connect "${east_URL#https://}" -tls1_3 -CAfile "$LAB/ca.pem" -cert "$LAB/a.pem" \
    -key "$LAB/a.key" </dev/null >s_client 2>&1
check "TLS 1.3 gets one" grep -q 'Verify return code: 0' s_client
STATUS=$(curl -s -o /dev/null -w '%{http_code}' "http://${east_URL#https://}/v1/stat/a/disk")
check "plain HTTP gets no answer" [ "$STATUS" = 000 ]
check "none of them reached the target" [ "$(requests)" = "$BEFORE" ]

# ---- The operator is told ----
check "the receiver's log says who was refused" grep -q 'refused 127.0.0.1 with 403' east.err
no_secret east.out east.err

# ---- The sender's side: sentences and exit statuses ----
head -c 3000320 /dev/urandom | head -c $((3000320 / 512 * 512)) >source.img
# send CLIENT NAME [OPTION...]
send() {
    local client=$1 name=$2
    shift 2
    timeout 60 "$SF" send source.img "relay:$east_URL/$name" --client-cert "$LAB/$client.pem" \
        --client-key "$LAB/$client.key" --cacert "$LAB/ca.pem" "$@"
}
expect 1 'authority that is not trusted' send foreign a/disk
expect 1 'has expired' send expired a/disk
expect 1 'not yet valid' send early a/disk
expect 1 'not one for clients' send purpose a/disk
expect 1 'does not begin with the name' send b a/disk
expect 2 'not trusted' send a a/disk --cacert "$LAB/elsewhere.pem"
expect 2 'certificate or its key' timeout 60 "$SF" send source.img "relay:$east_URL/a/disk" \
    --client-cert "$LAB/a.pem" --client-key "$LAB/b.key" --cacert "$LAB/ca.pem"
check "nothing of all that is at the target" [ "$(requests)" = "$BEFORE" ]
mkdir local
relay_receive liar local --tls-cert "$LAB/elsewhere.pem" --tls-key "$LAB/elsewhere.key"
expect 2 'not trusted' timeout 60 "$SF" send source.img "relay:$liar_URL/a/disk" \
    --client-cert "$LAB/a.pem" --client-key "$LAB/a.key" --cacert "$LAB/ca.pem"
check "who is not where it says it is gets nothing" [ -z "$(ls local)" ]
check "the liar ends well" relay_end liar

# ---- And who may, may ----
expect 0 '' send a a/disk --verify
expect 0 '' send b b/one/two --verify
check "the receiver ends well" relay_end east
no_secret east.out east.err
finish
