/* collections.h - the API's restore point collections: put, patched, shown, listed, deleted (protocol
 * E.4).
 *
 * Knows:         what a collection may refer to, where it may lie. Must not know: how points are made or
 *                deleted (points.h). Threads: the reactor's.
 */
#ifndef CONTROLD_COLLECTIONS_H
#define CONTROLD_COLLECTIONS_H

#include "tools/controld/service.h"

/* Registers PUT, PATCH, GET and the lists. DELETE is point_delete.h's: it deletes the points first. */
void collections_serve(struct service *service, struct front_table *table);

#endif
