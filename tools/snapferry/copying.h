/* copying.h - one copy to one target as a command makes it: the copy, and where asked a verify after it.
 *
 * Knows:         options as the engine wants them, what is told while they run and when they ended.
 * Must not know: who turns the reactor, whether there are other targets.
 * Threads:       the main thread.
 */
#ifndef SNAPFERRY_COPYING_H
#define SNAPFERRY_COPYING_H

#include "engine/copy.h"
#include "engine/verify.h"
#include "tools/snapferry/journal_place.h"
#include "tools/snapferry/stage.h"

struct copying {
    /* set by the command; borrowed */
    struct stage *stage;     /* its options, base, target, view */
    struct endpoint *source; /* the stage's, or a handle that shares it */
    struct copy_sides sides;
    uint32_t window_max;
    uint32_t number;                 /* of the target: two copies draw different numbers */
    void (*ended)(struct copying *); /* the copy, or the verify; NULL: nobody listens */
    struct journal_place place, verify_place;
    /* changes */
    struct copy *copy;     /* from begin to conclude */
    struct verify *verify; /* NULL until the copy is committed, and without --verify */
    bool verified;
};

/* ---- The copy, then the verify ---- */
bool copying_begin(struct copying *copying, struct view_outcome *outcome);
/* It ended: fills the outcome; true when it went well. */
bool copying_take(struct copying *copying, struct view_outcome *outcome);
bool copying_begin_verify(struct copying *copying, struct view_outcome *outcome);
/* It ended. A difference is no error but a status. */
void copying_take_verify(struct copying *copying, struct view_outcome *outcome);
/* The last of it: status and summary. done: what it cost. */
void copying_conclude(struct copying *copying, struct view_outcome *outcome,
                      struct view_copy *done);

/* ---- For a loop of turns (session_work) ---- */
bool copying_ended(void *arg);
void copying_stop(void *arg);
void copying_tick(void *arg);
/* What a run that is stopped leaves to the next one. */
void copying_note_recorded(struct copying *copying, struct view_outcome *outcome);

#endif
