/* bucket.h - a rate held by letting go: a token bucket that may go into debt by what is taken at once.
 *
 * Knows:         a rate, what was taken, the time it is told.
 * Must not know: bytes from requests, clocks, who takes.
 * Threads:       none; one owner. Pure.
 *
 * Whoever takes only when it is ready takes, in any time of T, at most T at the rate, and BUCKET_DEPTH_NS at
 * the rate besides, and the last thing taken.
 */
#ifndef ENGINE_BUCKET_H
#define ENGINE_BUCKET_H

#include <stdint.h>

#define BUCKET_DEPTH_NS 50000000ull  /* what was not taken in time is kept for so long */
#define BUCKET_DEBT_NS  100000000ull /* at most so much debt outlives a change of the rate */
#define BUCKET_TAKE_MAX (1ull << 32)
#define BUCKET_RATE_MAX (1ull << 62)

struct bucket {       /* zeroed: no limit */
    uint64_t per_s;   /* units; 0: no limit */
    uint64_t paid_ns; /* until then what was taken is being paid for */
    uint64_t rest;    /* of a nanosecond that was not paid for, times per_s */
};

/* From now on this rate; the same one again changes nothing. */
void bucket_set(struct bucket *bucket, uint64_t per_s, uint64_t now_ns);
/* When the next may be taken; not after now: at once. */
uint64_t bucket_ready_ns(const struct bucket *bucket);
/* Takes, ready or not; at most BUCKET_TAKE_MAX units. */
void bucket_take(struct bucket *bucket, uint64_t units, uint64_t now_ns);

#endif
