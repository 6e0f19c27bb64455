#!/usr/bin/env bash
# symbols_test.sh - libsnapferry.so shows the functions of its header and nothing else, under a version; all it
# needs is named.
. "$(dirname "$0")/lint.sh"
lint_needs nm

declared() { grep -oE '\bsnapferry_[a-z_]+\(' "$1" | tr -d '(' | sort -u; }

# shown LIBRARY : "NAME VERSION" of each symbol but the version's own
shown() { nm -D --defined-only "$1" | awk '$2 != "A" { sub("@+", " ", $3); print $3 }' | sort -u; }

# check_symbols LIBRARY HEADER
check_symbols() {
    local failed=0 only
    only=$(diff <(declared "$2") <(shown "$1" | awk '{ print $1 }'))
    [ -z "$only" ] || { echo "$1 shows other symbols than $2 declares:"; echo "$only"; failed=1; }
    if shown "$1" | awk 'NF != 2 { print; bad = 1 } END { exit !bad }'; then
        echo "$1: symbols without a version"
        failed=1
    fi
    [ "$(declared "$2" | wc -l)" -ge 5 ] || { echo "$2 declares next to nothing"; failed=1; }
    return $failed
}

names=$(printf 'snapferry_%s(); ' a b c d e)
echo "$names" >"$lint_temp/a.h"
sample() { # sample NAME FUNCTION... : a library with these and a version script that takes all
    local name=$1 function
    shift
    for function in "$@"; do echo "void $function(void);void $function(void){}"; done >"$lint_temp/$name.c"
    echo 'V { global: *; };' >"$lint_temp/all.map"
    "${CC:-cc}" -shared -fPIC "$lint_temp/$name.c" -o "$lint_temp/$name.so" ${version:-} || exit 1
}
all=(snapferry_a snapferry_b snapferry_c snapferry_d snapferry_e)
version="-Wl,--version-script=$lint_temp/all.map" sample good "${all[@]}"
version="-Wl,--version-script=$lint_temp/all.map" sample more "${all[@]}" job_parse
version="-Wl,--version-script=$lint_temp/all.map" sample less "${all[@]:1}"
version='' sample bare "${all[@]}"
if ! check_symbols "$lint_temp/good.so" "$lint_temp/a.h"; then
    echo "self-test: a good library was refused"
    lint_status=1
fi
for bad in more less bare; do
    if check_symbols "$lint_temp/$bad.so" "$lint_temp/a.h" >/dev/null; then
        echo "self-test: the sample '$bad' was not refused"
        lint_status=1
    fi
done

check_symbols "${SNAPFERRY_BUILD_DIR:-$lint_root/build/release}/libsnapferry.so" \
    "$lint_root/engine/snapferry.h" || lint_status=1
exit $lint_status
