#!/usr/bin/env bash
# layers_test.sh - includes point down only, and each outside world has one door.
. "$(dirname "$0")/lint.sh"

# deny_include ROOT REGEX REASON PATHSPEC... : quoted or angled includes of these layers
deny_include() {
    local root=$1 regex=$2 reason=$3 file found failed=0
    shift 3
    while IFS= read -r file; do
        found=$(grep -nP "^\s*#\s*include\s*[\"<]$regex" "$root/$file") || continue
        printf '%s\n' "$found" | sed "s|^|$file:|; s|\$|  <- $reason|"
        failed=1
    done < <(lint_files "$root" "$@")
    return $failed
}

# deny_code ROOT REGEX REASON PATHSPEC...
deny_code() {
    local root=$1 regex=$2 reason=$3 files
    shift 3
    mapfile -t files < <(lint_files "$root" "$@")
    lint_deny "$root" "$regex" "$reason" "${files[@]}"
}

check_layers() {
    local root=$1 failed=0 sources=('blockmap/*.[ch]' 'io/*.[ch]' 'engine/*.[ch]' 'tools/*.[ch]')

    deny_include "$root" '(io|engine|tools|tests)/' 'blockmap knows no layer above' 'blockmap/*.[ch]' || failed=1
    deny_include "$root" '(engine|tools|tests)/' 'io knows no layer above' 'io/*.[ch]' || failed=1
    deny_include "$root" '(tools|tests)/' 'engine knows no layer above' 'engine/*.[ch]' || failed=1
    deny_include "$root" 'tests/' 'programs know no tests' 'tools/*.[ch]' || failed=1
    deny_include "$root" '(engine|blockmap|tools/snapferry|io/(?!crc64\.h"))' \
        'regiond shares only io/crc64.h with the client' 'tools/regiond/*.[ch]' || failed=1
    deny_include "$root" 'tools/regiond/' 'the client knows nothing of regiond' \
        'tools/snapferry/*.[ch]' || failed=1
    deny_include "$root" 'tools/(regiond|snapferry)/' 'snapferryd knows the other programs by their command lines' \
        'tools/controld/*.[ch]' || failed=1
    deny_include "$root" 'tools/controld/' 'only snapferryd is made of tools/controld' \
        'tools/snapferry/*.[ch]' 'tools/regiond/*.[ch]' || failed=1
    deny_include "$root" '(?<=")([^"/]*"|\.)' 'a quoted include carries its layer' "${sources[@]}" || failed=1

    deny_code "$root" '\bio_uring_\w+\s*\(' 'only io/reactor.c talks to the ring' \
        "${sources[@]}" ':!io/reactor.c' || failed=1
    deny_code "$root" '\bcurl_multi_\w+\s*\(' 'only io/curl_loop.c drives curl' \
        "${sources[@]}" ':!io/curl_loop.c' || failed=1
    deny_code "$root" '\bsqlite3_\w+\s*\(' 'only tools/controld/catalog_sql.c talks to SQLite' \
        "${sources[@]}" ':!tools/controld/catalog_sql.c' || failed=1
    deny_code "$root" '\b(clock_gettime|gettimeofday|timespec_get|ftime)\s*\(|\btime\s*\(\s*(NULL|0|&\w+)\s*\)' \
        'only io/clock.c asks for the time' \
        'blockmap/*.[ch]' 'io/*.[ch]' 'engine/*.[ch]' 'tools/snapferry/*.[ch]' \
        'tools/controld/*.[ch]' ':!io/clock.c' || failed=1
    deny_code "$root" '\b(secure_)?getenv\s*\(' 'these layers do not know the environment' \
        'blockmap/*.[ch]' 'engine/*.[ch]' || failed=1
    deny_code "$root" '\b(open|openat|fopen|read|write|pread|pwrite|socket|pthread_\w+)\s*\(' \
        'blockmap is pure: bytes in, bytes out' 'blockmap/*.[ch]' || failed=1
    return $failed
}

lint_must_pass check_layers good \
    blockmap/a.c '#include <stdio.h>
#include "blockmap/a.h"
/* io_uring_submit() and clock_gettime() are only talked about */
const char *name = "curl_multi_perform()";' \
    io/clock.c 'int f(void) { return clock_gettime(0, 0); }' \
    io/reactor.c 'int f(void) { return io_uring_submit(0); }' \
    tools/regiond/r.c '#include "io/crc64.h"'
lint_must_refuse check_layers up-from-blockmap blockmap/a.c '#include "io/reactor.h"'
lint_must_refuse check_layers up-from-io io/a.h '#  include "engine/copy.h"'
lint_must_refuse check_layers up-from-engine engine/a.c '#include "tools/snapferry/cli.h"'
lint_must_refuse check_layers angled engine/a.c '#include <tools/snapferry/cli.h>'
lint_must_refuse check_layers regiond-engine tools/regiond/a.c '#include "engine/copy.h"'
lint_must_refuse check_layers regiond-io tools/regiond/a.c '#include "io/crc64_table.h"'
lint_must_refuse check_layers regiond-blockmap tools/regiond/a.c '#include "blockmap/err.h"'
lint_must_refuse check_layers client-regiond tools/snapferry/a.c '#include "tools/regiond/a.h"'
lint_must_refuse check_layers controld-client tools/controld/a.c '#include "tools/snapferry/a.h"'
lint_must_refuse check_layers client-controld tools/snapferry/a.c '#include "tools/controld/a.h"'
lint_must_refuse check_layers sql tools/controld/a.c 'int f(void) { return sqlite3_step(0); }'
lint_must_refuse check_layers no-layer io/a.c '#include "reactor.h"'
lint_must_refuse check_layers relative io/a.c '#include "../blockmap/err.h"'
lint_must_refuse check_layers ring io/a.c 'int f(void) { return io_uring_submit (0); }'
lint_must_refuse check_layers multi engine/a.c 'int f(void) { return curl_multi_perform(0, 0); }'
lint_must_refuse check_layers clock tools/snapferry/a.c 'int f(void) { return clock_gettime(0, 0); }'
lint_must_refuse check_layers time engine/a.c 'long f(void) { return time(NULL); }'
lint_must_refuse check_layers environment engine/a.c 'char *f(void) { return getenv("HOME"); }'
lint_must_refuse check_layers impure blockmap/a.c 'int f(void) { return open("x", 0); }'
lint_end check_layers
