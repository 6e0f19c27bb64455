/* verify_show.h - tells what a verify found.
 *
 * Knows: the summary of a verify. Must not know: how it compared. Threads: the main thread.
 */
#ifndef SNAPFERRY_VERIFY_SHOW_H
#define SNAPFERRY_VERIFY_SHOW_H

#include "engine/verify.h"
#include "tools/snapferry/view.h"

#define VERIFY_SHOWN_TEXT_MAX 32u   /* ranges that are named to a person; the rest is counted */
#define VERIFY_SHOWN_JSON_MAX 1024u /* and to a program */

/* Each differing range and, where there are more, how many; results, so on stdout. */
void verify_show_differences(struct view *view, const struct verify_summary *found);
void verify_show_summary(struct view *view, const struct verify_summary *found,
                         const struct view_outcome *outcome);

#endif
