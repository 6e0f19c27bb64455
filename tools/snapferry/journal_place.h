/* journal_place.h - where the journal of a copy, or of a verify, to a target is.
 *
 * Knows:         --journal, the state folder, the target's identity.
 * Must not know: what a journal holds.
 * Threads:       none.
 */
#ifndef SNAPFERRY_JOURNAL_PLACE_H
#define SNAPFERRY_JOURNAL_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include "blockmap/err.h"
#include "tools/snapferry/stage.h"

struct journal_place {
    char path[PATH_MAX]; /* "": there is none */
    bool asked_for;      /* --journal named it: the command cannot do without */
};

/* journal_default_path (engine/journal.h) unless named. None for a target that keeps nothing, unless named,
 * and none without a state folder: then a sentence says what that means. of_verify: the journal of the
 * comparison, beside the copy's; a verify by itself takes --journal as it is. */
bool journal_place_find(struct stage *stage, bool of_verify, struct journal_place *out_place,
                        struct err *e);

#endif
