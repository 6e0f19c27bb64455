#!/usr/bin/env bash
# asserts_test.sh - asserts guard other people's disks, so they stay on in every build.
. "$(dirname "$0")/lint.sh"
lint_needs nm

build=${SNAPFERRY_BUILD_DIR:-$lint_root/build/release}

# Neither the sources nor the build settings of a tree turn them off.
check_asserts() {
    local root=$1 failed=0 file
    while IFS= read -r file; do
        grep -nHP '^\s*#\s*define\s+NDEBUG\b' "$root/$file" && failed=1
    done < <(lint_files "$root" '*.c' '*.h')
    while IFS= read -r file; do
        # The one mention allowed is the one that takes the flag away from CMake's defaults.
        grep -nHP 'NDEBUG' "$root/$file" | grep -v 'string(REPLACE "-DNDEBUG" ""' && failed=1
    done < <(lint_files "$root" '*CMakeLists.txt' '*.cmake' '*CMakePresets.json')
    if [ -e "$root/compile_commands.json" ] && grep -n -- '-DNDEBUG' "$root/compile_commands.json"; then
        failed=1
    fi
    return $failed
}

# An object, archive or program with asserts calls the function that ends the program.
check_objects() {
    nm -u "$1" | grep -q '__assert_fail\|__assert_rtn\|__assert$' && return
    echo "$1 holds no assert"
    return 1
}

# program NAME FLAG... : a compiled sample with one assert
program() {
    printf '#include <assert.h>\nint main(int argc, char **argv) { assert(argc > 0 && argv); return 0; }\n' \
        >"$lint_temp/$1.c"
    "${CC:-cc}" "${@:2}" "$lint_temp/$1.c" -o "$lint_temp/$1" || exit 1
    printf '%s\n' "$lint_temp/$1"
}

lint_must_pass check_asserts good io/a.c '#include <assert.h>' \
    CMakeLists.txt '  string(REPLACE "-DNDEBUG" "" FLAGS "${FLAGS}")'
lint_must_refuse check_asserts in-source io/a.c '#define NDEBUG'
lint_must_refuse check_asserts in-cmake CMakeLists.txt 'add_compile_definitions(NDEBUG)'
lint_must_refuse check_asserts in-preset CMakePresets.json '"CMAKE_C_FLAGS": "-DNDEBUG"'
lint_must_refuse check_asserts in-commands compile_commands.json '"command": "cc -O2 -DNDEBUG -c a.c"'
if check_objects "$(program off -DNDEBUG)" >/dev/null || ! check_objects "$(program on)"; then
    echo "self-test: a program without asserts is not told from one with them"
    lint_status=1
fi

if [ ! -e "$build/compile_commands.json" ]; then
    echo "$build: no compile_commands.json: configure with a preset first"
    exit 1
fi
grep -n -- '-DNDEBUG' "$build/compile_commands.json" && lint_status=1
for layer in blockmap io engine; do
    check_objects "$build/libsf_$layer.a" || lint_status=1
done
lint_end check_asserts
