/* point_leave.h - restore points on their way out: their snapshots, the blobs and containers that nobody
 * else needs, then their rows.
 *
 * Knows:         the order, and what must not be taken with them. A point that is Deleting stays so until
 *                all of it is gone: it is never taken for one that is there.
 * Must not know: who may ask for it (point_delete.h). Threads: the reactor's.
 *
 * A deletion that a region refuses ends its operations as failed; asked for again, or after a restart, it
 * goes on.
 */
#ifndef CONTROLD_POINT_LEAVE_H
#define CONTROLD_POINT_LEAVE_H

#include "tools/controld/service.h"

struct point_leave;

/* ---- Life ---- */
struct point_leave *point_leave_new(struct service *service, struct err *e);
void point_leave_stop(struct point_leave *leave);
bool point_leave_idle(const struct point_leave *leave); /* no request is under way */
void point_leave_free(struct point_leave *leave);       /* NULL is fine; idle */

/* ---- Use ---- */
/* Its row is Deleting. First what copies it is canceled. */
bool point_leave_begin(struct point_leave *leave, const char *point_id, struct err *e);
bool point_leave_runs(const struct point_leave *leave, const char *point_id);
/* One that is Deleting goes with its last point. Inside a transaction. */
bool point_leave_drop_collection(struct service *service, const char *id, struct err *e);

#endif
