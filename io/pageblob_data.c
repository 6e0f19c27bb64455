/* pageblob_data.c - reading, writing and clearing ranges (see pageblob.h), and finding out which checksum
 * the host knows. */
#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "io/crc64.h"
#include "io/pageblob_verb.h"

#define MD5_BYTES 16u

static void check_range(const struct pageblob_op *op)
{
    assert(op->length > 0 && op->length % PAGEBLOB_PAGE_BYTES == 0);
    assert(op->offset % PAGEBLOB_PAGE_BYTES == 0);
    assert(!err_is_set(&op->err));
}

static void md5_text(const void *bytes, size_t count, char out_text[32])
{
    unsigned char md5[MD5_BYTES];
    int ok = EVP_Digest(bytes, count, md5, NULL, EVP_md5(), NULL);

    assert(ok); /* fails only without memory, or where MD5 is forbidden: see md5_allowed */
    EVP_EncodeBlock((unsigned char *)out_text, md5, MD5_BYTES);
}

/* A FIPS build of OpenSSL has no MD5; then a host without CRC64 is used unchecked. */
static bool md5_allowed(void)
{
    unsigned char md5[MD5_BYTES];

    return EVP_Digest("", 0, md5, NULL, EVP_md5(), NULL) == 1;
}

/* What to ask for after `sent` turned out to be unknown to the host. */
static enum pageblob_checksum next_checksum(enum pageblob_checksum sent)
{
    return sent == PAGEBLOB_CRC64 && md5_allowed() ? PAGEBLOB_MD5 : PAGEBLOB_UNCHECKED;
}

/* Does this refusal mean that the host does not know the checksum we sent? */
static bool refuses_checksum(const struct pageblob_op *op)
{
    const struct http_answer *answer = &op->http.answer;

    if (op->sent == PAGEBLOB_UNCHECKED)
        return false;
    return (answer->status == 500 && strcmp(answer->code, "FeatureNotSupported") == 0) ||
           answer->status == 501 ||
           (answer->status == 400 && (strcmp(answer->code, "UnsupportedHeader") == 0 ||
                                      strcmp(answer->code, "InvalidHeaderValue") == 0));
}

static bool corrupt(struct pageblob_op *op, const char *what)
{
    err_set(&op->err, ERR_CORRUPT, RETRY_LATER, "%s (range at %llu of %.160s)", what,
            (unsigned long long)op->offset, op->blob->url.address);
    op->err.http_status = op->http.answer.status;
    memcpy(op->err.request_id, op->http.answer.request_id, sizeof op->err.request_id);
    return false;
}

/* Only a success teaches that the host knows no better: a refusal may have had another reason. */
static void learn(enum pageblob_checksum *known, bool crc64_seen, enum pageblob_checksum worked)
{
    if (!crc64_seen && worked > *known)
        *known = worked;
}

/* ---- Reading ---- */

static void send_get(struct pageblob *blob, struct pageblob_op *op);

/* The host refused the checksum asked for, or gave none: true when the op was sent anew. */
static bool read_again(struct pageblob_op *op)
{
    if (op->sent == PAGEBLOB_UNCHECKED || op->blob->read_crc64_seen)
        return false;
    op->sent = next_checksum(op->sent);
    if (op->sent == PAGEBLOB_UNCHECKED && op->http.answer.status == 206)
        return false; /* what is here is as good as what another read would bring */
    send_get(op->blob, op);
    return true;
}

/* False with op->err, or when nothing was there to compare (*out_missing). */
static bool compare_read(struct pageblob_op *op, bool *out_missing)
{
    char md5[32];

    *out_missing = false;
    if (op->sent == PAGEBLOB_CRC64 && op->head.crc64_known) {
        op->blob->read_crc64_seen = true;
        return op->head.crc64 == op->crc64 ||
               corrupt(op, "what was read does not match the host's CRC64");
    }
    if (op->sent == PAGEBLOB_MD5 && op->head.md5[0]) {
        md5_text(op->memory, op->length, md5);
        return strcmp(md5, op->head.md5) == 0 ||
               corrupt(op, "what was read does not match the host's MD5");
    }
    *out_missing = op->sent != PAGEBLOB_UNCHECKED;
    return !*out_missing;
}

static void on_get(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);
    bool missing, whole;

    if (!verb_answered(op, "reading"))
        goto done;
    if (refuses_checksum(op) && read_again(op))
        return;
    /* A host may answer 200 when the range is the whole blob; exact has checked the length. */
    whole = req->answer.status == 200 && op->offset == 0;
    if (!whole && !verb_succeeded(op, 206, "reading"))
        goto done;
    op->crc64 = req->answer.crc64;
    if (!compare_read(op, &missing) && missing) {
        if (op->blob->read_crc64_seen) {
            corrupt(op, "the host gave no checksum, though it did before");
            goto done;
        }
        if (read_again(op))
            return;
    }
    op->crc64_known = !err_is_set(&op->err);
    if (op->crc64_known)
        learn(&op->blob->read_checksum, op->blob->read_crc64_seen, op->sent);
done:
    op->done(op);
}

/* May run beside the reactor: touches nothing but the op's memory and hashes. */
static void on_landed(struct http_req *req, size_t count)
{
    struct pageblob_op *op = verb_op(req);
    uint64_t at;
    uint32_t whole = digest_blocks_within(op->offset, count, &at);

    for (; op->hashed_count < whole; op->hashed_count++)
        op->hashes[op->hashed_count] =
            digest_block(op->memory + at + (size_t)op->hashed_count * DIGEST_BLOCK_BYTES);
}

