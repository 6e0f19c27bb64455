/* catalog_bases.h - rows of snapshots that are no restore point (any more), and that a delta still starts
 * from. Read catalog.h first: it has the rules.
 *
 * Knows:         the table; who needs one of them.
 * Must not know: how a snapshot is taken or deleted.
 * Threads:       as catalog.h.
 *
 * One is needed while some family's live blob holds what it is (the next delta starts from it), and while
 * a disk restore point that is a delta of it is not complete. Nothing is counted: who needs it says so in
 * its own row, and without such a row it is spare.
 */
#ifndef CONTROLD_CATALOG_BASES_H
#define CONTROLD_CATALOG_BASES_H

#include "tools/controld/catalog.h"

struct catalog_base {
    const char *place;         /* cut_place.h, of a snapshot */
    const char *disk_point_id; /* that it was cut for */
};

struct catalog_base_list {
    struct catalog_base *rows;
    size_t count;
    bool more;
};

void catalog_base_fini(struct catalog_base *row);
void catalog_base_list_fini(struct catalog_base_list *list);

bool catalog_base_put(struct catalog *c, const struct catalog_base *row, struct err *e);
bool catalog_base_delete(struct catalog *c, const char *place, struct err *e);
/* Is the snapshot kept as a base, whoever needs it? */
bool catalog_base_is_kept(struct catalog *c, const char *place, bool *out_kept, struct err *e);
/* Would somebody need it? It may be a restore point's. */
bool catalog_base_is_needed(struct catalog *c, const char *place, bool *out_needed, struct err *e);
/* Those that nobody needs. */
bool catalog_base_list_spare(struct catalog *c, const struct catalog_page *page,
                             struct catalog_base_list *out_list, struct err *e);

#endif
