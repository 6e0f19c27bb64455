/* catalog_collections.h - rows of restore point collections. Read catalog.h first: it has the rules.
 *
 * Knows:         the table.
 * Must not know: what a collection may be changed to.
 * Threads:       as catalog.h.
 */
#ifndef CONTROLD_CATALOG_COLLECTIONS_H
#define CONTROLD_CATALOG_COLLECTIONS_H

#include <stdint.h>

#include "tools/controld/catalog.h"
#include "tools/controld/catalog_words.h"

struct catalog_collection {
    const char *id;
    const char *location;
    const char *tags; /* JSON object, or NULL */
    const char *source_id;
    enum catalog_source source_kind;
    const char *source_location;
    const char *guid; /* restorePointCollectionId */
    enum catalog_state state;
    int64_t created_ns;
};

struct catalog_collection_list {
    struct catalog_collection *rows;
    size_t count;
    bool more;
};

void catalog_collection_fini(struct catalog_collection *row);
void catalog_collection_list_fini(struct catalog_collection_list *list);

bool catalog_collection_get(struct catalog *c, const char *id, struct catalog_collection *out_row,
                            struct err *e);
bool catalog_collection_put(struct catalog *c, const struct catalog_collection *row, struct err *e);
bool catalog_collection_delete(struct catalog *c, const char *id, struct err *e);

bool catalog_collection_set_tags(struct catalog *c, const char *id, const char *tags,
                                 struct err *e);
bool catalog_collection_set_state(struct catalog *c, const char *id, enum catalog_state state,
                                  struct err *e);

/* Those whose id begins with under and a slash: a subscription's ("/subscriptions/S"), a group's
 * ("/subscriptions/S/resourceGroups/G"); NULL: all. */
bool catalog_collection_list(struct catalog *c, const char *under, const struct catalog_page *page,
                             struct catalog_collection_list *out_list, struct err *e);
/* Those whose source is this VM or collection. */
bool catalog_collection_list_of_source(struct catalog *c, const char *source_id,
                                       const struct catalog_page *page,
                                       struct catalog_collection_list *out_list, struct err *e);

#endif
