/* bench_plan.h - which points are measured, in which order, with which share of bytes and time.
 *
 * Knows:         sizes, numbers of connections, what each point found, what is left.
 * Must not know: how a point is measured.
 * Threads:       none; one owner. Pure.
 *
 * Each leg: first more and more connections with one size, until that brought nothing twice; then the
 * other sizes with the connections that were best. A relay's begin with so many that
 * BENCH_PLAN_FLIGHT_BYTES are under way: with less, auto does not learn what the link can carry. A leg that
 * reads and writes has twice the bytes of the others, as it moves each twice; what a leg leaves is the next
 * one's. A point that needs more than there is is skipped.
 */
#ifndef ENGINE_BENCH_PLAN_H
#define ENGINE_BENCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/bench_result.h"

#define BENCH_PLAN_LIST_MAX     8u
#define BENCH_PLAN_STEPS_MAX    (BENCH_LEGS_COUNT * 2 * BENCH_PLAN_LIST_MAX)
#define BENCH_PLAN_STEP_MIN_NS  200000000ull /* a point gets at least so much time */
#define BENCH_PLAN_PIVOT_BYTES  (1u << 20)   /* connections are swept with at most this size */
#define BENCH_PLAN_FLIGHT_BYTES (16u << 20)  /* four records of the largest kind */
#define BENCH_PLAN_GAIN_PPM     30000u       /* what pays: 3 % more */

#define BENCH_PLAN_PAIR (1u << BENCH_LEG_READ | 1u << BENCH_LEG_WRITE | 1u << BENCH_LEG_BOTH)
#define BENCH_PLAN_RELAY                                                                           \
    (1u << BENCH_LEG_READ | 1u << BENCH_LEG_RELAY_OFF | 1u << BENCH_LEG_RELAY_AUTO)

struct bench_plan_limits {
    unsigned legs;                             /* bits of enum bench_leg; at least one */
    uint32_t sizes_bytes[BENCH_PLAN_LIST_MAX]; /* ascending; each at most PAGEBLOB_RANGE_MAX */
    uint32_t sizes_count;
    uint32_t connections[BENCH_PLAN_LIST_MAX]; /* ascending */
    uint32_t connections_count;
    uint64_t budget_bytes; /* bodies, both ways together */
    uint64_t duration_ns;
    uint64_t memory_bytes; /* of buffers */
};

struct bench_step {
    enum bench_leg leg;
    uint32_t request_bytes, connections;
    uint64_t budget_bytes, duration_ns; /* at most */
};

/* The best point of a leg: of those that carry about as much the one with fewest connections. What
 * counts is what a point carries at least: the lower end of its interval, or half of a rate without one;
 * but never less than a quarter of it, so that noise alone leaves no leg without a figure. */
struct bench_best {
    bool known;
    uint32_t request_bytes, connections;
    uint64_t bytes_per_s, at_least_bytes_per_s;
};

struct bench_plan {
    struct bench_plan_limits limits; /* set once */
    /* changes */
    enum bench_leg leg;           /* BENCH_LEGS_COUNT: all is measured */
    bool ramping;                 /* connections; else sizes */
    uint32_t at;                  /* of the list that is swept */
    uint32_t pivot;               /* size that connections are swept with, an index */
    uint32_t idle_count;          /* points in a row that brought nothing */
    uint64_t leg_bytes, leg_ns;   /* that this leg may still use */
    uint64_t left_bytes, left_ns; /* all together, this leg included */
    uint32_t skipped_count;
    struct bench_best best[BENCH_LEGS_COUNT];
};

/* The lists are not empty. */
void bench_plan_init(struct bench_plan *plan, const struct bench_plan_limits *limits);
/* What to measure now; false: nothing more. Each step must be noted before the next is asked for. */
bool bench_plan_next(struct bench_plan *plan, struct bench_step *out_step);
void bench_plan_note(struct bench_plan *plan, const struct bench_result *result);

#endif
