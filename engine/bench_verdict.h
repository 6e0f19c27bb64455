/* bench_verdict.h - what limits a pair of regions, as one name and one sentence.
 *
 * Knows:         the best figure of each leg, throttles, how busy this process was.
 * Must not know: how they were measured, who reads the sentence.
 * Threads:       pure.
 */
#ifndef ENGINE_BENCH_VERDICT_H
#define ENGINE_BENCH_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/bench_result.h"

#define BENCH_REASON_MAX_BYTES  400u
#define BENCH_CPU_BUSY_PERMILLE 900u   /* of what the reactor's threads can use */
#define BENCH_ALIKE_PERMILLE    100u   /* rates that differ by less are alike */
#define BENCH_THROTTLED_PPM     10000u /* of the answers: 1 % */

enum bench_bottleneck {
    BENCH_LIMIT_UNKNOWN,
    BENCH_LIMIT_SOURCE,
    BENCH_LIMIT_TARGET,
    BENCH_LIMIT_LINK,
    BENCH_LIMIT_CPU
};

struct bench_leg_facts {
    uint64_t bytes_per_s;                     /* of the best point; 0: none */
    uint32_t cpu_permille;                    /* there; of one CPU */
    uint64_t requests_count, throttles_count; /* of all points of the leg */
};

struct bench_verdict {
    enum bench_bottleneck name;
    bool throttled; /* the host that limits says that it is its account's or blob's limit */
    char reason[BENCH_REASON_MAX_BYTES]; /* one sentence */
};

/* threads: how many share the exchanges of HTTP, and so the CPUs that can be used. */
void bench_verdict_find(const struct bench_leg_facts facts[BENCH_LEGS_COUNT], unsigned threads,
                        struct bench_verdict *out_verdict);

/* "source read", "target write", "link", "this machine's CPU", "not known"; static. */
const char *bench_verdict_name(enum bench_bottleneck name);

#endif
