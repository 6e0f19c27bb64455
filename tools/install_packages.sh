#!/usr/bin/env bash
# Installs the Debian packages that building, testing and showing snapferry need; does nothing when
# they are there. As root, or with sudo. `install_packages.sh build` leaves out what only tests need; `bench` adds
# the peers that bench/ measures beside us, and what it counts system calls with.
set -euo pipefail

wanted=(gcc cmake ninja-build pkg-config libcurl4-openssl-dev liburing-dev libssl-dev libxxhash-dev
    libzstd-dev libexpat1-dev libjansson-dev libmicrohttpd-dev libgnutls28-dev libsqlite3-dev ca-certificates
    curl e2fsprogs)
if [ "${1:-all}" != build ]; then
    # Criterion; the lints; fuzzing; Azurite, the official SDK and AzCopy with what they need; a browser.
    wanted+=(libcriterion-dev clang-format universal-ctags clang libclang-rt-dev nodejs npm
        python3 python3-jsonschema python3-prometheus-client libsecret-1-0 bsdutils openssl tmux xfsprogs
        chromium)
fi
[ "${1:-all}" != bench ] || wanted+=(nbdkit libnbd-bin qemu-utils zstd perl linux-perf strace)

missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
# A node that did not come from Debian (NodeSource, a container's image) brings its own npm.
if command -v node >/dev/null && command -v npm >/dev/null; then
    kept=()
    for package in "${missing[@]:-}"; do
        case $package in nodejs | npm | "") ;; *) kept+=("$package") ;; esac
    done
    missing=("${kept[@]:-}")
fi
[ -n "${missing[*]:-}" ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "these packages are missing, and installing them needs root: ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi
echo "installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    "${missing[@]}"
