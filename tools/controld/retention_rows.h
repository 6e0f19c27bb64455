/* retention_rows.h - what the catalog says of the restore points that a schedule made.
 *
 * Knows:         rows of points and of their disks, families.
 * Must not know: schedules, the clock, which points are to go (keep_rule.h).
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_RETENTION_ROWS_H
#define CONTROLD_RETENTION_ROWS_H

#include "tools/controld/catalog.h"
#include "tools/controld/keep_rule.h"

/* Those of one collection, without such as are being deleted; zeroed = none. */
struct retention_rows {
    struct keep_point *points; /* the newest first, their ids owned */
    size_t count;
};

/* Into an empty one. A point whose disks are not all in their blobs yet is under way. */
bool retention_rows_read(struct catalog *catalog, const char *collection_id,
                         struct retention_rows *out_rows, struct err *e);
void retention_rows_fini(struct retention_rows *rows); /* leaves it empty */

/* Would a chain break without it? One of its disk points is what a family's live blob holds, or what a
 * copy there was made of: the next copy would have to be a full one. It may go when the chain has gone on.
 * (By hand it may go before: its snapshot stays, catalog_bases.h.) */
bool retention_is_needed(struct catalog *catalog, const char *point_id, bool *out_needed,
                         struct err *e);

#endif
