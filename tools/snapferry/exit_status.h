/* exit_status.h - what snapferry's exit status says, and how an error becomes one.
 *
 * Knows: the statuses of design "The command line". Must not know: commands. Threads: pure.
 */
#ifndef SNAPFERRY_EXIT_STATUS_H
#define SNAPFERRY_EXIT_STATUS_H

#include "blockmap/err.h"

enum exit_status {
    STATUS_DONE = 0,
    STATUS_FAILED = 1,    /* for good: the same command would fail again */
    STATUS_MISUSED = 2,   /* the command must be given differently; nothing was touched */
    STATUS_AGAIN = 3,     /* stopped; the same command goes on */
    STATUS_DIFFERENT = 4, /* the target is not equal to the source */
    STATUS_INTERRUPTED = 130
};

enum exit_status exit_status_of(const struct err *error); /* ERR_NONE: STATUS_DONE */

/* "ReplicationState/succeeded" and its siblings, for events. Static text. */
const char *exit_status_code(enum exit_status status, const struct err *error);

/* What to do about it, a sentence; "" when there is nothing to add. Static text. */
const char *exit_status_advice(enum exit_status status, const struct err *error);

#endif
