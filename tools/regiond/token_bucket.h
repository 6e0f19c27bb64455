/* token_bucket.h - a rate kept exactly: when may this amount have passed?
 *
 * Knows:         arithmetic on times it is given.
 * Must not know: clocks, what is counted.
 * Threads:       none; a value owned by its caller.
 */
#ifndef REGIOND_TOKEN_BUCKET_H
#define REGIOND_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define TOKEN_RATE_MAX UINT64_C(1000000000000) /* a second */

/* Instead of a level it keeps the instant at which everything taken so far will be paid for. */
struct token_bucket {
    uint64_t per_second; /* 0: no limit */
    uint64_t burst_ns;   /* how much unused time may be saved up */
    uint64_t paid_ns;    /* changes */
};

/* Takes the amount, whatever the level; returns how long after now_ns it will be paid for. */
uint64_t token_bucket_take_ns(struct token_bucket *bucket, uint64_t amount, uint64_t now_ns);

/* How far it is in debt at now_ns; 0 when something could be taken and paid at once. */
uint64_t token_bucket_debt_ns(const struct token_bucket *bucket, uint64_t now_ns);

#endif
