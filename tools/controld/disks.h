/* disks.h - the API's disks: restored from disk restore points, shown, listed, deleted (protocol E.8).
 *
 * Knows:         what may be restored, to where. Must not know: how bytes move (replication.h). Threads:
 *                the reactor's.
 */
#ifndef CONTROLD_DISKS_H
#define CONTROLD_DISKS_H

#include "tools/controld/service.h"

struct catalog_disk;

void disks_serve(struct service *service, struct front_table *table);

/* With the data plane's freshest word, which is kept before it is shown: a new reference; NULL: no memory. */
json_t *disks_render(struct service *service, const struct catalog_disk *row);

#endif
