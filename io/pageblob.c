/* pageblob.c - see pageblob.h. Life, and what all verbs have in common. */
#include "io/pageblob.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/crc64.h"
#include "io/pageblob_error.h"
#include "io/pageblob_verb.h"

#define SHOWN_ADDRESS_BYTES 160

/* ---- Life ---- */

struct pageblob *pageblob_new(struct http *http, struct secret_url *take, bool managed,
                              struct err *e)
{
    struct pageblob *blob = calloc(1, sizeof *blob);

    if (!blob) {
        secret_url_fini(take);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a page blob");
        return NULL;
    }
    blob->http = http;
    blob->managed = managed;
    blob->url = *take;
    memset(take, 0, sizeof *take);
    return blob;
}

void pageblob_free(struct pageblob *blob)
{
    if (!blob)
        return;
    secret_url_fini(&blob->url);
    free(blob);
}

/* Requests that are under way have copied what they need of the old one. */
void pageblob_set_url(struct pageblob *blob, struct secret_url *take)
{
    secret_url_fini(&blob->url);
    blob->url = *take;
    memset(take, 0, sizeof *take);
}

/* ---- Headers of a request ---- */

void verb_headers_init(struct verb_headers *h)
{
    h->count = 0;
    verb_header(h, "x-ms-version", PAGEBLOB_VERSION);
}

void verb_header(struct verb_headers *h, const char *name, const char *value)
{
    assert(h->count < VERB_HEADERS_MAX);
    h->items[h->count].name = name;
    h->items[h->count].value = value;
    h->count++;
}

void verb_header_range(struct verb_headers *h, uint64_t offset, uint64_t length)
{
    snprintf(h->range, sizeof h->range, "bytes=%" PRIu64 "-%" PRIu64, offset, offset + length - 1);
    verb_header(h, "x-ms-range", h->range);
}

void verb_header_if_match(struct verb_headers *h, const struct pageblob *blob, const char *etag)
{
    if (etag && *etag && !blob->managed)
        verb_header(h, "If-Match", etag);
}

void verb_header_lease(struct verb_headers *h, const struct pageblob *blob)
{
    if (blob->lease[0])
        verb_header(h, "x-ms-lease-id", blob->lease);
}

void verb_header_sequence(struct verb_headers *h, const struct pageblob *blob)
{
    if (!blob->sequence_known || blob->managed)
        return;
    snprintf(h->sequence, sizeof h->sequence, "%" PRIu64, blob->sequence);
    verb_header(h, "x-ms-if-sequence-number-le", h->sequence);
}

void verb_header_metadata(struct verb_headers *h, const struct pageblob_metadata *metadata)
{
    size_t used = 0;

    for (size_t i = 0; metadata && i < metadata->count; i++) {
        char *name = h->meta_names + used;

        used += (size_t)snprintf(name, sizeof h->meta_names - used, "x-ms-meta-%s",
                                 metadata->items[i].name) +
                1;
        assert(used <= sizeof h->meta_names);
        verb_header(h, name, metadata->items[i].value);
    }
}

/* ---- Headers of an answer ---- */

static void copy_text(char *target, size_t target_bytes, const char *value)
{
    if (strlen(value) < target_bytes) /* a cut ETag would be a wrong one */
        strcpy(target, value);
}

static bool take_number(const char *value, uint64_t *out)
{
    char *end;
    unsigned long long number = strtoull(value, &end, 10);

    if (*value < '0' || *value > '9' || *end)
        return false;
    *out = number;
    return true;
}

static void take_service_header(struct pageblob_head *head, const char *name, const char *value)
{
    uint64_t number;

    if (strcmp(name, "content-crc64") == 0)
        head->crc64_known = crc64_from_header(value, &head->crc64) == 1;
    else if (strcmp(name, "blob-content-length") == 0)
        head->blob_known = take_number(value, &head->blob_bytes);
    else if (strcmp(name, "blob-sequence-number") == 0)
        head->sequence_known = take_number(value, &head->sequence);
    else if (strcmp(name, "blob-type") == 0)
        copy_text(head->blob_type, sizeof head->blob_type, value);
    else if (strcmp(name, "snapshot") == 0)
        copy_text(head->snapshot, sizeof head->snapshot, value);
    else if (strcmp(name, "copy-status") == 0)
        head->copy_pending = strcmp(value, "pending") == 0;
    else if (strcmp(name, "incremental-copy") == 0)
        head->incremental_copy = strcmp(value, "true") == 0;
    else if (strcmp(name, "copy-source-error-code") == 0)
        copy_text(head->source_code, sizeof head->source_code, value);
    else if (strcmp(name, "copy-source-status-code") == 0)
        head->source_status = take_number(value, &number) && number < 600 ? (int)number : 0;
}

