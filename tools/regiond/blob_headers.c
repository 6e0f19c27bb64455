/* blob_headers.c - one table of content headers, used in both directions. */
#include "tools/regiond/blob_headers.h"

#include <string.h>

#include "tools/regiond/verb_common.h"

#define CONTENT_MD5 "Content-MD5"

struct content_header {
    const char *stored;   /* its name in the store and in answers */
    const char *asked;    /* its name in requests */
    bool plain_counts;    /* Put Blob also takes it under its own name */
    const char *override; /* the SAS parameter that replaces it in answers; NULL: none */
};

static const struct content_header content_headers[] = {
    {"Content-Type", "x-ms-blob-content-type", true, "rsct"},
    {"Content-Encoding", "x-ms-blob-content-encoding", true, "rsce"},
    {"Content-Language", "x-ms-blob-content-language", true, "rscl"},
    {"Content-Disposition", "x-ms-blob-content-disposition", false, "rscd"},
    {"Cache-Control", "x-ms-blob-cache-control", true, "rscc"},
    {CONTENT_MD5, "x-ms-blob-content-md5", false, NULL},
};
#define CONTENT_HEADER_COUNT (sizeof content_headers / sizeof content_headers[0])

bool blob_headers_collect(struct exchange *x, bool or_plain, struct store_pairs *out, bool *out_any)
{
    const struct request *r = &x->request;
    unsigned char md5[BODY_MD5_BYTES];

    *out_any = false;
    for (size_t i = 0; i < CONTENT_HEADER_COUNT; i++) {
        const struct content_header *h = &content_headers[i];
        const char *value = request_header(r, h->asked);

        if (value)
            *out_any = true;
        else if (or_plain && h->plain_counts)
            value = request_header(r, h->stored);
        if (!value || *value == '\0')
            continue;
        if (strcmp(h->stored, CONTENT_MD5) == 0 && !body_md5_from_header(value, md5))
            return service_fail_header(&x->error, CODE_INVALID_MD5, h->asked, value);
        if (!store_pairs_add(out, h->stored, value))
            return service_fail(&x->error, CODE_INTERNAL_ERROR);
    }
    return true;
}

static void answer_content(struct exchange *x, const struct store_properties *p, bool whole)
{
    for (size_t i = 0; i < CONTENT_HEADER_COUNT; i++) {
        const struct content_header *h = &content_headers[i];
        const char *name = h->stored;
        const char *value = store_pairs_get(&p->headers, h->stored);

        if (h->override && x->request.caller == CALLER_SAS &&
            request_param(&x->request, h->override))
            value = request_param(&x->request, h->override);
        if (strcmp(h->stored, CONTENT_MD5) == 0 && !whole)
            name = "x-ms-blob-content-md5";
        if (!value && strcmp(h->stored, "Content-Type") == 0)
            value = "application/octet-stream";
        if (value && *value)
            answer_header(&x->answer, name, value);
    }
}

static void answer_lease(struct exchange *x, const struct store_properties *p)
{
    bool locked = p->lease_state == STORE_LEASE_LEASED || p->lease_state == STORE_LEASE_BREAKING;

    answer_header(&x->answer, "x-ms-lease-status", locked ? "locked" : "unlocked");
    answer_header(&x->answer, "x-ms-lease-state", verb_lease_state_name(p->lease_state));
    if (p->lease_state == STORE_LEASE_LEASED)
        answer_header(&x->answer, "x-ms-lease-duration", p->lease_infinite ? "infinite" : "fixed");
}

void blob_headers_answer(struct exchange *x, const struct store_properties *p, bool whole)
{
    struct answer *a = &x->answer;

    answer_content(x, p, whole);
    verb_answer_stamp(x, &p->stamp);
    answer_header(a, "Accept-Ranges", "bytes");
    answer_header_time(a, "x-ms-creation-time", p->created_s);
    if (p->kind == STORE_PAGE_BLOB) {
        answer_header(a, "x-ms-blob-type", "PageBlob");
        answer_header_u64(a, "x-ms-blob-sequence-number", p->stamp.sequence_number);
    } else {
        answer_header(a, "x-ms-blob-type", "BlockBlob");
    }
    if (p->snapshot[0] == '\0')
        answer_lease(x, p);
    answer_header(a, "x-ms-server-encrypted", "true");
    verb_answer_metadata(x, &p->metadata);
}
