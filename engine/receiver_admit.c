/* receiver_admit.c - may this call change the target now? See receiver_desk.h.
 *
 * Three things keep two writers apart. The lease, in memory here and at the target where that has leases:
 * one holder at a time. The sender and its generation: who was followed by another run, or put up a fence, is
 * heard no more once what it had under way has ended. The marker: a write names the copy it is part of. So a
 * sender that was away, or one of before this receiver was started, cannot write into what another copy made.
 */
#include <stdio.h>
#include <string.h>

#include "engine/receiver_batch.h"

static enum desk_answer refuse(struct err *e, enum err_retry retry, int status, const char *code,
                               const char *why)
{
    err_set(e, ERR_CONFLICT, retry, "%s", why);
    e->http_status = status;
    snprintf(e->code, sizeof e->code, "%s", code);
    return DESK_REFUSES;
}

/* ---- The lease ---- */

static uint64_t now_ns(const struct receiver_desk *desk)
{
    return reactor_now_ns(desk->receiver->setup.reactor);
}

bool receiver_lease_is_active(const struct receiver_desk *desk)
{
    return desk->lease.held[0] && now_ns(desk) < desk->lease.until_ns;
}

void receiver_lease_take(struct receiver_desk *desk, const char *id)
{
    struct err e = {0};

    desk->lease.carried[0] = '\0'; /* that is each call's own, see lease_allows */
    desk->leased_once |= mem_lease_take(&desk->lease, id, now_ns(desk), &e);
}

/* The marker that is there is of the copy that the sender works for. */
static bool is_its_copy(const struct receiver_desk *desk, const struct receiver_call *call)
{
    return desk->marker_state == MARKER_COPYING && call->copy[0] &&
           strcmp(desk->copy_uuid, call->copy) == 0;
}

/* After a restart of the receiver a lease that nobody knows is believed if the marker agrees. */
static enum desk_answer lease_adopt(struct receiver_desk *desk, struct receiver_call *call,
                                    struct err *e)
{
    bool keeps_marks = (desk->ep->capabilities & ENDPOINT_KEEPS_MARKS) != 0;

    if (desk->leased_once || (keeps_marks && !is_its_copy(desk, call)))
        return refuse(e, RETRY_NEVER, 412, "LeaseNotPresentWithBlobOperation",
                      "the lease of this sender has ended");
    receiver_say(desk->receiver, desk->name, "a sender goes on under the lease that it had");
    if (desk->ep->capabilities & ENDPOINT_CAN_LEASE) {
        receiver_desk_control(desk, SETUP_LEASE, call->lease);
        return DESK_WAITS;
    }
    receiver_lease_take(desk, call->lease);
    return DESK_ADMITS;
}

static enum desk_answer lease_allows(struct receiver_desk *desk, struct receiver_call *call,
                                     struct err *e)
{
    struct mem_lease lease = desk->lease;

    if (call->lease[0] && !lease.held[0])
        return lease_adopt(desk, call, e);
    memcpy(lease.carried, call->lease, sizeof call->lease);
    if (mem_lease_allows(&lease, now_ns(desk), e)) {
        if (!call->lease[0] || desk->leased_there || !(desk->ep->capabilities & ENDPOINT_CAN_LEASE))
            return DESK_ADMITS;
        receiver_desk_control(desk, SETUP_LEASE, call->lease); /* it was opened again meanwhile */
        return DESK_WAITS;
    }
    snprintf(e->text, sizeof e->text, "%.200s: the lease of this request does not hold (%s)",
             desk->name, e->code);
    return DESK_REFUSES;
}

/* ---- Senders and generations ---- */

static bool is_retired(const struct receiver_desk *desk, const char *sender)
{
    for (uint32_t i = 0; i < DESK_RETIRED_MAX; i++)
        if (strcmp(desk->retired[i], sender) == 0)
            return true;
    return false;
}

static void retire(struct receiver_desk *desk)
{
    char *slot = desk->retired[desk->retired_at++ % DESK_RETIRED_MAX];

    memcpy(slot, desk->sender, sizeof desk->sender);
}

/* What was admitted before ends soon, and nothing is tried again. */
static void cancel_batches(struct receiver_desk *desk, uint64_t before_generation)
{
    for (struct receiver_batch *batch = desk->batches; batch; batch = batch->next)
        if (batch->call->generation < before_generation)
            receiver_batch_cancel(batch);
}

