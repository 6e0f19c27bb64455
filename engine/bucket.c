/* bucket.c - see bucket.h. What is kept is the moment at which all that was taken is paid for: time itself
 * fills the bucket. */
#include "engine/bucket.h"

#include <assert.h>

void bucket_set(struct bucket *bucket, uint64_t per_s, uint64_t now_ns)
{
    if (per_s > BUCKET_RATE_MAX)
        per_s = BUCKET_RATE_MAX;
    if (per_s == bucket->per_s)
        return;
    bucket->per_s = per_s;
    bucket->rest = 0;
    /* kept as time: what was taken at a gigabyte a second would stop a megabyte a second for long */
    if (bucket->paid_ns > now_ns + BUCKET_DEBT_NS)
        bucket->paid_ns = now_ns + BUCKET_DEBT_NS;
}

uint64_t bucket_ready_ns(const struct bucket *bucket)
{
    return bucket->per_s ? bucket->paid_ns : 0;
}

void bucket_take(struct bucket *bucket, uint64_t units, uint64_t now_ns)
{
    uint64_t full_ns = now_ns > BUCKET_DEPTH_NS ? now_ns - BUCKET_DEPTH_NS : 0;
    uint64_t cost;

    assert(units <= BUCKET_TAKE_MAX);
    if (!bucket->per_s)
        return;
    if (bucket->paid_ns < full_ns) {
        bucket->paid_ns = full_ns;
        bucket->rest = 0;
    }
    cost = units * 1000000000ull + bucket->rest;
    bucket->paid_ns += cost / bucket->per_s;
    bucket->rest = cost % bucket->per_s;
}
