/* cut_drops.h - cuts that are no longer needed: their disk is safe in its blob, or its restore point goes.
 *
 * Knows:         how each kind of cut is dropped (a file, LVM, a command; a snapshot of a machine's blob),
 *                one after the other; that a row's cut_path stays until its cut is gone, so that a
 *                restart finds what is left.
 * Must not know: when a disk is safe.
 * Threads:       the reactor's.
 */
#ifndef CONTROLD_CUT_DROPS_H
#define CONTROLD_CUT_DROPS_H

#include "tools/controld/service.h"

struct cut_drops;
typedef void cut_dropped_fn(void *arg, const struct err *error);

/* ---- Life ---- */
struct cut_drops *cut_drops_new(struct service *service, struct err *e);
/* Once, before the front serves: what an earlier life left. */
bool cut_drops_recover(struct cut_drops *drops, struct err *e);
/* The command under way is ended; those that wait are told ERR_CANCELED, and are found by the next life. */
void cut_drops_stop(struct cut_drops *drops);
bool cut_drops_idle(const struct cut_drops *drops);
void cut_drops_free(struct cut_drops *drops); /* NULL is fine; idle, or the reactor has failed */

/* ---- Use ---- */
/* Drops the cut of a disk restore point, and clears its row's cut_path. dropped (NULL: failures are
 * logged) runs from the reactor, never in here. One that is being dropped already may be waited for by
 * one. False: nothing was begun. */
bool cut_drops_begin(struct cut_drops *drops, const char *disk_point_id, cut_dropped_fn *dropped,
                     void *arg, struct err *e);
/* The same for replication_cuts: arg is the drops. */
void cut_drops_arrived(void *arg, const char *disk_point_id);

#endif
