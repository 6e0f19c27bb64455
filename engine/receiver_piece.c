/* receiver_piece.c - see receiver_piece.h.
 *
 * What a service refuses for a while is tried again here, so that no byte crosses the region twice for it. A
 * request whose answer was lost may still land later: its range is `unsure`, and nothing else is written
 * there, nor is the copy committed, before a fence. Where the target has no fence the sender is told instead.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "engine/receiver_batch.h"

#define PLACE_READS_MAX 3u /* tries to read a block that the target holds already */

static struct receiver_desk *piece_desk(const struct receiver_piece *piece)
{
    return piece->batch->call->desk;
}

static struct reactor *piece_reactor(const struct receiver_piece *piece)
{
    return piece->batch->call->receiver->setup.reactor;
}

void receiver_pieces_init(struct receiver_batch *batch)
{
    for (uint32_t i = 0; i < BATCH_PIECES_MAX; i++) {
        batch->requests[i].next = batch->free_requests;
        batch->free_requests = &batch->requests[i];
    }
}

struct receiver_piece *receiver_piece_take(struct receiver_batch *batch, enum piece_kind kind,
                                           struct endpoint *ep)
{
    struct receiver_piece *piece = batch->free_requests;

    if (!piece)
        return NULL;
    batch->free_requests = piece->next;
    batch->requests_left++;
    *piece = (struct receiver_piece){.kind = kind, .batch = batch, .ep = ep};
    return piece;
}

static void piece_give(struct receiver_piece *piece)
{
    struct receiver_batch *batch = piece->batch;

    assert(batch->requests_left > 0 && !piece->waiting);
    batch->requests_left--;
    piece->next = batch->free_requests;
    batch->free_requests = piece;
}

/* ---- The pacer ---- */

static void desk_pace(struct receiver_desk *desk);
static void on_done(struct block_req *req);
static void piece_end(struct receiver_piece *piece, const struct err *error);

static void piece_submit(struct receiver_piece *piece)
{
    piece->started_ns = reactor_now_ns(piece_reactor(piece));
    err_clear(&piece->req.err);
    piece->req.done = on_done;
    if (piece->kind == PIECE_READ)
        endpoint_read(piece->ep, &piece->req);
    else if (piece->kind == PIECE_ZERO)
        endpoint_zero(piece->ep, &piece->req);
    else
        endpoint_write(piece->ep, &piece->req);
}

/* The target may have become smaller while this waited: whoever looks at it tells its endpoint. */
static bool piece_fits(const struct receiver_piece *piece)
{
    uint64_t size_bytes = piece->ep->size_bytes;

    return piece->req.offset <= size_bytes && piece->req.length <= size_bytes - piece->req.offset;
}

static void on_gone(struct timer *timer)
{
    struct receiver_piece *piece =
        (struct receiver_piece *)((char *)timer - offsetof(struct receiver_piece, timer));
    struct err error = {0};

    piece->waiting = false;
    err_set(&error, ERR_GONE, RETRY_REPLAN, "%.200s became smaller", piece->ep->name);
    piece_end(piece, &error);
}

/* Not from within: its batch may be in the midst of beginning others. */
static void piece_end_as_gone(struct receiver_piece *piece)
{
    struct reactor *r = piece_reactor(piece);

    piece->waiting = true;
    reactor_arm(r, &piece->timer, reactor_now_ns(r), on_gone);
}

static void on_pace(struct timer *timer)
{
    desk_pace((struct receiver_desk *)((char *)timer - offsetof(struct receiver_desk, pace_timer)));
}

static void desk_pace(struct receiver_desk *desk)
{
    struct reactor *r = desk->receiver->setup.reactor;

    while (desk->pace_first) {
        struct receiver_piece *piece = desk->pace_first;
        uint64_t now_ns = reactor_now_ns(r);

        if (!pacer_may_start(&desk->pacer, desk->inflight, now_ns)) {
            uint64_t wake_ns = pacer_wake_ns(&desk->pacer, now_ns);

            if (wake_ns)
                reactor_arm(r, &desk->pace_timer, wake_ns, on_pace);
            return;
        }
        desk->pace_first = piece->next;
        if (!desk->pace_first)
            desk->pace_last = NULL;
        if (!piece_fits(piece)) {
            piece_end_as_gone(piece);
            continue;
        }
        desk->inflight++;
        piece_submit(piece);
    }
}

