/* receiver_desk.c - see receiver_desk.h: desks come and go, calls are admitted one after the other. */
#include "engine/receiver_desk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/receiver_batch.h"

static uint64_t desk_now_ns(const struct receiver_desk *desk)
{
    return reactor_now_ns(desk->receiver->setup.reactor);
}

/* ---- Life ---- */

static bool desk_is_free(const struct receiver_desk *desk)
{
    return desk->running == 0 && !desk->first && desk->buffers == 0 && !desk->looking &&
           !desk->controlling && (!desk->ep || desk->ep->inflight == 0);
}

void receiver_desk_close_endpoint(struct receiver_desk *desk)
{
    assert(desk->inflight == 0 && !desk->flushing);
    endpoint_close(desk->ep);
    desk->ep = NULL;
    desk->looked = desk->met = desk->leased_there = desk->stale = false;
}

static void listing_fini(struct desk_listing *listing)
{
    extent_set_fini(&listing->data);
    extent_set_fini(&listing->clears);
    listing->kept = false;
}

static void desk_free(struct receiver_desk *desk)
{
    reactor_disarm(desk->receiver->setup.reactor, &desk->pace_timer);
    assert(!desk->pace_first && !desk->batches && !desk->task.posted);
    receiver_desk_close_endpoint(desk);
    listing_fini(&desk->listing);
    extent_set_fini(&desk->unsure);
    desk->receiver->counts.desks--;
    free(desk);
}

void receiver_desks_sweep(struct receiver *receiver, uint64_t idle_ns)
{
    struct receiver_desk **at = &receiver->desks;

    while (*at) {
        struct receiver_desk *desk = *at;

        /* The lease of a desk whose receiver ends is nobody's any more. */
        if (!desk_is_free(desk) || desk->task.posted ||
            (idle_ns > 0 &&
             (receiver_lease_is_active(desk) || desk_now_ns(desk) - desk->used_ns < idle_ns))) {
            at = &desk->next;
            continue;
        }
        *at = desk->next;
        desk_free(desk);
    }
}

struct receiver_desk *receiver_desk_of(struct receiver *receiver, const char *name, struct err *e)
{
    struct receiver_desk *desk = receiver->desks;

    while (desk && strcmp(desk->name, name) != 0)
        desk = desk->next;
    if (desk)
        return desk;
    if (receiver->counts.desks >= RECEIVER_DESKS_MAX)
        receiver_desks_sweep(receiver, NS_PER_S);
    if (receiver->counts.desks >= RECEIVER_DESKS_MAX) {
        err_set(e, ERR_THROTTLED, RETRY_LATER, "the receiver has too many targets in use");
        return NULL;
    }
    desk = calloc(1, sizeof *desk);
    assert(desk);
    desk->receiver = receiver;
    snprintf(desk->name, sizeof desk->name, "%s", name);
    pacer_init(&desk->pacer, PACER_WINDOW_START, DESK_WINDOW_MAX);
    desk->next = receiver->desks;
    receiver->desks = desk;
    receiver->counts.desks++;
    return desk;
}

/* ---- What is known of the target ---- */

void receiver_desk_saw(struct receiver_desk *desk, bool exists, const struct marker *marker)
{
    /* What a receiver before us lost sight of may still land, and who wrote while the target was not open
     * was kept out by nobody: it is fenced before anything changes. */
    if (!desk->met && exists && marker && marker->state == MARKER_COPYING &&
        (desk->ep->capabilities & ENDPOINT_CAN_FENCE))
        receiver_desk_unsure(desk, (struct extent){0, desk->ep->size_bytes});
    desk->met = true;
    desk->looked = true;
    desk->exists = exists;
    desk->marker_state = MARKER_NONE;
    desk->copy_uuid[0] = '\0';
    if (!marker || marker->state == MARKER_NONE)
        return;
    desk->marker_state = marker->state;
    memcpy(desk->copy_uuid, marker->copy_uuid, sizeof desk->copy_uuid);
}

void receiver_desk_unsure(struct receiver_desk *desk, struct extent range)
{
    struct extent_set *unsure = &desk->unsure;

    if (unsure->count < DESK_UNSURE_EXTENTS_MAX && extent_set_add(unsure, range))
        return;
    /* Too many to tell apart: everything between them counts too. */
    if (unsure->count > 0) {
        struct extent first = extent_set_at(unsure, 0);
        struct extent last = extent_set_at(unsure, unsure->count - 1);
        uint64_t end = extent_end(last) > extent_end(range) ? extent_end(last) : extent_end(range);

        range.offset = range.offset < first.offset ? range.offset : first.offset;
        range.length = end - range.offset;
    }
    extent_set_clear(unsure);
    if (!extent_set_add(unsure, range))
        assert(!"one extent finds room where many were");
}

/* Where the answer was lost the target may have fenced off all that this endpoint will send: then nothing is
 * sure before the next fence. */
void receiver_desk_fenced(struct receiver_desk *desk, const struct err *error)
{
    if (!err_is_set(error)) {
        extent_set_clear(&desk->unsure);
        desk->receiver->counts.fences++;
    } else if (retry_is_indefinite(error) && desk->ep->size_bytes > 0) {
        receiver_desk_unsure(desk, (struct extent){0, desk->ep->size_bytes});
    }
}

/* ---- Admission ---- */

static void desk_pump(struct receiver_desk *desk);

static void on_task(struct reactor_task *task)
{
    desk_pump((struct receiver_desk *)((char *)task - offsetof(struct receiver_desk, task)));
}

void receiver_desk_post(struct receiver_desk *desk)
{
    if (!desk->task.posted)
        reactor_post(desk->receiver->setup.reactor, &desk->task, on_task);
}

