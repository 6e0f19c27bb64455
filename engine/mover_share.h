/* mover_share.h - a mover among others: ranges begin, and requests are sent, when its turn comes.
 *
 * Knows:         the seat (share_turn.h), the ranges of one mover. Part of mover_internal.h.
 * Must not know: who else asks.
 * Threads:       the reactor's.
 *
 * Without a seat all of it answers at once, and nothing waits.
 */
#ifndef ENGINE_MOVER_SHARE_H
#define ENGINE_MOVER_SHARE_H

#include "engine/share_turn.h"

struct mover;
struct mover_range;

struct mover_turn {
    struct share_ask ask;
    struct buf *given;    /* by the turn that is; taken by mover_borrow */
    uint64_t begun_bytes; /* by the turn that is */
};

/* Asks for a turn where something could begin, else not any more. */
void mover_turn_want(struct mover *mover);
/* May the range's next request be sent? *length is cut to what may (of a read or write). False: it waits, and
 * mover_range_again comes when its turn does. */
bool mover_may_send(struct mover_range *range, enum share_verb verb, uint64_t *length);
/* Can a request of the whole range be sent at once? */
bool mover_sends_whole(const struct mover_range *range);
uint64_t
mover_request_max(const struct mover *mover); /* bytes of one range, as far as the seat minds */
/* Ends the wait of a range that waits for its turn: it failed. */
void mover_turn_abandon(struct mover_range *range);
/* A second buffer for a range, now or not at all. */
struct buf *mover_borrow_second(struct mover *mover);
/* A request that needs no turn is paid for by those after it. */
void mover_charge(struct mover *mover, enum share_verb verb, uint64_t bytes);

#endif
