/* many_copies.c - see many_copies.h. */
#include "tests/support/many_copies.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_mem.h"
#include "tests/support/copy_case.h"

/* ---- Life ---- */

void many_open(struct many_copies *m, uint32_t buffers, const struct job_limits *limits)
{
    struct err e = {0};

    memset(m, 0, sizeof *m);
    rig_open_simulated(&m->rig, REACTOR_EPOLL);
    m->pool = bufpool_new(m->rig.r, BUF_BYTES, (uint64_t)buffers * BUF_BYTES, &e);
    m->share = m->pool ? share_new(m->rig.r, m->pool, limits, &e) : NULL;
    m->unit = m->share ? share_unit_new(m->share, &e) : NULL;
    cr_assert_not_null(m->unit, "%s", e.text);
    m->options = (struct copy_options){.hash = true,
                                       .coalesce_bytes = COPY_COALESCE_DEFAULT,
                                       .random_seed = 7};
    m->source_faults.delay_min_ns = m->target_faults.delay_min_ns = NS_PER_MS;
    m->source_faults.delay_max_ns = m->target_faults.delay_max_ns = 10 * NS_PER_MS;
}

void many_close(struct many_copies *m)
{
    rig_until_idle(&m->rig);
    for (uint32_t i = 0; i < m->count; i++) {
        struct many_copy *copy = &m->copies[i];

        cr_assert_eq(share_seat_held_count(copy->seat), 0u);
        copy_free(copy->copy);
        endpoint_close(copy->source);
        endpoint_close(copy->target);
        share_seat_free(copy->seat);
    }
    cr_assert_eq(share_count(m->share).waiting, 0u);
    share_unit_free(m->unit);
    share_free(m->share);
    bufpool_free(m->pool);
    rig_close(&m->rig);
}

/* ---- Use ---- */

static void copy_done(void *arg, struct copy *copy)
{
    struct many_copy *one = arg;
    struct many_copies *m = one->all;

    cr_assert_not(one->ended);
    one->ended = true;
    one->err = *copy_error(copy);
    one->ended_ns = reactor_now_ns(m->rig.r);
    m->ended = ++m->ended_count == m->count;
}

static struct endpoint *wrap(struct endpoint *take, const struct fault_options *faults,
                             uint64_t seed)
{
    struct fault_options options = *faults;
    struct err e = {0};
    struct endpoint *wrapped;

    options.seed = seed;
    wrapped = endpoint_fault_new(take, &options, &e);
    cr_assert_not_null(wrapped, "%s", e.text);
    return wrapped;
}

struct many_copy *many_begin(struct many_copies *m, struct endpoint *source,
                             struct endpoint *target)
{
    struct many_copy *one = &m->copies[m->count];
    struct copy_options options = m->options;
    struct copy_watch watch = {.done = copy_done, .arg = one};
    struct share_side nothing = {NULL, NULL};
    struct copy_ends ends = {.pool = m->pool};
    struct err e = {0};

    cr_assert(m->count < MANY_COPIES_MAX && source && target);
    *one = (struct many_copy){.all = m, .source_inner = source, .target_inner = target};
    one->source = wrap(source, &m->source_faults, 2 * m->count + 1);
    one->target = wrap(target, &m->target_faults, 2 * m->count + 2);
    one->seat = share_seat_new(m->unit, 1, &nothing, &nothing, &e);
    cr_assert_not_null(one->seat, "%s", e.text);
    ends.source = one->source;
    ends.target = one->target;
    options.seat = one->seat;
    options.random_seed += m->count;
    one->copy = copy_new(m->rig.r, &ends, &options, &watch, &e);
    cr_assert_not_null(one->copy, "%s", e.text);
    m->count++;
    m->ended = false;
    one->began_ns = reactor_now_ns(m->rig.r);
    copy_start(one->copy);
    return one;
}

struct many_copy *many_begin_disk(struct many_copies *m, uint64_t bytes)
{
    struct extent all = {0, bytes};
    struct err e = {0};
    struct endpoint *source = endpoint_mem_new(m->rig.r, bytes, &e);

    cr_assert_not_null(source, "%s", e.text);
    copy_case_fill(source, all, m->count);
    return many_begin(m, source, endpoint_mem_new(m->rig.r, 0, &e));
}

struct many_copy *many_begin_pattern(struct many_copies *m, uint64_t bytes)
{
    struct err e = {0};

    return many_begin(m, endpoint_pattern_new(m->rig.r, bytes, m->count + 1, 0, &e),
                      endpoint_null_new(m->rig.r, 0, &e));
}

static void bell_rang(struct timer *timer)
{
    (void)timer;
}

void many_for(struct many_copies *m, uint64_t ns)
{
    struct timer bell = {0};

    reactor_arm(m->rig.r, &bell, reactor_now_ns(m->rig.r) + ns, bell_rang);
    while (bell.slot)
        rig_turn(&m->rig);
}

void many_finish(struct many_copies *m)
{
    for (uint64_t turns = 0; !m->ended; turns++) {
        cr_assert_lt(turns, 10000000u, "it does not end");
        cr_assert(reactor_busy(m->rig.r), "nothing goes on any more");
        rig_turn(&m->rig);
    }
}

/* ---- Look ---- */

void many_expect_good(const struct many_copies *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        const struct many_copy *one = &m->copies[i];

        cr_assert(one->ended);
        cr_assert_not(err_is_set(&one->err), "copy %u: %s", i, one->err.text);
        cr_assert(copy_summary(one->copy)->committed);
        if (strcmp(one->target_inner->ops->name, "null") != 0)
            copy_case_expect_same(one->source_inner, one->target_inner,
                                  one->source_inner->size_bytes);
    }
}
