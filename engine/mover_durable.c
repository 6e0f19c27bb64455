/* mover_durable.c - when what was written counts, and is recorded. See mover.h.
 *
 * A target that buffers is flushed now and then; only what a flush covered is durable. Where there is a
 * journal, bytes count once it says so: what is told of a copy is never more than what is recorded.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "engine/mover_internal.h"

static void mover_flush_due(struct timer *timer);

static bool mover_buffers(const struct mover *m)
{
    return (m->setup.target->capabilities & ENDPOINT_BUFFERS) != 0;
}

/* These bytes are durable; those that were sealed are recorded first. */
static void mover_count_durable(struct mover *m, uint64_t bytes)
{
    struct err error = {0};

    if (m->setup.journal && !journal_write_sealed(m->setup.journal, &error))
        mover_fail(m, &error);
    else
        progress_durable(m->setup.progress, bytes, reactor_now_ns(m->setup.reactor));
}

void mover_record(struct mover *m)
{
    if (!m->unrecorded_bytes)
        return;
    journal_seal(m->setup.journal);
    mover_count_durable(m, m->unrecorded_bytes);
    m->unrecorded_bytes = 0;
}

/* ---- Flushes ---- */

static void mover_flush_failed(struct mover *m, const struct err *error)
{
    struct retry_verdict verdict = retry_judge(error, ++m->flush_attempts, m->setup.random);

    m->unflushed_bytes += m->flushing_bytes;
    if (verdict.action == RETRY_ACT_GIVE_UP) {
        m->flush_gave_up = true;
        mover_fail(m, error);
        return;
    }
    m->counts.retries++;
    reactor_arm(m->setup.reactor, &m->flush_timer,
                reactor_now_ns(m->setup.reactor) + verdict.delay_ns, mover_flush_due);
}

static void mover_flush_done(struct block_req *req)
{
    struct mover *m = (struct mover *)((char *)req - offsetof(struct mover, flush_req));

    m->flushing = false;
    if (err_is_set(&req->err)) {
        mover_flush_failed(m, &req->err);
    } else {
        m->flush_attempts = 0;
        mover_count_durable(m, m->flushing_bytes);
        if (m->unflushed_bytes) /* written while this one was under way */
            reactor_arm(m->setup.reactor, &m->flush_timer,
                        reactor_now_ns(m->setup.reactor) + MOVER_FLUSH_NS, mover_flush_due);
    }
    m->flushing_bytes = 0;
    mover_post_pump(m);
}

void mover_flush(struct mover *m)
{
    assert(!m->flushing);
    m->flushing = true;
    m->flushing_bytes = m->unflushed_bytes;
    m->unflushed_bytes = 0;
    if (m->setup.journal)
        journal_seal(m->setup.journal);
    m->flush_req = (struct block_req){.done = mover_flush_done};
    endpoint_flush(m->setup.target, &m->flush_req);
}

static void mover_flush_due(struct timer *timer)
{
    struct mover *m = (struct mover *)((char *)timer - offsetof(struct mover, flush_timer));

    if (!m->flushing && m->unflushed_bytes)
        mover_flush(m);
}

bool mover_flush_last(struct mover *m)
{
    if (m->flushing)
        return true;
    /* after a flush that was given up another one may succeed without having written what was lost */
    if (!m->setup.journal || !m->unflushed_bytes || m->flushed_last || m->flush_gave_up)
        return false;
    m->flushed_last = true;
    mover_flush(m);
    return true;
}

/* ---- Ranges ---- */

static void mover_note_in_journal(struct mover_range *range)
{
    const struct mover_setup *setup = &range->mover->setup;
    const struct root_blocks *blocks = &range->blocks;
    struct journal_done done;

    if (!setup->journal || (setup->may_record && !setup->may_record(setup->arg, range->extent)))
        return;
    done.extent = range->extent;
    done.clear = range->clear;
    done.first_block = blocks->count ? blocks->first_block : 0;
    done.hash_count = blocks->count;
    memcpy(done.hashes, blocks->hashes, blocks->count * sizeof *blocks->hashes);
    journal_note_done(setup->journal, &done);
}

void mover_note_done(struct mover_range *range)
{
    struct mover *m = range->mover;
    uint64_t bytes = range->extent.length;

    mover_note_in_journal(range);
    if (m->setup.keep && !range->clear)
        map_keep_note(m->setup.keep, &range->kept);
    if (!mover_buffers(m)) {
        if (m->setup.journal)
            m->unrecorded_bytes +=
                bytes; /* until the next look at the whole, in this turn or the next */
        else
            progress_durable(m->setup.progress, bytes, reactor_now_ns(m->setup.reactor));
        return;
    }
    if (!m->unflushed_bytes && !m->flushing && m->flush_attempts == 0)
        reactor_arm(m->setup.reactor, &m->flush_timer,
                    reactor_now_ns(m->setup.reactor) + MOVER_FLUSH_NS, mover_flush_due);
    m->unflushed_bytes += bytes;
    if (m->setup.journal && journal_is_full(m->setup.journal) && !m->flushing &&
        m->flush_attempts == 0)
        mover_flush(m);
}
