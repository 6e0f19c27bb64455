/* many_copies.h - many copies on one reactor, one pool, one share; simulated time.
 *
 * Knows:         how a test begins them, runs them and looks at what they left.
 * Must not know: what is expected of them.
 * Threads:       the reactor's.
 */
#ifndef TESTS_SUPPORT_MANY_COPIES_H
#define TESTS_SUPPORT_MANY_COPIES_H

#include "engine/copy.h"
#include "engine/share.h"
#include "io/endpoint_fault.h"
#include "tests/support/test_reactor.h"

#define MANY_COPIES_MAX 520u

struct many_copies;

struct many_copy {
    struct many_copies *all;
    struct share_seat *seat;
    struct endpoint *source, *target;
    const struct endpoint *source_inner, *target_inner; /* what is wrapped */
    struct copy *copy;
    struct err err;
    uint64_t began_ns, ended_ns;
    bool ended;
};

struct many_copies {
    struct rig rig;
    struct bufpool *pool;
    struct share *share;
    struct share_unit *unit;
    struct copy_options options;                       /* of the next; the seat is its own */
    struct fault_options source_faults, target_faults; /* of the next */
    struct many_copy copies[MANY_COPIES_MAX];
    uint32_t count, ended_count;
    bool ended; /* all of them */
};

/* ---- Life ---- */
void many_open(struct many_copies *m, uint32_t buffers, const struct job_limits *limits);
void many_close(struct many_copies *m); /* all have ended; nothing may be left */

/* ---- Use ---- */
/* Takes both ends, wraps them, makes a copy with a seat of its own and begins it. */
struct many_copy *many_begin(struct many_copies *m, struct endpoint *source,
                             struct endpoint *target);
/* From memory to memory, full of data. */
struct many_copy *many_begin_disk(struct many_copies *m, uint64_t bytes);
/* From a pattern into nothing. */
struct many_copy *many_begin_pattern(struct many_copies *m, uint64_t bytes);
void many_for(struct many_copies *m, uint64_t ns);
void many_finish(struct many_copies *m);

/* ---- Look ---- */
void many_expect_good(
    const struct many_copies *m); /* each succeeded; what is in memory is the same */

#endif
