/* mover_share.c - see mover_share.h. */
#include "engine/mover_share.h"

#include <assert.h>
#include <stddef.h>

#include "engine/mover_access.h"
#include "engine/mover_internal.h"

#define MOVER_TURN_TAKE_MAX 4096u /* ranges of one turn: those known to be zero end at once */

static void turn_begin(struct mover *m)
{
    for (uint32_t i = 0; i < MOVER_TURN_TAKE_MAX && !m->turn.begun_bytes && mover_may_take(m); i++)
        if (!pacer_may_start(&m->pacer, m->inflight, reactor_now_ns(m->setup.reactor)) ||
            !mover_begin_next(m))
            return;
}

static uint64_t turn_granted(struct share_ask *ask, const struct share_grant *grant)
{
    struct mover *m = (struct mover *)((char *)ask - offsetof(struct mover, turn.ask));

    m->turn.given = grant->buf;
    m->turn.begun_bytes = 0;
    if (!m->ended && !m->stopping && !err_is_set(&m->err) && mover_access_ready(m))
        turn_begin(m);
    mover_release(m, m->turn.given); /* what was next has changed */
    m->turn.given = NULL;
    if (!m->ended)
        mover_turn_want(m);
    return m->turn.begun_bytes;
}

/* A read back has the seat's target for its source. */
static enum share_verb read_verb(const struct mover *m)
{
    return m->setup.reads_target ? SHARE_READ_TARGET : SHARE_READ;
}

/* What a write or clear is to the target's host; false: nothing, it does not hear of it. */
static bool change_verb(const struct mover *m, enum share_verb *verb)
{
    unsigned can = m->setup.target->capabilities;

    if (can & ENDPOINT_DISCARDS)
        return false;
    if (can & ENDPOINT_COMPARES)
        *verb = SHARE_READ_TARGET;
    return true;
}

/* What the next range begins with. */
static enum share_verb turn_verb(const struct mover *m)
{
    if (m->refused_count)
        return read_verb(m); /* ranges without a buffer need no turn to go on */
    if (mover_clear_is_next(m))
        return SHARE_CLEAR;
    return m->pulling ? SHARE_PULL : read_verb(m);
}

void mover_turn_want(struct mover *m)
{
    uint64_t now_ns = reactor_now_ns(m->setup.reactor);
    bool wants = !m->stopping && !err_is_set(&m->err) && !m->replaying && !mover_access_waits(m);

    if (wants && !m->refused_count)
        wants = mover_may_take(m) && pacer_may_start(&m->pacer, m->inflight, now_ns);
    if (wants)
        share_want(m->setup.seat, &m->turn.ask, turn_verb(m), turn_granted);
    else
        (void)share_leave(&m->turn.ask);
}

static uint64_t range_passed(struct share_ask *ask, const struct share_grant *grant)
{
    struct mover_range *range =
        (struct mover_range *)((char *)ask - offsetof(struct mover_range, ask));
    uint64_t now_ns = reactor_now_ns(range->mover->setup.reactor);

    range->passed_bytes = grant->bytes;
    range->started_ns += now_ns - range->asked_ns; /* the host was not slower for it */
    mover_range_again(range);
    return 0;
}

bool mover_may_send(struct mover_range *range, enum share_verb verb, uint64_t *length)
{
    struct share_seat *seat = range->mover->setup.seat;
    bool cut = verb == SHARE_READ || verb == SHARE_WRITE;

    if (!seat)
        return true;
    if (verb == SHARE_READ)
        verb = read_verb(range->mover);
    else if (verb != SHARE_PULL && !change_verb(range->mover, &verb))
        return true;
    if (range->passed_bytes) {
        if (*length > range->passed_bytes && cut)
            *length = range->passed_bytes;
        range->passed_bytes = 0;
        return true;
    }
    if (range->granted) {
        range->granted = false;
        share_charge(seat, verb, *length);
        return true;
    }
    range->asked_ns = reactor_now_ns(range->mover->setup.reactor);
    return share_may_send(seat, &range->ask, verb, length, range_passed);
}

bool mover_sends_whole(const struct mover_range *range)
{
    return range->extent.length <= mover_request_max(range->mover);
}

uint64_t mover_request_max(const struct mover *m)
{
    return m->setup.seat ? share_request_max(m->setup.seat) : BUF_BYTES;
}

void mover_turn_abandon(struct mover_range *range)
{
    struct err why = {0};

    if (!share_leave(&range->ask))
        return;
    err_set(&why, ERR_CANCELED, RETRY_LATER, "stopped while waiting for its turn");
    mover_range_move(range, RANGE_FAILED);
    mover_range_failed(range, &why);
}

struct buf *mover_borrow_second(struct mover *m)
{
    return m->setup.seat ? share_borrow(m->setup.seat) : mover_borrow(m);
}

void mover_charge(struct mover *m, enum share_verb verb, uint64_t bytes)
{
    if (m->setup.seat)
        share_charge(m->setup.seat, verb, bytes);
}
