/* endpoint_shared_read.c - the reads of a shared source (see endpoint_shared.h). An ask finds a piece that
 * covers it, or begins one, or reads alone where nobody else would want a piece, or waits for memory.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_shared_parts.h"

/* What one read brought, or will bring. */
struct shared_piece {
    struct shared_piece *next;
    struct endpoint_shared *shared;
    struct extent extent;
    struct buf *buf;
    struct block_req read;
    bool reading;
    uint64_t begun;          /* moment */
    uint64_t kept_since_ns;  /* when it was read */
    unsigned wanted;         /* bits of the handles it is kept for */
    struct shared_ask *asks; /* of those that wait for the read; the first began it */
};

/* ---- Pieces ---- */

static void shared_retry(struct reactor_task *task);

void shared_post_retry(struct endpoint_shared *s)
{
    if (s->retry_posted || !s->waiting)
        return;
    s->retry_posted = true;
    reactor_post(s->source->reactor, &s->retry, shared_retry);
}

static void piece_remove(struct shared_piece *piece)
{
    struct endpoint_shared *s = piece->shared;
    struct shared_piece **link = &s->pieces;

    while (*link != piece)
        link = &(*link)->next;
    *link = piece->next;
    if (!piece->next)
        s->pieces_end = link;
    bufpool_release(s->pool, piece->buf);
    free(piece);
    shared_post_retry(s);
}

void shared_pass_by(struct endpoint_shared *s, unsigned bit, uint64_t below)
{
    struct shared_piece *next;

    for (struct shared_piece *piece = s->pieces; piece; piece = next) {
        next = piece->next;
        if (extent_end(piece->extent) > below)
            continue;
        piece->wanted &= ~bit;
        if (!piece->reading && !piece->wanted)
            piece_remove(piece);
    }
}

static bool handle_may_take(const struct shared_handle *h, const struct shared_piece *piece)
{
    return shared_is_fixed(h->shared) || piece->begun > h->looked;
}

static struct shared_piece *shared_find(const struct shared_handle *h, struct extent extent)
{
    struct shared_piece *piece = h->shared->pieces;

    while (piece && !(piece->extent.offset <= extent.offset &&
                      extent_end(extent) <= extent_end(piece->extent) && handle_may_take(h, piece)))
        piece = piece->next;
    return piece;
}

/* Who else may come to ask for what lies here. */
static unsigned shared_others(const struct shared_handle *asking, uint64_t offset)
{
    const struct endpoint_shared *s = asking->shared;
    unsigned bits = 0;

    for (uint32_t i = 0; i < s->handle_count; i++) {
        const struct shared_handle *h = s->handles[i];

        if (h && h != asking && !h->left && !h->behind && h->position <= offset &&
            (h->looked || shared_is_fixed(s)))
            bits |= h->bit;
    }
    return bits;
}

/* ---- Answers ---- */

static void ask_end(struct shared_ask *ask)
{
    struct shared_handle *h = ask->handle;
    struct block_req *asked = ask->asked;

    free(ask);
    endpoint_later_block(&h->later, &h->head, asked);
}

static void ask_give(struct shared_ask *ask, const struct shared_piece *piece, bool is_first)
{
    struct block_req *asked = ask->asked;
    bool exact = asked->length == piece->extent.length;

    memcpy(asked->buf->memory + asked->buf_offset,
           piece->buf->memory + (asked->offset - piece->extent.offset), (size_t)asked->length);
    asked->crc64_known = exact && piece->read.crc64_known;
    asked->crc64 = piece->read.crc64;
    if (!is_first)
        piece->shared->counts.given_bytes += asked->length;
    ask_end(ask);
}

static void ask_alone_done(struct block_req *req)
{
    struct shared_ask *ask =
        (struct shared_ask *)((char *)req - offsetof(struct shared_ask, alone));
    struct shared_handle *h = ask->handle;
    struct block_req *asked = ask->asked;

    asked->err = req->err;
    asked->crc64_known = req->crc64_known;
    asked->crc64 = req->crc64;
    asked->hashed_count = req->hashed_count;
    free(ask);
    endpoint_block_end(&h->head, asked);
}

