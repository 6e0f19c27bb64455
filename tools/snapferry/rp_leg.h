/* rp_leg.h - one disk of a restore point on its way: where to, from which base, with which access.
 *
 * Knows:         markers, families, which disk point may be a base.
 * Must not know: how it is copied. Threads: the main thread.
 *
 * A base is told by the target's own marker: the disk point whose bytes it holds. It counts if it is still
 * there, of the same family and older. What an interrupted delta began with is kept beside its journal, for
 * the marker then names the new source alone.
 */
#ifndef SNAPFERRY_RP_LEG_H
#define SNAPFERRY_RP_LEG_H

#include "tools/snapferry/rp_access.h"

struct rp_leg {
    const struct rp_disk *disk;        /* borrowed */
    char *target;                      /* secret: a URL or file:PATH; owned */
    char target_name[RP_ID_MAX_BYTES]; /* without its SAS */
    char *target_identity;             /* owned */
    struct rp_disk base;
    bool has_base, held; /* held: the target holds this very disk point, complete */
    char why[256];       /* something to know of the choice; "": nothing */
    struct rp_grant source_grant, base_grant;
};

/* Looks at the target and decides. An error: something else than a copy of this disk stands there. */
bool rp_leg_choose(struct rp_desk *desk, struct rp_leg *leg, const char *state_folder,
                   struct err *e);
/* With both SAS: a base that the service cannot compare with is dropped. */
void rp_leg_check_base(struct rp_leg *leg);
/* Before the copy begins: what an interrupted one is to go on with. */
bool rp_leg_keep(const struct rp_leg *leg, const char *state_folder, struct err *e);
void rp_leg_fini(struct rp_leg *leg); /* wipes; its access was ended */

#endif
