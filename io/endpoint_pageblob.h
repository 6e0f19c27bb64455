/* endpoint_pageblob.h - a page blob behind its SAS URL, as one end of a copy.
 *
 * Knows:         which verbs each kind of host has (protocol B.5), the marker as metadata, checksums.
 * Must not know: retry policy, plans. Every request is tried once; req->err says what would help.
 * Threads:       the reactor's.
 *
 * What setup means here:
 *   SETUP_CREATE    Put Blob with If-None-Match: *; the marker, if given, is its first metadata.
 *   SETUP_RESIZE    grows only; a smaller size is ERR_USAGE.
 *   SETUP_MARK      HEAD, merge, Set Metadata with If-Match of that HEAD: metadata of others survive and
 *                   no two writers overwrite each other. Our own data writes change the ETag, so the
 *                   guard is the copy: the marker found must carry the copy_uuid set last through this
 *                   endpoint (before it set one: be absent, or as its last stat saw it), else
 *                   ERR_CONFLICT: another copy works here, or the blob was made anew. A marker that is
 *                   ours already was set by a request whose answer was lost.
 *   SETUP_REMOVE    HEAD, then Delete Blob, its snapshots too, with If-Match of that HEAD.
 *   SETUP_FENCE     increments the sequence number; every later write carries
 *                   x-ms-if-sequence-number-le, so that no older request can land any more.
 *   SETUP_SNAPSHOT  its time is the service's, verbatim.
 *   SETUP_LEASE     acquires lease_id for 60 s (prolongs it when another process of ours holds it), and
 *                   from then on renews it; every change carries it until SETUP_UNLEASE. A lease that
 *                   ended is renewed only if nobody wrote meanwhile.
 * A read of a live blob (no snapshot=, not an md- host) carries If-Match with the ETag of the first
 * stat when guard_reads is set; "the source changed" is ERR_GONE, RETRY_REPLAN.
 */
#ifndef IO_ENDPOINT_PAGEBLOB_H
#define IO_ENDPOINT_PAGEBLOB_H

#include "io/endpoint.h"
#include "io/http.h"
#include "io/secret.h"

#define PAGEBLOB_REQUEST_COST_BYTES 125952u      /* 123 KiB: 60 MiB/s over 500 requests/s */
#define PAGEBLOB_SIZE_MAX_BYTES     (8ull << 40) /* what an ordinary account takes at create */

enum pageblob_host {
    PAGEBLOB_HOST_AUTO, /* from the host's name */
    PAGEBLOB_HOST_ORDINARY,
    PAGEBLOB_HOST_MANAGED, /* md-: read only */
    PAGEBLOB_HOST_UPLOAD   /* md-impexp-: write pages, nothing else */
};

struct endpoint_pageblob_options { /* zeroed = all defaults */
    enum pageblob_host host;
    bool guard_reads;            /* of a source that might change; see above */
    uint32_t request_cost_bytes; /* 0 = PAGEBLOB_REQUEST_COST_BYTES */
    const char *identity;        /* copied; NULL = from the URL */
};

/* Opens nothing yet: the first stat does. take is left empty, also on failure. http is borrowed and
 * must outlive the endpoint. NULL on failure. */
struct endpoint *endpoint_pageblob_open(struct reactor *r, struct http *http,
                                        struct secret_url *take,
                                        const struct endpoint_pageblob_options *options,
                                        struct err *e);

/* Renewal: requests submitted from now on, and later pages of a list under way, use the new URL; it names the
 * same disk, perhaps elsewhere, and the identity stays what it was. take is left empty. */
void endpoint_pageblob_set_url(struct endpoint *ep, struct secret_url *take);

/* The URL in use now; a view, secret, valid until the next set_url or close. */
const struct secret_url *endpoint_pageblob_url(const struct endpoint *ep);

#endif