void receiver_piece_start(struct receiver_piece *piece)
{
    struct receiver_desk *desk = piece_desk(piece);

    if (piece->kind == PIECE_READ) { /* as many at once as the batch has pieces */
        if (piece_fits(piece))
            piece_submit(piece);
        else
            piece_end_as_gone(piece);
        return;
    }
    piece->next = NULL;
    if (desk->pace_last)
        desk->pace_last->next = piece;
    else
        desk->pace_first = piece;
    desk->pace_last = piece;
    desk_pace(desk);
}

/* ---- The ranges of a record ---- */

/* The next request: of ranges[], cut to what the target takes at once. */
static void next_request(struct receiver_batch *batch, struct receiver_piece *piece)
{
    struct endpoint *ep = piece->ep;
    uint64_t max = piece->kind == PIECE_ZERO ? ep->clear_max_bytes : ep->request_max_bytes;
    const struct batch_range *range = &batch->ranges[batch->range_at];
    uint64_t left = range->length - batch->range_done_bytes;

    max -= max % ep->align_bytes;
    piece->req = (struct block_req){.offset = range->offset + batch->range_done_bytes,
                                    .length = left < max ? left : max};
    if (piece->kind == PIECE_WRITE) {
        piece->req.buf = batch->buf;
        piece->req.buf_offset = range->buf_offset + (uint32_t)batch->range_done_bytes;
    }
    batch->range_done_bytes += piece->req.length;
    if (batch->range_done_bytes == range->length) {
        batch->range_at++;
        batch->range_done_bytes = 0;
    }
}

static bool ranges_fit(const struct receiver_batch *batch, const struct endpoint *ep,
                       enum piece_kind kind, struct err *e)
{
    uint32_t align = kind == PIECE_WRITE ? ep->align_bytes : ENDPOINT_PAGE_BYTES;

    for (uint32_t i = 0; i < batch->range_count; i++) {
        struct extent range = {batch->ranges[i].offset, batch->ranges[i].length};

        if (range.offset % align != 0 || range.length % align != 0)
            return err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s takes only multiples of %u bytes",
                           ep->name, align);
        if (extent_end(range) > ep->size_bytes) /* it was checked when the call was admitted */
            return err_set(e, ERR_GONE, RETRY_REPLAN, "%.200s became smaller", ep->name);
        if (extent_set_touches(&batch->call->desk->unsure, range))
            return err_set(e, ERR_NET, RETRY_LATER,
                           "a request to %.200s was lost where this one would write", ep->name);
    }
    return true;
}

static void ranges_go_on(struct receiver_batch *batch, enum piece_kind kind)
{
    struct endpoint *ep = batch->call->desk->ep;

    while (!err_is_set(&batch->err) && batch->range_at < batch->range_count) {
        struct receiver_piece *piece = receiver_piece_take(batch, kind, ep);

        if (!piece)
            return;
        next_request(batch, piece);
        receiver_piece_start(piece);
    }
    if (batch->requests_left == 0)
        receiver_batch_next(batch);
}

void receiver_ranges_begin(struct receiver_batch *batch, enum piece_kind kind)
{
    struct err e = {0};

    assert(batch->requests_left == 0);
    batch->stage = BATCH_WRITING;
    batch->range_at = 0;
    batch->range_done_bytes = 0;
    if (!ranges_fit(batch, batch->call->desk->ep, kind, &e))
        receiver_batch_fail(batch, &e);
    ranges_go_on(batch, kind);
}

/* ---- How a request ends ---- */

static void piece_end(struct receiver_piece *piece, const struct err *error)
{
    struct receiver_batch *batch = piece->batch;
    struct receiver_counts *counts = &batch->call->receiver->counts;
    enum piece_kind kind = piece->kind;
    uint64_t length = piece->req.length;
    uint32_t slot = piece->slot;

    piece_give(piece);
    if (kind == PIECE_READ) {
        receiver_copy_read(batch, slot, !err_is_set(error));
        return;
    }
    if (err_is_set(error))
        receiver_batch_fail(batch, error);
    else if (kind == PIECE_ZERO)
        counts->cleared_bytes += length;
    else
        counts->written_bytes += length;
    ranges_go_on(batch, kind);
}

