#!/usr/bin/env bash
# Runs a program built with ThreadSanitizer. Its shadow memory of this compiler's age does not bear
# much address randomisation, so that is switched off where the machine lets us.
set -u
export TSAN_OPTIONS="halt_on_error=1:exitcode=66"
if setarch -R true 2>/dev/null; then
    exec setarch -R "$@"
fi
exec "$@"
