/* body_intake.c - checksums are computed while the arriving bytes are still in the cache. */
#include "tools/regiond/body_intake.h"

#include <string.h>

#include "io/crc64.h"

bool body_begin(struct body_intake *b, struct buffer_pool *pool, bool with_md5)
{
    b->pool = pool;
    b->buffer = buffer_borrow(pool);
    if (!b->buffer)
        return false;
    if (with_md5) {
        b->md5 = EVP_MD_CTX_new();
        if (!b->md5 || EVP_DigestInit_ex(b->md5, EVP_md5(), NULL) != 1)
            return false;
    }
    return true;
}

void body_fini(struct body_intake *b)
{
    if (b->pool)
        buffer_release(b->pool, b->buffer);
    EVP_MD_CTX_free(b->md5);
    *b = (struct body_intake){0};
}

void body_take(struct body_intake *b, const void *bytes, size_t n)
{
    size_t room = BUFFER_BYTES - b->bytes;

    b->arrived_bytes += n;
    if (!b->buffer)
        return;
    if (n > room)
        n = room;
    memcpy(b->buffer + b->bytes, bytes, n);
    b->crc64 = crc64_update(b->crc64, b->buffer + b->bytes, n);
    if (b->md5)
        EVP_DigestUpdate(b->md5, b->buffer + b->bytes, n);
    b->bytes += n;
}

void body_end(struct body_intake *b)
{
    unsigned n = 0;

    if (b->md5)
        EVP_DigestFinal_ex(b->md5, b->md5_value, &n);
}

bool body_spoil(struct body_intake *b, uint64_t draw)
{
    size_t at = b->bytes ? (size_t)(draw % b->bytes) : 0;

    if (b->bytes == 0)
        return false;
    b->buffer[at] = (unsigned char)(b->buffer[at] ^ (1u << (draw >> 61)));
    b->crc64 = crc64_update(0, b->buffer, b->bytes);
    return !b->md5 || body_md5_of(b->buffer, b->bytes, b->md5_value);
}

void body_md5_to_header(const unsigned char md5[BODY_MD5_BYTES],
                        char out_text[BODY_MD5_HEADER_BYTES])
{
    EVP_EncodeBlock((unsigned char *)out_text, md5, BODY_MD5_BYTES);
}

bool body_md5_from_header(const char *text, unsigned char out_md5[BODY_MD5_BYTES])
{
    unsigned char decoded[18];
    char again[BODY_MD5_HEADER_BYTES];

    if (strlen(text) != 24 || EVP_DecodeBlock(decoded, (const unsigned char *)text, 24) != 18)
        return false;
    body_md5_to_header(decoded, again);
    if (strcmp(again, text) != 0) /* stray padding or stray low bits */
        return false;
    memcpy(out_md5, decoded, BODY_MD5_BYTES);
    return true;
}

bool body_md5_of(const void *bytes, size_t n, unsigned char out_md5[BODY_MD5_BYTES])
{
    return EVP_Digest(bytes, n, out_md5, NULL, EVP_md5(), NULL) == 1;
}
