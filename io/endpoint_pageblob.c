/* endpoint_pageblob.c - see endpoint_pageblob.h. Life, looks and blocks; setup is in the file beside. */
#include "io/endpoint_pageblob.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_pageblob_call.h"
#include "io/pageblob_list.h"

static struct endpoint_pageblob *of(struct endpoint *ep)
{
    return (struct endpoint_pageblob *)ep;
}

/* ---- Calls ---- */

struct blob_call *blob_call_take(struct endpoint_pageblob *ep)
{
    struct blob_call *call = ep->idle;

    if (call)
        ep->idle = call->next;
    else
        call = calloc(1, sizeof *call);
    assert(call);
    call->ep = ep;
    call->tries = 0;
    err_clear(&call->op.err);
    call->op.out_metadata = NULL;
    call->op.metadata = NULL;
    call->op.if_match = NULL;
    call->op.from_failed = false;
    return call;
}

static void note_counts(struct endpoint_pageblob *ep)
{
    const struct pageblob_counts *counts = pageblob_count(ep->blob);

    ep->base.requests_count = counts->requests;
    ep->base.wire_read_bytes = counts->received_bytes;
    ep->base.wire_written_bytes = counts->sent_bytes;
    ep->base.warned_no_checksum = pageblob_checks_nothing(ep->blob);
}

void blob_call_give(struct blob_call *call)
{
    note_counts(call->ep);
    pageblob_metadata_fini(&call->metadata);
    call->next = call->ep->idle;
    call->ep->idle = call;
}

struct blob_call *blob_call_of(struct pageblob_op *op)
{
    return (struct blob_call *)op;
}

/* ---- Stat ---- */

bool blob_call_judge(struct blob_call *call, uint64_t *out_size_bytes, struct err *e)
{
    const struct pageblob_head *head = &call->op.head;
    const char *address = pageblob_url(call->ep->blob)->address;
    bool typed = head->blob_type[0] != 0;

    if (typed && strcmp(head->blob_type, "PageBlob") != 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.160s is a %s, not a page blob; snapferry copies page blobs, files and "
                       "block devices",
                       address, head->blob_type);
    if ((!typed && !call->ep->managed) || !head->content_known)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.160s is no blob: its host does not say its type and size", address);
    if (head->content_bytes % PAGEBLOB_PAGE_BYTES != 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.160s has %" PRIu64 " bytes, which is no multiple of 512", address,
                       head->content_bytes);
    if (head->copy_pending)
        return err_set(e, ERR_CONFLICT, RETRY_LATER,
                       "%.160s: a copy into this blob is under way; wait until it ends", address);
    if (head->incremental_copy && !pageblob_url(call->ep->blob)->snapshot)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.160s is an incremental copy; use the URL of one of its snapshots",
                       address);
    *out_size_bytes = head->content_bytes;
    return true;
}

bool blob_call_marker(const struct blob_call *call, struct marker *out_marker, struct err *e)
{
    memset(out_marker, 0, sizeof *out_marker);
    for (size_t i = 0; i < call->metadata.count; i++)
        if (!marker_decode_field(out_marker, call->metadata.items[i].name,
                                 call->metadata.items[i].value, e))
            goto fail;
    if (marker_decode_end(out_marker, e))
        return true;
fail:
    err_prefix(e, "the marker on %.160s: ", pageblob_url(call->ep->blob)->address);
    return false;
}

static void on_stat(struct pageblob_op *op)
{
    struct blob_call *call = blob_call_of(op);
    struct endpoint_pageblob *ep = call->ep;
    struct stat_req *req = call->stat;
    uint64_t size_bytes;

    req->exists = false;
    req->size_bytes = 0;
    err_clear(&req->absence);
    if (err_is_set(&op->err)) {
        if (op->err.http_status != 404)
            req->err = op->err;
        else
            req->absence = op->err;
        goto end;
    }
    if (!blob_call_judge(call, &size_bytes, &req->err) ||
        !blob_call_marker(call, &req->marker, &req->err))
        goto end;
    req->exists = true;
    req->size_bytes = size_bytes;
    snprintf(req->etag, sizeof req->etag, "%s", op->head.etag);
    snprintf(req->last_modified, sizeof req->last_modified, "%s", op->head.last_modified);
    if (!ep->marked)
        snprintf(ep->copy_uuid, sizeof ep->copy_uuid, "%s", req->marker.copy_uuid);
    if (ep->guard_reads && !ep->looked) {
        pageblob_guard_reads(ep->blob, op->head.etag);
        snprintf(ep->guard, sizeof ep->guard, "%s", op->head.etag);
    }
    ep->looked = true;
end:
    blob_call_give(call);
    endpoint_stat_end(&ep->base, req);
}

static void pageblob_endpoint_stat(struct endpoint *base, struct stat_req *req)
{
    struct blob_call *call = blob_call_take(of(base));

    call->stat = req;
    memset(&req->marker, 0, sizeof req->marker);
    call->op.out_metadata = &call->metadata;
    call->op.done = on_stat;
    pageblob_properties(call->ep->blob, &call->op);
}

