/* previous_url.h - x-ms-previous-snapshot-url: what a managed disk is compared with.
 *
 * Knows:         that the header is a whole SAS URL of the same disk, which must itself be allowed
 *                to read.
 * Must not know: how ranges are listed.
 * Threads:       one exchange at a time.
 */
#ifndef REGIOND_PREVIOUS_URL_H
#define REGIOND_PREVIOUS_URL_H

#include "tools/regiond/exchange.h"

#define PREVIOUS_URL_HEADER "x-ms-previous-snapshot-url"

/* The snapshot the header names. False: the error is set. */
bool previous_url_snapshot(struct exchange *x, const char *url,
                           char out_snapshot[REQUEST_SNAPSHOT_MAX_BYTES]);

#endif
