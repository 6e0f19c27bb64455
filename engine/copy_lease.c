/* copy_lease.c - see copy_lease.h. */
#include "engine/copy_lease.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/copy_access.h"
#include "engine/copy_internal.h"

static struct copy *copy_of_lease(struct copy_lease *lease)
{
    return (struct copy *)((char *)lease - offsetof(struct copy, lease));
}

/* ---- The lock ---- */

bool copy_want_lock(const struct copy *copy)
{
    return !copy->options.plan_only && copy->options.state_folder &&
           !copy_can(copy->ends.target, ENDPOINT_DISCARDS) &&
           !copy_can(copy->ends.target, ENDPOINT_COMPARES);
}

bool copy_after_lock(struct copy *copy)
{
    const struct endpoint *target = copy->ends.target;
    char left_id[MARKER_UUID_MAX_BYTES];
    struct err e = {0};
    int fd;

    if (target_state_lock(copy->options.state_folder, target->identity, &fd, left_id, &e)) {
        if (!copy->options.lease_id && left_id[0])
            memcpy(copy->lease.id, left_id, sizeof left_id);
        target_state_sign(fd, copy->lease.id);
        copy->lease.lock_fd = fd + 1;
        return true;
    }
    if (e.kind == ERR_CONFLICT) {
        err_prefix(&e, "%.200s: ", target->name);
        copy->err = e;
        return false;
    }
    copy_say(copy, "A second copy to this target would not be noticed here: %.300s", e.text);
    return true;
}

static void copy_unlock(struct copy *copy)
{
    if (copy->lease.lock_fd)
        close(copy->lease.lock_fd - 1);
    copy->lease.lock_fd = 0;
}

/* ---- Renewing ---- */

static void copy_lease_due(struct timer *timer);

static void copy_lease_arm(struct copy *copy, uint64_t in_ns)
{
    reactor_arm(copy->reactor, &copy->lease.timer, reactor_now_ns(copy->reactor) + in_ns,
                copy_lease_due);
}

static void copy_lease_submit(struct copy *copy, enum setup_verb verb,
                              void (*done)(struct setup_req *))
{
    struct copy_lease *lease = &copy->lease;

    lease->busy = true;
    lease->req = (struct setup_req){.verb = verb, .lease_id = lease->id, .done = done};
    endpoint_setup(copy->ends.target, &lease->req);
}

static bool copy_lease_is_lost(const struct err *error)
{
    return error->kind == ERR_CONFLICT && error->retry == RETRY_NEVER &&
           strncmp(error->code, "Lease", 5) == 0;
}

/* Nothing may be written any more: who has the lease may be writing too. */
static void copy_lease_lost(struct copy *copy, const struct err *error)
{
    copy->lease.held = false;
    if (copy->marker.state == MARKER_COMPLETE || err_is_set(&copy->err))
        return; /* the commit is under way, and its marker guards itself */
    copy->err = *error;
    copy_lease_explain(copy, &copy->err);
    copy_stop(copy);
}

static void copy_lease_renewed(struct setup_req *req)
{
    struct copy_lease *lease =
        (struct copy_lease *)((char *)req - offsetof(struct copy_lease, req));
    struct copy *copy = copy_of_lease(lease);

    lease->busy = false;
    if (lease->letting_go)
        copy_post(copy);
    else if (!err_is_set(&req->err))
        copy_lease_arm(copy, COPY_LEASE_RENEW_NS);
    else if (copy_lease_is_lost(&req->err))
        copy_lease_lost(copy, &req->err);
    else
        copy_lease_arm(copy, COPY_LEASE_RETRY_NS); /* what troubles us troubles the steps too */
}

static void copy_lease_due(struct timer *timer)
{
    struct copy_lease *lease =
        (struct copy_lease *)((char *)timer - offsetof(struct copy_lease, timer));
    struct copy *copy = copy_of_lease(lease);

    /* It would be refused; and may end, as nothing is written now. */
    if (access_is_awaited(copy->ends.sides.target))
        copy_lease_arm(copy, COPY_LEASE_LOOK_NS);
    else
        copy_lease_submit(copy, SETUP_LEASE, copy_lease_renewed);
}

/* ---- The steps ---- */

