/* verb_page.c - Put Page (update and clear) and Put Page From URL. */
#include <string.h>
#include <strings.h>

#include "io/crc64.h"
#include "tools/regiond/body_check.h"
#include "tools/regiond/from_url.h"
#include "tools/regiond/verb_common.h"
#include "tools/regiond/verbs.h"

#define PUT_PAGE_MAX_BYTES (4u << 20)
_Static_assert(PUT_PAGE_MAX_BYTES <= BUFFER_BYTES, "a Put Page arrives in one buffer");
_Static_assert(FROM_URL_RANGE_MAX_BYTES <= BUFFER_BYTES, "a copied range arrives in one buffer");

static const char write_name[] = "x-ms-page-write";

struct page_span {
    uint64_t offset;
    uint64_t bytes;
};

static bool too_large(struct exchange *x)
{
    return service_fail_with(&x->error, CODE_REQUEST_BODY_TOO_LARGE, "MaxLimit", "4194304");
}

static bool page_span_of(struct exchange *x, struct page_span *out)
{
    struct verb_range range;

    if (!verb_range(x, &range))
        return false;
    if (!range.given)
        return service_fail_header(&x->error, CODE_MISSING_REQUIRED_HEADER, "x-ms-range", NULL);
    if (range.open_ended)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, "x-ms-range", NULL);
    out->offset = range.first;
    out->bytes = range.last - range.first + 1;
    if (out->offset % STORE_PAGE_BYTES != 0 || out->bytes % STORE_PAGE_BYTES != 0)
        return service_fail(&x->error, CODE_INVALID_PAGE_RANGE);
    return true;
}

static void answer_page(struct exchange *x, const struct store_stamp *stamp)
{
    verb_answer(x, 201);
    verb_answer_stamp(x, stamp);
    answer_header_u64(&x->answer, "x-ms-blob-sequence-number", stamp->sequence_number);
    answer_header(&x->answer, "x-ms-request-server-encrypted", "true");
}

static bool put_page_update(struct exchange *x, const struct page_span *span)
{
    struct store_key key = verb_key(x);
    struct store_conditions when;
    struct store_stamp stamp;

    if (span->bytes > PUT_PAGE_MAX_BYTES)
        return too_large(x);
    if (span->bytes != x->body.bytes)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, "Content-Length",
                                   request_header(&x->request, "Content-Length"));
    if (!body_check_request(x) || !verb_conditions(x, &when) ||
        !verb_stored(x, store_pages_write(x->parts->store, &key, &when, span->offset,
                                          x->body.buffer, span->bytes, &stamp)))
        return false;
    answer_page(x, &stamp);
    body_check_answer(x);
    return true;
}

static bool put_page_clear(struct exchange *x, const struct page_span *span)
{
    static const char *const not_with_clear[] = {"Content-MD5", "x-ms-content-crc64"};
    struct store_key key = verb_key(x);
    struct store_conditions when;
    struct store_stamp stamp;

    for (size_t i = 0; i < sizeof not_with_clear / sizeof not_with_clear[0]; i++) {
        const char *value = request_header(&x->request, not_with_clear[i]);

        if (value)
            return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, not_with_clear[i],
                                       value);
    }
    if (x->request.content_length != 0)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, "Content-Length",
                                   request_header(&x->request, "Content-Length"));
    if (!verb_conditions(x, &when) ||
        !verb_stored(x, store_pages_clear(x->parts->store, &key, &when, span->offset, span->bytes,
                                          &stamp)))
        return false;
    answer_page(x, &stamp);
    return true;
}

bool verb_put_page(struct exchange *x)
{
    const char *write = verb_required_header(x, write_name);
    struct page_span span;

    if (!write)
        return false;
    if (strcasecmp(write, "update") != 0 && strcasecmp(write, "clear") != 0)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, write_name, write);
    if (!page_span_of(x, &span))
        return false;
    return strcasecmp(write, "update") == 0 ? put_page_update(x, &span) : put_page_clear(x, &span);
}

/* ---- From URL ---- */

/* "bytes=A-B" of x-ms-source-range, which must be as long as the target's range. */
static bool source_range_of(struct exchange *x, const struct page_span *span,
                            struct from_url_request *source)
{
    static const char name[] = "x-ms-source-range";
    const char *text = verb_required_header(x, name);
    struct verb_range range;

