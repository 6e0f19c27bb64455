#!/usr/bin/env bash
# format_test.sh - clang-format would change nothing.
. "$(dirname "$0")/lint.sh"
lint_needs clang-format

check_format() {
    local root=$1 files
    mapfile -t files < <(lint_files "$root" '*.c' '*.h')
    (cd "$root" && clang-format --dry-run -Werror --style=file "${files[@]}")
}

style=$(cat "$lint_root/.clang-format")
lint_must_pass check_format good .clang-format "$style" a.c 'int f(void)
{
    return 0;
}'
lint_must_refuse check_format bad .clang-format "$style" a.c 'int f(void) { return  0; }'
lint_must_refuse check_format bad-header .clang-format "$style" io/a.h 'int  f( void );'
lint_end check_format
