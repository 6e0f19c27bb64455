/* catalog_operations.h - rows of long-running operations, kept so that a poll is answered after a restart
 * too. Read catalog.h first.
 *
 * Knows:         the table.
 * Must not know: HTTP, what an operation does.
 * Threads:       as catalog.h.
 */
#ifndef CONTROLD_CATALOG_OPERATIONS_H
#define CONTROLD_CATALOG_OPERATIONS_H

#include <stdint.h>

#include "tools/controld/catalog.h"
#include "tools/controld/catalog_words.h"

struct catalog_operation {
    const char *guid;
    const char *kind; /* the caller's word for what is done */
    const char *subscription;
    const char *location;
    const char *resource_id;
    enum catalog_status status;
    const char *error;  /* JSON {code, message...} of a failed one, else NULL */
    const char *result; /* JSON without any SAS, or NULL */
    int64_t remake;     /* 1: the result has a SAS, which is made again when asked for */
    int64_t start_ns;
    int64_t end_ns; /* 0 while in progress */
};

struct catalog_operation_list {
    struct catalog_operation *rows;
    size_t count;
    bool more;
};

void catalog_operation_fini(struct catalog_operation *row);
void catalog_operation_list_fini(struct catalog_operation_list *list);

bool catalog_operation_get(struct catalog *c, const char *guid, struct catalog_operation *out_row,
                           struct err *e);
bool catalog_operation_put(struct catalog *c, const struct catalog_operation *row, struct err *e);
bool catalog_operation_delete(struct catalog *c, const char *guid, struct err *e);

/* error and result as in the row; ERR_GONE also when it has ended already. */
bool catalog_operation_end(struct catalog *c, const char *guid, enum catalog_status status,
                           const char *error, const char *result, int64_t end_ns, struct err *e);

bool catalog_operation_list_in_progress(struct catalog *c, const struct catalog_page *page,
                                        struct catalog_operation_list *out_list, struct err *e);
/* Those in progress on a resource. */
bool catalog_operation_list_of_resource(struct catalog *c, const char *resource_id,
                                        const struct catalog_page *page,
                                        struct catalog_operation_list *out_list, struct err *e);
/* Forgets at most limit operations that ended at before_ns or earlier. */
bool catalog_operation_forget(struct catalog *c, int64_t before_ns, unsigned limit,
                              uint64_t *out_count, struct err *e);

#endif
