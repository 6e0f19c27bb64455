/* body_intake.h - a request's body as it arrives: kept in one pooled buffer, checksums on the way.
 *
 * Knows:         bytes, CRC64, MD5.
 * Must not know: HTTP, which verb the body is for.
 * Threads:       one intake belongs to one server thread at a time.
 */
#ifndef REGIOND_BODY_INTAKE_H
#define REGIOND_BODY_INTAKE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/regiond/buffer_pool.h"

#define BODY_MD5_BYTES        16u
#define BODY_MD5_HEADER_BYTES 25u /* base64 and the NUL */

struct body_intake {
    struct buffer_pool *pool;
    unsigned char *buffer; /* NULL: nothing is kept, what arrives is counted and dropped */
    size_t bytes;          /* kept */
    uint64_t arrived_bytes;
    uint64_t crc64;
    EVP_MD_CTX *md5;                         /* NULL: not asked for */
    unsigned char md5_value[BODY_MD5_BYTES]; /* after body_end */
    bool unchecked; /* nobody compares it with the checksums it came with (a fault) */
};

/* ---- Life ---- */
bool body_begin(struct body_intake *b, struct buffer_pool *pool,
                bool with_md5);        /* false: no buffer */
void body_fini(struct body_intake *b); /* of a zeroed one: a no-op */

/* ---- Use: what is beyond BUFFER_BYTES is only counted ---- */
void body_take(struct body_intake *b, const void *bytes, size_t n);
void body_end(struct body_intake *b);
/* After body_end: flips a bit of what is kept, as though it had come so. False: nothing is kept. */
bool body_spoil(struct body_intake *b, uint64_t draw);

/* ---- Base64 of an MD5, and back: false unless it is exactly one well-formed value ---- */
void body_md5_to_header(const unsigned char md5[BODY_MD5_BYTES],
                        char out_text[BODY_MD5_HEADER_BYTES]);
bool body_md5_from_header(const char *text, unsigned char out_md5[BODY_MD5_BYTES]);
bool body_md5_of(const void *bytes, size_t n, unsigned char out_md5[BODY_MD5_BYTES]);

#endif
