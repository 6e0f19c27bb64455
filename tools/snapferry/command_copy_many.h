/* command_copy_many.h - snapferry copy to several targets: one read of the source, each target a copy of its
 * own.
 *
 * Knows:         how the ends, views and outcomes of several copies go together.
 * Must not know: how one copy is made (copying.h). Threads: the main thread.
 */
#ifndef SNAPFERRY_COMMAND_COPY_MANY_H
#define SNAPFERRY_COMMAND_COPY_MANY_H

#include "tools/snapferry/stage.h"

/* The stage has targets. Each copy has its marker, journal, base judged, summary and status; one that fails
 * stops no other. *outcome: failed for good if any did, else interrupted, else to be run again, else
 * different, else done. */
void command_copy_many(struct stage *stage, struct view_outcome *outcome);

#endif
