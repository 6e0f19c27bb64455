/* blob_headers.h - the content headers a blob keeps (Content-Type and so on), in and out.
 *
 * Knows:         how they are called in a request, in the store, in an answer, in a SAS.
 * Must not know: any one verb.
 * Threads:       one exchange at a time.
 */
#ifndef REGIOND_BLOB_HEADERS_H
#define REGIOND_BLOB_HEADERS_H

#include "tools/regiond/exchange.h"

/* Collects x-ms-blob-content-* and x-ms-blob-cache-control of the request (with `or_plain`, also
 * plain Content-Type, Content-Encoding, Content-Language). False: the error is set; fini `out`. */
bool blob_headers_collect(struct exchange *x, bool or_plain, struct store_pairs *out,
                          bool *out_any);

/* What a read says of a blob: content headers, stamp, type, lease, metadata. `whole` when the
 * body is the whole blob, so that its stored MD5 may be called Content-MD5. */
void blob_headers_answer(struct exchange *x, const struct store_properties *p, bool whole);

#endif
