# shellcheck shell=bash disable=SC2034
# relay_lab.sh - certificates for the tests of the relay. Sourced, or run: relay_lab.sh FOLDER.
#
# relay_lab FOLDER makes, all PEM, keys 0600, P-256:
#   ca.pem ca.key            the authority of everything that is right
#   server.pem server.key    for 127.0.0.1 and localhost
#   a.pem a.key, b.pem b.key clients whose common names are a and b
#   expired.*, early.*       clients named a: no longer, and not yet valid
#   purpose.*                named a, but for servers only
#   foreign.*                named a, of another authority (foreign-ca.pem, foreign-ca.key)
#   elsewhere.*              a server's, but for another host
# relay_cert makes one more.
#
# relay_receive NAME ROOT [OPTION...] starts a receiver (needs SNAPFERRY_BIN, TMPDIR, a lab in $LAB): sets
# NAME_URL and NAME_PID; what it says goes to $TMPDIR/NAME.out and .err. relay_end NAME ends it with SIGTERM
# and returns its exit status; relay_end_all ends them all.

# relay_authority FOLDER NAME CN
relay_authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$3" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$1/$2.key" -out "$1/$2.pem" 2>/dev/null
}

# relay_cert FOLDER NAME CN [AUTHORITY [PURPOSE [FROM UNTIL [SAN]]]]; times as 20260131000000Z
relay_cert() {
    local folder=$1 name=$2 authority=${4:-ca} purpose=${5:-clientAuth} work
    local from=${6:-} until=${7:-} san=${8:-}
    work=$(mktemp -d "$folder/work.XXXXXX") || return 1
    : >"$work/index.txt"
    {
        printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index.txt\nrand_serial=yes\n' "$work"
        printf 'new_certs_dir=%s\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n' "$work"
        printf '[p]\ncommonName=supplied\n[x]\nbasicConstraints=CA:FALSE\n'
        printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "$purpose"
        [ -z "$san" ] || printf 'subjectAltName=%s\n' "$san"
    } >"$work/ca.cnf"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$3" \
        -keyout "$folder/$name.key" -out "$work/request.pem" 2>/dev/null &&
        openssl ca -batch -notext -config "$work/ca.cnf" -cert "$folder/$authority.pem" \
            -keyfile "$folder/$authority.key" -in "$work/request.pem" -out "$folder/$name.pem" \
            -startdate "${from:-$(date -u -d yesterday +%Y%m%d%H%M%SZ)}" \
            -enddate "${until:-$(date -u -d '+2 days' +%Y%m%d%H%M%SZ)}" 2>/dev/null
    local status=$?
    chmod 600 "$folder/$name.key"
    rm -rf "$work"
    return $status
}

relay_lab() {
    local folder=$1 hosts=IP:127.0.0.1,DNS:localhost
    local long_ago=20200101000000Z ago=20200102000000Z far=20980101000000Z farther=20990101000000Z
    (
        umask 077
        mkdir -p "$folder" &&
            relay_authority "$folder" ca "relay test authority" &&
            relay_authority "$folder" foreign-ca "relay test authority" &&
            relay_cert "$folder" server receiver ca serverAuth '' '' "$hosts" &&
            relay_cert "$folder" elsewhere receiver ca serverAuth '' '' DNS:elsewhere.example &&
            relay_cert "$folder" a a && relay_cert "$folder" b b &&
            relay_cert "$folder" expired a ca clientAuth $long_ago $ago &&
            relay_cert "$folder" early a ca clientAuth $far $farther &&
            relay_cert "$folder" purpose a ca serverAuth &&
            relay_cert "$folder" foreign a foreign-ca
    ) || { echo "relay_lab: openssl made no certificates in $folder" >&2; return 1; }
}

RELAY_PIDS=()

relay_receive() {
    local name=$1 root=$2 pid
    shift 2
    : >"$TMPDIR/$name.out"
    "$SNAPFERRY_BIN" receive --listen 127.0.0.1:0 --target-root "$root" \
        --tls-cert "$LAB/server.pem" --tls-key "$LAB/server.key" --client-ca "$LAB/ca.pem" "$@" \
        >"$TMPDIR/$name.out" 2>"$TMPDIR/$name.err" &
    pid=$!
    RELAY_PIDS+=("$pid")
    printf -v "${name}_PID" %s "$pid"
    for _ in {1..3000}; do
        grep -q '"event": *"ready"' "$TMPDIR/$name.out" && break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.02
    done
    if ! grep -q '"event": *"ready"' "$TMPDIR/$name.out"; then
        cat "$TMPDIR/$name.out" "$TMPDIR/$name.err"
        echo "receiver $name did not begin to serve"
        exit 1
    fi
    printf -v "${name}_URL" %s \
        "$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$TMPDIR/$name.out" | head -1)"
}

relay_end() {
    local pid=$1_PID
    kill -TERM "${!pid}"
    wait "${!pid}"
}

relay_end_all() {
    local pid
    for pid in "${RELAY_PIDS[@]}"; do
        kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    RELAY_PIDS=()
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    relay_lab "${1:?the folder for the certificates}"
fi
