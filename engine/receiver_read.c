/* receiver_read.c - list, read and have: what a sender is told of a target; see receiver_call.h. */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine/receiver_batch.h"
#include "io/crc64.h"

#define SINCE_CHARACTERS "0123456789TZ:.-" /* a snapshot's time, never a URL */

static bool query_number(const struct receiver_call *call, const char *name, uint64_t *out)
{
    const char *text = http_call_query(call->http, name);

    return text && relay_number_parse(text, INT64_MAX, out);
}

/* offset and length of the query, inside the target, in multiples of align_bytes. */
static bool query_range(struct receiver_call *call, uint32_t align_bytes, struct err *e)
{
    uint64_t size_bytes = call->desk->ep->size_bytes;
    struct extent *range = &call->range;

    if (!query_number(call, "offset", &range->offset) ||
        !query_number(call, "length", &range->length))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "offset and length are numbers");
    if (range->length == 0 || range->offset > size_bytes ||
        range->length > size_bytes - range->offset || range->offset % align_bytes != 0 ||
        range->length % align_bytes != 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%llu bytes at %llu are not inside the %llu of the target, in units of %u",
                       (unsigned long long)range->length, (unsigned long long)range->offset,
                       (unsigned long long)size_bytes, align_bytes);
    return true;
}

/* ---- list ---- */

/* Moves from set to out what begins before end, count_max extents at most; where it had to stop. */
static uint64_t take_page(struct extent_set *data, struct extent_set *clears, uint64_t end,
                          struct receiver_call *call)
{
    for (uint32_t count = 0; data->count > 0 || clears->count > 0; count++) {
        bool clear = data->count == 0 || (clears->count > 0 && extent_set_at(clears, 0).offset <
                                                                   extent_set_at(data, 0).offset);
        struct extent_set *set = clear ? clears : data;
        struct extent first;

        if (count == RELAY_LIST_EXTENTS_MAX)
            return extent_set_at(set, 0).offset;
        if (!extent_set_take_front(set, UINT64_MAX, 0, &first) ||
            !extent_set_append(clear ? &call->clears : &call->data, first))
            assert(!"a page of a list finds room");
    }
    return end;
}

static void tell_page(struct receiver_call *call)
{
    struct desk_listing *listing = &call->desk->listing;
    struct list_req page = {.out_data = &call->data,
                            .out_clears = &call->clears,
                            .size_bytes = listing->size_bytes};
    uint64_t up_to = take_page(&listing->data, &listing->clears, extent_end(listing->within), call);
    char *json = relay_list_json(&page, up_to);

    listing->next = up_to;
    listing->kept = up_to < extent_end(listing->within);
    extent_set_fini(&call->data);
    extent_set_fini(&call->clears);
    receiver_answer_json(call, json);
}

static bool clip(struct extent_set *set, struct extent within)
{
    struct extent before = {0, within.offset};
    struct extent behind = {extent_end(within), INT64_MAX - extent_end(within)};

    return extent_set_subtract(set, before) && extent_set_subtract(set, behind);
}

static void on_list(struct list_req *req)
{
    struct receiver_call *call =
        (struct receiver_call *)((char *)req - offsetof(struct receiver_call, list));
    struct desk_listing *listing = &call->desk->listing;
    struct err e = req->err;

    if (!err_is_set(&e) && (!clip(&call->data, req->within) || !clip(&call->clears, req->within)))
        err_set(&e, ERR_LIMIT, RETRY_NEVER, "no memory for a list");
    if (err_is_set(&e)) {
        extent_set_fini(&call->data);
        extent_set_fini(&call->clears);
        receiver_refuse(call, &e);
        return;
    }
    extent_set_fini(&listing->data);
    extent_set_fini(&listing->clears);
    extent_set_move(&listing->data, &call->data);
    extent_set_move(&listing->clears, &call->clears);
    listing->within = req->within;
    listing->size_bytes = req->size_bytes;
    snprintf(listing->since, sizeof listing->since, "%s", req->since ? req->since : "");
    tell_page(call);
}

/* The page that follows the last: it was found with it. */
static bool goes_on(const struct desk_listing *listing, const struct receiver_call *call,
                    const char *since)
{
    return listing->kept && listing->next == call->range.offset &&
           extent_end(listing->within) == extent_end(call->range) &&
           strcmp(listing->since, since ? since : "") == 0;
}

