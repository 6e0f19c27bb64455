/* bench.h - measures what a pair of regions carries: the whole of it, from the first look to the clean-up.
 *
 * Knows:         the order: remove what was left, look at the source, make a scratch, measure by the
 *                plan, remove it; what limits.
 * Must not know: terminals, formats of a report, where names of scratches are kept.
 * Threads:       the reactor's.
 *
 * Of the source it reads ranges that hold data, and changes nothing. In the target, a container or what a
 * receiver has under a name, it writes to its scratch alone (bench_scratch.h). That is removed at every
 * end but the death of the process; then it is recognised by its id, which the caller keeps and gives as
 * one of `left` next time.
 */
#ifndef ENGINE_BENCH_H
#define ENGINE_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/bench_plan.h"
#include "engine/bench_relay.h"
#include "engine/bench_result.h"
#include "engine/bench_verdict.h"
#include "io/http_options.h"
#include "io/reactor.h"
#include "io/secret.h"

#define BENCH_SCRATCH_BYTES (1ull << 30) /* sparse; written over and over */
#define BENCH_LEFT_MAX      16u

struct bench_watch {
    /* A scratch that an earlier process left: gone (removed now, or not there), or why not. */
    void (*left)(void *arg, const char *id, const struct err *why);
    void (*looked)(void *arg, uint64_t source_bytes, uint64_t data_bytes);
    void (*measured)(void *arg,
                     const struct bench_result *result); /* a view, while the bench lives */
    void (*done)(void *arg);                             /* once, from the reactor */
    void *arg;
};

struct bench_setup { /* borrowed as long as the bench lives */
    struct reactor *reactor;
    const struct http_options *http; /* connections and observer are its own */
    const struct secret_url *source; /* a page blob or a snapshot */
    const struct secret_url *target; /* a container; or https://HOST:PORT/NAME of a receiver: */
    const struct bench_relay_access *relay; /* then the way there; else NULL */
    const char *id;                         /* of the scratch to be made (bench_scratch.h) */
    const char *left[BENCH_LEFT_MAX];       /* ids of earlier ones there */
    uint32_t left_count;
    struct bench_plan_limits limits;
    uint64_t random_seed;
    struct bench_watch watch; /* each may be NULL but done */
};

struct bench;

/* ---- Life ---- */
struct bench *bench_new(const struct bench_setup *setup, struct err *e);
void bench_free(struct bench *bench); /* NULL is fine; not started, or done */

/* ---- Use ---- */
void bench_start(struct bench *bench);
void bench_stop(struct bench *bench); /* cuts off, cleans up; done follows with ERR_CANCELED */

/* ---- Look ---- */
const struct err *bench_error(const struct bench *bench); /* kind ERR_NONE: it went well */
/* The scratch is gone, or was never made. False: its id is to be kept. */
bool bench_cleaned(const struct bench *bench);
uint32_t bench_results_count(const struct bench *bench);
const struct bench_result *bench_result_at(const struct bench *bench, uint32_t i);
/* The best point of a leg; NULL: it has none. */
const struct bench_result *bench_best_of(const struct bench *bench, enum bench_leg leg);
void bench_judge(const struct bench *bench, struct bench_verdict *out_verdict);
uint32_t bench_skipped_count(const struct bench *bench); /* points that budget or memory left out */

#endif
