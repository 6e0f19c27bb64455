/* guard_show.h - tells whether a target is complete, and what a manifest is of.
 *
 * Knows: the summaries of complete.h and manifest_check.h. Must not know: how they came about.
 * Threads: the main thread.
 */
#ifndef SNAPFERRY_GUARD_SHOW_H
#define SNAPFERRY_GUARD_SHOW_H

#include "engine/complete.h"
#include "engine/manifest_check.h"
#include "tools/snapferry/view.h"

/* A result, so on stdout: the verdict, and what the target is or why it is not complete. */
void guard_show_complete(struct view *view, const struct complete_summary *found);

/* Before a target is compared with it: whose the manifest is. */
void guard_show_manifest(struct view *view, const struct manifest_head *head,
                         const struct manifest_end *end);

#endif