static void send_get(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;

    op->hashed_count = 0;
    verb_headers_init(&h);
    verb_header_range(&h, op->offset, op->length);
    if (op->sent == PAGEBLOB_CRC64)
        verb_header(&h, "x-ms-range-get-content-crc64", "true");
    if (op->sent == PAGEBLOB_MD5)
        verb_header(&h, "x-ms-range-get-content-md5", "true");
    verb_header_if_match(&h, blob, blob->guard);
    op->http = (struct http_req){.method = HTTP_GET,
                                 .verb = "get_range",
                                 .memory = op->memory,
                                 .memory_bytes = (size_t)op->length,
                                 .exact = true,
                                 .crc64 = true,
                                 .landed = op->hashes ? on_landed : NULL,
                                 .expect_range = true,
                                 .range_first = op->offset};
    verb_send(blob, op, &h, on_get);
}

void pageblob_get(struct pageblob *blob, struct pageblob_op *op)
{
    check_range(op);
    assert(op->length <= PAGEBLOB_RANGE_MAX && op->memory);
    op->crc64_known = false;
    op->sent = blob->read_checksum;
    send_get(blob, op);
}

/* ---- Writing ---- */

static void send_put(struct pageblob *blob, struct pageblob_op *op);

static bool write_again(struct pageblob_op *op)
{
    if (op->sent == PAGEBLOB_UNCHECKED || op->blob->write_crc64_seen)
        return false;
    op->sent = next_checksum(op->sent);
    if (op->sent == PAGEBLOB_UNCHECKED && op->http.answer.status == 201)
        return false; /* it is written; nobody there can say how well */
    send_put(op->blob, op);
    return true;
}

/* As compare_read, for what the host says it stored. */
static bool compare_written(struct pageblob_op *op, bool *out_missing)
{
    char md5[32];

    *out_missing = false;
    if (op->sent == PAGEBLOB_CRC64 && op->head.crc64_known) {
        op->blob->write_crc64_seen = true;
        return op->head.crc64 == op->crc64 ||
               corrupt(op, "the host stored something else than was sent (CRC64)");
    }
    if (op->sent == PAGEBLOB_MD5 && op->head.md5[0]) {
        md5_text(op->memory, op->length, md5);
        return strcmp(md5, op->head.md5) == 0 ||
               corrupt(op, "the host stored something else than was sent (MD5)");
    }
    *out_missing = op->sent != PAGEBLOB_UNCHECKED;
    return !*out_missing;
}

static void on_put(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);
    bool missing;

    if (!verb_answered(op, "writing"))
        goto done;
    if (refuses_checksum(op) && write_again(op))
        return;
    if (!verb_succeeded(op, 201, "writing"))
        goto done;
    if (!compare_written(op, &missing) && missing) {
        if (op->blob->write_crc64_seen)
            corrupt(op, "the host did not say what it stored, though it did before");
        else if (write_again(op))
            return;
    }
    if (!err_is_set(&op->err))
        learn(&op->blob->write_checksum, op->blob->write_crc64_seen, op->sent);
done:
    op->done(op);
}

static void send_put(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;

    verb_headers_init(&h);
    verb_header(&h, "x-ms-page-write", "update");
    verb_header_range(&h, op->offset, op->length);
    verb_header_sequence(&h, blob);
    verb_header_lease(&h, blob);
    if (op->sent == PAGEBLOB_CRC64) {
        crc64_to_header(op->crc64, h.checksum);
        verb_header(&h, "x-ms-content-crc64", h.checksum);
    } else if (op->sent == PAGEBLOB_MD5) {
        md5_text(op->memory, op->length, h.checksum);
        verb_header(&h, "Content-MD5", h.checksum);
    }
    /* As with a clear: whether it may still land must be known, so that a fence is put before the commit. */
    op->http = (struct http_req){.method = HTTP_PUT,
                                 .verb = "put_page",
                                 .additions = "comp=page",
                                 .body = op->memory,
                                 .body_bytes = (size_t)op->length,
                                 .send_once = true};
    verb_send(blob, op, &h, on_put);
}

void pageblob_put(struct pageblob *blob, struct pageblob_op *op)
{
    check_range(op);
    assert(op->length <= PAGEBLOB_RANGE_MAX && op->memory);
    if (!op->crc64_known)
        op->crc64 = crc64_update(0, op->memory, op->length);
    op->crc64_known = true;
    op->sent = blob->write_checksum;
    send_put(blob, op);
}

static void on_clear(struct http_req *req)
{
    struct pageblob_op *op = verb_op(req);

    if (verb_answered(op, "clearing"))
        verb_succeeded(op, 201, "clearing");
    op->done(op);
}

void pageblob_clear(struct pageblob *blob, struct pageblob_op *op)
{
    struct verb_headers h;

    check_range(op);
    verb_headers_init(&h);
    verb_header(&h, "x-ms-page-write", "clear");
    verb_header_range(&h, op->offset, op->length);
    verb_header_sequence(&h, blob);
    verb_header_lease(&h, blob);
    /* A clear that lands late would wipe what was written after it: its outcome must be known to us, so
     * libcurl may not repeat it behind our back. */
    op->http = (struct http_req){.method = HTTP_PUT,
                                 .verb = "clear_page",
                                 .additions = "comp=page",
                                 .body = "",
                                 .send_once = true};
    verb_send(blob, op, &h, on_clear);
}
