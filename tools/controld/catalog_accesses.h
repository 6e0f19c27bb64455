/* catalog_accesses.h - rows of granted access: one a disk restore point or disk, held by a stored access
 * policy of its container. Read catalog.h first.
 *
 * Knows:         the table. The URL is not kept: it is signed again, the same, from these and the key.
 * Must not know: SAS, keys, how many policies a container takes.
 * Threads:       as catalog.h.
 */
#ifndef CONTROLD_CATALOG_ACCESSES_H
#define CONTROLD_CATALOG_ACCESSES_H

#include <stdint.h>

#include "tools/controld/catalog.h"

struct catalog_access {
    const char *resource_id; /* the disk restore point or disk; the row's id */
    const char *region;
    const char *container;
    const char *blob;
    const char *snapshot;    /* NULL: the blob itself */
    const char *policy;      /* its id in the container: one access each */
    const char *permissions; /* "r", "rw"... */
    int64_t begun_ns;
    int64_t expires_ns;
};

struct catalog_access_list {
    struct catalog_access *rows;
    size_t count;
    bool more;
};

void catalog_access_fini(struct catalog_access *row);
void catalog_access_list_fini(struct catalog_access_list *list);

bool catalog_access_get(struct catalog *c, const char *resource_id, struct catalog_access *out_row,
                        struct err *e);
bool catalog_access_put(struct catalog *c, const struct catalog_access *row, struct err *e);
bool catalog_access_delete(struct catalog *c, const char *resource_id, struct err *e);

/* Extends: the policy, and with it the URL, stays. */
bool catalog_access_set_expiry(struct catalog *c, const char *resource_id, int64_t expires_ns,
                               struct err *e);

bool catalog_access_list_of_container(struct catalog *c, const char *region, const char *container,
                                      const struct catalog_page *page,
                                      struct catalog_access_list *out_list, struct err *e);
/* Those that ended at now_ns or before. */
bool catalog_access_list_expired(struct catalog *c, int64_t now_ns, const struct catalog_page *page,
                                 struct catalog_access_list *out_list, struct err *e);
/* Those of a restore point's disks, or of a collection's: whose id begins with under and a slash. */
bool catalog_access_list(struct catalog *c, const char *under, const struct catalog_page *page,
                         struct catalog_access_list *out_list, struct err *e);

#endif
