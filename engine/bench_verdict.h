/* bench_verdict.h - what limits a pair of regions, as one name and one sentence; how to send through a relay.
 *
 * Knows:         the best figure of each leg and how sure it is, throttles, how busy this process was.
 * Must not know: how they were measured, who reads the sentences.
 * Threads:       pure.
 *
 * What is said rests on comparisons. Where the intervals of what is compared leave another answer open, it is
 * "not known", and the sentence says what was too unsure.
 */
#ifndef ENGINE_BENCH_VERDICT_H
#define ENGINE_BENCH_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/bench_result.h"
#include "engine/bench_span.h"

#define BENCH_REASON_MAX_BYTES  400u
#define BENCH_CPU_BUSY_PERMILLE 900u   /* of what the reactor's threads can use, or of all CPUs */
#define BENCH_THROTTLED_PPM     10000u /* of the answers: 1 % */

enum bench_bottleneck {
    BENCH_LIMIT_UNKNOWN,
    BENCH_LIMIT_SOURCE,
    BENCH_LIMIT_TARGET,
    BENCH_LIMIT_LINK,
    BENCH_LIMIT_CPU
};

struct bench_leg_facts {
    struct bench_span rate;                   /* of the best point; 0: none */
    uint32_t cpu_permille, machine_permille;  /* there; of one CPU, of all */
    uint64_t requests_count, throttles_count; /* of all points of the leg */
    struct bench_span wire;                   /* of a relay: what was sent */
    uint64_t source_bytes, wire_bytes;        /* the same, of the best point: how it compressed */
    int level;
};

struct bench_verdict {
    enum bench_bottleneck name;
    bool throttled; /* the host that limits says that it is its account's or blob's limit */
    char reason[BENCH_REASON_MAX_BYTES]; /* one sentence */
    /* of a relay */
    enum bench_leg better;               /* the leg to send like; BENCH_LEGS_COUNT: not known */
    char advice[BENCH_REASON_MAX_BYTES]; /* why; "": there was no relay */
};

/* threads: how many share the exchanges of HTTP, and so the CPUs that can be used. */
void bench_verdict_find(const struct bench_leg_facts facts[BENCH_LEGS_COUNT], unsigned threads,
                        struct bench_verdict *out_verdict);
/* cpus: what compression may use. */
void bench_verdict_find_relay(const struct bench_leg_facts facts[BENCH_LEGS_COUNT], unsigned cpus,
                              struct bench_verdict *out_verdict);

/* "source read", "target write", "link", "this machine's CPU", "not known"; static. */
const char *bench_verdict_name(enum bench_bottleneck name);

/* ---- Both files' ---- */
bool bench_verdict_throttled(const struct bench_leg_facts *leg);

#endif
