/* rp_access.h - access to disks of restore points: asked for, extended, and ended whatever happened.
 *
 * Knows:         beginGetAccess, endGetAccess (protocol E.7), when a SAS ends.
 * Must not know: what is read with it.
 * Threads:       the reactor's. A grant belongs to its caller and stays where it is.
 *
 * Access counts as there from the moment it is asked for: an answer that never came changes nothing. The
 * service has one access for a disk point: ending it ends it for everybody who asked for it.
 */
#ifndef SNAPFERRY_RP_ACCESS_H
#define SNAPFERRY_RP_ACCESS_H

#include "tools/snapferry/rp_desk.h"

#define RP_END_TRIES_MAX 15u /* while the service says that something else is under way */

struct rp_grant {
    /* set once */
    struct rp_id id;
    const char *name; /* of the disk, for people; borrowed */
    /* changes */
    bool asked; /* it may be there */
    bool busy;  /* a question is under way */
    char *url;  /* owned, secret; NULL: none yet */
    uint64_t expires_s;
    /* Told of an answer that was asked for by rp_grant_extend; error NULL: url is new. */
    void (*extended)(struct rp_grant *grant, const struct err *error);
    void *arg;
    struct rp_desk *desk; /* private, as the rest */
    uint64_t wanted_s;
    struct arm_call call;
    char *path, *body;
};

/* All at once; false: at least one was not granted. */
bool rp_grant_all(struct rp_desk *desk, struct rp_grant *const *grants, unsigned count,
                  struct err *e);
/* Later told by extended. */
void rp_grant_extend(struct rp_grant *grant);
/* What is under way is given up, then each that was asked for is ended. Also after a signal; only a second
 * one stops it. False: one could not be ended, and e names it. Wipes. */
bool rp_grant_end_all(struct rp_desk *desk, struct rp_grant *const *grants, unsigned count,
                      struct err *e);

#endif
