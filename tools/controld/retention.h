/* retention.h - restore points that come and go by themselves: `schedule` and `keep` of the configured
 * machines (config.md).
 *
 * Knows:         when the next point of a machine is due, how often a failed one is tried again, that what
 *                may not be deleted now is asked for again later, that a chain is not broken.
 * Must not know: how a point is cut or deleted; what stays (keep_rule.h).
 * Threads:       the reactor's.
 *
 * A point is due `schedule_minutes` after the newest one that the schedule made, also when that was in an
 * earlier life of the program; without any, at once; what was missed is not made up for. One at a time of
 * a machine. A failed one is told in the log and tried again after 1 minute, 2, 4..., at last as often as
 * the schedule says or each hour, whichever is rarer.
 */
#ifndef CONTROLD_RETENTION_H
#define CONTROLD_RETENTION_H

#include "tools/controld/config.h"
#include "tools/controld/service.h"

#define RETENTION_RETRY_MINUTES 1u  /* after the first failure */
#define RETENTION_RETRY_MAX     60u /* minutes; or the schedule's own, if more */
#define RETENTION_LOOK_MINUTES  10u /* at least so often it is looked what may go */
#define RETENTION_AT_ONCE       16u /* deletions of a machine begun together; the others follow soon */
#define RETENTION_NAME_PREFIX   "scheduled-"

struct retention;

/* What is done for it; all are needed. */
struct retention_hands {
    /* As point_create_scheduled; the collection is there. */
    bool (*create)(void *arg, const struct config_machine *machine, const char *point_id,
                   struct err *e);
    /* As point_delete_begin. */
    bool (*prune)(void *arg, const char *point_id, struct arm_error *why);
    void (*log)(void *arg, const char *sentence);
    void *arg;
};

/* ---- Life ---- */
/* service is borrowed: its config, catalog, reactor. */
struct retention *retention_new(struct service *service, const struct retention_hands *hands,
                                struct err *e);
void retention_begin(struct retention *retention); /* once; from the next turns on */
void retention_stop(struct retention *retention);  /* no hand is asked any more; again is fine */
void retention_free(struct retention *retention);  /* NULL is fine; stopped, or never begun */

#endif
