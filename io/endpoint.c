/* endpoint.c - see endpoint.h: the contracts of every endpoint, checked in one place. */
#include "io/endpoint.h"

#include <assert.h>
#include <stddef.h>

void endpoint_limit_requests(struct endpoint *ep, uint32_t max_bytes)
{
    assert(ep->inflight == 0 && max_bytes > 0 && max_bytes % ep->align_bytes == 0);
    if (max_bytes < ep->request_max_bytes)
        ep->request_max_bytes = max_bytes;
}

void endpoint_stat(struct endpoint *ep, struct stat_req *req)
{
    assert(req->done && !err_is_set(&req->err));
    ep->inflight++;
    ep->ops->stat(ep, req);
}

void endpoint_stat_end(struct endpoint *ep, struct stat_req *req)
{
    assert(ep->inflight > 0);
    assert(err_is_set(&req->err) || req->exists || req->size_bytes == 0);
    ep->inflight--;
    if (!err_is_set(&req->err))
        ep->size_bytes = req->exists ? req->size_bytes : 0;
    req->done(req);
}

static unsigned endpoint_setup_needs(enum setup_verb verb)
{
    static const unsigned needs[] = {
        [SETUP_CREATE] = ENDPOINT_CAN_CREATE,     [SETUP_RESIZE] = ENDPOINT_CAN_RESIZE,
        [SETUP_MARK] = ENDPOINT_CAN_MARK,         [SETUP_FENCE] = ENDPOINT_CAN_FENCE,
        [SETUP_SNAPSHOT] = ENDPOINT_CAN_SNAPSHOT, [SETUP_LEASE] = ENDPOINT_CAN_LEASE,
        [SETUP_UNLEASE] = ENDPOINT_CAN_LEASE,     [SETUP_EXPECT] = ENDPOINT_WANTS_PLAN,
        [SETUP_AGREE] = ENDPOINT_KNOWS_RESULT,    [SETUP_REMOVE] = ENDPOINT_CAN_REMOVE,
    };

    assert(verb < sizeof needs / sizeof needs[0]);
    return needs[verb];
}

void endpoint_setup(struct endpoint *ep, struct setup_req *req)
{
    assert(req->done && !err_is_set(&req->err));
    assert(ep->capabilities & endpoint_setup_needs(req->verb));
    assert((req->verb != SETUP_MARK && req->verb != SETUP_AGREE && req->verb != SETUP_REMOVE) ||
           req->marker);
    assert(req->verb != SETUP_EXPECT || req->expect);
    assert((req->verb != SETUP_LEASE && req->verb != SETUP_UNLEASE) || req->lease_id);
    assert((req->verb != SETUP_CREATE && req->verb != SETUP_RESIZE) ||
           (req->size_bytes > 0 && req->size_bytes % ENDPOINT_PAGE_BYTES == 0));
    ep->inflight++;
    ep->ops->setup(ep, req);
}

void endpoint_setup_end(struct endpoint *ep, struct setup_req *req)
{
    assert(ep->inflight > 0);
    ep->inflight--;
    if (!err_is_set(&req->err) && (req->verb == SETUP_CREATE || req->verb == SETUP_RESIZE))
        ep->size_bytes = req->size_bytes;
    req->done(req);
}

void endpoint_list(struct endpoint *ep, struct list_req *req)
{
    assert(req->done && !err_is_set(&req->err));
    assert(req->out_data && req->out_data->count == 0);
    assert(!req->since || (req->out_clears && req->out_clears->count == 0));
    assert(!req->since || (ep->capabilities & ENDPOINT_CAN_DIFF));
    ep->inflight++;
    ep->ops->list(ep, req);
}

void endpoint_list_end(struct endpoint *ep, struct list_req *req)
{
    const struct extent_set *data = req->out_data;

    assert(ep->inflight > 0);
    assert(err_is_set(&req->err) || data->count == 0 ||
           extent_end(extent_set_at(data, data->count - 1)) <= req->size_bytes);
    ep->inflight--;
    req->done(req);
}

static void endpoint_check_extent(const struct endpoint *ep, const struct block_req *req)
{
    assert(req->done && !err_is_set(&req->err));
    assert(req->length > 0);
    assert(req->offset % ENDPOINT_PAGE_BYTES == 0 && req->length % ENDPOINT_PAGE_BYTES == 0);
    assert(req->offset <= ep->size_bytes);
    assert(req->length <= ep->size_bytes - req->offset); /* no overflow in this form */
}

static void endpoint_check_block(const struct endpoint *ep, const struct block_req *req)
{
    endpoint_check_extent(ep, req);
    assert(req->offset % ep->align_bytes == 0 && req->length % ep->align_bytes == 0);
    assert(req->length <= ep->request_max_bytes);
    assert(req->buf && req->buf_offset <= BUF_BYTES && req->length <= BUF_BYTES - req->buf_offset);
}

void endpoint_read(struct endpoint *ep, struct block_req *req)
{
    endpoint_check_block(ep, req);
    ep->inflight++;
    ep->ops->read(ep, req);
}

void endpoint_write(struct endpoint *ep, struct block_req *req)
{
    endpoint_check_block(ep, req);
    assert(req->zero_count == 0 || (ep->capabilities & ENDPOINT_TAKES_ZEROS));
    ep->inflight++;
    ep->ops->write(ep, req);
}

void endpoint_zero(struct endpoint *ep, struct block_req *req)
{
    endpoint_check_extent(ep, req);
    assert(!req->buf && req->length <= ep->clear_max_bytes);
    ep->inflight++;
    ep->ops->zero(ep, req);
}

void endpoint_pull(struct endpoint *ep, struct block_req *req)
{
    struct endpoint *from = req->from;

    endpoint_check_extent(ep, req);
    endpoint_check_extent(from, req);
    assert(!req->buf && req->length <= ep->request_max_bytes);
    assert(ep->capabilities & ENDPOINT_CAN_PULL && from->capabilities & ENDPOINT_LENDS);
    req->from = from->ops->lender(from);
    req->from_failed = false;
    ep->inflight++;
    ep->ops->pull(ep, req);
}

void endpoint_flush(struct endpoint *ep, struct block_req *req)
{
    assert(req->done && !err_is_set(&req->err) && !req->buf);
    ep->inflight++;
    ep->ops->flush(ep, req);
}

void endpoint_block_end(struct endpoint *ep, struct block_req *req)
{
    assert(ep->inflight > 0);
    ep->inflight--;
    req->done(req);
}

void endpoint_give_up(struct endpoint *ep)
{
    if (ep->ops->give_up)
        ep->ops->give_up(ep);
}

void endpoint_close(struct endpoint *ep)
{
    if (!ep)
        return;
    assert(ep->inflight == 0);
    ep->ops->close(ep);
}
