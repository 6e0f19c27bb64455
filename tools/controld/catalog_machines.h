/* catalog_machines.h - rows of virtual machines: of the config, or put by a caller. Read catalog.h first.
 *
 * Knows:         the table.
 * Must not know: what a document must say.
 * Threads:       as catalog.h.
 */
#ifndef CONTROLD_CATALOG_MACHINES_H
#define CONTROLD_CATALOG_MACHINES_H

#include <stdint.h>

#include "tools/controld/catalog.h"
#include "tools/controld/catalog_words.h"

struct catalog_machine {
    const char *id;
    const char *guid; /* vmId */
    const char *location;
    const char *doc; /* JSON: tags and the properties that were put */
    enum catalog_state state;
    int64_t created_ns;
};

struct catalog_machine_list {
    struct catalog_machine *rows;
    size_t count;
    bool more;
};

void catalog_machine_fini(struct catalog_machine *row);
void catalog_machine_list_fini(struct catalog_machine_list *list);

bool catalog_machine_get(struct catalog *c, const char *id, struct catalog_machine *out_row,
                         struct err *e);
bool catalog_machine_put(struct catalog *c, const struct catalog_machine *row, struct err *e);
bool catalog_machine_delete(struct catalog *c, const char *id, struct err *e);

/* Those whose id begins with under and a slash (see catalog_collections.h); NULL: all. */
bool catalog_machine_list(struct catalog *c, const char *under, const struct catalog_page *page,
                          struct catalog_machine_list *out_list, struct err *e);

#endif
