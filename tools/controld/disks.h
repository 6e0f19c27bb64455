/* disks.h - the API's disks, shown and listed (protocol E.8).
 *
 * Knows:         rows, and the data plane's word of them. Must not know: how bytes move (replication.h), how
 *                disks come and go (disk_put.h, disk_delete.h). Threads: the reactor's.
 */
#ifndef CONTROLD_DISKS_H
#define CONTROLD_DISKS_H

#include "tools/controld/service.h"

struct catalog_disk;

void disks_serve(struct service *service, struct front_table *table);

/* With the data plane's freshest word, which is kept before it is shown: a new reference; NULL: no memory. */
json_t *disks_render(struct service *service, const struct catalog_disk *row);

#endif
