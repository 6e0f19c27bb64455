/* crc64.h - the page-blob service's CRC64 (protocol A.11: CRC-64/NVME), at wire speed.
 *
 * Knows:         arithmetic; which instructions this CPU has.
 * Must not know: HTTP, ranges. The one file that client and embedded server share.
 * Threads:       any; pure.
 */
#ifndef IO_CRC64_H
#define IO_CRC64_H

#include <stddef.h>
#include <stdint.h>

#define CRC64_HEADER_MAX_BYTES 13u /* 8 bytes little-endian in padded base64, and the NUL */

/* First call: crc = 0. Chainable: crc64_update(crc64_update(0, a), b) is the CRC of a then b. */
uint64_t crc64_update(uint64_t crc, const void *bytes, size_t count);

/* The CRC of A then B, given both and the length of B in bytes. */
uint64_t crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t length_b_bytes);

/* The value of x-ms-content-crc64, and back. The parser returns 0 unless the text is exactly
 * one well-formed value (12 characters); on success it returns 1 and writes out_crc. */
void crc64_to_header(uint64_t crc, char out_text[CRC64_HEADER_MAX_BYTES]);
int crc64_from_header(const char *text, uint64_t *out_crc);

/* Which implementation runs here ("vpclmul", "vpclmul_avx2", "pclmul", "portable"; long runs take
 * it, short ones the best that fits), for bench and tests; and
 * each of them by itself, so that tests can compare all on one machine. The name must be one
 * that crc64_has() answers 1 for. */
const char *crc64_name(void);
int crc64_has(const char *name);
uint64_t crc64_update_by(const char *name, uint64_t crc, const void *bytes, size_t count);

#endif
