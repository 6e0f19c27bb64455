#!/usr/bin/env bash
# sizes_test.sh - functions below 70 lines, files of at most 500, headers of 120, no line wider than
# a screen; in every folder, tests too. exceptions.txt names what is still larger.
. "$(dirname "$0")/lint.sh"
lint_needs ctags

function_lines_end=70 # the first size that is too large
file_lines_end=501
header_lines_end=121
columns_max=110 # clang-format holds code to 100 but leaves comments alone: some slack for them

# Prints "KIND PATH SIZE" of everything too large.
too_large() {
    local root=$1 file lines
    while IFS= read -r file; do
        lines=$(wc -l <"$root/$file")
        [ "$lines" -lt $file_lines_end ] || echo "file $file $lines"
        case $file in
        *.h) [ "$lines" -lt $header_lines_end ] || echo "header $file $lines" ;;
        esac
    done < <(lint_files "$root" '*.c' '*.h' '*.sh' '*.js' '*.mjs' '*.py')
    (cd "$root" && lint_files . '*.c' '*.h' | xargs -r perl -CSD -lne '
        $widest{$ARGV} = length if length > ($widest{$ARGV} // '$columns_max');
        END { print "width $_ $widest{$_}" for sort keys %widest }')
    (cd "$root" && lint_files . '*.c' '*.h' |
        ctags -L - -f - --languages=C --langmap=C:.c.h --kinds-C=f --fields=ne --excmd=number) |
        perl -lane '
            my ($line) = /\tline:(\d+)/;
            my ($end) = /\tend:(\d+)/;
            print "function $F[1]:$F[0] ", $end - $line + 1
                if defined $end && $end - $line + 1 >= '$function_lines_end
}

check_sizes() {
    local root=$1 kind path lines limit failed=0 exceptions="$1/tests/lint/exceptions.txt"
    local -A allowed=() needed=()
    if [ -e "$exceptions" ]; then
        while read -r kind path limit _; do
            allowed["$kind $path"]=$limit
        done < <(grep -v '^#' "$exceptions" | grep .)
    fi
    while read -r kind path lines; do
        needed["$kind $path"]=1
        limit=${allowed["$kind $path"]:-0}
        [ "$lines" -gt "$limit" ] || continue
        echo "$kind $path: $lines is too much"
        failed=1
    done < <(too_large "$root")
    for path in "${!allowed[@]}"; do
        [ -n "${needed[$path]:-}" ] && continue
        echo "exceptions.txt: '$path' is no longer needed: remove it"
        failed=1
    done
    return $failed
}

# lines COUNT [TEXT] : that many lines
lines() {
    local i
    for ((i = 0; i < $1; i++)); do echo "${2-}"; done
}

function_of() { printf 'int f(void)\n{\n%s\n    return 0;\n}\n' "$(lines $(($1 - 4)) '    ;')"; }

lint_must_pass check_sizes just-fits a.c "$(function_of 69)" b.c "$(lines 500 ';')" \
    c.h "$(lines 120 ';')" d.c "/* $(printf '%104s' .) */"
lint_must_refuse check_sizes long-function io/a.c "$(function_of 70)"
lint_must_refuse check_sizes long-test tests/a_test.c "$(function_of 70 | sed 's/int f(void)/Test(a, b)/')"
lint_must_refuse check_sizes long-header-function a.h "$(function_of 70 | sed 's/int f/static inline int f/')"
lint_must_refuse check_sizes long-file tests/a_test.c "$(lines 501 ';')"
lint_must_refuse check_sizes long-script tests/a_test.sh "$(lines 501 :)"
lint_must_refuse check_sizes long-header io/a.h "$(lines 121 ';')"
lint_must_refuse check_sizes wide-line io/a.c "/* $(printf '%105s' .) */"
lint_must_pass check_sizes excepted a.c "$(function_of 80)" \
    tests/lint/exceptions.txt 'function a.c:f 80'
lint_must_refuse check_sizes grown a.c "$(function_of 81)" \
    tests/lint/exceptions.txt 'function a.c:f 80'
lint_must_refuse check_sizes stale-exception a.c "$(function_of 60)" \
    tests/lint/exceptions.txt 'function a.c:f 80'
lint_end check_sizes