static void run_list(struct receiver_call *call)
{
    struct endpoint *ep = call->desk->ep;
    const char *since = http_call_query(call->http, "since");
    struct err e = {0};

    if (since && !*since)
        since = NULL;
    if (!query_range(call, ENDPOINT_PAGE_BYTES, &e)) {
        receiver_refuse(call, &e);
        return;
    }
    if (since &&
        (strlen(since) >= sizeof call->desk->listing.since ||
         since[strspn(since, SINCE_CHARACTERS)] || !(ep->capabilities & ENDPOINT_CAN_DIFF)))
        err_set(&e, ERR_USAGE, RETRY_NEVER, "since is no time of a snapshot of the target");
    else if (goes_on(&call->desk->listing, call, since)) {
        tell_page(call);
        return;
    }
    if (err_is_set(&e)) {
        receiver_refuse(call, &e);
        return;
    }
    call->desk->listing.kept = false;
    call->list = (struct list_req){.within = call->range,
                                   .since = since,
                                   .out_data = &call->data,
                                   .out_clears = &call->clears,
                                   .done = on_list};
    endpoint_list(ep, &call->list);
}

void receiver_ready_list(struct receiver_call *call)
{
    call->run = run_list;
    receiver_desk_enter(call);
}

/* ---- read ---- */

static void read_on(struct receiver_call *call);

static void on_read(struct block_req *req)
{
    struct receiver_call *call =
        (struct receiver_call *)((char *)req - offsetof(struct receiver_call, block));

    if (err_is_set(&req->err)) {
        struct err e = req->err;

        receiver_buffer_give(call->desk, call->buf);
        receiver_refuse(call, &e);
        return;
    }
    call->read_bytes += (uint32_t)req->length;
    read_on(call);
}

static void read_on(struct receiver_call *call)
{
    struct endpoint *ep = call->desk->ep;
    uint64_t left = call->range.length - call->read_bytes;

    if (left == 0) {
        receiver_answer_buf(call, (size_t)call->range.length,
                            crc64_update(0, call->buf->memory, (size_t)call->range.length));
        return;
    }
    if (extent_end(call->range) > ep->size_bytes) { /* since it was checked */
        struct err e = {0};

        err_set(&e, ERR_GONE, RETRY_REPLAN, "%.200s became smaller", ep->name);
        receiver_buffer_give(call->desk, call->buf);
        receiver_refuse(call, &e);
        return;
    }
    call->block = (struct block_req){
        .offset = call->range.offset + call->read_bytes,
        .length = left < ep->request_max_bytes ? left : ep->request_max_bytes,
        .buf = call->buf,
        .buf_offset = call->read_bytes,
        .done = on_read,
    };
    endpoint_read(ep, &call->block);
}

static void got_buffer(struct receiver_wait *wait)
{
    struct receiver_call *call =
        (struct receiver_call *)((char *)wait - offsetof(struct receiver_call, wait));

    call->buf = wait->buf;
    read_on(call);
}

static void run_read(struct receiver_call *call)
{
    struct err e = {0};

    if (!query_range(call, call->desk->ep->align_bytes, &e)) {
        receiver_refuse(call, &e);
        return;
    }
    if (call->range.length > BUF_BYTES) {
        err_set(&e, ERR_LIMIT, RETRY_NEVER, "one read is of at most %u bytes", BUF_BYTES);
        receiver_refuse(call, &e);
        return;
    }
    call->wait.desk = call->desk;
    call->wait.got = got_buffer;
    receiver_buffer_want(call->receiver, &call->wait);
}

void receiver_ready_read(struct receiver_call *call)
{
    call->run = run_read;
    receiver_desk_enter(call);
}

/* ---- have ---- */

void receiver_ready_have(struct receiver_call *call)
{
    static const unsigned char none[1];
    struct err e = {0};
    size_t count;
    const unsigned char *body = http_call_body(call->http, &count);
    unsigned char bits[RELAY_HAVE_IDS_MAX / 8] = {0};
    struct block_place place;

    if (count % BLOCK_ID_BYTES != 0 || count / BLOCK_ID_BYTES > RELAY_HAVE_IDS_MAX) {
        err_set(&e, ERR_USAGE, RETRY_NEVER, "at most %u ids of %u bytes can be asked for",
                RELAY_HAVE_IDS_MAX, BLOCK_ID_BYTES);
        receiver_refuse(call, &e);
        return;
    }
    call->client = receiver_client_take(call->receiver, http_call_peer(call->http), call->name);
    count /= BLOCK_ID_BYTES;
    for (size_t i = 0; call->client->index && i < count; i++) {
        struct block_id id;

        memcpy(id.bytes, body + i * BLOCK_ID_BYTES, BLOCK_ID_BYTES);
        if (block_index_find(call->client->index, &id, &place))
            bits[i / 8] |= (unsigned char)(1u << (i % 8));
    }
    receiver_answer_bytes(call, count ? bits : none, (count + 7) / 8);
}
