/* endpoint_pageblob_setup.c - create, resize, mark, remove, fence, snapshot, lease: what
 * endpoint_pageblob.h says about setup. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/endpoint_pageblob_call.h"

#define MARK_TRIES_MAX 5u /* when others change the blob between our look and our write */

static void end_setup(struct blob_call *call)
{
    struct endpoint *ep = &call->ep->base;
    struct setup_req *req = call->setup;

    if (!err_is_set(&req->err))
        snprintf(req->out_etag, sizeof req->out_etag, "%s", call->op.head.etag);
    blob_call_give(call);
    endpoint_setup_end(ep, req);
}

/* The end of every verb that is one request. */
static void on_setup(struct pageblob_op *op)
{
    struct blob_call *call = blob_call_of(op);

    call->setup->err = op->err;
    if (call->setup->verb == SETUP_SNAPSHOT && !err_is_set(&op->err))
        snprintf(call->setup->out_snapshot, sizeof call->setup->out_snapshot, "%s",
                 op->head.snapshot);
    end_setup(call);
}

static void on_refused(struct reactor_task *task)
{
    end_setup((struct blob_call *)((char *)task - offsetof(struct blob_call, task)));
}

/* The request's own error is set: it never goes out. */
static void refuse(struct blob_call *call)
{
    assert(err_is_set(&call->setup->err));
    reactor_post(call->ep->base.reactor, &call->task, on_refused);
}

/* Foreign metadata stays, what a marker may have said before goes. */
static bool merge_marker(struct blob_call *call, const struct marker *marker, struct err *e)
{
    struct marker_field fields[MARKER_FIELDS_MAX];
    size_t count = marker_encode(marker, fields);
    bool ok = true;

    for (size_t i = 0; marker_names[i]; i++)
        pageblob_metadata_drop(&call->metadata, marker_names[i]);
    for (size_t i = 0; i < count && ok; i++)
        ok = pageblob_metadata_set(&call->metadata, fields[i].name, fields[i].value, e);
    return ok;
}

static void remember_marker(struct blob_call *call, const struct marker *marker)
{
    snprintf(call->ep->copy_uuid, sizeof call->ep->copy_uuid, "%s", marker->copy_uuid);
    call->ep->marked = true;
}

/* ---- Create and resize ---- */

static bool check_size(const struct blob_call *call, struct err *e)
{
    if (call->setup->size_bytes <= PAGEBLOB_SIZE_MAX_BYTES)
        return true;
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "%.160s: an ordinary page blob has at most 8 TiB, and %" PRIu64
                   " bytes are needed; use an upload URL of a managed disk",
                   call->ep->base.name, call->setup->size_bytes);
}

static void on_created(struct pageblob_op *op)
{
    struct blob_call *call = blob_call_of(op);

    if (!err_is_set(&op->err) && call->setup->marker)
        remember_marker(call, call->setup->marker);
    on_setup(op);
}

static void create(struct blob_call *call)
{
    struct setup_req *req = call->setup;

    if (!check_size(call, &req->err) ||
        (req->marker && !merge_marker(call, req->marker, &req->err))) {
        refuse(call);
        return;
    }
    call->op.length = req->size_bytes;
    call->op.metadata = &call->metadata;
    call->op.done = on_created;
    pageblob_create(call->ep->blob, &call->op);
}

static void resize(struct blob_call *call)
{
    struct setup_req *req = call->setup;

    if (req->size_bytes < call->ep->base.size_bytes)
        err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%.160s: a blob is never made smaller",
                call->ep->base.name);
    if (err_is_set(&req->err) || !check_size(call, &req->err)) {
        refuse(call);
        return;
    }
    call->op.length = req->size_bytes;
    call->op.done = on_setup;
    pageblob_resize(call->ep->blob, &call->op);
}

/* ---- Looking before a change, that is made if nobody else wrote between ---- */

static void look_first(struct blob_call *call, void (*done)(struct pageblob_op *op))
{
    pageblob_metadata_fini(&call->metadata);
    err_clear(&call->op.err);
    call->op.out_metadata = &call->metadata;
    call->op.metadata = NULL;
    call->op.if_match = NULL;
    call->op.done = done;
    pageblob_properties(call->ep->blob, &call->op);
}

/* Somebody did: true, and it is looked at again; or false, and that is the error. */
static bool look_again(struct blob_call *call, void (*done)(struct pageblob_op *op))
{
    struct pageblob_op *op = &call->op;

    if (op->err.http_status != 412 || strcmp(op->err.code, "ConditionNotMet") != 0)
        return false;
    if (++call->tries < MARK_TRIES_MAX) {
        look_first(call, done);
        return true;
    }
    op->err.kind = ERR_CONFLICT;
    op->err.retry = RETRY_LATER;
    return false;
}

/* ---- Mark: look, merge, write ---- */

static void on_looked(struct pageblob_op *op);

static void on_marked(struct pageblob_op *op)
{
    struct blob_call *call = blob_call_of(op);

    if (look_again(call, on_looked))
        return;
    if (!err_is_set(&op->err))
        remember_marker(call, call->setup->marker);
    on_setup(op);
}

