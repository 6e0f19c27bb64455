/* point_delete.h - DELETE of restore points and of collections with all of theirs (protocol E.2).
 *
 * Knows:         what forbids it: access that customers hold, copies and verifications that read it; the
 *                order: row Deleting, snapshots, blobs and containers nobody needs, rows.
 * Must not know: how access is granted.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_POINT_DELETE_H
#define CONTROLD_POINT_DELETE_H

#include "tools/controld/service.h"

struct point_delete; /* deletions under way */

struct point_delete *point_delete_new(struct service *service, struct err *e);
/* Nothing new is asked of a region; what is not done is gone on with by the next life. */
void point_delete_stop(struct point_delete *deletes);
void point_delete_free(struct point_delete *deletes); /* NULL is fine; nothing under way */
bool point_delete_idle(const struct point_delete *deletes);
bool point_delete_recover(struct point_delete *deletes, struct err *e); /* rows that are Deleting */
void point_delete_serve(struct point_delete *deletes, struct front_table *table);
/* As the API's, without a caller: for retention. *why is set when it is forbidden now. */
bool point_delete_begin(struct point_delete *deletes, const char *point_id, struct arm_error *why);

#endif
