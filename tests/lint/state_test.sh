#!/usr/bin/env bash
# state_test.sh - blockmap, io and engine keep no mutable file-scope state, so that several reactors
# can run side by side. It asks the compiled objects, which hide no static inside a function.
. "$(dirname "$0")/lint.sh"
lint_needs objdump

# Writable sections hold state; .data.rel.ro is constant once loaded. A sanitizer's own symbols are
# not ours.
mutable_symbols() {
    objdump -t "$1" | perl -ne '
        $object = $1 if /^(\S+\.o):\s+file format/;
        next unless /\s(\.(?:t?data|t?bss)\S*|\*COM\*)\t\S+\s+(?:\.hidden\s+)?(\S+)$/;
        my ($section, $symbol) = ($1, $2);
        next if $section =~ /^\.data\.rel\.ro/ || $symbol eq $section;
        next if $symbol =~ /^(\.L|__asan_|___asan_|__ubsan|__odr_asan|__sancov|__sanitizer|__unnamed_\d+$)/;
        next if $section =~ /^\.data\.\.L/;
        print "$object: $symbol ($section)  <- mutable file-scope state\n";
    '
}

# check_state ROOT-OR-ARCHIVE : every archive of a layer in the build folder
check_state() {
    local archive found failed=0 seen=0
    for archive in "$1"/libsf_*.a; do
        [ -e "$archive" ] || continue
        seen=1
        found=$(mutable_symbols "$archive")
        [ -z "$found" ] || { printf '%s\n' "$found"; failed=1; }
    done
    [ $seen -eq 1 ] || { echo "$1: no libsf_*.a: build first"; return 1; }
    return $failed
}

# compiled NAME CODE : a folder with an archive of this code
compiled() {
    mkdir -p "$lint_temp/$1"
    printf '%s\n' "$2" >"$lint_temp/$1/a.c"
    "${CC:-cc}" -O0 -c "$lint_temp/$1/a.c" -o "$lint_temp/$1/a.o" &&
        ar rc "$lint_temp/$1/libsf_sample.a" "$lint_temp/$1/a.o" || exit 1
    printf '%s\n' "$lint_temp/$1"
}

must_refuse() {
    if check_state "$(compiled "$1" "$2")" >/dev/null; then
        echo "self-test: the sample '$1' was not refused"
        lint_status=1
    fi
}

must_refuse zero 'static int n; int f(void) { return ++n; }'
must_refuse valued 'static int n = 7; int f(void) { return ++n; }'
must_refuse extern 'int n; int f(void) { return ++n; }'
must_refuse common '__attribute__((common)) int n; int f(void) { return ++n; }'
must_refuse in-function 'int f(void) { static int n; return ++n; }'
must_refuse thread 'static __thread int n; int f(void) { return ++n; }'
must_refuse pointer 'static const char *names[] = {"a", "b"}; const char **f(void) { return names; }'
if check_state "$lint_temp/nowhere" >/dev/null; then
    echo "self-test: a missing build was not noticed"
    lint_status=1
fi
if ! check_state "$(compiled constant '#include <stdio.h>
static const char *const names[] = {"a", "b"}; static const int numbers[4] = {1};
static int (*const calls[])(const char *) = {puts};
int f(int i) { return calls[0](names[i]) + numbers[i]; }')"; then
    echo "self-test: constants were refused"
    lint_status=1
fi

check_state "${SNAPFERRY_BUILD_DIR:-$lint_root/build/release}" || lint_status=1
exit $lint_status
