/* copy_found.h - a delta whose changes were found by a block map, not by a service; and a base that must
 * be one copy of that name, no other.
 *
 * Knows:         the lists, what the source was when they were made. Included by the parts of a copy alone.
 * Must not know: how maps are made and compared (map_build.h, map_changes.h).
 * Threads:       the reactor's.
 *
 * A name says little of what may change: two copies of one file may hold different bytes. So what a map was
 * made of is named by the UUID of the copy that the target had completed, and by the ETag it then had.
 */
#ifndef ENGINE_COPY_FOUND_H
#define ENGINE_COPY_FOUND_H

#include <stdbool.h>

#include "blockmap/extent.h"

struct copy;

/* Texts and sets are borrowed, and outlive the copy. */
struct copy_found {
    const struct extent_set *data, *clears; /* of the whole disk; all else is as in the base */
    const char *source_etag;                /* the source when they were found */
};

struct copy_bound {
    const char
        *copy_uuid;   /* what the marker of the target must say; NULL: the base's name will do */
    const char *etag; /* and what it had: not empty */
};

/* The source is stat'd: is it still what the changes were found of? */
bool copy_found_holds(struct copy *copy);
/* Instead of asking the source what changed: a step's start. */
bool copy_start_found(struct copy *copy);
/* Why the target is another copy than the one that it must be; NULL: it is that, or none is named. It must
 * still be proven to be as its copy left it. */
const char *copy_bound_doubt(const struct copy *copy);

#endif
