/* mover_range.c - one range: read, judge, write in pieces, or clear; and its retries. See mover.h.
 *
 * A range that was read is written piece by piece, as mover_judge.c says: data as it is; a run of zeros is
 * cleared where the target may hold something.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "engine/mover_access.h"
#include "engine/mover_internal.h"

static void mover_range_read(struct mover_range *range);
static void mover_range_write(struct mover_range *range);

void mover_range_move(struct mover_range *range, enum range_state to)
{
    range_enter(&range->state, to, range->extent, &range->mover->setup.trace);
}

static void range_count_retry(struct mover_range *range, const struct err *error)
{
    struct mover *m = range->mover;
    enum pacer_trouble trouble = error->kind == ERR_THROTTLED ? PACER_THROTTLED : PACER_FAILED;

    m->counts.retries++;
    pacer_note_trouble(&m->pacer, trouble, (uint64_t)error->retry_after_ms * NS_PER_MS,
                       reactor_now_ns(m->setup.reactor));
}

void mover_range_answered(struct mover_range *range)
{
    mover_access_accepted(range);
    pacer_note_answer(&range->mover->pacer);
    range->attempts = 0;
}

void mover_range_again(struct mover_range *range)
{
    if (range->pull)
        mover_pull(range);
    else if (range->clear || range->judged)
        mover_range_write(range);
    else
        mover_range_read(range);
}

static void range_timer_fired(struct timer *timer)
{
    mover_range_again((struct mover_range *)((char *)timer - offsetof(struct mover_range, timer)));
}

/* The request of this range failed: another try after a pause, or the end. */
void mover_range_trouble(struct mover_range *range)
{
    struct mover *m = range->mover;
    struct err error = range->req.err;
    struct retry_verdict verdict;

    if (range->state == RANGE_WRITING && retry_is_indefinite(&error))
        m->counts.indefinite = true;
    if (mover_access_refused(range, &error)) {
        mover_range_move(range, RANGE_WAITING);
        return;
    }
    range->attempts++;
    verdict = retry_judge(&error, range->attempts, m->setup.random);
    if (verdict.action == RETRY_ACT_GIVE_UP || m->stopping || err_is_set(&m->err)) {
        mover_range_move(range, RANGE_FAILED);
        mover_range_failed(range, &error);
        return;
    }
    range_count_retry(range, &error);
    mover_range_move(range, RANGE_WAITING);
    reactor_arm(m->setup.reactor, &range->timer,
                reactor_now_ns(m->setup.reactor) + verdict.delay_ns, range_timer_fired);
}

static bool range_digest(struct mover_range *range, struct err *e)
{
    struct mover *m = range->mover;
    struct block_hash hash = {{0}};

    if (!m->order)
        return true;
    if (!range->clear) {
        hash = digest_bytes(range->buf->memory, (size_t)range->extent.length);
        range->blocks.first_block = 0;
        range->blocks.hashes[0] = hash;
        range->blocks.count = 1;
    }
    return delta_order_take(m->order, range->extent, &hash, e);
}

void mover_range_finish(struct mover_range *range)
{
    struct err error = {0};

    if (!range_digest(range, &error)) {
        mover_range_move(range, RANGE_FAILED);
        mover_range_failed(range, &error);
        return;
    }
    range->mover->counts.skipped_bytes += range->skipped_bytes;
    mover_range_move(range, RANGE_DONE);
    mover_range_done(range);
}

/* A target that takes zeros gets all that was read at once, and is told what of it is zero. */
static bool range_goes_whole(const struct mover_range *range)
{
    const struct zero_run *first = &range->runs[0];

    return range->mover->setup.target->capabilities & ENDPOINT_TAKES_ZEROS && !range->clear &&
           !range->mover->setup.plan->by_block && !range->compared && range->piece_at == 0 &&
           range->run_count > 0 && first->length < range->extent.length;
}

static void range_name_zeros(struct mover_range *range)
{
    const struct extent_set *stale = &range->mover->setup.plan->stale;

    for (uint32_t i = 0; i < range->run_count; i++) {
        struct extent run = {range->extent.offset + range->runs[i].offset, range->runs[i].length};

        range->zeros[i] = (struct block_zero){.offset = (uint32_t)range->runs[i].offset,
                                              .length = (uint32_t)run.length,
                                              .clear = extent_set_touches(stale, run)};
    }
    range->req.zeros = range->zeros;
    range->req.zero_count = range->run_count;
}

/* What of a write was data, cleared, or left as it was. */
static void range_count_written(struct mover_range *range, const struct block_req *req)
{
    struct mover_counts *counts = &range->mover->counts;

    counts->written_bytes += req->length;
    for (uint32_t i = 0; i < req->zero_count; i++) {
        counts->written_bytes -= req->zeros[i].length;
        if (req->zeros[i].clear)
            counts->cleared_bytes += req->zeros[i].length;
        else
            range->skipped_bytes += req->zeros[i].length;
    }
}

static void range_piece_done(struct block_req *req)
{
    struct mover_range *range =
        (struct mover_range *)((char *)req - offsetof(struct mover_range, req));
    struct mover *m = range->mover;

    if (err_is_set(&req->err)) {
        mover_range_trouble(range);
        return;
    }
    mover_range_answered(range);
    if (!req->buf) {
        m->counts.cleared_bytes += range->clear ? range->extent.length : req->length;
        if (range->clear) {
            mover_range_finish(range);
            return;
        }
    } else {
        range_count_written(range, req);
    }
    range->piece_at += (uint32_t)req->length;
    mover_range_write(range);
}

