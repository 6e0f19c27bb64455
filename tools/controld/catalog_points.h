/* catalog_points.h - rows of restore points. Read catalog.h first: it has the rules.
 *
 * Knows:         the table.
 * Must not know: how a restore point is cut, copied or shown.
 * Threads:       as catalog.h.
 */
#ifndef CONTROLD_CATALOG_POINTS_H
#define CONTROLD_CATALOG_POINTS_H

#include <stdint.h>

#include "tools/controld/catalog.h"
#include "tools/controld/catalog_words.h"

struct catalog_point {
    const char *id;
    const char *collection_id; /* must exist */
    enum catalog_state state;
    int64_t created_ns;
    enum catalog_consistency consistency;
    enum catalog_origin origin;
    const char *asked;   /* JSON: the request as understood, so that the same one is known again */
    const char *exclude; /* JSON array of disk ids, or NULL */
    const char *source_point_id; /* of a copy, else NULL */
    const char *metadata;     /* JSON: sourceMetadata without diskRestorePoint members, or NULL */
    const char *failure_code; /* with CATALOG_FAILED, else NULL */
    const char *failure_message;
    const char *hook_status; /* x-snapferry: what the freeze and thaw hooks said, or NULL */
    const char *hook_message;
    int64_t used_bytes;  /* x-snapferry; 0: not known */
    int64_t deadline_ns; /* when its replication is given up; 0: never */
    int64_t generation;  /* how often its creation was asked for: 1, then more by PUT again */
};

struct catalog_point_list {
    struct catalog_point *rows;
    size_t count;
    bool more;
};

void catalog_point_fini(struct catalog_point *row);
void catalog_point_list_fini(struct catalog_point_list *list);

bool catalog_point_get(struct catalog *c, const char *id, struct catalog_point *out_row,
                       struct err *e);
bool catalog_point_put(struct catalog *c, const struct catalog_point *row, struct err *e);
/* ERR_CONFLICT while it has disk restore points. */
bool catalog_point_delete(struct catalog *c, const char *id, struct err *e);

/* code and message NULL unless it failed. */
bool catalog_point_set_state(struct catalog *c, const char *id, enum catalog_state state,
                             const char *failure_code, const char *failure_message, struct err *e);
bool catalog_point_set_hook(struct catalog *c, const char *id, const char *status,
                            const char *message, struct err *e);

bool catalog_point_list(struct catalog *c, const char *collection_id,
                        const struct catalog_page *page, struct catalog_point_list *out_list,
                        struct err *e);
/* Of one collection, those that a schedule made, or those that callers made. */
bool catalog_point_list_of_origin(struct catalog *c, const char *collection_id,
                                  enum catalog_origin origin, const struct catalog_page *page,
                                  struct catalog_point_list *out_list, struct err *e);
/* Of all collections: what a restart goes on with. */
bool catalog_point_list_in_state(struct catalog *c, enum catalog_state state,
                                 const struct catalog_page *page,
                                 struct catalog_point_list *out_list, struct err *e);
/* The copies of a restore point. */
bool catalog_point_list_of_source(struct catalog *c, const char *source_point_id,
                                  const struct catalog_page *page,
                                  struct catalog_point_list *out_list, struct err *e);
bool catalog_point_count(struct catalog *c, const char *collection_id, uint64_t *out_count,
                         struct err *e);

#endif
