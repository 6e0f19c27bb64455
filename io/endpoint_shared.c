/* endpoint_shared.c - see endpoint_shared.h. Life, handles and looks; reads and lists are in the files
 * beside. */
#include "io/endpoint_shared.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_shared_parts.h"

static struct shared_handle *handle_of(struct endpoint *ep)
{
    return (struct shared_handle *)ep;
}

bool shared_is_fixed(const struct endpoint_shared *s)
{
    return s->source->capabilities & ENDPOINT_CAN_DIFF &&
           !(s->source->capabilities & ENDPOINT_CAN_MARK);
}

/* ---- The endpoint ---- */

struct shared_look {
    struct stat_req stat; /* first */
    struct shared_handle *handle;
    struct stat_req *asked;
};

static void shared_stat_done(struct stat_req *req)
{
    struct shared_look *look = (struct shared_look *)req;
    struct shared_handle *h = look->handle;
    struct stat_req *asked = look->asked;
    void (*done)(struct stat_req *) = asked->done;

    *asked = *req;
    asked->done = done;
    free(look);
    h->looked = ++h->shared->moment;
    h->head.capabilities = h->shared->source->capabilities;
    endpoint_stat_end(&h->head, asked);
}

static void shared_stat(struct endpoint *ep, struct stat_req *req)
{
    struct shared_handle *h = handle_of(ep);
    struct shared_look *look = calloc(1, sizeof *look);

    assert(look);
    look->handle = h;
    look->asked = req;
    look->stat.done = shared_stat_done;
    endpoint_stat(h->shared->source, &look->stat);
}

static struct endpoint *shared_lender(struct endpoint *ep)
{
    struct endpoint *source = handle_of(ep)->shared->source;

    return source->ops->lender(source);
}

/* Capabilities of a target are not asked of a source. */
static void shared_refuse_block(struct endpoint *ep, struct block_req *req)
{
    err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%.150s: a source is only read", ep->name);
    endpoint_later_block(&handle_of(ep)->later, ep, req);
}

static void shared_refuse_setup(struct endpoint *ep, struct setup_req *req)
{
    err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%.150s: a source is only read", ep->name);
    endpoint_later_setup(&handle_of(ep)->later, ep, req);
}

static void shared_close(struct endpoint *ep)
{
    struct shared_handle *h = handle_of(ep);
    struct endpoint_shared *s = h->shared;

    endpoint_shared_leave(ep);
    for (uint32_t i = 0; i < s->handle_count; i++)
        if (s->handles[i] == h)
            s->handles[i] = NULL;
    endpoint_later_fini(&h->later);
    free(ep->identity);
    free(h);
}

static const struct endpoint_ops shared_ops = {
    .name = "shared",
    .stat = shared_stat,
    .setup = shared_refuse_setup,
    .list = shared_list,
    .read = shared_read,
    .write = shared_refuse_block,
    .zero = shared_refuse_block,
    .flush = shared_refuse_block,
    .lender = shared_lender,
    .close = shared_close,
};

/* ---- Life, use and look ---- */

struct endpoint_shared *endpoint_shared_new(struct endpoint *source, uint64_t kept_bytes,
                                            struct err *e)
{
    struct endpoint_shared *s = calloc(1, sizeof *s);

    assert(kept_bytes >= BUF_BYTES);
    if (!s) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to share a source");
        return NULL;
    }
    s->source = source;
    s->pieces_end = &s->pieces;
    s->waiting_end = &s->waiting;
    s->pool = bufpool_new(source->reactor, BUF_BYTES, kept_bytes, e);
    if (s->pool)
        return s;
    free(s);
    return NULL;
}

void endpoint_shared_free(struct endpoint_shared *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->handle_count; i++)
        assert(!s->handles[i]);
    assert(!s->pieces && !s->waiting && !s->retry_posted);
    reactor_disarm(s->source->reactor, &s->patience);
    shared_lists_free(s);
    bufpool_free(s->pool);
    free(s);
}

struct endpoint *endpoint_shared_join(struct endpoint_shared *s, struct err *e)
{
    struct shared_handle *h = calloc(1, sizeof *h);

    assert(s->handle_count < ENDPOINT_SHARED_HANDLES_MAX);
    if (h) {
        h->head = *s->source;
        h->head.identity = strdup(s->source->identity);
    }
    if (!h || !h->head.identity) {
        free(h);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to share a source");
        return NULL;
    }
    h->head.ops = &shared_ops;
    h->head.inflight = 0;
    h->head.requests_count = 0;
    h->head.wire_read_bytes = h->head.wire_written_bytes = 0;
    h->shared = s;
    h->bit = 1u << s->handle_count;
    s->handles[s->handle_count++] = h;
    return &h->head;
}

void endpoint_shared_leave(struct endpoint *ep)
{
    struct shared_handle *h = handle_of(ep);

    assert(ep->ops == &shared_ops);
    h->left = true;
    shared_pass_by(h->shared, h->bit, UINT64_MAX);
    shared_post_retry(h->shared); /* nobody may be left to keep anything for */
}

const struct endpoint_shared_counts *endpoint_shared_count(const struct endpoint_shared *s)
{
    return &s->counts;
}