    if (!text)
        return false;
    if (!verb_range_parse(text, &range) || range.open_ended ||
        range.last - range.first + 1 != span->bytes)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, name, text);
    source->offset = range.first;
    source->bytes = span->bytes;
    return true;
}

/* What arrived from the source stands where a body would: the same checks follow. */
static bool check_source(struct exchange *x)
{
    const char *md5 = request_header(&x->request, "x-ms-source-content-md5");
    const char *crc64 = request_header(&x->request, "x-ms-source-content-crc64");
    unsigned char sent_md5[BODY_MD5_BYTES];
    uint64_t sent_crc64;

    if (md5 && crc64)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE,
                                   "x-ms-source-content-crc64", crc64);
    if (md5 && !body_md5_from_header(md5, sent_md5))
        return service_fail_header(&x->error, CODE_INVALID_MD5, "x-ms-source-content-md5", md5);
    if (crc64 && !crc64_from_header(crc64, &sent_crc64))
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE,
                                   "x-ms-source-content-crc64", crc64);
    if (md5) {
        x->facts.checksum_sent = "md5";
        if (!body_md5_of(x->body.buffer, x->body.bytes, x->body.md5_value))
            return service_fail(&x->error, CODE_INTERNAL_ERROR);
        if (memcmp(sent_md5, x->body.md5_value, sizeof sent_md5) != 0)
            return service_fail(&x->error, CODE_MD5_MISMATCH);
    }
    if (crc64) {
        x->facts.checksum_sent = "crc64";
        if (sent_crc64 != x->body.crc64)
            return service_fail(&x->error, CODE_CRC64_MISMATCH);
    }
    return true;
}

static void answer_source_check(struct exchange *x)
{
    char md5_text[BODY_MD5_HEADER_BYTES];
    char crc_text[CRC64_HEADER_MAX_BYTES];

    if (request_header(&x->request, "x-ms-source-content-md5")) {
        body_md5_to_header(x->body.md5_value, md5_text);
        answer_header(&x->answer, "Content-MD5", md5_text);
    } else if (request_version_at_least(&x->request, "2019-02-02")) {
        crc64_to_header(x->body.crc64, crc_text);
        answer_header(&x->answer, "x-ms-content-crc64", crc_text);
    }
}

static bool fetch_source(struct exchange *x, const struct from_url_request *source)
{
    if (!body_begin(&x->body, x->parts->buffers, false))
        return service_fail(&x->error, CODE_SERVER_BUSY);
    if (!from_url_fetch(source, x->body.buffer, &x->error))
        return false;
    x->body.bytes = (size_t)source->bytes;
    x->body.crc64 = crc64_update(0, x->body.buffer, x->body.bytes);
    return check_source(x);
}

bool verb_put_page_from_url(struct exchange *x)
{
    const struct request *r = &x->request;
    const char *write = verb_required_header(x, write_name);
    struct from_url_request source = {
        .url = request_header(r, "x-ms-copy-source"),
        .authorization = request_header(r, "x-ms-copy-source-authorization"),
        .if_match = request_header(r, "x-ms-source-if-match"),
        .if_none_match = request_header(r, "x-ms-source-if-none-match"),
        .if_modified_since = request_header(r, "x-ms-source-if-modified-since"),
        .if_unmodified_since = request_header(r, "x-ms-source-if-unmodified-since"),
    };
    struct store_key key = verb_key(x);
    struct store_conditions when;
    struct store_stamp stamp;
    struct page_span span;

    if (!write)
        return false;
    if (!request_version_at_least(r, "2018-11-09"))
        return service_fail_header(&x->error, CODE_UNSUPPORTED_HEADER, "x-ms-copy-source", NULL);
    if (strcasecmp(write, "update") != 0)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, write_name, write);
    if (r->content_length != 0)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, "Content-Length",
                                   request_header(r, "Content-Length"));
    if (strlen(source.url) > FROM_URL_MAX_BYTES)
        return service_fail_header(&x->error, CODE_INVALID_HEADER_VALUE, "x-ms-copy-source", NULL);
    if (!page_span_of(x, &span))
        return false;
    if (span.bytes > PUT_PAGE_MAX_BYTES)
        return too_large(x);
    if (!verb_conditions(x, &when) || !source_range_of(x, &span, &source) ||
        !fetch_source(x, &source) ||
        !verb_stored(x, store_pages_write(x->parts->store, &key, &when, span.offset, x->body.buffer,
                                          span.bytes, &stamp)))
        return false;
    answer_page(x, &stamp);
    answer_source_check(x);
    return true;
}