/* Another run of a sender begins to change the target: what the one before had under way ends first. A lease
 * changes nothing, and a fence may need it. */
static enum desk_answer follow(struct receiver_desk *desk, const struct receiver_call *call,
                               bool leases)
{
    if (desk->sender[0]) {
        cancel_batches(desk, UINT64_MAX);
        if (desk->changing > 0)
            return DESK_WAITS;
        if (desk->unsure.count > 0 && !leases) {
            receiver_desk_control(desk, SETUP_FENCE, NULL);
            return DESK_WAITS;
        }
        retire(desk);
    }
    memcpy(desk->sender, call->sender, sizeof desk->sender);
    desk->generation_min = 0;
    return DESK_ADMITS;
}

/* ---- What the call itself is ---- */

static enum desk_answer admit_fence(struct receiver_desk *desk, const struct receiver_call *call)
{
    if (call->generation > desk->generation_min)
        desk->generation_min = call->generation;
    cancel_batches(desk, desk->generation_min);
    return desk->changing > 0 ? DESK_WAITS : DESK_ADMITS;
}

static bool touches_unsure(const struct receiver_desk *desk, const struct receiver_call *call)
{
    const struct extent_set *unsure = &desk->unsure;

    if (call->verb == RELAY_SETUP)
        return unsure->count > 0;
    for (size_t i = 0; i < unsure->count; i++)
        if (extent_set_touches(&call->batch->touched, extent_set_at(unsure, i)))
            return true;
    return false;
}

static enum desk_answer admit_sure(struct receiver_desk *desk, const struct receiver_call *call)
{
    if (!touches_unsure(desk, call))
        return DESK_ADMITS;
    if (desk->changing == 0)
        receiver_desk_control(desk, SETUP_FENCE, NULL);
    return DESK_WAITS;
}

/* A write is part of the copy that the marker says; a copy is complete where its own marker stands. */
static bool marker_agrees(const struct receiver_desk *desk, const struct receiver_call *call)
{
    const struct setup_req *setup = call->verb == RELAY_SETUP ? &call->setup.req : NULL;

    if (!(desk->ep->capabilities & ENDPOINT_KEEPS_MARKS))
        return true;
    if (setup)
        return setup->verb != SETUP_MARK || setup->marker->state != MARKER_COMPLETE ||
               strcmp(setup->marker->copy_uuid, desk->copy_uuid) == 0;
    return is_its_copy(desk, call) || (desk->marker_state == MARKER_NONE && !call->copy[0]);
}

enum desk_answer receiver_admit_change(struct receiver_desk *desk, struct receiver_call *call,
                                       struct err *e)
{
    bool setup = call->verb == RELAY_SETUP;
    bool leases = setup && (call->setup.req.verb == SETUP_LEASE);
    bool unleases = setup && (call->setup.req.verb == SETUP_UNLEASE);
    enum desk_answer answer = DESK_ADMITS;

    if (unleases) /* gives back what is his, or is told that it is not */
        return DESK_ADMITS;
    if (is_retired(desk, call->sender))
        return refuse(e, RETRY_NEVER, 409, "SenderReplaced",
                      "another run of a sender has followed this one");
    if (leases && receiver_lease_is_active(desk) &&
        strcmp(desk->lease.held, call->setup.req.lease_id) != 0)
        return refuse(e, RETRY_NEVER, 409, "LeaseAlreadyPresent",
                      "another sender holds the lease on this target");
    if (!leases)
        answer = lease_allows(desk, call, e);
    if (answer != DESK_ADMITS)
        return answer;
    if (!marker_agrees(desk, call))
        return refuse(e, RETRY_NEVER, 409, "CopyMismatch",
                      "the target's marker is not of the copy that asks");
    if (strcmp(desk->sender, call->sender) != 0)
        answer = follow(desk, call, leases);
    if (answer != DESK_ADMITS)
        return answer;
    if (call->generation < desk->generation_min)
        return refuse(e, RETRY_LATER, 409, "GenerationPassed",
                      "a fence was put up after this request was sent");
    if (setup && (call->setup.req.verb == SETUP_FENCE || call->setup.req.verb == SETUP_REMOVE))
        return admit_fence(desk, call);
    return leases ? DESK_ADMITS : admit_sure(desk, call);
}
