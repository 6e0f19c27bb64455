/* bench_options.h - what snapferry bench alone is asked for; a part of struct options.
 *
 * Knows: names and limits. Must not know: how they are parsed. Threads: a value.
 */
#ifndef SNAPFERRY_BENCH_OPTIONS_H
#define SNAPFERRY_BENCH_OPTIONS_H

#include <stdint.h>

#define OPTIONS_BUDGET_BYTES       (2ull << 30) /* egress costs money */
#define OPTIONS_BUDGET_MIN_BYTES   (1ull << 20)
#define OPTIONS_BUDGET_MAX_BYTES   (1ull << 40)
#define OPTIONS_BENCH_DURATION_S   120u
#define OPTIONS_BENCH_DURATION_MAX 86400u

struct bench_options {       /* texts are views into the arguments */
    const char *sizes;       /* of requests, ascending, with commas; NULL: bench_limits.h's */
    const char *html;        /* a report to be written; NULL: none */
    const char *connections; /* the same */
    uint64_t budget_bytes;   /* of data, both ways together */
    uint64_t duration_s;     /* of all measuring */
};

#endif
