/* region_clock.h - the one place of regiond that asks what time it is.
 *
 * Knows:         the system's clocks.
 * Must not know: what the time is for.
 * Threads:       any; pure calls.
 */
#ifndef REGIOND_REGION_CLOCK_H
#define REGIOND_REGION_CLOCK_H

#include <stdint.h>

/* The service counts time in ticks of 100 ns since 0001-01-01T00:00:00Z: snapshot times have
 * seven digits after the second, and an ETag is the tick of the last change in hexadecimal. */
#define TICKS_PER_SECOND    UINT64_C(10000000)
#define TICKS_AT_UNIX_EPOCH UINT64_C(621355968000000000)

uint64_t region_clock_ticks(void);        /* wall clock */
uint64_t region_clock_monotonic_ns(void); /* for waiting and rates; never goes back */

/* Seconds since 1970 and back; a tick before 1970 counts as 0. */
uint64_t region_clock_unix_seconds(uint64_t ticks);
uint64_t region_clock_from_unix(uint64_t unix_seconds);

#endif