static void shared_count_read(struct endpoint_shared *s, uint64_t bytes)
{
    s->counts.reads_count++;
    s->counts.read_bytes += bytes;
}

static void ask_read_alone(struct shared_ask *ask)
{
    struct endpoint_shared *s = ask->handle->shared;

    shared_count_read(s, ask->asked->length);
    if (ask->handle->behind)
        s->counts.again_bytes += ask->asked->length;
    ask->alone = *ask->asked;
    ask->alone.done = ask_alone_done;
    endpoint_read(s->source, &ask->alone);
}

/* ---- One ask ---- */

static void shared_serve(struct shared_ask *ask);

/* A URL that ended is the asker's to renew; whoever only waited reads again with the URL of now. Any other
 * error is everybody's. */
static void piece_failed(struct shared_piece *piece)
{
    struct err why = piece->read.err;
    struct shared_ask *ask = piece->asks;
    bool first = true;

    piece_remove(piece);
    while (ask) {
        struct shared_ask *next = ask->next;

        if (first || why.retry != RETRY_AFTER_RENEWAL) {
            ask->asked->err = why;
            ask_end(ask);
        } else {
            shared_serve(ask);
        }
        first = false;
        ask = next;
    }
}

static void piece_read(struct block_req *req)
{
    struct shared_piece *piece =
        (struct shared_piece *)((char *)req - offsetof(struct shared_piece, read));
    struct endpoint_shared *s = piece->shared;
    struct shared_ask *ask = piece->asks;

    piece->reading = false;
    if (err_is_set(&req->err)) {
        piece_failed(piece);
        return;
    }
    piece->asks = NULL;
    for (bool first = true; ask; first = false) {
        struct shared_ask *next = ask->next;

        ask_give(ask, piece, first);
        ask = next;
    }
    piece->kept_since_ns = reactor_now_ns(s->source->reactor);
    if (!piece->wanted)
        piece_remove(piece);
    shared_post_retry(s);
}

static void piece_begin(struct shared_ask *ask, struct buf *buf, unsigned others)
{
    struct endpoint_shared *s = ask->handle->shared;
    struct shared_piece *piece = calloc(1, sizeof *piece);

    assert(piece);
    piece->shared = s;
    piece->extent = (struct extent){ask->asked->offset, ask->asked->length};
    piece->buf = buf;
    piece->reading = true;
    piece->begun = ++s->moment;
    piece->wanted = others;
    piece->asks = ask;
    ask->next = NULL;
    *s->pieces_end = piece;
    s->pieces_end = &piece->next;
    shared_count_read(s, piece->extent.length);
    piece->read = (struct block_req){.offset = piece->extent.offset,
                                     .length = piece->extent.length,
                                     .buf = buf,
                                     .done = piece_read};
    endpoint_read(s->source, &piece->read);
}

static void ask_join(struct shared_ask *ask, struct shared_piece *piece)
{
    struct shared_ask **link = &piece->asks;

    piece->wanted &= ~ask->handle->bit;
    ask->handle->behind = false;
    if (!piece->reading) {
        ask_give(ask, piece, false);
        if (!piece->wanted)
            piece_remove(piece);
        return;
    }
    while (*link)
        link = &(*link)->next;
    ask->next = NULL;
    *link = ask;
}

static bool shared_keeps_for(const struct endpoint_shared *s, unsigned bit)
{
    for (const struct shared_piece *piece = s->pieces; piece; piece = piece->next)
        if (piece->wanted & bit)
            return true;
    return false;
}

