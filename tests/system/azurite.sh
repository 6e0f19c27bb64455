# azurite.sh - Azurite for a test. Sourced, after cli_region.sh. Needs SYSTEM, the folder of these scripts, with
# the clients installed; Azurite is ended by its pid with the regions.

sdk() { node "$SYSTEM/sdk/azurite.mjs" "$@"; }

# Sets AZURITE_URL. A free port may be taken by somebody else before Azurite has it: then another one.
start_azurite() {
    local port pid
    for _ in 1 2 3; do
        port=$(sdk free-port) || return 1
        node "$SYSTEM/node_modules/azurite/dist/src/blob/main.js" --blobHost 127.0.0.1 \
            --blobPort "$port" --location "$TMPDIR/azurite" --skipApiVersionCheck \
            --disableTelemetry --silent >azurite.out 2>&1 &
        pid=$!
        for _ in {1..300}; do
            kill -0 "$pid" 2>/dev/null || break
            if curl -s -o answer "http://127.0.0.1:$port/"; then
                REGION_PIDS+=("$pid")
                export AZURITE_URL=http://127.0.0.1:$port
                return 0
            fi
            sleep 0.1
        done
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    cat azurite.out
    echo "Azurite did not begin to serve"
    exit 1
}
