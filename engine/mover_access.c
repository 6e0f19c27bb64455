/* mover_access.c - see mover_access.h. */
#include "engine/mover_access.h"

#include <stddef.h>

#include "engine/mover_internal.h"

/* Whose URL failed? The state says whose request it is; of a pull, which sends both, its answer does. */
static bool range_asks_target(const struct mover_range *range)
{
    return range->state == RANGE_WRITING && !(range->pull && range->req.from_failed);
}

static struct access *range_access(const struct mover_range *range)
{
    const struct mover_setup *setup = &range->mover->setup;

    return range_asks_target(range) ? setup->target_access : setup->source_access;
}

static void mover_woken(struct mover *m, const struct err *why)
{
    if (why && !err_is_set(&m->err))
        m->err = *why;
    mover_post_pump(m);
}

static void source_woken(struct access_waiter *waiter, const struct err *why)
{
    mover_woken((struct mover *)((char *)waiter - offsetof(struct mover, source_wait)), why);
}

static void target_woken(struct access_waiter *waiter, const struct err *why)
{
    mover_woken((struct mover *)((char *)waiter - offsetof(struct mover, target_wait)), why);
}

static void mover_wait(struct mover *m, struct access *access, bool for_target)
{
    struct access_waiter *waiter = for_target ? &m->target_wait : &m->source_wait;

    if (!waiter->access)
        access_wait(access, waiter, for_target ? target_woken : source_woken);
}

bool mover_access_refused(struct mover_range *range, struct err *error)
{
    struct mover *m = range->mover;
    struct access *access = range_access(range);
    bool of_target = range_asks_target(range);

    if (error->retry != RETRY_AFTER_RENEWAL || !access || m->stopping || err_is_set(&m->err))
        return false;
    switch (access_refused(
        access, range->pull && !of_target ? range->from_generation : range->generation, error)) {
    case ACCESS_AGAIN:
        break;
    case ACCESS_WAIT:
        mover_wait(m, access, of_target);
        break;
    case ACCESS_FINAL:
        if (err_is_set(access_error(access)))
            err_prefix(error, "%.150s: ", access_error(access)->text);
        return false;
    }
    mover_access_stand_back(range);
    return true;
}

void mover_access_stand_back(struct mover_range *range)
{
    struct mover *m = range->mover;

    mover_release(m, range->buf);
    range->buf = NULL;
    range->judged = false; /* it is read again */
    range->read_at = range->piece_at = 0;
    range->refused = true;
    m->refused_count++;
    mover_post_pump(m);
}

void mover_access_accepted(struct mover_range *range)
{
    access_accepted(range_access(range), range->generation);
    if (range->pull)
        access_accepted(range->mover->setup.source_access, range->from_generation);
}

void mover_access_forget(struct mover_range *range)
{
    if (range->refused)
        range->mover->refused_count--;
    range->refused = false;
}

bool mover_access_waits(const struct mover *m)
{
    return m->source_wait.access || m->target_wait.access;
}

/* False: it waits on, for a buffer. */
static bool range_is_ready(struct mover_range *range)
{
    struct mover *m = range->mover;

    if (!range->clear && !range->pull) {
        range->buf = mover_borrow(m);
        if (!range->buf)
            return false;
        range->granted = m->setup.seat != NULL;
        m->turn.begun_bytes += range->extent.length;
    }
    mover_access_forget(range);
    mover_range_again(range);
    return true;
}

bool mover_access_ready(struct mover *m)
{
    if (mover_access_waits(m))
        return false;
    for (struct mover_chunk *chunk = m->chunks; m->refused_count && chunk; chunk = chunk->next)
        for (uint32_t i = 0; i < MOVER_CHUNK_RANGES; i++)
            if (chunk->ranges[i].refused && !range_is_ready(&chunk->ranges[i]))
                return false;
    return true;
}

void mover_access_leave(struct mover *m)
{
    access_leave(&m->source_wait);
    access_leave(&m->target_wait);
}
