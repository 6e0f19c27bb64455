/* disk_delete.h - DELETE of a disk that was restored (protocol E.2): with its file or blob.
 *
 * Knows:         what forbids it: the configuration, a machine that has it, access that customers hold.
 *                The order: row Deleting, what restores it canceled, bytes, row. Must not know: how it is
 *                restored. Threads: the reactor's.
 *
 * As of restore points: one that is Deleting stays so until its bytes are gone.
 */
#ifndef CONTROLD_DISK_DELETE_H
#define CONTROLD_DISK_DELETE_H

#include "tools/controld/service.h"

struct disk_delete; /* deletions under way */

struct disk_delete *disk_delete_new(struct service *service, struct err *e);
bool disk_delete_recover(struct disk_delete *deletes, struct err *e); /* rows that are Deleting */
void disk_delete_stop(struct disk_delete *deletes);
bool disk_delete_idle(const struct disk_delete *deletes); /* no request is under way */
void disk_delete_free(struct disk_delete *deletes);       /* NULL is fine; idle */
void disk_delete_serve(struct disk_delete *deletes, struct front_table *table);

#endif
