/* signing.h - HMAC-SHA256 over a text with an account's key, in base64.
 *
 * Knows:         OpenSSL, base64.
 * Must not know: what is signed.
 * Threads:       any; pure.
 */
#ifndef REGIOND_SIGNING_H
#define REGIOND_SIGNING_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/regiond/accounts.h"

#define SIGNATURE_TEXT_BYTES 45u /* 32 bytes in base64, and the NUL */

/* False: OpenSSL refused (no memory). */
bool signing_sign(const struct account *account, const char *text, size_t n,
                  char out_signature[SIGNATURE_TEXT_BYTES]);

/* Does `given` (any text) equal the right signature? Takes the same time wherever they differ. */
bool signing_equal(const char right[SIGNATURE_TEXT_BYTES], const char *given);

/* Standard padded base64, nothing else; false: it is not, or it does not fit. */
bool signing_decode(const char *text, size_t n, unsigned char *out, size_t out_size_bytes,
                    size_t *out_bytes);

#endif