static struct receiver_call *take_first(struct receiver_desk *desk)
{
    struct receiver_call *call = desk->first;

    desk->first = call->next;
    if (!desk->first)
        desk->last = NULL;
    call->next = NULL;
    return call;
}

static void on_control(struct setup_req *req)
{
    struct receiver_desk *desk =
        (struct receiver_desk *)((char *)req - offsetof(struct receiver_desk, control));

    desk->controlling = false;
    if (req->verb == SETUP_FENCE)
        receiver_desk_fenced(desk, &req->err);
    if (!err_is_set(&req->err)) {
        if (req->verb == SETUP_LEASE) {
            desk->leased_there = true;
            receiver_lease_take(desk, desk->control_lease);
        }
    } else if (desk->first) { /* it was for him that we asked */
        receiver_refuse(take_first(desk), &req->err);
    }
    receiver_desk_post(desk);
}

void receiver_desk_control(struct receiver_desk *desk, enum setup_verb verb, const char *lease_id)
{
    assert(!desk->controlling);
    desk->controlling = true;
    snprintf(desk->control_lease, sizeof desk->control_lease, "%s", lease_id ? lease_id : "");
    desk->control =
        (struct setup_req){.verb = verb, .lease_id = desk->control_lease, .done = on_control};
    endpoint_setup(desk->ep, &desk->control);
}

static void on_look(struct stat_req *req)
{
    struct receiver_desk *desk =
        (struct receiver_desk *)((char *)req - offsetof(struct receiver_desk, look));

    desk->looking = false;
    if (!err_is_set(&req->err))
        receiver_desk_saw(desk, req->exists, &req->marker);
    else if (desk->first)
        receiver_refuse(take_first(desk), &req->err);
    receiver_desk_post(desk);
}

/* Opened afresh for whoever begins with a look, and after something was gone: so that a target that was
 * exchanged is seen. */
static bool desk_has_endpoint(struct receiver_desk *desk, const struct receiver_call *call,
                              struct err *e)
{
    const struct receiver_setup *setup = &desk->receiver->setup;

    if (desk->ep && desk->running == 0 && desk->ep->inflight == 0 &&
        (desk->stale || (call->verb == RELAY_STAT && !receiver_lease_is_active(desk))))
        receiver_desk_close_endpoint(desk);
    if (!desk->ep)
        desk->ep = setup->open(setup->arg, desk->name, true, e);
    return desk->ep != NULL;
}

static enum desk_answer desk_admit_looked(struct receiver_desk *desk, struct receiver_call *call,
                                          struct err *e)
{
    if (!desk->exists && call->verb != RELAY_SETUP) {
        err_set(e, ERR_GONE, RETRY_REPLAN, "%.200s does not exist", desk->name);
        return DESK_REFUSES;
    }
    if (call->size_bytes && call->verb != RELAY_SETUP && call->size_bytes != desk->ep->size_bytes) {
        err_set(e, ERR_GONE, RETRY_REPLAN, "%.200s has %llu bytes, not %llu", desk->name,
                (unsigned long long)desk->ep->size_bytes, (unsigned long long)call->size_bytes);
        return DESK_REFUSES;
    }
    return receiver_changes(call) ? receiver_admit_change(desk, call, e) : DESK_ADMITS;
}

static enum desk_answer desk_admit(struct receiver_desk *desk, struct receiver_call *call,
                                   struct err *e)
{
    if (desk->receiver->stopping) {
        err_set(e, ERR_CANCELED, RETRY_LATER, "the receiver is ending");
        return DESK_REFUSES;
    }
    if (desk->looking || desk->controlling || (desk->stale && desk->running > 0))
        return DESK_WAITS;
    if (!desk_has_endpoint(desk, call, e))
        return DESK_REFUSES;
    if (call->verb == RELAY_STAT)
        return DESK_ADMITS;
    if (!desk->looked) {
        desk->looking = true;
        desk->look = (struct stat_req){.done = on_look};
        endpoint_stat(desk->ep, &desk->look);
        return DESK_WAITS;
    }
    return desk_admit_looked(desk, call, e);
}

static void desk_pump(struct receiver_desk *desk)
{
    while (desk->first) {
        struct receiver_call *call = desk->first;
        struct err e = {0};
        enum desk_answer answer = desk_admit(desk, call, &e);

        if (answer == DESK_WAITS)
            return;
        take_first(desk);
        if (answer == DESK_REFUSES) {
            receiver_refuse(call, &e);
            continue;
        }
        call->admitted = true;
        desk->running++;
        desk->changing += receiver_changes(call);
        call->run(call);
    }
    /* Nobody holds it any more: a file is let go, for others on this machine. */
    if (desk->ep && desk->leased_once && !desk->lease.held[0] && desk_is_free(desk))
        receiver_desk_close_endpoint(desk);
}

void receiver_desk_enter(struct receiver_call *call)
{
    struct err e = {0};

    call->desk = receiver_desk_of(call->receiver, call->name, &e);
    if (!call->desk) {
        receiver_refuse(call, &e);
        return;
    }
    call->desk->used_ns = desk_now_ns(call->desk);
    call->next = NULL;
    if (call->desk->last)
        call->desk->last->next = call;
    else
        call->desk->first = call;
    call->desk->last = call;
    receiver_desk_post(call->desk);
}

void receiver_desk_leave(struct receiver_call *call)
{
    struct receiver_desk *desk = call->desk;

    if (!desk)
        return;
    desk->used_ns = desk_now_ns(desk);
    if (call->admitted) {
        assert(desk->running > 0);
        desk->running--;
        desk->changing -= receiver_changes(call);
        call->admitted = false;
    }
    call->desk = NULL;
    receiver_desk_post(desk);
}