/* May this copy's marker replace the one found? A blob that this endpoint marked and that has no marker now
 * is not the one that was written to. */
static bool may_mark(struct blob_call *call, const struct marker *found, struct err *e)
{
    const struct setup_req *req = call->setup;
    const struct endpoint_pageblob *ep = call->ep;

    if (found->state != MARKER_NONE && strcmp(found->copy_uuid, req->marker->copy_uuid) == 0)
        return true;
    if (found->state == MARKER_NONE && ep->marked)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER,
                       "%.160s: this copy's marker is gone: the blob was made anew, or somebody "
                       "removed its metadata",
                       ep->base.name);
    if (found->state != MARKER_NONE && strcmp(found->copy_uuid, ep->copy_uuid) != 0)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER,
                       "%.160s: another copy (%s) works on this target", ep->base.name,
                       found->copy_uuid);
    if (req->expect_etag && strcmp(call->op.head.etag, req->expect_etag) != 0)
        return err_set(e, ERR_CONFLICT, RETRY_REPLAN,
                       "%.160s: somebody wrote to it while it was looked at; run the command again",
                       ep->base.name);
    return true;
}

static void on_looked(struct pageblob_op *op)
{
    struct blob_call *call = blob_call_of(op);
    struct setup_req *req = call->setup;
    struct marker found;

    if (err_is_set(&op->err)) {
        on_setup(op);
        return;
    }
    if (!blob_call_marker(call, &found, &req->err) || !may_mark(call, &found, &req->err) ||
        !merge_marker(call, req->marker, &req->err)) {
        end_setup(call);
        return;
    }
    snprintf(call->etag, sizeof call->etag, "%s", op->head.etag);
    op->out_metadata = NULL;
    op->metadata = &call->metadata;
    op->if_match = call->etag;
    op->done = on_marked;
    pageblob_set_metadata(call->ep->blob, op);
}

/* ---- Remove: look, and delete what is still that ---- */

static void on_found(struct pageblob_op *op);

static void on_removed(struct pageblob_op *op)
{
    struct blob_call *call = blob_call_of(op);

    if (look_again(call, on_found))
        return;
    if (!err_is_set(&op->err))
        call->ep->lease_id[0] = 0;
    on_setup(op);
}

static void on_found(struct pageblob_op *op)
{
    struct blob_call *call = blob_call_of(op);
    struct setup_req *req = call->setup;
    struct marker found;

    if (err_is_set(&op->err)) {
        on_setup(op);
        return;
    }
    if (blob_call_marker(call, &found, &req->err) &&
        (found.state == MARKER_NONE || strcmp(found.copy_uuid, req->marker->copy_uuid) != 0))
        err_set(&req->err, ERR_CONFLICT, RETRY_NEVER,
                "%.160s is not what this copy made: it is not removed", call->ep->base.name);
    if (err_is_set(&req->err)) {
        end_setup(call);
        return;
    }
    snprintf(call->etag, sizeof call->etag, "%s", op->head.etag);
    op->out_metadata = NULL;
    op->if_match = call->etag;
    op->done = on_removed;
    pageblob_delete(call->ep->blob, op);
}

/* ---- Lease ---- */

static void on_leased(struct pageblob_op *op)
{
    struct blob_call *call = blob_call_of(op);

    if (!err_is_set(&op->err))
        snprintf(call->ep->lease_id, sizeof call->ep->lease_id, "%s", call->setup->lease_id);
    on_setup(op);
}

/* The one we have is renewed, not acquired: acquiring would also take what ended unseen and was another's
 * meanwhile. */
static void lease(struct blob_call *call)
{
    const char *id = call->setup->lease_id;
    bool again = strcmp(call->ep->lease_id, id) == 0;

    call->op.done = on_leased;
    pageblob_lease(call->ep->blob, &call->op, again ? PAGEBLOB_LEASE_RENEW : PAGEBLOB_LEASE_ACQUIRE,
                   id);
}

static void unlease(struct blob_call *call)
{
    call->ep->lease_id[0] = 0;
    pageblob_lease(call->ep->blob, &call->op, PAGEBLOB_LEASE_RELEASE, call->setup->lease_id);
}

void endpoint_pageblob_setup(struct endpoint *base, struct setup_req *req)
{
    struct blob_call *call = blob_call_take((struct endpoint_pageblob *)base);

    call->setup = req;
    call->op.done = on_setup;
    switch (req->verb) {
    case SETUP_CREATE:
        create(call);
        break;
    case SETUP_RESIZE:
        resize(call);
        break;
    case SETUP_MARK:
        look_first(call, on_looked);
        break;
    case SETUP_REMOVE:
        look_first(call, on_found);
        break;
    case SETUP_FENCE:
        pageblob_next_sequence(call->ep->blob, &call->op);
        break;
    case SETUP_SNAPSHOT:
        pageblob_snapshot(call->ep->blob, &call->op);
        break;
    case SETUP_LEASE:
        lease(call);
        break;
    case SETUP_UNLEASE:
        unlease(call);
        break;
    case SETUP_EXPECT:
    case SETUP_AGREE:
        assert(!"a page blob wants no plan");
        break;
    }
}
