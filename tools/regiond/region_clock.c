/* region_clock.c - clock_gettime, once. */
#include "tools/regiond/region_clock.h"

#include <assert.h>
#include <time.h>

uint64_t region_clock_ticks(void)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_REALTIME, &now);

    assert(rc == 0);
    return TICKS_AT_UNIX_EPOCH + (uint64_t)now.tv_sec * TICKS_PER_SECOND +
           (uint64_t)now.tv_nsec / 100;
}

uint64_t region_clock_monotonic_ns(void)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_MONOTONIC, &now);

    assert(rc == 0);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t region_clock_unix_seconds(uint64_t ticks)
{
    return ticks < TICKS_AT_UNIX_EPOCH ? 0 : (ticks - TICKS_AT_UNIX_EPOCH) / TICKS_PER_SECOND;
}

uint64_t region_clock_from_unix(uint64_t unix_seconds)
{
    return TICKS_AT_UNIX_EPOCH + unix_seconds * TICKS_PER_SECOND;
}
