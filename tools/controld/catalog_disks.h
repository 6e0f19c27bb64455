/* catalog_disks.h - rows of disks: registered, or restored from restore points. Read catalog.h first.
 *
 * Knows:         the table.
 * Must not know: how a disk is restored or shown.
 * Threads:       as catalog.h.
 */
#ifndef CONTROLD_CATALOG_DISKS_H
#define CONTROLD_CATALOG_DISKS_H

#include <stdint.h>

#include "tools/controld/catalog.h"
#include "tools/controld/catalog_words.h"

struct catalog_disk {
    const char *id;
    const char *guid; /* uniqueId */
    const char *location;
    const char
        *doc; /* JSON: sku, tags, zones and what else the request said and an answer repeats */
    const char *backing; /* JSON {"file":PATH} or {"region":R,"container":C,"blob":B} */
    int64_t size_bytes;
    const char *source_id; /* the disk restore point that it is restored from, or NULL */
    enum catalog_state state;
    const char *code; /* ReplicationState/...; NULL: not restored from anything */
    double percent;   /* 0 to 100 */
    enum catalog_level level;
    const char *message;
    int64_t created_ns;
    int64_t ended_ns; /* when its bytes were all there; 0 while it is restored */
};

struct catalog_disk_list {
    struct catalog_disk *rows;
    size_t count;
    bool more;
};

void catalog_disk_fini(struct catalog_disk *row);
void catalog_disk_list_fini(struct catalog_disk_list *list);

bool catalog_disk_get(struct catalog *c, const char *id, struct catalog_disk *out_row,
                      struct err *e);
bool catalog_disk_put(struct catalog *c, const struct catalog_disk *row, struct err *e);
bool catalog_disk_delete(struct catalog *c, const char *id, struct err *e);

/* percent below the one kept leaves that: it never goes back. message NULL: none. */
bool catalog_disk_set_progress(struct catalog *c, const char *id, const char *code, double percent,
                               enum catalog_level level, const char *message, struct err *e);
/* ended_ns 0: not yet. */
bool catalog_disk_set_state(struct catalog *c, const char *id, enum catalog_state state,
                            int64_t ended_ns, struct err *e);

/* Those whose id begins with under and a slash (see catalog_collections.h); NULL: all. */
bool catalog_disk_list(struct catalog *c, const char *under, const struct catalog_page *page,
                       struct catalog_disk_list *out_list, struct err *e);
/* Those restored from a disk restore point. */
bool catalog_disk_list_of_source(struct catalog *c, const char *source_id,
                                 const struct catalog_page *page,
                                 struct catalog_disk_list *out_list, struct err *e);
/* What a restart goes on with. */
bool catalog_disk_list_in_state(struct catalog *c, enum catalog_state state,
                                const struct catalog_page *page, struct catalog_disk_list *out_list,
                                struct err *e);

#endif
