#!/usr/bin/env bash
# config.md's example is a configuration, and the published schema and snapferryd agree on what is one.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
export CONFIG_KEY=c2VjcmV0 CONFIG_SAS='sv=2021-12-02&sig=abc'
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || {
    echo "needs Debian's python3-jsonschema (tools/install_packages.sh)"
    exit 1
}
exec /usr/bin/python3 -W ignore tests/system/controld_config.py
