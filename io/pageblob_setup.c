/* pageblob_setup.c - the verbs that look at or change the blob itself (see pageblob.h). */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "io/pageblob_verb.h"

static void begin(struct pageblob_op *op, struct verb_headers *h)
{
    assert(!err_is_set(&op->err));
    verb_headers_init(h);
}

/* ---- Properties ---- */

static void on_properties(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    if (verb_answered(op, "looking at") && verb_succeeded(op, 200, "looking at") &&
        op->head.sequence_known) {
        op->blob->sequence = op->head.sequence;
        op->blob->sequence_known = true;
    }
    op->done(op);
}

void pageblob_properties(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;

    begin(op, &h);
    op->length = 0;
    op->http = (struct http_req){.method = HTTP_HEAD, .verb = "head"};
    verb_send(blob, op, &h, on_properties);
}

/* ---- Create and resize ---- */

static void on_create(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    op->length = 0; /* errors are about the blob, not about a range */
    if (verb_answered(op, "creating") && verb_succeeded(op, 201, "creating")) {
        op->blob->sequence = 0;
        op->blob->sequence_known = true;
    }
    op->done(op);
}

void pageblob_create(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;

    begin(op, &h);
    snprintf(h.number, sizeof h.number, "%" PRIu64, op->length);
    verb_header(&h, "x-ms-blob-type", "PageBlob");
    verb_header(&h, "x-ms-blob-content-length", h.number);
    verb_header(&h, "If-None-Match", "*");
    verb_header_metadata(&h, op->metadata);
    op->http = (struct http_req){.method = HTTP_PUT, .verb = "create", .body = ""};
    verb_send(blob, op, &h, on_create);
}

static void on_resize(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    op->length = 0;
    if (verb_answered(op, "resizing"))
        verb_succeeded(op, 200, "resizing");
    op->done(op);
}

void pageblob_resize(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;

    begin(op, &h);
    snprintf(h.number, sizeof h.number, "%" PRIu64, op->length);
    verb_header(&h, "x-ms-blob-content-length", h.number);
    verb_header_lease(&h, blob);
    op->http = (struct http_req){
        .method = HTTP_PUT, .verb = "properties", .additions = "comp=properties", .body = ""};
    verb_send(blob, op, &h, on_resize);
}

/* ---- Metadata ---- */

static void on_set_metadata(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    if (verb_answered(op, "marking"))
        verb_succeeded(op, 200, "marking");
    op->done(op);
}

void pageblob_set_metadata(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;

    begin(op, &h);
    op->length = 0;
    verb_header_if_match(&h, blob, op->if_match);
    verb_header_lease(&h, blob);
    verb_header_metadata(&h, op->metadata);
    op->http = (struct http_req){
        .method = HTTP_PUT, .verb = "metadata", .additions = "comp=metadata", .body = ""};
    verb_send(blob, op, &h, on_set_metadata);
}

/* ---- Sequence number ---- */

static void on_next_sequence(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    if (!verb_answered(op, "fencing") || !verb_succeeded(op, 200, "fencing"))
        goto done;
    if (!op->head.sequence_known) {
        err_set(&op->err, ERR_CORRUPT, RETRY_LATER,
                "fencing %.160s: the host did not say its new sequence number",
                op->blob->url.address);
        goto done;
    }
    op->blob->sequence = op->head.sequence;
    op->blob->sequence_known = true;
done:
    op->done(op);
}

void pageblob_next_sequence(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;

    begin(op, &h);
    op->length = 0;
    verb_header(&h, "x-ms-sequence-number-action", "increment");
    verb_header_lease(&h, blob);
    op->http = (struct http_req){
        .method = HTTP_PUT, .verb = "properties", .additions = "comp=properties", .body = ""};
    verb_send(blob, op, &h, on_next_sequence);
}

/* ---- Snapshot ---- */

static void on_snapshot(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    if (verb_answered(op, "taking a snapshot of") &&
        verb_succeeded(op, 201, "taking a snapshot of") && !op->head.snapshot[0])
        err_set(&op->err, ERR_CORRUPT, RETRY_NEVER, "the host did not name the snapshot it took");
    op->done(op);
}

void pageblob_snapshot(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;

    begin(op, &h);
    op->length = 0;
    verb_header_lease(&h, blob);
    op->http = (struct http_req){
        .method = HTTP_PUT, .verb = "snapshot", .additions = "comp=snapshot", .body = ""};
    verb_send(blob, op, &h, on_snapshot);
}

/* ---- Deletion ---- */

static void on_delete(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    if (verb_answered(op, "deleting"))
        verb_succeeded(op, 202, "deleting");
    op->done(op);
}

void pageblob_delete(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;

    begin(op, &h);
    op->length = 0;
    verb_header(&h, "x-ms-delete-snapshots", "include");
    verb_header_if_match(&h, blob, op->if_match);
    verb_header_lease(&h, blob);
    op->http = (struct http_req){.method = HTTP_DELETE, .verb = "delete"};
    verb_send(blob, op, &h, on_delete);
}
