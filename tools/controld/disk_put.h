/* disk_put.h - PUT of a disk: restored from a disk restore point, or told that it is there (protocol E.8).
 *
 * Knows:         what may be restored, and where to; that a named blob which is there already is somebody's.
 *                The same body again is answered as before; another one is refused, but for tags.
 * Must not know: how it is restored (replication.h), how a disk is shown (disks.h).
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_DISK_PUT_H
#define CONTROLD_DISK_PUT_H

#include "tools/controld/service.h"

struct disk_put; /* requests that wait for a region's answer */

struct disk_put *disk_put_new(struct service *service, struct err *e);
bool disk_put_idle(const struct disk_put *puts); /* no region is asked */
void disk_put_free(struct disk_put *puts);       /* NULL is fine; idle */
void disk_put_serve(struct disk_put *puts, struct front_table *table);

#endif
