/* mover.c - which range next, and when the data phase is over. See mover.h. */
#include "engine/mover.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/mover_access.h"
#include "engine/mover_internal.h"

#define MOVER_TAKE_MAX        4096u /* ranges begun in one turn: those known to be zero end at once */
#define MOVER_POOL_WAIT_NS    (5 * NS_PER_MS) /* others hold every buffer: look again */
#define MOVER_SEAT_WINDOW_MAX 256u

static void mover_pump(struct reactor_task *task);

static bool mover_make_digests(struct mover *m, struct err *e)
{
    const struct plan *plan = m->setup.plan;

    if (!m->setup.hash)
        return true;
    if (plan->delta) {
        m->order = delta_order_new(plan->disk_bytes, &plan->reads, &plan->clears, e);
        return m->order != NULL;
    }
    m->root = root_new(plan->disk_bytes, &plan->reads, m->setup.sink, e);
    return m->root != NULL;
}

/* More ranges to begin. */
static bool mover_make_chunk(struct mover *m)
{
    struct mover_chunk *chunk = calloc(1, sizeof *chunk);

    if (!chunk)
        return false;
    chunk->next = m->chunks;
    m->chunks = chunk;
    for (uint32_t i = 0; i < MOVER_CHUNK_RANGES; i++) {
        chunk->ranges[i].mover = m;
        chunk->ranges[i].next = m->free_ranges;
        m->free_ranges = &chunk->ranges[i];
    }
    return true;
}

static bool mover_make_ranges(struct mover *m, struct err *e)
{
    if (mover_make_chunk(m) && extent_set_copy(&m->reads, &m->setup.plan->reads) &&
        extent_set_copy(&m->clears, &m->setup.plan->clears))
        return true;
    return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the list of what must be copied");
}

/* Others may take most of the memory now and less of it later: with a seat the pool's size is no bound. */
static uint32_t mover_window_max(const struct mover_setup *setup)
{
    uint32_t window_max = bufpool_count_max(setup->pool);

    if (setup->seat && window_max < MOVER_SEAT_WINDOW_MAX)
        window_max = MOVER_SEAT_WINDOW_MAX;
    if (setup->window_max && setup->window_max < window_max)
        window_max = setup->window_max;
    if (setup->older.endpoint && window_max > 1)
        window_max /= 2; /* a range may have two buffers */
    return window_max < PACER_WINDOW_MAX ? window_max : PACER_WINDOW_MAX;
}

struct mover *mover_new(const struct mover_setup *setup, struct err *e)
{
    struct mover *m = calloc(1, sizeof *m);

    /* zeros found in what one read brought are cleared in one request */
    assert(setup->target->clear_max_bytes >= setup->target->request_max_bytes);
    assert(!setup->keep || setup->plan->by_block);
    assert(!setup->older.endpoint || setup->older.proven || setup->keep);
    if (!m) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to begin a copy");
        return NULL;
    }
    m->setup = *setup;
    m->replaying = setup->journal != NULL;
    m->pulling = setup->pull.wanted;
    assert(!m->pulling || !setup->hash);
    pacer_init(&m->pacer, setup->window_start ? setup->window_start : PACER_WINDOW_START,
               mover_window_max(setup));
    if (!mover_make_ranges(m, e) || !mover_make_digests(m, e)) {
        mover_free(m);
        return NULL;
    }
    return m;
}

void mover_free(struct mover *m)
{
    if (!m)
        return;
    assert(m->inflight == 0 && !m->pump_posted && !m->flushing && !share_waits(&m->turn.ask));
    extent_set_fini(&m->reads);
    extent_set_fini(&m->clears);
    root_free(m->root);
    delta_order_free(m->order);
    while (m->chunks) {
        struct mover_chunk *chunk = m->chunks;

        m->chunks = chunk->next;
        free(chunk);
    }
    free(m);
}

void mover_post_pump(struct mover *m)
{
    if (m->pump_posted || m->ended)
        return;
    m->pump_posted = true;
    reactor_post(m->setup.reactor, &m->pump_task, mover_pump);
}

static void mover_wake(struct timer *timer)
{
    mover_post_pump((struct mover *)((char *)timer - offsetof(struct mover, wake_timer)));
}

void mover_fail(struct mover *m, const struct err *why)
{
    if (!err_is_set(&m->err))
        m->err = *why;
}

/* ---- How ranges end ---- */

static void mover_range_give_back(struct mover_range *range)
{
    struct mover *m = range->mover;

    mover_release(m, range->buf);
    range->buf = NULL;
    range->next = m->free_ranges;
    m->free_ranges = range;
    assert(m->inflight > 0);
    m->inflight--;
    mover_post_pump(m);
}

