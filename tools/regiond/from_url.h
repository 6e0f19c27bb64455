/* from_url.h - fetches the range that Put Page From URL copies from another blob.
 *
 * Knows:         HTTP as a client; the headers a source is asked with; how a source's refusal is
 *                told to our own caller (CannotVerifyCopySource and the copy_source_ fields).
 * Must not know: the store, the target, who asked.
 * Threads:       any; the call blocks until the source has answered or its deadline has passed,
 *                so never on a server thread.
 */
#ifndef REGIOND_FROM_URL_H
#define REGIOND_FROM_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/regiond/service_error.h"

#define FROM_URL_MAX_BYTES       2048u /* the service's limit on x-ms-copy-source */
#define FROM_URL_RANGE_MAX_BYTES (4u << 20)

struct from_url_request {
    const char *url;           /* as sent in x-ms-copy-source; a secret */
    const char *authorization; /* x-ms-copy-source-authorization ("Bearer ..."); NULL: none */
    const char *if_match;      /* the x-ms-source-if-... headers; NULL: not sent */
    const char *if_none_match;
    const char *if_modified_since;
    const char *if_unmodified_since;
    uint64_t offset;
    uint64_t bytes; /* > 0, at most FROM_URL_RANGE_MAX_BYTES */
};

/* Fills buffer with exactly request->bytes. False: the error is set (CannotVerifyCopySource with
 * 400, 403, 404, 409, 500 or 503; SourceConditionNotMet, InvalidRange, OperationTimedOut), with
 * copy_source_code and copy_source_status where the source gave them; no secret is in it.
 * Only loopback addresses are connected to; https trusts the system's and SSL_CERT_FILE's roots. */
bool from_url_fetch(const struct from_url_request *request, unsigned char *buffer,
                    struct service_error *e);

#endif
