/* points.h - the API's restore points and disk restore points: shown and listed (protocol E.5, E.7).
 *
 * Knows:         rows and, for what is under way, the data plane's freshest word. Must not know: how a
 *                point is made (point_create.h), deleted (point_delete.h), opened to customers
 *                (access.h). Threads: the reactor's.
 */
#ifndef CONTROLD_POINTS_H
#define CONTROLD_POINTS_H

#include "tools/controld/service.h"

/* GET of points (with $expand=instanceView), GET and list of disk points. */
void points_serve(struct service *service, struct front_table *table);

/* The point as its GET shows it: a new reference; NULL with *e set, or untouched when there is no such
 * point. */
json_t *points_render(struct service *service, const char *point_id, bool instance_view,
                      struct err *e);
/* Those of a collection, for $expand=restorePoints. */
json_t *points_render_of_collection(struct service *service, const char *collection_id,
                                    struct err *e);

#endif
