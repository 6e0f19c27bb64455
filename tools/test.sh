#!/usr/bin/env bash
# Everything from a fresh machine: installs what is missing, builds the release preset and the debug
# preset (ASan and UBSan), runs all tests on both, and each fuzz target for a moment (the fuzz preset).
# The last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

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
for preset in release debug fuzz; do
    echo "== test $preset"
    ctest --preset "$preset" -j "$(nproc)" 2>&1 | tee "$log" | grep -vE '^ +Start '
    # Counted from one line a test, so that a test that crashed, hung or was not found counts too.
    good=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed ' "$log")
    all=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: ' "$log")
    skipped=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*\*\*\*Skipped' "$log")
    [ "$skipped" = 0 ] || echo "$skipped skipped"
    passed=$((passed + good))
    failed=$((failed + all - good - skipped))
    [ "$all" -gt 0 ] || failed=$((failed + 1))
done
finish
