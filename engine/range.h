/* range.h - the life of one range: a table of allowed moves, one function that moves it.
 *
 * Knows:         states and moves.
 * Must not know: endpoints, why a range moves.
 * Threads:       none.
 */
#ifndef ENGINE_RANGE_H
#define ENGINE_RANGE_H

#include <stdint.h>

#include "blockmap/extent.h"

enum range_state {
    RANGE_PLANNED, /* taken from the worklist, nothing begun */
    RANGE_READING,
    RANGE_JUDGING, /* read and checked; what of it is zero? */
    RANGE_WRITING, /* a write or a clear of a part of it is under way */
    RANGE_WAITING, /* a read or write failed and will be tried again */
    RANGE_DONE,    /* the target has it */
    RANGE_FAILED,  /* back in the worklist */
    RANGE_STATES
};

/* Told of every move, after it; for traces. */
struct range_trace {
    void (*moved)(void *arg, struct extent extent, enum range_state from, enum range_state to);
    void *arg;
};

/* Moves *state; a move that is not in the table is an assertion. trace may be NULL. */
void range_enter(enum range_state *state, enum range_state to, struct extent extent,
                 const struct range_trace *trace);

const char *range_state_name(enum range_state state); /* static text */

#endif
