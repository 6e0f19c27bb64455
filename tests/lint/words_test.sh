#!/usr/bin/env bash
# words_test.sh - nothing is left for later, and no C test waits by the clock.
. "$(dirname "$0")/lint.sh"

later='TO''DO|FIX''ME|X''XX|HA''CK' # in pieces, so that this file does not match itself

check_words() {
    local root=$1 failed=0 files
    mapfile -t files < <(lint_files "$root")
    (cd "$root" && grep -nwIE -- "$later" "${files[@]}" /dev/null) && failed=1
    mapfile -t files < <(lint_files "$root" 'tests/*.c')
    # A pause of a few milliseconds between two looks at a condition is fine.
    lint_deny "$root" '\b(sleep|nanosleep|clock_nanosleep|thrd_sleep)\s*\(|\busleep\s*\((?!\d{1,4}\))' \
        'a test waits for an event, not for time' "${files[@]}" || failed=1
    return $failed
}

lint_must_pass check_words good io/a.c '/* mktemp takes XXXXXX */' \
    tests/io/a_test.c '/* sleep(1) would be slow */ void f(void) { usleep(1000); }'
for word in ${later//|/ }; do
    lint_must_refuse check_words "word-$word" io/a.c "/* $word: later */"
    lint_must_refuse check_words "word-$word-in-text" README.md "- $word write this"
done
lint_must_refuse check_words sleep tests/io/a_test.c 'void f(void) { sleep(1); }'
lint_must_refuse check_words usleep tests/support/a.c 'void f(void) { usleep (100000); }'
lint_end check_words
