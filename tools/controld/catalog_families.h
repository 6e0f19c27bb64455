/* catalog_families.h - rows of families: one disk's chain of snapshots in one region. Read catalog.h first.
 *
 * Knows:         the table.
 * Must not know: how containers and blobs are made.
 * Threads:       as catalog.h.
 */
#ifndef CONTROLD_CATALOG_FAMILIES_H
#define CONTROLD_CATALOG_FAMILIES_H

#include <stdint.h>

#include "tools/controld/catalog.h"

struct catalog_family {
    const char *guid;
    const char *region;      /* the config's name of the account */
    const char *source_disk; /* the disk's resource id */
    const char
        *collection_id; /* the target collection of copies; NULL: the chain of the disk itself */
    const char *container;
    const char *live_blob; /* where the next restore point is written; NULL: none yet */
    int64_t blob_count;    /* blobs ever made in it: the next is disk-N+1 */
    /* What the live blob holds, also when its restore points are gone; NULL: nothing that is known. */
    const char *held_disk_point_id; /* the family's own, which may be gone */
    const char *held_source_id; /* what its content is called: the identity it was copied under */
    const char *held_place; /* cut_place.h: the snapshot it was copied from, which the next delta
                                       starts from; NULL: a file, that is gone */
};

struct catalog_held { /* as the row's; texts borrowed */
    const char *disk_point_id, *source_id, *place;
};

struct catalog_family_list {
    struct catalog_family *rows;
    size_t count;
    bool more;
};

void catalog_family_fini(struct catalog_family *row);
void catalog_family_list_fini(struct catalog_family_list *list);

bool catalog_family_get(struct catalog *c, const char *guid, struct catalog_family *out_row,
                        struct err *e);
/* At most one family is of a region, a disk and a collection (NULL: of the disk itself). */
bool catalog_family_find(struct catalog *c, const char *region, const char *source_disk,
                         const char *collection_id, struct catalog_family *out_row, struct err *e);
bool catalog_family_put(struct catalog *c, const struct catalog_family *row, struct err *e);
/* ERR_CONFLICT while a disk restore point is of it. */
bool catalog_family_delete(struct catalog *c, const char *guid, struct err *e);

/* live_blob now holds this (NULL: it is being changed, nothing can be said of it). */
bool catalog_family_set_held(struct catalog *c, const char *guid, const struct catalog_held *held,
                             struct err *e);
/* Does some live blob hold this disk restore point, its own or one that was copied to it? */
bool catalog_family_holds(struct catalog *c, const char *disk_point_id, bool *out_held,
                          struct err *e);

bool catalog_family_list(struct catalog *c, const struct catalog_page *page,
                         struct catalog_family_list *out_list, struct err *e);
bool catalog_family_list_of_collection(struct catalog *c, const char *collection_id,
                                       const struct catalog_page *page,
                                       struct catalog_family_list *out_list, struct err *e);

#endif
