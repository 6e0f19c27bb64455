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

/* The way that is measured. BOTH: what is read is written, as by a copy. RELAY_...: what is read is sent to a
 * receiver, as it is, compressed as pays there, or with a level that was asked for. */
enum bench_leg {
    BENCH_LEG_READ,
    BENCH_LEG_WRITE,
    BENCH_LEG_BOTH,
    BENCH_LEG_RELAY_OFF,
    BENCH_LEG_RELAY_AUTO,
    BENCH_LEG_RELAY_LEVEL,
    BENCH_LEGS_COUNT
};

static inline bool bench_leg_reads(enum bench_leg leg)
{
    return leg != BENCH_LEG_WRITE;
}

static inline bool bench_leg_writes(enum bench_leg leg) /* what it read, if it reads */
{
    return leg != BENCH_LEG_READ;
}

static inline bool bench_leg_relays(enum bench_leg leg)
{
    return leg >= BENCH_LEG_RELAY_OFF;
}

enum bench_end {
    BENCH_END_STABLE,   /* the figure is as sure as was asked for */
    BENCH_END_DURATION, /* its time was over before that */
    BENCH_END_BUDGET,   /* or its bytes */
    BENCH_END_STOPPED   /* on request, or by an error */
};

enum bench_verb { BENCH_VERB_GET, BENCH_VERB_PUT, BENCH_VERB_POST, BENCH_VERBS_COUNT };

struct bench_relayed {          /* of a relay's leg */
    uint64_t source_bytes;      /* of the disk: durable at the receiver */
    struct bench_estimate wire; /* of what was sent for them; in all: written_bytes */
    int level; /* of zstd, or STREAM_LEVEL_RAW: as auto came to, or was asked for */
};

struct bench_result {
    enum bench_leg leg;
    uint32_t request_bytes, connections; /* BOTH: so many at each end */
    enum bench_end end;
    struct bench_estimate estimate;
    struct bench_rate rate;                    /* over time */
    struct latency latency[BENCH_VERBS_COUNT]; /* of answers with a success */
    uint64_t elapsed_ns;                       /* from the first request to the last answer */
    uint64_t read_bytes,
        written_bytes; /* of GET, of PUT and POST: bodies that crossed the network */
    uint64_t requests_count, throttles_count; /* answers; 429 and 503 among them */
    uint64_t failures_count;                  /* no whole answer, or one that may pass */
    uint64_t cpu_ns;                          /* by this process */
    uint32_t cpu_permille;                    /* of one CPU, the same */
    uint32_t machine_permille;                /* of all CPUs, by everybody */
    struct bench_relayed relayed;
};

#endif