void mover_range_done(struct mover_range *range)
{
    struct mover *m = range->mover;
    uint64_t now_ns = reactor_now_ns(m->setup.reactor);

    if (m->setup.seat && range->buf)
        share_note_done(m->setup.seat, range->extent.length, now_ns - range->started_ns);
    if (!range->zero_known)
        pacer_note_done(&m->pacer, range->clear ? 0 : range->extent.length,
                        now_ns - range->started_ns, now_ns);
    mover_note_done(range);
    mover_range_give_back(range);
}

void mover_range_failed(struct mover_range *range, const struct err *why)
{
    struct mover *m = range->mover;

    mover_fail(m, why);
    /* Memory may run out here; the copy has failed already, and its error stands. */
    (void)extent_set_add(range->clear ? &m->clears : &m->reads, range->extent);
    mover_range_give_back(range);
}

/* ---- Taking ranges ---- */

/* What the map knows to be zero already is taken apart from what it does not. */
static bool mover_take_clear(struct mover *m, struct extent *out_extent)
{
    struct extent next = extent_set_at(&m->clears, 0);
    uint64_t max_bytes = m->setup.target->clear_max_bytes;
    bool reads = (m->setup.target->capabilities & ENDPOINT_COMPARES) != 0;
    bool zero = false;

    if (reads && mover_request_max(m) < max_bytes)
        max_bytes = mover_request_max(m);

    if (m->setup.keep)
        next.length = map_keep_alike(m->setup.keep, next, &zero);
    if (zero || next.length < max_bytes)
        max_bytes = next.length;
    (void)extent_set_take_front(&m->clears, max_bytes, 0, out_extent);
    return zero;
}

/* The lower of both worklists' fronts: a delta's records are begun in order of offset. */
bool mover_clear_is_next(const struct mover *m)
{
    if (m->clears.count == 0 || m->reads.count == 0)
        return m->reads.count == 0;
    return extent_set_at(&m->clears, 0).offset < extent_set_at(&m->reads, 0).offset;
}

struct buf *mover_borrow(struct mover *m)
{
    struct buf *buf;

    if (m->setup.seat) { /* only what its turn gave it */
        buf = m->turn.given;
        m->turn.given = NULL;
        return buf;
    }
    buf = bufpool_borrow(m->setup.pool);
    if (!buf && bufpool_grow(m->setup.pool))
        buf = bufpool_borrow(m->setup.pool);
    return buf;
}

void mover_release(struct mover *m, struct buf *buf)
{
    if (!buf)
        return;
    if (m->setup.seat)
        share_give_back(m->setup.seat, buf);
    else
        bufpool_release(m->setup.pool, buf);
}

static uint32_t mover_chunk_bytes(const struct mover *m)
{
    uint32_t source_max = m->setup.source->request_max_bytes;
    uint32_t target_max = m->setup.target->request_max_bytes;
    uint32_t ends_max = source_max < target_max ? source_max : target_max;
    uint64_t turn_max = mover_request_max(m);

    return turn_max < ends_max ? (uint32_t)turn_max : ends_max;
}

/* One to begin; NULL: no memory for it. */
static struct mover_range *mover_free_range(struct mover *m)
{
    struct mover_range *range;

    if (!m->free_ranges && !mover_make_chunk(m))
        return NULL;
    range = m->free_ranges;
    m->free_ranges = range->next;
    m->inflight++;
    return range;
}

bool mover_begin_next(struct mover *m)
{
    bool clear = mover_clear_is_next(m);
    bool pull = !clear && m->pulling;
    struct buf *buf = NULL;
    struct mover_range *range;
    struct extent extent;
    bool zero_known = false;

    if (!clear && !pull) {
        buf = mover_borrow(m);
        if (!buf)
            return false;
    }
    range = mover_free_range(m);
    if (!range) {
        mover_release(m, buf);
        return false;
    }
    if (clear)
        zero_known = mover_take_clear(m, &extent);
    else
        (void)extent_set_take_front(&m->reads, mover_chunk_bytes(m), mover_chunk_bytes(m), &extent);
    range->extent = extent;
    range->clear = clear;
    range->pull = pull;
    range->zero_known = zero_known;
    range->buf = buf;
    range->state = RANGE_PLANNED;
    range->granted = m->setup.seat != NULL;
    range->passed_bytes = 0;
    m->turn.begun_bytes += zero_known ? 0 : extent.length;
    if (extent_end(extent) > m->ahead_end)
        m->ahead_end = extent_end(extent);
    mover_range_begin(range);
    return true;
}

static bool mover_hashing_is_behind(const struct mover *m)
{
    return (m->root && root_backlog(m->root) > ROOT_BACKLOG_MAX) ||
           (m->order && delta_order_full(m->order));
}

