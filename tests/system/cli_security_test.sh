#!/usr/bin/env bash
# What the README's section on security promises of the whole program: who may read its memory and its
# files, whom it trusts, and that a host that points elsewhere is not followed.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
cd "$TMPDIR" || exit 1

# ---- Memory: as an ordinary user, so that the owner of /proc/PID tells ----
# A process whose memory its user may read has files in /proc that are this user's; else they are root's.
mkfifo held.url
chmod 755 "$TMPDIR"
chmod 644 held.url
cp "$SNAPFERRY_BIN" snapferry
chmod 755 snapferry
as_user=()
user=$(id -u)
if [ "$user" = 0 ]; then
    user=65534
    as_user=(setpriv --reuid "$user" --regid "$user" --clear-groups --)
fi
# owner_of COMMAND...: of the files in /proc of a process while it waits for its URL, or sleeps.
owner_of() {
    "${as_user[@]}" "$@" >held.out 2>&1 &
    HELD=$!
    for _ in {1..3000}; do # until it is what it was told to become, and has begun
        [ "$(cat /proc/$HELD/comm 2>/dev/null)" = "$(basename "$1")" ] &&
            grep -q '^State:.S' /proc/$HELD/status && break
        sleep 0.02
    done
    stat -c %u /proc/$HELD/environ
    kill -KILL $HELD
    wait $HELD 2>/dev/null
}
if "${as_user[@]}" ./snapferry --version >/dev/null 2>&1; then
    check "another process's memory belongs to its user" [ "$(owner_of sleep 60)" = "$user" ]
    check "snapferry's does not: no core file, no debugger from outside" \
        [ "$(owner_of ./snapferry copy @held.url null:)" = 0 ]
else
    echo "user $user cannot run programs in $TMPDIR: not checked who may read its memory"
fi

# ---- Whom it trusts ----
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=snapferry test authority" \
        -keyout ca.key -out ca.pem
    openssl req -newkey rsa:2048 -nodes -subj "/CN=127.0.0.1" -keyout region.key -out region.csr
    printf 'subjectAltName=IP:127.0.0.1\n' >region.ext
    openssl x509 -req -in region.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
        -extfile region.ext -out region.pem
} >openssl.out 2>&1 || fail "no certificates" openssl.out
start_region safe --tls-cert region.pem --tls-key region.key
TARGET=$(sas "$safe_URL" disk.vhd rcwd)
export TARGET
check "the region speaks TLS" [ "${TARGET%%:*}" = https ]
SF=$SNAPFERRY_BIN
# A certificate that nobody here vouches for will not be vouched for by trying again.
expect 2 'is not trusted' "$SF" copy pattern:2M,1,0 env:TARGET
expect 2 '--cacert' "$SF" verify pattern:2M,1,0 env:TARGET
expect 0 'complete and verified' "$SF" copy pattern:2M,1,0 env:TARGET --cacert ca.pem --verify
export ELSEWHERE='http://example.invalid/a/c/disk.vhd?sv=1&sig=abcd'
expect 2 '--allow-http' "$SF" copy pattern:2M,1,0 env:ELSEWHERE

# ---- Files ----
umask 0
rm -rf "$XDG_STATE_HOME"
expect 0 complete "$SF" copy pattern:2M,1,0 env:TARGET --cacert ca.pem
expect 0 complete "$SF" copy pattern:2M,1,0 disk.img
check "there are state files" [ -n "$(find "$XDG_STATE_HOME" -type f)" ]
check "state files are their owner's alone, whatever the umask" \
    [ -z "$(find "$XDG_STATE_HOME" disk.img.snapferry -type f -perm /077)" ]
check "and so are their folders" [ -z "$(find "$XDG_STATE_HOME" -mindepth 1 -type d -perm /077)" ]
check "no secret in them" sh -c "! grep -rlE 'sig=|abcd' '$XDG_STATE_HOME' disk.img.snapferry"

no_secret "$safe_LOG"
finish
