/* body_check.h - the checksum a write sends with its body, and the one its answer carries.
 *
 * Knows:         Content-MD5 and x-ms-content-crc64, and that they exclude each other.
 * Must not know: where the body goes.
 * Threads:       one exchange at a time.
 */
#ifndef REGIOND_BODY_CHECK_H
#define REGIOND_BODY_CHECK_H

#include "tools/regiond/exchange.h"

/* Compares what was sent with what arrived. False: Md5Mismatch, Crc64Mismatch, InvalidMd5, or
 * both kinds at once; nothing may be written then. */
bool body_check_request(struct exchange *x);

/* Content-MD5 if the request sent one, else the CRC64 of what arrived. */
void body_check_answer(struct exchange *x);

#endif
