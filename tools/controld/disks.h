/* disks.h - the API's disks: restored from disk restore points, shown, listed, deleted (protocol E.8).
 *
 * Knows:         what may be restored, to where. Must not know: how bytes move (replication.h). Threads:
 *                the reactor's.
 */
#ifndef CONTROLD_DISKS_H
#define CONTROLD_DISKS_H

#include "tools/controld/service.h"

void disks_serve(struct service *service, struct front_table *table);

#endif