/* ---- Lists ---- */

struct list_call {
    struct pageblob_list list; /* first */
    struct endpoint_pageblob *ep;
    struct list_req *req;
    struct secret_url base; /* since, when it is a URL */
};

static void end_list(struct list_call *call)
{
    struct endpoint_pageblob *ep = call->ep;
    struct list_req *req = call->req;

    req->err = call->list.err;
    req->size_bytes = call->list.size_bytes;
    secret_url_fini(&call->base);
    free(call);
    note_counts(ep);
    endpoint_list_end(&ep->base, req);
}

static void on_list_page(struct pageblob_list *list)
{
    struct list_req *req = ((struct list_call *)list)->req;

    req->size_bytes = list->size_bytes;
    req->up_to = list->up_to;
    req->page(req);
}

static void on_list(struct pageblob_list *list)
{
    end_list((struct list_call *)list);
}

static void on_list_refused(struct reactor_task *task)
{
    end_list((struct list_call *)((char *)task - offsetof(struct list_call, list.task)));
}

/* The base must be what this host can compare with: a URL for a managed disk, else a snapshot of the
 * same blob. */
static bool take_since(struct list_call *call, const char *since, struct err *e)
{
    const struct secret_url *url = pageblob_url(call->ep->blob);

    if (!secret_is_url(since)) {
        if (call->ep->managed)
            return err_set(e, ERR_USAGE, RETRY_NEVER,
                           "a managed disk's base is given by its whole URL with its SAS");
        call->list.since_snapshot = since;
        return true;
    }
    if (!secret_url_parse(since, &call->base, e)) {
        err_prefix(e, "the base: ");
        return false;
    }
    if (call->ep->managed) {
        call->list.since_url = since;
        return true;
    }
    if (!call->base.snapshot)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "the base must be a snapshot: its URL has no snapshot=");
    if (strcmp(call->base.address, url->address) != 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "the base is a snapshot of another blob (%.120s); the host can only compare "
                       "snapshots of one blob",
                       call->base.address);
    call->list.since_snapshot = call->base.snapshot;
    return true;
}

static void pageblob_endpoint_list(struct endpoint *base, struct list_req *req)
{
    struct endpoint_pageblob *ep = of(base);
    struct list_call *call = calloc(1, sizeof *call);

    assert(call);
    call->ep = ep;
    call->req = req;
    call->list.within = req->within;
    call->list.size_bytes = base->size_bytes;
    call->list.out_data = req->out_data;
    call->list.out_clears = req->since ? req->out_clears : NULL;
    call->list.page = req->page ? on_list_page : NULL;
    call->list.done = on_list;
    if (req->since && !take_since(call, req->since, &call->list.err)) {
        reactor_post(base->reactor, &call->list.task, on_list_refused);
        return;
    }
    pageblob_list(ep->blob, &call->list);
}

/* ---- Blocks ---- */

void blob_call_block_done(struct pageblob_op *op)
{
    struct blob_call *call = blob_call_of(op);
    struct endpoint *ep = &call->ep->base;
    struct block_req *req = call->block;

    req->err = op->err;
    req->from_failed = op->from_failed;
    if (req->buf && !err_is_set(&op->err)) {
        req->crc64 = op->crc64;
        req->crc64_known = op->crc64_known;
        req->hashed_count = op->hashed_count;
    }
    blob_call_give(call);
    endpoint_block_end(ep, req);
}

struct blob_call *blob_call_block(struct endpoint *base, struct block_req *req)
{
    struct blob_call *call = blob_call_take(of(base));

    call->block = req;
    call->op.offset = req->offset;
    call->op.length = req->length;
    call->op.memory = req->buf ? req->buf->memory + req->buf_offset : NULL;
    call->op.crc64_known = req->crc64_known;
    call->op.crc64 = req->crc64;
    call->op.hashes = req->hashes;
    call->op.done = blob_call_block_done;
    return call;
}

static void pageblob_endpoint_read(struct endpoint *base, struct block_req *req)
{
    pageblob_get(of(base)->blob, &blob_call_block(base, req)->op);
}

static void pageblob_endpoint_write(struct endpoint *base, struct block_req *req)
{
    pageblob_put(of(base)->blob, &blob_call_block(base, req)->op);
}

static void pageblob_endpoint_zero(struct endpoint *base, struct block_req *req)
{
    pageblob_clear(of(base)->blob, &blob_call_block(base, req)->op);
}

static void on_flushed(struct reactor_task *task)
{
    blob_call_block_done(
        &((struct blob_call *)((char *)task - offsetof(struct blob_call, task)))->op);
}

/* What was answered 201 is durable: nothing to do, but not inline. */
static void pageblob_endpoint_flush(struct endpoint *base, struct block_req *req)
{
    reactor_post(base->reactor, &blob_call_block(base, req)->task, on_flushed);
}

/* ---- Life ---- */

static void pageblob_endpoint_close(struct endpoint *base)
{
    struct endpoint_pageblob *ep = of(base);

    while (ep->idle) {
        struct blob_call *call = ep->idle;

        ep->idle = call->next;
        free(call);
    }
    pageblob_free(ep->blob);
    free(base->identity);
    free(ep);
}