static void on_retry(struct timer *timer)
{
    struct receiver_piece *piece =
        (struct receiver_piece *)((char *)timer - offsetof(struct receiver_piece, timer));

    piece->waiting = false;
    receiver_piece_start(piece);
}

/* Once more after delay_ns? Not when nobody would wait for it. */
static bool may_try_again(const struct receiver_piece *piece, uint64_t delay_ns)
{
    const struct receiver_batch *batch = piece->batch;

    if (piece->kind == PIECE_READ && piece->attempts >= PLACE_READS_MAX)
        return false; /* the sender has the bytes too */
    return !err_is_set(&batch->err) &&
           reactor_now_ns(piece_reactor(piece)) + delay_ns < batch->deadline_ns;
}

static void piece_failed(struct receiver_piece *piece)
{
    struct receiver_desk *desk = piece_desk(piece);
    struct receiver *receiver = desk->receiver;
    struct err error = piece->req.err;
    bool changes = piece->kind != PIECE_READ;
    bool lost = changes && retry_is_indefinite(&error);
    struct retry_verdict verdict = retry_judge(&error, ++piece->attempts, &receiver->random);
    uint64_t now_ns = reactor_now_ns(piece_reactor(piece));

    if (lost)
        receiver_desk_unsure(desk, (struct extent){piece->req.offset, piece->req.length});
    if (changes)
        pacer_note_trouble(&desk->pacer,
                           error.kind == ERR_THROTTLED ? PACER_THROTTLED : PACER_FAILED,
                           (uint64_t)error.retry_after_ms * NS_PER_MS, now_ns);
    if (verdict.action == RETRY_ACT_GIVE_UP || !may_try_again(piece, verdict.delay_ns) ||
        (lost && !(piece->ep->capabilities & ENDPOINT_CAN_FENCE))) {
        piece_end(piece, &error);
        return;
    }
    receiver->counts.retries++;
    piece->waiting = true;
    reactor_arm(piece_reactor(piece), &piece->timer, now_ns + verdict.delay_ns, on_retry);
}

static void on_done(struct block_req *req)
{
    struct receiver_piece *piece =
        (struct receiver_piece *)((char *)req - offsetof(struct receiver_piece, req));
    struct receiver_desk *desk = piece_desk(piece);
    struct reactor *r = piece_reactor(piece);
    bool changes = piece->kind != PIECE_READ;
    uint64_t now_ns = reactor_now_ns(r);

    if (changes) {
        assert(desk->inflight > 0);
        desk->inflight--;
    }
    if (err_is_set(&req->err)) {
        piece_failed(piece);
    } else {
        if (changes) {
            pacer_note_answer(&desk->pacer);
            pacer_note_done(&desk->pacer, piece->kind == PIECE_WRITE ? req->length : 0,
                            now_ns - piece->started_ns, now_ns);
        }
        piece_end(piece, &req->err);
    }
    desk_pace(desk);
}

/* ---- Giving up ---- */

/* Those that wait for their turn at the target, of this batch, leave the line. */
static void leave_the_line(struct receiver_batch *batch)
{
    struct receiver_desk *desk = batch->call->desk;
    struct receiver_piece *first = desk->pace_first;

    desk->pace_first = desk->pace_last = NULL;
    while (first) {
        struct receiver_piece *piece = first;

        first = piece->next;
        piece->next = NULL;
        if (piece->batch == batch) {
            piece_give(piece);
            continue;
        }
        if (desk->pace_last)
            desk->pace_last->next = piece;
        else
            desk->pace_first = piece;
        desk->pace_last = piece;
    }
}

void receiver_pieces_abandon(struct receiver_batch *batch)
{
    leave_the_line(batch);
    for (uint32_t i = 0; i < BATCH_PIECES_MAX; i++) {
        struct receiver_piece *piece = &batch->requests[i];

        if (!piece->waiting)
            continue;
        reactor_disarm(piece_reactor(piece), &piece->timer);
        piece->waiting = false;
        piece_give(piece);
    }
}