static bool copy_may_lease(const struct copy *copy)
{
    return !copy->options.plan_only && copy_can(copy->ends.target, ENDPOINT_CAN_LEASE) &&
           !copy->lease.held && !copy->lease.refused;
}

bool copy_want_lease(const struct copy *copy)
{
    return copy_may_lease(copy) && copy->facts.target.exists;
}

bool copy_want_lease_made(const struct copy *copy)
{
    return copy_may_lease(copy) && !copy->facts.target.exists;
}

bool copy_start_lease(struct copy *copy)
{
    if (copy->lease.lock_fd) /* a journal may have known another name than the lock did */
        target_state_sign(copy->lease.lock_fd - 1, copy->lease.id);
    copy->setup.lease_id = copy->lease.id;
    copy_submit_setup(copy, SETUP_LEASE);
    return true;
}

bool copy_after_lease(struct copy *copy)
{
    copy->lease.held = true;
    copy_lease_arm(copy, COPY_LEASE_RENEW_NS);
    return true;
}

/* There are none on this host, or the SAS permits none. (An expired one is another matter.) */
static bool copy_lease_is_refused(const struct err *error)
{
    if (error->http_status == 403)
        return strcmp(error->code, "AuthenticationFailed") != 0;
    return error->kind == ERR_USAGE;
}

bool copy_failed_lease(struct copy *copy, const struct err *error)
{
    const char *name = copy->ends.target->name;

    if (copy_lease_is_refused(error)) {
        copy->lease.refused = true;
        copy_say(copy,
                 "The host gives no lease on the target, so it would not refuse another machine's "
                 "copy: %.300s",
                 error->text);
        return true;
    }
    if (error->kind != ERR_CONFLICT)
        return false;
    copy->err = *error;
    err_clear(&copy->err);
    err_set(&copy->err, ERR_CONFLICT, RETRY_NEVER,
            "%.160s: somebody else holds a lease on the target, most likely a copy on another "
            "machine: wait until it ends, or find who started it (a copy that was killed loses its "
            "lease within 60 s)",
            name);
    copy->err.http_status = error->http_status;
    memcpy(copy->err.code, error->code, sizeof copy->err.code);
    memcpy(copy->err.request_id, error->request_id, sizeof copy->err.request_id);
    return false;
}

/* ---- Life ---- */

void copy_lease_begin(struct copy *copy, const char *id)
{
    /* A series of its own: what else is drawn from the seed stays as it was. */
    struct retry_random random = {copy->options.random_seed ^ UINT64_C(0x6C65617365)};
    uint64_t drawn[2] = {retry_random_next(&random), retry_random_next(&random)};
    unsigned char bytes[16];

    memcpy(bytes, drawn, sizeof bytes);
    if (id)
        snprintf(copy->lease.id, sizeof copy->lease.id, "%s", id);
    else
        marker_uuid_from(bytes, copy->lease.id);
}

static void copy_lease_released(struct setup_req *req)
{
    struct copy_lease *lease =
        (struct copy_lease *)((char *)req - offsetof(struct copy_lease, req));

    lease->busy = false; /* an error means no more than that it ends by itself */
    copy_post(copy_of_lease(lease));
}

bool copy_lease_let_go(struct copy *copy)
{
    struct copy_lease *lease = &copy->lease;

    lease->letting_go = true;
    reactor_disarm(copy->reactor, &lease->timer);
    if (lease->busy)
        return false;
    if (lease->held) {
        lease->held = false;
        copy_lease_submit(copy, SETUP_UNLEASE, copy_lease_released);
        return false;
    }
    copy_unlock(copy);
    return true;
}

void copy_lease_explain(const struct copy *copy, struct err *error)
{
    struct err was = *error;

    if (error->kind != ERR_CONFLICT || strncmp(error->code, "Lease", 5) != 0)
        return;
    err_clear(error);
    err_set(error, ERR_CONFLICT, RETRY_LATER,
            "%.160s: this copy's lease on the target is gone (%s): somebody broke it, or another "
            "copy took the target. See who it was, then run the same command again",
            copy->ends.target->name, was.code);
    error->http_status = was.http_status;
    memcpy(error->code, was.code, sizeof error->code);
    memcpy(error->request_id, was.request_id, sizeof error->request_id);
}