static const struct endpoint_ops pageblob_ops = {
    .name = "pageblob",
    .stat = pageblob_endpoint_stat,
    .setup = endpoint_pageblob_setup,
    .list = pageblob_endpoint_list,
    .read = pageblob_endpoint_read,
    .write = pageblob_endpoint_write,
    .zero = pageblob_endpoint_zero,
    .flush = pageblob_endpoint_flush,
    .pull = endpoint_pageblob_pull,
    .lender = endpoint_pageblob_lender,
    .close = pageblob_endpoint_close,
};

/* Container and blob, and the account before them in a path-style URL. */
static bool names_a_blob(const struct secret_url *url)
{
    const char *path = strstr(url->address, "://") + 3;
    bool path_style =
        strncmp(url->host, url->account, strlen(url->account)) != 0 || !strchr(url->host, '.');
    unsigned segments = 0;

    for (path += strcspn(path, "/"); *path; path += strcspn(path, "/")) {
        path += strspn(path, "/");
        segments += *path != 0;
    }
    return segments >= (path_style ? 3u : 2u);
}

static bool check_url(const struct secret_url *url, struct err *e)
{
    if (!names_a_blob(url))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.160s does not name a blob: the path needs a container and a blob",
                       url->address);
    if (!secret_url_has_signature(url))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.160s has no SAS (sig= is missing); give the whole URL, in quotes",
                       url->address);
    return true;
}

static unsigned capabilities(const struct endpoint_pageblob *ep, const struct secret_url *url)
{
    unsigned all = ENDPOINT_CAN_LIST | ENDPOINT_LIMITS_REQUESTS | ENDPOINT_CHECKS_CRC64;

    /* What may change under the service's hands is not lent. */
    if (!ep->managed && (url->snapshot || ep->guard_reads))
        all |= ENDPOINT_LENDS;
    if (ep->upload)
        return all | ENDPOINT_CAN_PULL;
    if (url->snapshot)
        all |= ENDPOINT_IS_SNAPSHOT;
    if (ep->managed)
        return all | ENDPOINT_CAN_DIFF;
    all |= ENDPOINT_KEEPS_MARKS;
    if (url->snapshot)
        return all | ENDPOINT_CAN_DIFF;
    return all | ENDPOINT_CAN_DIFF | ENDPOINT_CAN_CREATE | ENDPOINT_CAN_RESIZE | ENDPOINT_CAN_MARK |
           ENDPOINT_CAN_SNAPSHOT | ENDPOINT_CAN_FENCE | ENDPOINT_CAN_LEASE | ENDPOINT_CAN_PULL |
           ENDPOINT_CAN_REMOVE;
}

static void set_host_kind(struct endpoint_pageblob *ep, enum pageblob_host host,
                          const struct secret_url *url)
{
    ep->upload = host == PAGEBLOB_HOST_UPLOAD || (host == PAGEBLOB_HOST_AUTO && url->upload_disk);
    ep->managed = ep->upload || host == PAGEBLOB_HOST_MANAGED ||
                  (host == PAGEBLOB_HOST_AUTO && url->managed_disk);
}

struct endpoint *endpoint_pageblob_open(struct reactor *r, struct http *http,
                                        struct secret_url *take,
                                        const struct endpoint_pageblob_options *options,
                                        struct err *e)
{
    struct endpoint_pageblob *ep = check_url(take, e) ? calloc(1, sizeof *ep) : NULL;
    struct endpoint *base = (struct endpoint *)ep;

    if (!ep)
        goto fail;
    set_host_kind(ep, options->host, take);
    ep->guard_reads = options->guard_reads && !ep->managed && !take->snapshot;
    base->ops = &pageblob_ops;
    base->reactor = r;
    snprintf(base->name, sizeof base->name, "%s", take->address);
    base->identity = options->identity ? strdup(options->identity) : secret_url_identity(take);
    base->align_bytes = ENDPOINT_PAGE_BYTES;
    base->request_max_bytes = PAGEBLOB_RANGE_MAX;
    base->clear_max_bytes = UINT64_MAX;
    base->request_cost_bytes =
        options->request_cost_bytes ? options->request_cost_bytes : PAGEBLOB_REQUEST_COST_BYTES;
    base->capabilities = capabilities(ep, take);
    ep->blob = base->identity ? pageblob_new(http, take, ep->managed, e) : NULL;
    if (ep->blob)
        return base;
    free(base->identity);
    free(ep);
fail:
    secret_url_fini(take);
    if (!err_is_set(e))
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a page blob");
    return NULL;
}

void endpoint_pageblob_set_url(struct endpoint *base, struct secret_url *take)
{
    assert(base->ops == &pageblob_ops);
    snprintf(base->name, sizeof base->name, "%s", take->address);
    pageblob_set_url(of(base)->blob, take);
}

const struct secret_url *endpoint_pageblob_url(const struct endpoint *base)
{
    assert(base->ops == &pageblob_ops);
    return pageblob_url(((const struct endpoint_pageblob *)base)->blob);
}
