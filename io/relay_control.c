/* relay_control.c - stat, setup, list, read and flush of an endpoint behind a receiver: one exchange each, a
 * list as many as it has pages. See endpoint_relay.h.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_relay_parts.h"

/* What writes beside us, compares or asks for a plan is the receiver's business, not ours. */
#define NATURE_IGNORED                                                                             \
    (ENDPOINT_LIMITS_REQUESTS | ENDPOINT_CHECKS_CRC64 | ENDPOINT_COMPARES | ENDPOINT_WANTS_PLAN)

/* Between two changed ranges a gap of this is sent too. In a batch a separate piece costs some twenty bytes
 * of the wire, so no gap would be worth its bytes; but each piece is a read at the source and a write at the
 * target, whose regions count requests. Compressed, 16 KiB cross a link of 100 Mbit/s in less than the 2
 * ms that a page blob takes for a request at its limit. */
#define REQUEST_COST_BYTES (16u << 10)

static const char *text_of(const struct relay_call *call)
{
    return call->answer_bytes ? (const char *)call->answer : "";
}

static bool corrupt(const struct relay_call *call, struct err *e, const char *what)
{
    err_set(e, ERR_CORRUPT, RETRY_LATER, "%.200s: %s", call->ep->base.name, what);
    memcpy(e->request_id, call->http.answer.request_id, sizeof e->request_id);
    return false;
}

/* ---- Stat ---- */

static void take_nature(struct endpoint_relay *ep, const struct relay_nature *nature)
{
    struct endpoint *base = &ep->base;

    base->capabilities = (nature->capabilities & ~(unsigned)NATURE_IGNORED) | ENDPOINT_TAKES_ZEROS;
    if (nature->align_bytes >= ENDPOINT_PAGE_BYTES &&
        base->request_max_bytes % nature->align_bytes == 0)
        base->align_bytes = nature->align_bytes;
    base->clear_max_bytes = nature->clear_max_bytes < base->request_max_bytes
                                ? base->request_max_bytes
                                : nature->clear_max_bytes;
}

static void on_stat(struct relay_call *call)
{
    struct endpoint_relay *ep = call->ep;
    struct stat_req *req = call->owner;
    struct relay_nature nature = {0};

    req->err = call->http.err;
    if (!err_is_set(&req->err) &&
        relay_stat_parse(text_of(call), call->answer_bytes, req, &nature, &req->err))
        take_nature(ep, &nature);
    relay_call_give(call);
    endpoint_stat_end(&ep->base, req);
}

void relay_control_stat(struct endpoint *base, struct stat_req *req)
{
    struct relay_call *call = relay_call_take(endpoint_relay_of(base), RELAY_STAT);

    base->request_cost_bytes = REQUEST_COST_BYTES;
    call->http.method = HTTP_GET;
    relay_call_send(call, req, on_stat);
}

/* ---- Setup ---- */

static void on_setup(struct relay_call *call)
{
    struct endpoint_relay *ep = call->ep;
    struct setup_req *req = call->owner;

    req->err = call->http.err;
    if (!err_is_set(&req->err) &&
        relay_setup_answer_parse(text_of(call), call->answer_bytes, req, &req->err) &&
        req->verb == SETUP_LEASE)
        snprintf(ep->lease, sizeof ep->lease, "%s", req->lease_id);
    relay_call_give(call);
    endpoint_setup_end(&ep->base, req);
}

/* A fence is of the generation that may go on: what was sent before it is of a lower one. */
void relay_control_setup(struct endpoint *base, struct setup_req *req)
{
    struct endpoint_relay *ep = endpoint_relay_of(base);
    struct relay_call *call = relay_call_take(ep, RELAY_SETUP);

    assert(req->verb != SETUP_EXPECT);
    if (req->verb == SETUP_FENCE || req->verb == SETUP_REMOVE)
        ep->generation++;
    if (req->marker) /* also where the answer is lost: our caller looks if it stands */
        snprintf(ep->copy_uuid, sizeof ep->copy_uuid, "%s", req->marker->copy_uuid);
    relay_call_set_json(call, relay_setup_json(req));
    call->http.send_once = req->verb != SETUP_LEASE;
    call->http.urgent = req->verb == SETUP_LEASE; /* a full queue must not let it end */
    relay_call_send(call, req, on_setup);
    if (req->verb == SETUP_UNLEASE)
        ep->lease[0] = 0;
}

/* ---- List ---- */

struct relay_listing {
    struct endpoint_relay *ep;
    struct list_req *req;
    struct extent rest; /* of req->within */
};

static void list_send(struct relay_listing *listing);

static void list_end(struct relay_listing *listing)
{
    struct endpoint *base = &listing->ep->base;
    struct list_req *req = listing->req;

    free(listing);
    endpoint_list_end(base, req);
}

