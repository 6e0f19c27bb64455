/* front_table.h - from a path to the handler for it: route, api-version, then whoever registered.
 *
 * Knows:         which handler is for which type and verb.
 * Must not know: HTTP, what a handler does.
 * Threads:       the reactor's.
 * Errors:        of a path, a version or a verb that there is not: the ARM error for it.
 */
#ifndef CONTROLD_FRONT_TABLE_H
#define CONTROLD_FRONT_TABLE_H

#include <stddef.h>

#include "tools/controld/arm_route.h"
#include "tools/controld/front.h"

#define FRONT_HANDLERS_MAX 128u

/* Valid, as its call, until the call is answered; a handler that answers later may keep both. */
struct front_ask {
    struct front_call *call;
    struct arm_route route;
};

struct front_handler {
    enum arm_type type;
    enum arm_verb verb;
    void (*handle)(void *arg, struct front_ask *ask);
};

struct front_table;

/* ---- Life ---- */
struct front_table *front_table_new(struct err *e);
void front_table_free(struct front_table *table); /* NULL is fine; after the front */

/* ---- Use ---- */
/* Copies the handlers. Two for one type and verb, or more than FRONT_HANDLERS_MAX, is an assertion. */
void front_table_add(struct front_table *table, const struct front_handler *handlers, size_t count,
                     void *arg);
/* front_setup.ask; table: a struct front_table. */
void front_table_ask(void *table, struct front_call *call);

#endif