/* What hashing waits for is always taken: it lies below what was taken before, by this process or by one
 * whose journal was replayed. */
bool mover_may_take(const struct mover *m)
{
    const struct extent_set *next = mover_clear_is_next(m) ? &m->clears : &m->reads;

    if (next->count == 0 || (m->setup.journal && journal_is_full(m->setup.journal)))
        return false;
    return extent_set_at(next, 0).offset < m->ahead_end || !mover_hashing_is_behind(m);
}

static void mover_begin_ranges(struct mover *m)
{
    uint64_t now_ns = reactor_now_ns(m->setup.reactor);
    uint64_t wake_ns;

    if (!mover_access_ready(m)) {
        if (m->setup.seat)
            mover_turn_want(m);
        else if (!mover_access_waits(m))
            reactor_arm(m->setup.reactor, &m->wake_timer, now_ns + MOVER_POOL_WAIT_NS, mover_wake);
        return;
    }
    if (m->setup.seat)
        mover_turn_want(m);
    for (uint32_t taken = 0; !m->setup.seat && taken < MOVER_TAKE_MAX && mover_may_take(m);
         taken++) {
        if (!pacer_may_start(&m->pacer, m->inflight, now_ns))
            break;
        if (!mover_begin_next(m)) {
            if (m->inflight == 0)
                reactor_arm(m->setup.reactor, &m->wake_timer, now_ns + MOVER_POOL_WAIT_NS,
                            mover_wake);
            break;
        }
    }
    wake_ns = pacer_wake_ns(&m->pacer, now_ns);
    if (wake_ns)
        reactor_arm(m->setup.reactor, &m->wake_timer, wake_ns, mover_wake);
}

static void mover_end(struct mover *m)
{
    m->ended = true;
    m->counts.window = m->pacer.window;
    mover_access_leave(m);
    (void)share_leave(&m->turn.ask);
    reactor_disarm(m->setup.reactor, &m->wake_timer);
    reactor_disarm(m->setup.reactor, &m->flush_timer);
    m->setup.done(m->setup.arg);
}

/* Nothing new is taken any more: ends when nothing is in flight. */
static void mover_wind_down(struct mover *m)
{
    endpoint_give_up(m->setup.source);
    endpoint_give_up(m->setup.target);
    (void)share_leave(&m->turn.ask);
    for (struct mover_chunk *chunk = m->chunks; chunk; chunk = chunk->next)
        for (uint32_t i = 0; i < MOVER_CHUNK_RANGES; i++) {
            mover_turn_abandon(&chunk->ranges[i]);
            if (m->inflight && chunk->ranges[i].state == RANGE_WAITING)
                mover_range_abandon(&chunk->ranges[i]);
        }
    if (m->inflight == 0 && !mover_flush_last(m) && !m->pump_posted)
        mover_end(m);
}

/* One look at the whole: begin what may begin, feed the root, end when all is durable. */
static void mover_pump(struct reactor_task *task)
{
    struct mover *m = (struct mover *)((char *)task - offsetof(struct mover, pump_task));
    bool feeding = false;

    m->pump_posted = false;
    mover_record(m);
    if (m->stopping && !err_is_set(&m->err))
        err_set(&m->err, ERR_CANCELED, RETRY_LATER, "stopped on request");
    if (err_is_set(&m->err)) {
        mover_wind_down(m);
        return;
    }
    if (m->root && !root_advance(m->root, &feeding, &m->err)) {
        mover_wind_down(m);
        return;
    }
    if (feeding)
        mover_post_pump(m);
    if (m->replaying) {
        mover_replay(m);
        mover_post_pump(m);
        return;
    }
    mover_begin_ranges(m);
    if (m->inflight || m->reads.count || m->clears.count || m->flushing || m->pump_posted)
        return;
    if (m->unflushed_bytes) {
        if (m->flush_attempts == 0)
            mover_flush(m);
        return;
    }
    mover_end(m);
}

void mover_start(struct mover *m)
{
    assert(!m->started);
    m->started = true;
    mover_post_pump(m);
}

void mover_stop(struct mover *m)
{
    m->stopping = true;
    mover_post_pump(m);
}

const struct err *mover_error(const struct mover *m)
{
    return &m->err;
}

const struct mover_counts *mover_count(const struct mover *m)
{
    return &m->counts;
}

void mover_digest(struct mover *m, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    assert(m->ended && !err_is_set(&m->err));
    if (m->order)
        delta_order_end(m->order, out_text);
    else if (m->root)
        root_end(m->root, out_text);
}

uint64_t mover_remaining_bytes(const struct mover *m)
{
    return m->reads.total_bytes + m->clears.total_bytes;
}
