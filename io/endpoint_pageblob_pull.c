/* endpoint_pageblob_pull.c - a page blob that has its host read another one (see endpoint_pageblob.h). */
#include <assert.h>
#include <string.h>

#include "io/endpoint_pageblob_call.h"

#define FROM_MAX_BYTES 2048u /* of a source's URL with its SAS: what a host takes (protocol A.6) */

/* A URL that was renewed may be longer than the first one. */
static bool may_be_sent(const struct secret_url *url, struct err *e)
{
    char *text = secret_url_full(url, NULL);
    bool fits = text && strlen(text) <= FROM_MAX_BYTES;

    secret_wipe_free(text);
    return fits || err_set(e, ERR_LIMIT, RETRY_NEVER,
                           "%.160s: with its SAS the URL has more than the %u bytes that a host "
                           "takes for the source of a copy",
                           url->address, FROM_MAX_BYTES);
}

static void on_refused(struct reactor_task *task)
{
    struct blob_call *call = (struct blob_call *)((char *)task - offsetof(struct blob_call, task));

    call->op.from_failed = true;
    blob_call_block_done(&call->op);
}

void endpoint_pageblob_pull(struct endpoint *base, struct block_req *req)
{
    const struct endpoint_pageblob *source = (const struct endpoint_pageblob *)req->from;
    struct blob_call *call = blob_call_block(base, req);

    assert(req->from->ops->pull == endpoint_pageblob_pull); /* it is a page blob too */
    call->op.from = pageblob_url(source->blob);
    call->op.if_match = source->guard;
    if (may_be_sent(call->op.from, &call->op.err))
        pageblob_pull(call->ep->blob, &call->op);
    else
        reactor_post(base->reactor, &call->task, on_refused);
}

struct endpoint *endpoint_pageblob_lender(struct endpoint *base)
{
    return base;
}
