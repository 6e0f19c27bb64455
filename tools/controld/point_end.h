/* point_end.h - what a restore point's state follows from: the rows of its disks.
 *
 * Knows:         that a point has an end when all of its disks have one, and that it has failed when one
 *                of them has; that operations which create it end with it, in the same transaction.
 * Must not know: cuts, copies, deletions. Threads: the reactor's; inside the caller's transaction.
 */
#ifndef CONTROLD_POINT_END_H
#define CONTROLD_POINT_END_H

#include "tools/controld/service.h"

/* The copy of its data has begun: Succeeded, unless it is another thing than Creating by now. */
bool point_end_begun(struct service *service, const char *point_id, struct err *e);
/* When all of its disks have ended: Succeeded or Failed, with the first reason. Else, and of a point that
 * is being deleted, nothing but its creation's end is told. */
bool point_end_conclude(struct service *service, const char *point_id, struct err *e);
/* What of it has not ended has failed, and with it the point. */
bool point_end_fail(struct service *service, const char *point_id, const struct arm_error *why,
                    struct err *e);

#endif
