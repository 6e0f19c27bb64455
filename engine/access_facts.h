/* access_facts.h - what a copy knows of the disk behind one side's URL, so that a new URL can be held
 * against it (design "Identity").
 *
 * Knows:         sizes, ETags, the footer's digest, the marker's copy.
 * Must not know: URLs.
 * Threads:       none; a value.
 */
#ifndef ENGINE_ACCESS_FACTS_H
#define ENGINE_ACCESS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "io/endpoint.h"

struct access_facts {
    bool known; /* a stat was seen */
    bool exists;
    uint64_t size_bytes;
    char etag[ENDPOINT_ETAG_MAX_BYTES];
    char last_modified[64];
    char copy_uuid[MARKER_UUID_MAX_BYTES]; /* this copy's own mark on a target; "" = none yet */
    bool footer_known;                     /* the last page of a source was read */
    struct block_hash footer;
};

#endif
