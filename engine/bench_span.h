/* bench_span.h - a rate and how sure it is: what can be said of two of them, and what cannot.
 *
 * Knows:         means and intervals. Must not know: of what.
 * Threads:       pure.
 */
#ifndef ENGINE_BENCH_SPAN_H
#define ENGINE_BENCH_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/bench_rate.h"

#define BENCH_ALIKE_PERMILLE 100u /* rates that differ by less are alike */
#define BENCH_APART_PERMILLE 400u /* that may differ by more are not known to be alike */

struct bench_span {
    uint64_t bytes_per_s; /* 0: there is none */
    uint64_t half_bytes_per_s;
};

/* Without an interval it may be half of that, or half as much again. */
static inline struct bench_span bench_span_of(const struct bench_estimate *found)
{
    return (struct bench_span){found->bytes_per_s,
                               found->known ? found->half_bytes_per_s : found->bytes_per_s / 2};
}

static inline uint64_t bench_span_low(struct bench_span s)
{
    return s.bytes_per_s > s.half_bytes_per_s ? s.bytes_per_s - s.half_bytes_per_s : 0;
}

static inline uint64_t bench_span_high(struct bench_span s)
{
    return s.bytes_per_s + s.half_bytes_per_s;
}

/* Less than a tenth apart, as far as the means say? */
static inline bool bench_span_alike(struct bench_span a, struct bench_span b)
{
    uint64_t more = a.bytes_per_s > b.bytes_per_s ? a.bytes_per_s : b.bytes_per_s;
    uint64_t less = a.bytes_per_s > b.bytes_per_s ? b.bytes_per_s : a.bytes_per_s;

    return (more - less) * 1000 <= more * BENCH_ALIKE_PERMILLE;
}

/* The intervals have nothing in common. */
static inline bool bench_span_surely_less(struct bench_span a, struct bench_span b)
{
    return bench_span_high(a) < bench_span_low(b);
}

/* So wide that the one may be far below the other. */
static inline bool bench_span_may_be_less(struct bench_span a, struct bench_span b)
{
    return bench_span_low(a) * 1000 < bench_span_high(b) * (1000 - BENCH_APART_PERMILLE);
}

static inline bool bench_span_may_be_apart(struct bench_span a, struct bench_span b)
{
    return bench_span_may_be_less(a, b) || bench_span_may_be_less(b, a);
}

#endif
