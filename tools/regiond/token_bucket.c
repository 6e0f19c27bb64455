/* token_bucket.c - virtual time: each amount moves the paying instant forward by amount / rate. */
#include "tools/regiond/token_bucket.h"

#include <assert.h>

#define NS_PER_SECOND UINT64_C(1000000000)

static uint64_t cost_ns(const struct token_bucket *bucket, uint64_t amount)
{
    unsigned __int128 ns = (unsigned __int128)amount * NS_PER_SECOND / bucket->per_second;

    return ns > UINT64_MAX / 4 ? UINT64_MAX / 4 : (uint64_t)ns;
}

/* Where the next amount begins to be paid: unused time older than the burst is lost. */
static uint64_t begin_ns(const struct token_bucket *bucket, uint64_t now_ns)
{
    uint64_t oldest = now_ns > bucket->burst_ns ? now_ns - bucket->burst_ns : 0;

    return bucket->paid_ns > oldest ? bucket->paid_ns : oldest;
}

uint64_t token_bucket_take_ns(struct token_bucket *bucket, uint64_t amount, uint64_t now_ns)
{
    assert(bucket->per_second <= TOKEN_RATE_MAX);
    if (bucket->per_second == 0)
        return 0;
    bucket->paid_ns = begin_ns(bucket, now_ns) + cost_ns(bucket, amount);
    return bucket->paid_ns > now_ns ? bucket->paid_ns - now_ns : 0;
}

uint64_t token_bucket_debt_ns(const struct token_bucket *bucket, uint64_t now_ns)
{
    return bucket->per_second > 0 && bucket->paid_ns > now_ns ? bucket->paid_ns - now_ns : 0;
}
