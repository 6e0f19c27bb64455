/* endpoint_stream_base.c - the base of a stream, as its HEAD names it: a name and a size. See
 * endpoint_stream_in.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_later.h"
#include "io/endpoint_stream_in.h"

struct endpoint_stream_base {
    struct endpoint head; /* first */
    struct endpoint_later later;
    uint64_t base_bytes; /* set once */
};

static struct endpoint_later *later_of(struct endpoint *ep)
{
    return &((struct endpoint_stream_base *)ep)->later;
}

static void base_stat(struct endpoint *ep, struct stat_req *req)
{
    req->exists = true;
    req->size_bytes = ((struct endpoint_stream_base *)ep)->base_bytes;
    endpoint_later_stat(later_of(ep), ep, req);
}

static bool base_refuse(const struct endpoint *ep, struct err *e)
{
    return err_set(e, ERR_USAGE, RETRY_NEVER, "%.200s: only its name and size are here", ep->name);
}

static void base_setup(struct endpoint *ep, struct setup_req *req)
{
    base_refuse(ep, &req->err);
    endpoint_later_setup(later_of(ep), ep, req);
}

static void base_list(struct endpoint *ep, struct list_req *req)
{
    base_refuse(ep, &req->err);
    endpoint_later_list(later_of(ep), ep, req);
}

static void base_block(struct endpoint *ep, struct block_req *req)
{
    base_refuse(ep, &req->err);
    endpoint_later_block(later_of(ep), ep, req);
}

static void base_close(struct endpoint *ep)
{
    endpoint_later_fini(later_of(ep));
    free(ep->identity);
    free(ep);
}

static const struct endpoint_ops stream_base_ops = {
    .name = "stream-base",
    .stat = base_stat,
    .setup = base_setup,
    .list = base_list,
    .read = base_block,
    .write = base_block,
    .zero = base_block,
    .flush = base_block,
    .close = base_close,
};

struct endpoint *endpoint_stream_base_new(struct reactor *r, const struct stream_head *head,
                                          struct err *e)
{
    struct endpoint_stream_base *base = calloc(1, sizeof *base);

    if (base)
        base->head.identity = strdup(head->base);
    if (!base || !base->head.identity) {
        free(base);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for an endpoint");
        return NULL;
    }
    base->head.ops = &stream_base_ops;
    base->head.reactor = r;
    snprintf(base->head.name, sizeof base->head.name, "%.1000s", head->base);
    base->head.align_bytes = ENDPOINT_PAGE_BYTES;
    base->head.request_max_bytes = BUF_BYTES;
    base->head.clear_max_bytes = UINT64_MAX;
    base->base_bytes = head->base_bytes;
    return &base->head;
}
