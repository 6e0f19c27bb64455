/* bench_result.h - what came of measuring one leg with one request size and one number of connections.
 *
 * Knows: names and units. Must not know: how it was measured (bench_point.h). Threads: a value.
 */
#ifndef ENGINE_BENCH_RESULT_H
#define ENGINE_BENCH_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/bench_rate.h"
#include "engine/latency.h"

/* The way that is measured. BOTH: what is read is written, as by a copy. */
enum bench_leg { BENCH_LEG_READ, BENCH_LEG_WRITE, BENCH_LEG_BOTH, BENCH_LEGS_COUNT };

enum bench_end {
    BENCH_END_STABLE,   /* the figure is as sure as was asked for */
    BENCH_END_DURATION, /* its time was over before that */
    BENCH_END_BUDGET,   /* or its bytes */
    BENCH_END_STOPPED   /* on request, or by an error */
};

enum bench_verb { BENCH_VERB_GET, BENCH_VERB_PUT, BENCH_VERBS_COUNT };

struct bench_result {
    enum bench_leg leg;
    uint32_t request_bytes, connections; /* BOTH: so many at each end */
    enum bench_end end;
    struct bench_estimate estimate;
    struct bench_rate rate;                    /* over time */
    struct latency latency[BENCH_VERBS_COUNT]; /* of answers with a success */
    uint64_t elapsed_ns;                       /* from the first request to the last answer */
    uint64_t read_bytes, written_bytes; /* of GET and of PUT: bodies that crossed the network */
    uint64_t requests_count, throttles_count; /* answers; 429 and 503 among them */
    uint64_t failures_count;                  /* no whole answer, or one that may pass */
    uint32_t cpu_permille;                    /* of one CPU, by this process */
    uint32_t machine_permille;                /* of all CPUs, by everybody */
};

#endif
