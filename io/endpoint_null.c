/* endpoint_null.c - takes everything and keeps nothing. See endpoint_mem.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_later.h"
#include "io/endpoint_mem.h"

struct endpoint_null {
    struct endpoint head; /* first */
    struct endpoint_later later;
    bool pretend_data;
};

static struct endpoint_null *null_of(struct endpoint *ep)
{
    return (struct endpoint_null *)ep;
}

static void null_stat(struct endpoint *ep, struct stat_req *req)
{
    req->exists = ep->size_bytes > 0;
    req->size_bytes = ep->size_bytes;
    snprintf(req->etag, sizeof req->etag, "null");
    endpoint_later_stat(&null_of(ep)->later, ep, req);
}

static void null_setup(struct endpoint *ep, struct setup_req *req)
{
    snprintf(req->out_etag, sizeof req->out_etag, "null");
    endpoint_later_setup(&null_of(ep)->later, ep, req);
}

static void null_list(struct endpoint *ep, struct list_req *req)
{
    req->size_bytes = ep->size_bytes;
    if (null_of(ep)->pretend_data && !extent_set_append(req->out_data, req->within))
        err_set(&req->err, ERR_LIMIT, RETRY_NEVER, "no memory for a list");
    endpoint_later_list(&null_of(ep)->later, ep, req);
}

static void null_read(struct endpoint *ep, struct block_req *req)
{
    if (!null_of(ep)->pretend_data)
        memset(req->buf->memory + req->buf_offset, 0, (size_t)req->length);
    ep->wire_read_bytes += req->length;
    ep->requests_count++;
    endpoint_later_block(&null_of(ep)->later, ep, req);
}

static void null_write(struct endpoint *ep, struct block_req *req)
{
    ep->wire_written_bytes += req->buf ? req->length : 0;
    ep->requests_count++;
    endpoint_later_block(&null_of(ep)->later, ep, req);
}

static void null_flush(struct endpoint *ep, struct block_req *req)
{
    endpoint_later_block(&null_of(ep)->later, ep, req);
}

static void null_close(struct endpoint *ep)
{
    endpoint_later_fini(&null_of(ep)->later);
    free(ep->identity);
    free(ep);
}

static const struct endpoint_ops null_ops = {
    .name = "null",
    .stat = null_stat,
    .setup = null_setup,
    .list = null_list,
    .read = null_read,
    .write = null_write,
    .zero = null_write,
    .flush = null_flush,
    .close = null_close,
};

struct endpoint *endpoint_null_new(struct reactor *r, uint64_t size_bytes, struct err *e)
{
    struct endpoint_null *null = calloc(1, sizeof *null);

    assert(size_bytes % ENDPOINT_PAGE_BYTES == 0);
    if (null)
        null->head.identity = strdup(size_bytes ? "null:source" : "null:");
    if (!null || !null->head.identity) {
        free(null);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for an endpoint");
        return NULL;
    }
    null->head.ops = &null_ops;
    null->head.reactor = r;
    snprintf(null->head.name, sizeof null->head.name, "null:");
    null->head.align_bytes = ENDPOINT_PAGE_BYTES;
    null->head.request_max_bytes = BUF_BYTES;
    null->head.clear_max_bytes = UINT64_MAX;
    null->head.size_bytes = size_bytes;
    null->head.capabilities = ENDPOINT_CAN_LIST | ENDPOINT_CAN_CREATE | ENDPOINT_CAN_RESIZE |
                              ENDPOINT_CAN_MARK | ENDPOINT_CAN_FENCE | ENDPOINT_DISCARDS;
    return &null->head;
}

void endpoint_null_pretend_data(struct endpoint *ep)
{
    assert(ep->ops == &null_ops);
    null_of(ep)->pretend_data = true;
}
