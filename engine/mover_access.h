/* mover_access.h - ranges whose URL was refused: they wait without a buffer, and nothing new is taken,
 * until there is another URL; then they begin again before anything new.
 *
 * Knows:         both sides' access, the ranges of one mover.
 * Must not know: where new URLs come from. Included by the mover and its copy alone.
 *
 * Such a range keeps its slot: the digests count each byte once, so what was read and could not be written
 * is read again but not counted again.
 */
#ifndef ENGINE_MOVER_ACCESS_H
#define ENGINE_MOVER_ACCESS_H

#include <stdbool.h>

#include "blockmap/err.h"

struct mover;
struct mover_range;

/* The range's request failed. True: only for its URL; the range waits, its buffer is given back. False:
 * *error is final, and may say more than before. */
bool mover_access_refused(struct mover_range *range, struct err *error);
/* The range, which goes to state WAITING, begins again before anything new, with a buffer if it needs one. */
void mover_access_stand_back(struct mover_range *range);
void mover_access_accepted(struct mover_range *range); /* its request succeeded */
void mover_access_forget(struct mover_range *range);   /* it waits no more */
/* Begins refused ranges again. False: nothing new may begin now; for want of a buffer unless
 * mover_access_waits. */
bool mover_access_ready(struct mover *mover);
void mover_access_leave(struct mover *mover); /* the mover ends */
bool mover_access_waits(const struct mover *mover);

#endif