void verb_take_header(struct pageblob_head *head, const char *name, const char *value)
{
    if (strncmp(name, "x-ms-", 5) == 0)
        take_service_header(head, name + 5, value);
    else if (strcmp(name, "etag") == 0)
        copy_text(head->etag, sizeof head->etag, value);
    else if (strcmp(name, "last-modified") == 0)
        copy_text(head->last_modified, sizeof head->last_modified, value);
    else if (strcmp(name, "content-length") == 0)
        head->content_known = take_number(value, &head->content_bytes);
    else if (strcmp(name, "content-md5") == 0)
        copy_text(head->md5, sizeof head->md5, value);
}

struct pageblob_op *verb_op(struct http_req *req)
{
    return (struct pageblob_op *)((char *)req - offsetof(struct pageblob_op, http));
}

/* Runs inside the transfer. */
static void on_header(struct http_req *req, const char *name, const char *value)
{
    struct pageblob_op *op = verb_op(req);

    if (op->out_metadata && strncmp(name, "x-ms-meta-", 10) == 0 && !err_is_set(&op->err))
        pageblob_metadata_set(op->out_metadata, name + 10, value, &op->err);
    verb_take_header(&op->head, name, value);
}

/* ---- Sending and judging ---- */

void verb_send(struct pageblob *blob, struct pageblob_op *op, const struct verb_headers *h,
               void (*done)(struct http_req *))
{
    assert(op->done);
    op->blob = blob;
    memset(&op->head, 0, sizeof op->head);
    op->http.url = &blob->url;
    op->http.headers = h->items;
    op->http.header_count = h->count;
    op->http.header = on_header;
    op->http.done = done;
    err_clear(&op->http.err);
    blob->counts.requests++;
    http_send(blob->http, &op->http);
}

bool verb_answered(struct pageblob_op *op, const char *what)
{
    op->blob->counts.received_bytes += op->http.answer.body_bytes;
    op->blob->counts.sent_bytes += op->http.body_bytes;
    if (err_is_set(&op->err)) /* the metadata did not fit */
        return false;
    if (!err_is_set(&op->http.err))
        return true;
    op->err = op->http.err;
    if (op->length)
        err_prefix(&op->err, "%s %" PRIu64 "-%" PRIu64 ": ", what, op->offset,
                   op->offset + op->length - 1);
    return false;
}

bool verb_succeeded(struct pageblob_op *op, int status, const char *what)
{
    char where[SHOWN_ADDRESS_BYTES + 100];

    if (op->http.answer.status == status)
        return true;
    if (op->length)
        snprintf(where, sizeof where, "%s %" PRIu64 "-%" PRIu64 " of %.*s", what, op->offset,
                 op->offset + op->length - 1, SHOWN_ADDRESS_BYTES, op->blob->url.address);
    else
        snprintf(where, sizeof where, "%s %.*s", what, SHOWN_ADDRESS_BYTES, op->blob->url.address);
    pageblob_error_set(&op->http.answer, where, &op->err);
    return false;
}

/* ---- Guards and looks ---- */

void pageblob_guard_reads(struct pageblob *blob, const char *etag)
{
    snprintf(blob->guard, sizeof blob->guard, "%s", etag);
}

const struct secret_url *pageblob_url(const struct pageblob *blob)
{
    return &blob->url;
}

const struct pageblob_counts *pageblob_count(const struct pageblob *blob)
{
    return &blob->counts;
}

bool pageblob_checks_nothing(const struct pageblob *blob)
{
    return blob->read_checksum == PAGEBLOB_UNCHECKED || blob->write_checksum == PAGEBLOB_UNCHECKED;
}
