/* receiver_verbs.c - stat, setup and flush: asked of the endpoint as they came; see receiver_call.h. */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine/receiver_batch.h"

/* ---- stat ---- */

static struct relay_nature nature_of(const struct endpoint *ep)
{
    /* Every write is durable when it is answered, and leases there are everywhere: here. */
    unsigned hidden =
        ENDPOINT_BUFFERS | ENDPOINT_WANTS_PLAN | ENDPOINT_COMPARES | ENDPOINT_KNOWS_RESULT;

    return (struct relay_nature){
        .align_bytes = ep->align_bytes,
        .request_cost_bytes = ep->request_cost_bytes,
        .clear_max_bytes = ep->clear_max_bytes,
        .capabilities = (ep->capabilities & ~hidden) | ENDPOINT_CAN_LEASE,
    };
}

static void on_stat(struct stat_req *req)
{
    struct receiver_call *call =
        (struct receiver_call *)((char *)req - offsetof(struct receiver_call, stat));
    struct relay_nature nature = nature_of(call->desk->ep);

    if (req->err.kind == ERR_GONE && !call->again) { /* the endpoint's; what is there now? */
        call->again = call->desk->stale = true;
        receiver_desk_leave(call);
        receiver_desk_enter(call);
        return;
    }
    if (err_is_set(&req->err)) {
        receiver_refuse(call, &req->err);
        return;
    }
    receiver_desk_saw(call->desk, req->exists, &req->marker);
    receiver_answer_json(call, relay_stat_json(req, &nature));
}

static void run_stat(struct receiver_call *call)
{
    call->stat = (struct stat_req){.done = on_stat};
    endpoint_stat(call->desk->ep, &call->stat);
}

void receiver_ready_stat(struct receiver_call *call)
{
    call->run = run_stat;
    receiver_desk_enter(call);
}

/* ---- setup ---- */

/* What a setup that succeeded, or may have, makes of what is known of the target. */
static void setup_learn(struct receiver_desk *desk, const struct setup_req *req)
{
    if (req->verb == SETUP_FENCE)
        receiver_desk_fenced(desk, &req->err);
    if (err_is_set(&req->err)) {
        if (req->verb == SETUP_CREATE || req->verb == SETUP_RESIZE || req->verb == SETUP_MARK ||
            req->verb == SETUP_REMOVE)
            desk->looked = false;
        return;
    }
    if (req->verb == SETUP_CREATE || req->verb == SETUP_MARK)
        receiver_desk_saw(desk, true, req->marker);
    if (req->verb == SETUP_REMOVE) {
        extent_set_clear(&desk->unsure);
        receiver_desk_saw(desk, false, NULL);
        desk->leased_there = false;
        desk->lease.held[0] = '\0';
    }
    if (req->verb == SETUP_LEASE) {
        desk->leased_there = true;
        receiver_lease_take(desk, req->lease_id);
    }
}

static void setup_end(struct receiver_call *call)
{
    struct setup_req *req = &call->setup.req;

    if (req->verb == SETUP_LEASE)
        call->desk->controlling = false;
    setup_learn(call->desk, req);
    if (err_is_set(&req->err))
        receiver_refuse(call, &req->err);
    else
        receiver_answer_json(call, relay_setup_answer_json(req));
}

static void on_setup(struct setup_req *req)
{
    setup_end((struct receiver_call *)((char *)req - offsetof(struct receiver_call, setup.req)));
}

static unsigned setup_needs(enum setup_verb verb)
{
    switch (verb) {
    case SETUP_CREATE:
        return ENDPOINT_CAN_CREATE;
    case SETUP_RESIZE:
        return ENDPOINT_CAN_RESIZE;
    case SETUP_MARK:
        return ENDPOINT_CAN_MARK;
    case SETUP_SNAPSHOT:
        return ENDPOINT_CAN_SNAPSHOT;
    case SETUP_FENCE:
        return ENDPOINT_CAN_FENCE;
    case SETUP_REMOVE:
        return ENDPOINT_CAN_REMOVE;
    case SETUP_LEASE:
    case SETUP_UNLEASE:
        return ENDPOINT_CAN_LEASE;
    case SETUP_EXPECT:
    case SETUP_AGREE:
        break;
    }
    assert(!"such a setup is not parsed");
    return 0;
}

static void run_setup(struct receiver_call *call)
{
    struct receiver_desk *desk = call->desk;
    struct setup_req *req = &call->setup.req;
    bool able = (desk->ep->capabilities & setup_needs(req->verb)) != 0;

    req->done = on_setup;
    if (req->verb == SETUP_UNLEASE && !mem_lease_give(&desk->lease, req->lease_id, &req->err)) {
        setup_end(call);
        return;
    }
    /* Until it is known who holds it. */
    desk->controlling |= req->verb == SETUP_LEASE;
    if (able) {
        endpoint_setup(desk->ep, req);
        return;
    }
    /* A fence or lease that the target has none of is the desk's own alone. */
    if (req->verb != SETUP_FENCE && req->verb != SETUP_LEASE && req->verb != SETUP_UNLEASE)
        err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%.200s cannot do that", desk->ep->name);
    setup_end(call);
}

void receiver_ready_setup(struct receiver_call *call)
{
    struct err e = {0};
    size_t count;
    const char *body = http_call_body(call->http, &count);

    if (!relay_setup_parse(body, count, &call->setup, &e)) {
        receiver_refuse(call, &e);
        return;
    }
    /* Disks are never removed from afar. */
    if (call->setup.req.verb == SETUP_REMOVE && !relay_name_is_scratch(call->name)) {
        err_set(&e, ERR_AUTH, RETRY_NEVER, "%.200s is no scratch of a measurement: it is kept",
                call->name);
        receiver_refuse(call, &e);
        return;
    }
    call->run = run_setup;
    receiver_desk_enter(call);
}

/* ---- flush ---- */

static void on_flush(struct block_req *req)
{
    struct receiver_call *call =
        (struct receiver_call *)((char *)req - offsetof(struct receiver_call, block));

    if (err_is_set(&req->err)) {
        receiver_flush_failed(call->desk, &req->err);
        receiver_refuse(call, &req->err);
        return;
    }
    receiver_answer_bytes(call, "{}", 2);
}

static void run_flush(struct receiver_call *call)
{
    call->block = (struct block_req){.done = on_flush};
    endpoint_flush(call->desk->ep, &call->block);
}

void receiver_ready_flush(struct receiver_call *call)
{
    call->run = run_flush;
    receiver_desk_enter(call);
}