static void shared_serve(struct shared_ask *ask)
{
    struct endpoint_shared *s = ask->handle->shared;
    struct extent extent = {ask->asked->offset, ask->asked->length};
    struct shared_piece *piece = shared_find(ask->handle, extent);
    unsigned others = shared_others(ask->handle, extent.offset);
    struct buf *buf;

    if (piece) {
        ask_join(ask, piece);
        return;
    }
    if (!others) {
        ask_read_alone(ask);
        return;
    }
    buf = bufpool_borrow(s->pool);
    if (!buf && bufpool_grow(s->pool))
        buf = bufpool_borrow(s->pool);
    if (buf) {
        piece_begin(ask, buf, others);
    } else if (shared_keeps_for(s, ask->handle->bit)) {
        ask_read_alone(ask); /* nobody waits for what is kept for himself */
    } else {
        ask->next = NULL;
        *s->waiting_end = ask;
        s->waiting_end = &ask->next;
        shared_post_retry(s);
    }
}

/* ---- Patience ---- */

static void shared_patience_ended(struct timer *timer);

static const struct shared_piece *shared_oldest_kept(const struct endpoint_shared *s)
{
    const struct shared_piece *oldest = NULL;

    for (const struct shared_piece *piece = s->pieces; piece; piece = piece->next)
        if (!piece->reading && (!oldest || piece->kept_since_ns < oldest->kept_since_ns))
            oldest = piece;
    return oldest;
}

static void shared_watch(struct endpoint_shared *s)
{
    const struct shared_piece *oldest = s->waiting ? shared_oldest_kept(s) : NULL;

    reactor_disarm(s->source->reactor, &s->patience);
    if (oldest)
        reactor_arm(s->source->reactor, &s->patience,
                    oldest->kept_since_ns + ENDPOINT_SHARED_PATIENCE_NS, shared_patience_ended);
}

/* Somebody waits, and the oldest piece is kept for others longer than that. */
static void shared_patience_ended(struct timer *timer)
{
    struct endpoint_shared *s =
        (struct endpoint_shared *)((char *)timer - offsetof(struct endpoint_shared, patience));
    const struct shared_piece *oldest = shared_oldest_kept(s);
    uint64_t now_ns = reactor_now_ns(s->source->reactor);
    unsigned slow = 0;

    if (oldest && oldest->kept_since_ns + ENDPOINT_SHARED_PATIENCE_NS <= now_ns)
        slow = oldest->wanted; /* else one that was older is gone meanwhile */
    for (uint32_t i = 0; i < s->handle_count; i++) {
        if (!s->handles[i] || !(s->handles[i]->bit & slow))
            continue;
        s->handles[i]->behind = true;
        s->counts.behind_count++;
        shared_pass_by(s, s->handles[i]->bit, UINT64_MAX);
    }
    shared_post_retry(s);
}

static void shared_retry(struct reactor_task *task)
{
    struct endpoint_shared *s =
        (struct endpoint_shared *)((char *)task - offsetof(struct endpoint_shared, retry));
    struct shared_ask *ask = s->waiting;

    s->retry_posted = true; /* those that wait again do so until something is given back */
    s->waiting = NULL;
    s->waiting_end = &s->waiting;
    while (ask) {
        struct shared_ask *next = ask->next;

        shared_serve(ask);
        ask = next;
    }
    s->retry_posted = false;
    shared_watch(s);
}

/* ---- Use ---- */

/* The last page is looked at before anything else is read: that says nothing of where a handle is. */
static bool shared_is_look(const struct endpoint *ep, const struct block_req *req)
{
    return req->length == ENDPOINT_PAGE_BYTES &&
           req->offset + ENDPOINT_PAGE_BYTES == ep->size_bytes;
}

void shared_read(struct endpoint *ep, struct block_req *req)
{
    struct shared_handle *h = (struct shared_handle *)ep;
    struct shared_ask *ask = calloc(1, sizeof *ask);

    assert(ask);
    ask->handle = h;
    ask->asked = req;
    if (!shared_is_look(ep, req)) {
        h->position = req->offset;
        shared_pass_by(h->shared, h->bit, req->offset);
    }
    shared_serve(ask);
}
