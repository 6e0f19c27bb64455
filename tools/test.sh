#!/usr/bin/env bash
# Everything from a fresh machine: installs what is missing, builds the release preset and the debug
# preset (ASan and UBSan), runs all tests on both, and each fuzz target for a moment (the fuzz preset).
# The last line is "N passed, N failed". A test that fails beside others and passes three times alone counts
# as passed, and is named as UNSTEADY.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

ALONE_MAX=3 # failures a build: with more of them the machine is not the reason

passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log" "$log.alone"' EXIT

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
    exit
}

# step WORDS COMMAND...: without it nothing that follows means anything.
step() {
    echo "== $1"
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -n 60 "$log"
        failed=$((failed + 1))
        finish
    fi
}

step "packages" tools/install_packages.sh
if [ -x tests/system/install_clients.sh ]; then
    step "foreign clients" tests/system/install_clients.sh
fi
for preset in release debug fuzz; do
    step "configure $preset" cmake --preset "$preset"
    step "build $preset" cmake --build --preset "$preset"
done

# bad_tests: those of the log that neither passed nor were skipped, one name a line.
bad_tests() {
    sed -nE '/ Passed |\*\*\*Skipped/d; s/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .*/\1/p' "$log"
}

# stands_alone PRESET TEST: what failed beside others passes three times with the machine to itself. 700
# programs that talk to servers meet a busy machine now and then. Never what looks for wrong bytes or repeated
# work at moments that vary: there one failure is the finding.
stands_alone() {
    local preset=$1 name=$2 turn
    case $name in
    *storm* | *kill* | *crash* | *flipped* | *fault*) return 1 ;;
    *resume* | *path* | *proof* | *copy* | *chain* | *own*) return 1 ;;
    fuzz/* | stress/* | lint/*) return 1 ;;
    esac
    for turn in 1 2 3; do
        ctest --preset "$preset" -R "^$name\$" >"$log.alone" 2>&1 || return 1
    done
}

# Counted from one line a test, so that a test that crashed, hung or was not found counts too.
# Two tests a processor: many wait for servers that are slow on purpose, for a disk's cache, for a URL to end.
for preset in release debug fuzz; do
    echo "== test $preset"
    ctest --preset "$preset" -j "$((2 * $(nproc)))" 2>&1 | tee "$log" | grep -vE '^ +Start '
    good=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed ' "$log")
    all=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: ' "$log")
    skipped=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*\*\*\*Skipped' "$log")
    [ "$skipped" = 0 ] || echo "$skipped skipped"
    for name in $(bad_tests | head -n "$ALONE_MAX"); do
        if stands_alone "$preset" "$name"; then
            echo "UNSTEADY: $name failed beside others (above), and passed three times alone"
            good=$((good + 1))
        else
            echo "FAILED: $name"
        fi
    done
    passed=$((passed + good))
    failed=$((failed + all - good - skipped))
    [ "$all" -gt 0 ] || failed=$((failed + 1))
done
finish
