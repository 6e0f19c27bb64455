#!/usr/bin/env bash
# libsnapferry as another program finds it: installed, found by pkg-config, built against, run. The header is
# taken by C89, C++ and alone; the example copies disks between a region and files.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
. tests/system/cli_region.sh
PREFIX=$TMPDIR/installed
SCHEMA_CHECK=$SNAPFERRY_SOURCE_DIR/tests/system/check_schema.py

# ---- Installed ----
cmake --install "$SNAPFERRY_BUILD_DIR" --prefix "$PREFIX" --component library >"$TMPDIR/out" 2>&1 ||
    { cat "$TMPDIR/out"; exit 1; }
export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig:$PREFIX/lib/$(cc -print-multiarch)/pkgconfig
CFLAGS=$(pkg-config --cflags snapferry) || exit 1
LIBS=$(pkg-config --libs snapferry)
LD_LIBRARY_PATH=$(pkg-config --variable=libdir snapferry)
export LD_LIBRARY_PATH
check "pkg-config knows the version" [ "$(pkg-config --modversion snapferry)" = \
    "$(sed -n 's/^project(snapferry VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)" ]
check "the schemas are installed" [ -s "$(pkg-config --variable=schemadir snapferry)/event.schema.json" ]
check "the soname has a version" \
    grep -q 'libsnapferry\.so\.0' <(readelf -d "$LD_LIBRARY_PATH/libsnapferry.so" | grep SONAME)

# ---- The header ----
cd "$TMPDIR" || exit 1
echo '#include <snapferry.h>' >one.c
echo 'int main(void) { return snapferry_api_level() != SNAPFERRY_API_LEVEL || !snapferry_version(); }' \
    >>one.c
cp one.c one.cc
SANITIZE=
if grep -q '^SNAPFERRY_SANITIZE:BOOL=ON' "$SNAPFERRY_BUILD_DIR/CMakeCache.txt"; then
    SANITIZE="-fsanitize=address,undefined"
fi
# shellcheck disable=SC2086
{
    check "C89 takes the header" cc -std=c89 -pedantic-errors -Wall -Wextra -Werror $CFLAGS $SANITIZE one.c $LIBS -o one
    check "a program of C89 runs" ./one
    check "C++ takes the header" \
        c++ -std=c++98 -pedantic-errors -Wall -Wextra -Werror $CFLAGS $SANITIZE one.cc $LIBS -o onecc
    check "a program of C++ runs" ./onecc
    check "the example is built" cc -std=c99 -Wall -Wextra -Werror -O1 $CFLAGS $SANITIZE \
        "$SNAPFERRY_SOURCE_DIR/tools/examples/ferry_disks.c" $LIBS -pthread -o ferry_disks
}

# ---- The example at work ----
# run_example STATUS JOB [COMMAND...]
run_example() {
    local wanted=$1 status
    shift
    ./ferry_disks "$@" >"$TMPDIR/events" 2>"$TMPDIR/err"
    status=$?
    if [ $status != "$wanted" ]; then
        fail "the example ended with $status, not $wanted"
        cat "$TMPDIR/err"
        tail -3 "$TMPDIR/events"
    else
        PASSED=$((PASSED + 1))
    fi
    no_secret "$TMPDIR/events" "$TMPDIR/err"
    check "its events fit the schema" /usr/bin/python3 -W ignore "$SCHEMA_CHECK" event "$TMPDIR/events" --end
}

start_region west
head -c 3M /dev/urandom >file.a
head -c 5M /dev/urandom >blob.b
UP=$(sas "$west_URL" up.vhd rcwd)
export UP
expect 0 complete "$SNAPFERRY_BIN" copy blob.b env:UP
cat >job.json <<END
{"restorePoints":[{"id":"p","disks":[
  {"id":"a","source":{"url":"$TMPDIR/file.a"},"target":{"url":"$TMPDIR/copy.a"},"journal":"$TMPDIR/a.journal"},
  {"id":"b","source":{"url":"env:UP"},"target":{"url":"file:$TMPDIR/copy.b"},"verify":true,
   "journal":"$TMPDIR/b.journal"},
  {"id":"c","source":{"url":"env:UP"},"target":{"url":"$(sas "$west_URL" c.vhd rcwd)"},
   "journal":"$TMPDIR/c.journal"}]}]}
END
run_example 0 job.json '{"command":"status","tag":"s1"}' '{"command":"stop"}'
check "a file is copied" cmp file.a copy.a
check "a blob is copied" cmp blob.b copy.b
C=$(sas "$west_URL" c.vhd r)
export C
expect 0 equal "$SNAPFERRY_BIN" verify blob.b env:C
check "status was answered" grep -q '"event":"answer".*"tag":"s1".*"accepted":true' events
check "what is no command was refused" grep -q '"event":"answer".*"accepted":false' events

echo '{"restorePoints":[{"id":"p","disks":[{"id":"a"}]}]}' >bad.json
run_example 2 bad.json
check "mistakes have their path" grep -q '"path":"$.restorePoints\[0\].disks\[0\].source"' events
echo "{\"restorePoints\":[{\"id\":\"p\",\"disks\":[{\"id\":\"a\",\"source\":{\"url\":\"$TMPDIR/gone\"},\"target\":{\"url\":\"$TMPDIR/copy.g\"}}]}]}" >gone.json
run_example 1 gone.json

# ---- Stopped, and gone on with ----
sed "s|\"restorePoints\"|\"limits\":{\"bytesPerSecond\":1048576},&|; s|copy.a|slow.a|; s|copy.b|slow.b|" \
    job.json >slow.json
./ferry_disks slow.json >events 2>err &
pid=$!
for ((i = 0; i < 600; i++)); do
    grep -q '"durableBytes":[1-9]' events && break
    sleep 0.1
done
kill -INT $pid
wait $pid
check "Ctrl-C stops it" [ $? = 3 ]
check "and its events end" /usr/bin/python3 -W ignore "$SCHEMA_CHECK" event events --end
run_example 0 slow.json '{"command":"setLimits","bytesPerSecond":"none"}'
check "the rest is copied" cmp file.a slow.a
check "what was durable is not copied again" grep -q '"resumedBytes":[1-9]' events
finish
