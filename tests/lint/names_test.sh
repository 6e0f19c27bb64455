#!/usr/bin/env bash
# names_test.sh - a file's name alone says where it is, and its first line says what it is for.
. "$(dirname "$0")/lint.sh"

# Names that tools look for in every folder.
given_names='CMakeLists.txt|README.md|.gitignore|package.json|package-lock.json'

check_names() {
    local root=$1 failed=0 file name twice
    twice=$(lint_files "$root" | sed 's|.*/||' | grep -vxE "$given_names" | sort | uniq -d)
    for name in $twice; do
        echo "$name is the name of more than one file:" $(lint_files "$root" "*/$name" "$name")
        failed=1
    done
    while IFS= read -r file; do
        name=${file##*/}
        case $(head -n 1 "$root/$file") in
        "/* $name - "*) continue ;;
        esac
        echo "$file: does not open with '/* $name - ' and what it is for"
        failed=1
    done < <(lint_files "$root" '*.c' '*.h')
    return $failed
}

lint_must_pass check_names good io/a.c '/* a.c - see a.h. */' io/a.h '/* a.h - a. */' \
    CMakeLists.txt '' tests/CMakeLists.txt ''
lint_must_refuse check_names same-name io/a.c '/* a.c - one. */' engine/a.c '/* a.c - two. */'
lint_must_refuse check_names no-purpose io/a.c '#include <stdio.h>'
lint_must_refuse check_names other-name io/b.c '/* a.c - moved, and still called the old name. */'
lint_end check_names
