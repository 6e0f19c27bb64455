/* profile_fuzz.c - any file as a profile: what is taken is in its bounds. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/snapferry/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile profile = {0};
    struct err e = {0};

    if (!profile_parse((const char *)data, size, &profile, &e)) {
        assert(e.kind == ERR_USAGE && e.text[0]);
        return 0;
    }
    assert(profile.window >= 1 && profile.window <= OPTIONS_WINDOW_MAX);
    assert(profile.request_bytes >= PROFILE_REQUEST_MIN_BYTES);
    assert(profile.request_bytes <= BUF_BYTES);
    return 0;
}