/* True: the list is whole. */
static bool list_take_page(struct relay_listing *listing, const struct relay_call *call,
                           struct err *e)
{
    struct list_req *req = listing->req;
    struct list_req page = {.within = listing->rest,
                            .since = req->since,
                            .out_data = req->out_data,
                            .out_clears = req->out_clears};
    uint64_t up_to = 0, end = extent_end(listing->rest);

    if (!relay_list_parse(text_of(call), call->answer_bytes, &page, &up_to, e))
        return false;
    if (listing->rest.offset > req->within.offset && page.size_bytes != req->size_bytes)
        return err_set(e, ERR_GONE, RETRY_REPLAN, "%.200s changed its size while it was listed",
                       call->ep->base.name);
    req->size_bytes = page.size_bytes;
    req->up_to = up_to;
    if (up_to >= end || up_to >= page.size_bytes)
        return true;
    if (up_to <= listing->rest.offset)
        return corrupt(call, e, "the receiver's list does not go on");
    listing->rest = (struct extent){up_to, end - up_to};
    return false;
}

static void on_list(struct relay_call *call)
{
    struct relay_listing *listing = call->owner;
    struct list_req *req = listing->req;
    bool whole = false;

    req->err = call->http.err;
    if (!err_is_set(&req->err))
        whole = list_take_page(listing, call, &req->err);
    relay_call_give(call);
    if (whole || err_is_set(&req->err)) {
        list_end(listing);
        return;
    }
    if (req->page)
        req->page(req);
    list_send(listing);
}

static void list_send(struct relay_listing *listing)
{
    struct relay_call *call = relay_call_take(listing->ep, RELAY_LIST);
    const char *since = listing->req->since;
    int length;

    length = snprintf(call->additions, sizeof call->additions,
                      "offset=%" PRIu64 "&length=%" PRIu64 "%s%s", listing->rest.offset,
                      listing->rest.length, since ? "&since=" : "", since ? since : "");
    assert(length > 0 && (size_t)length < sizeof call->additions);
    call->http.method = HTTP_GET;
    relay_call_send(call, listing, on_list);
}

struct refused_list {
    struct reactor_task task;
    struct endpoint *base;
    struct list_req *req;
};

static void on_list_refused(struct reactor_task *task)
{
    struct refused_list refused = *(struct refused_list *)(void *)task;

    free(task);
    endpoint_list_end(refused.base, refused.req);
}

/* A URL with its SAS is nothing a receiver could use, and must not travel. */
static void list_refuse(struct endpoint *base, struct list_req *req)
{
    struct refused_list *refused = calloc(1, sizeof *refused);

    assert(refused);
    refused->base = base;
    refused->req = req;
    err_set(&req->err, ERR_USAGE, RETRY_NEVER,
            "%.200s: a difference at a receiver is asked for by a snapshot's time alone",
            base->name);
    reactor_post(base->reactor, &refused->task, on_list_refused);
}

static bool is_plain_time(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length < 64 && strspn(text, "0123456789-:.TZ") == length;
}

void relay_control_list(struct endpoint *base, struct list_req *req)
{
    struct relay_listing *listing;

    if (req->since && !is_plain_time(req->since)) {
        list_refuse(base, req);
        return;
    }
    listing = calloc(1, sizeof *listing);
    assert(listing);
    *listing = (struct relay_listing){endpoint_relay_of(base), req, req->within};
    list_send(listing);
}

/* ---- Read and flush ---- */

static void on_read(struct relay_call *call)
{
    struct endpoint *base = &call->ep->base;
    struct block_req *req = call->owner;

    req->err = call->http.err;
    req->crc64 = call->http.answer.crc64;
    if (!err_is_set(&req->err) && !(call->crc64_told && call->crc64 == req->crc64))
        corrupt(call, &req->err, "what was read does not match the receiver's CRC64");
    req->crc64_known = !err_is_set(&req->err);
    relay_call_give(call);
    endpoint_block_end(base, req);
}

void relay_control_read(struct endpoint *base, struct block_req *req)
{
    struct relay_call *call = relay_call_take(endpoint_relay_of(base), RELAY_READ);

    snprintf(call->additions, sizeof call->additions, "offset=%" PRIu64 "&length=%" PRIu64,
             req->offset, req->length);
    call->http.method = HTTP_GET;
    call->http.memory = req->buf->memory + req->buf_offset;
    call->http.memory_bytes = (size_t)req->length;
    call->http.exact = true;
    call->http.crc64 = true;
    relay_call_send(call, req, on_read);
}

static void on_flushed(struct relay_call *call)
{
    struct endpoint *base = &call->ep->base;
    struct block_req *req = call->owner;

    req->err = call->http.err;
    relay_call_give(call);
    endpoint_block_end(base, req);
}

void relay_control_flush(struct endpoint *base, struct block_req *req)
{
    relay_call_send(relay_call_take(endpoint_relay_of(base), RELAY_FLUSH), req, on_flushed);
}