static void range_submit_clear(struct mover_range *range)
{
    range->req = (struct block_req){.offset = range->extent.offset,
                                    .length = range->extent.length,
                                    .done = range_piece_done};
    endpoint_zero(range->mover->setup.target, &range->req);
}

/* Writes the next piece, or finishes. Called in state JUDGING, WAITING or WRITING. */
static void mover_range_write(struct mover_range *range)
{
    struct endpoint *target = range->mover->setup.target;
    struct extent piece = range->extent;
    bool whole = range_goes_whole(range) && mover_sends_whole(range);
    bool zero = !whole;

    if (!whole && !range->clear && !mover_next_piece(range, &piece, &zero)) {
        mover_range_finish(range);
        return;
    }
    if (range->state != RANGE_WRITING)
        mover_range_move(range, RANGE_WRITING);
    if (!mover_may_send(range, range->clear || zero ? SHARE_CLEAR : SHARE_WRITE, &piece.length))
        return;
    range->generation = access_generation(range->mover->setup.target_access);
    if (range->clear) {
        range_submit_clear(range);
        return;
    }
    range->req = (struct block_req){.offset = piece.offset,
                                    .length = piece.length,
                                    .done = range_piece_done};
    if (zero) {
        endpoint_zero(target, &range->req);
        return;
    }
    range->req.buf = range->buf;
    range->req.buf_offset = range->piece_at;
    if (whole)
        range_name_zeros(range);
    if (range->crc64_known && piece.length == range->extent.length) {
        range->req.crc64_known = true;
        range->req.crc64 = range->crc64;
    }
    endpoint_write(target, &range->req);
}

static bool range_hash(struct mover_range *range, struct err *e)
{
    struct mover *m = range->mover;

    if (!m->root || range->hashed)
        return true;
    range->hashed = true;
    return root_take(m->root, range->extent.offset, range->buf->memory,
                     (size_t)range->extent.length, range->hashes_known ? range->hashes : NULL,
                     &range->blocks, e);
}

void mover_range_judged(struct mover_range *range)
{
    struct err error = {0};

    mover_range_move(range, RANGE_JUDGING);
    if (!range_hash(range, &error)) {
        mover_range_move(range, RANGE_FAILED);
        mover_range_failed(range, &error);
        return;
    }
    range->judged = true;
    mover_range_write(range);
}

static void range_read_done(struct block_req *req)
{
    struct mover_range *range =
        (struct mover_range *)((char *)req - offsetof(struct mover_range, req));
    struct mover *m = range->mover;
    struct extent part = {req->offset, req->length};
    uint64_t at;

    if (err_is_set(&req->err)) {
        mover_range_trouble(range);
        return;
    }
    mover_range_answered(range);
    m->counts.read_bytes += req->length;
    m->counts.proof_bytes += req->length - plan_own_bytes(m->setup.plan, part);
    range->crc64_known = req->crc64_known && req->length == range->extent.length;
    range->crc64 = req->crc64;
    range->hashes_known = req->length == range->extent.length &&
                          req->hashed_count == digest_blocks_within(req->offset, req->length, &at);
    range->read_at += (uint32_t)req->length;
    mover_range_read(range);
}

/* Reads the next part, or goes on to judge. Called in state PLANNED, WAITING or READING. */
static void mover_range_read(struct mover_range *range)
{
    struct extent part;

    if (range->state != RANGE_READING)
        mover_range_move(range, RANGE_READING);
    if (!mover_next_fetch(range, &part)) {
        mover_judge(range);
        if (!mover_compare(range))
            mover_range_judged(range);
        return;
    }
    if (mover_read_held(range, part) || !mover_may_send(range, SHARE_READ, &part.length))
        return;
    range->generation = access_generation(range->mover->setup.source_access);
    range->req = (struct block_req){.offset = part.offset,
                                    .length = part.length,
                                    .buf = range->buf,
                                    .buf_offset = range->read_at,
                                    .hashes = range->mover->root ? range->hashes : NULL,
                                    .done = range_read_done};
    endpoint_read(range->mover->setup.source, &range->req);
}

void mover_range_begin(struct mover_range *range)
{
    assert(range->state == RANGE_PLANNED);
    range->attempts = 0;
    range->read_at = range->piece_at = 0;
    range->skipped_bytes = 0;
    range->refused = range->hashed = range->judged = range->hashes_known = false;
    range->blocks.count = 0;
    range->started_ns = reactor_now_ns(range->mover->setup.reactor);
    if (range->pull) {
        mover_pull(range);
    } else if (range->zero_known) {
        range->skipped_bytes = range->extent.length;
        mover_range_finish(range);
    } else if (range->clear) {
        mover_range_write(range);
    } else {
        mover_range_read(range);
    }
}

void mover_range_abandon(struct mover_range *range)
{
    struct err why = {0};

    if (range->state != RANGE_WAITING)
        return;
    reactor_disarm(range->mover->setup.reactor, &range->timer);
    mover_access_forget(range);
    err_set(&why, ERR_CANCELED, RETRY_LATER, "stopped while waiting for another try");
    mover_range_move(range, RANGE_FAILED);
    mover_range_failed(range, &why);
}
