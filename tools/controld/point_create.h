/* point_create.h - PUT of a restore point: a cut of a VM here, a copy of another point, or (deprecated)
 * a cut here of a VM there, copied (protocol E.5, seeds 000 to 004).
 *
 * Knows:         what may be asked when; rows of a new point; the cut. Must not know: how data moves
 *                (replication.h).
 * Threads:       the reactor's.
 *
 * The same PUT again: of a point that is there or on its way it answers as its GET; of a failed one it
 * goes on with what was done (generation + 1). Another body for a point that is there is refused.
 */
#ifndef CONTROLD_POINT_CREATE_H
#define CONTROLD_POINT_CREATE_H

#include "tools/controld/service.h"

struct point_create; /* cuts under way */

/* ---- Life ---- */
struct point_create *point_create_new(struct service *service, struct err *e);
/* Cuts under way are given up and thawed; then stopped, once. */
void point_create_stop(struct point_create *create, void (*stopped)(void *arg), void *arg);
void point_create_free(struct point_create *create); /* NULL is fine; nothing under way */
/* Once, before the front serves: thaws what an earlier life left frozen, then cuts points again that
 * were Creating. */
bool point_create_recover(struct point_create *create, struct err *e);

/* ---- Use ---- */
void point_create_serve(struct point_create *create, struct front_table *table);
/* A point that a schedule makes; its end is in its row. */
bool point_create_scheduled(struct point_create *create, const char *machine_id,
                            const char *point_id, bool crash_consistent, struct err *e);

#endif
