#!/usr/bin/env bash
# Installs the foreign clients (AzCopy, the official SDK, Azurite) that the system tests run,
# exactly as package-lock.json names them, into tests/system/node_modules. Does nothing when they
# are there already. AzCopy also needs the system's libsecret-1-0.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

command -v npm >/dev/null || {
    echo "npm is needed (Debian: apt-get install nodejs npm)" >&2
    exit 1
}
if [ node_modules/.package-lock.json -nt package-lock.json ] &&
    [ node_modules/.package-lock.json -nt package.json ]; then
    exit 0
fi
# Two at once (tests run in parallel) would delete each other's folders.
exec 9<package.json
flock 9
if [ node_modules/.package-lock.json -nt package-lock.json ] &&
    [ node_modules/.package-lock.json -nt package.json ]; then
    exit 0
fi
npm ci --no-audit --no-fund --ignore-scripts
chmod +x node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64
