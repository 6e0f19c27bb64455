/* pageblob_lease.c - taking, prolonging and giving back a blob's lease (see pageblob.h, protocol A.8). */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "io/pageblob_verb.h"

static void on_acquired(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    if (verb_answered(op, "leasing") && verb_succeeded(op, 201, "leasing"))
        memcpy(op->blob->lease, op->lease, sizeof op->blob->lease);
    op->done(op);
}

static void on_renewed(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    if (verb_answered(op, "renewing the lease of"))
        verb_succeeded(op, 200, "renewing the lease of");
    op->done(op);
}

static void on_released(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    if (verb_answered(op, "giving back the lease of"))
        verb_succeeded(op, 200, "giving back the lease of");
    op->done(op);
}

void pageblob_lease(struct pageblob *blob, struct pageblob_op *op,
                    enum pageblob_lease_action action, const char *id)
{
    static const struct {
        const char *name;
        void (*done)(struct http_req *);
    } actions[] = {
        [PAGEBLOB_LEASE_ACQUIRE] = {"acquire", on_acquired},
        [PAGEBLOB_LEASE_RENEW] = {"renew", on_renewed},
        [PAGEBLOB_LEASE_RELEASE] = {"release", on_released},
    };
    struct verb_headers h;

    assert(!err_is_set(&op->err));
    assert(strlen(id) == PAGEBLOB_LEASE_BYTES - 1);
    op->length = 0;
    snprintf(op->lease, sizeof op->lease, "%s", id);
    if (action == PAGEBLOB_LEASE_RELEASE) /* whatever is answered: it is not ours any more */
        blob->lease[0] = 0;
    verb_headers_init(&h);
    verb_header(&h, "x-ms-lease-action", actions[action].name);
    if (action == PAGEBLOB_LEASE_ACQUIRE) {
        snprintf(h.number, sizeof h.number, "%u", PAGEBLOB_LEASE_SECONDS);
        verb_header(&h, "x-ms-lease-duration", h.number);
        verb_header(&h, "x-ms-proposed-lease-id", op->lease);
    } else {
        verb_header(&h, "x-ms-lease-id", op->lease);
    }
    /* Behind ranges that crawl along a slow way it would come too late; and one that is stuck must not keep
     * the next from being tried while the lease lasts. */
    op->http = (struct http_req){.method = HTTP_PUT,
                                 .verb = "lease",
                                 .additions = "comp=lease",
                                 .body = "",
                                 .urgent = true,
                                 .deadlines = {.total_ms = PAGEBLOB_LEASE_TOTAL_MS}};
    verb_send(blob, op, &h, actions[action].done);
}
