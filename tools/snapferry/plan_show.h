/* plan_show.h - tells what a copy would move, and what that takes.
 *
 * Knows: the planned half of a copy's summary, what one standard page blob carries. Must not know: how
 * a plan is made. Threads: the main thread; plan_show_estimate is pure.
 */
#ifndef SNAPFERRY_PLAN_SHOW_H
#define SNAPFERRY_PLAN_SHOW_H

#include "engine/copy.h"
#include "tools/snapferry/view.h"

#define PLAN_BLOB_BYTES_PER_SECOND    (60ull << 20) /* of one standard page blob, */
#define PLAN_BLOB_REQUESTS_PER_SECOND 500u          /* and its requests */

struct plan_estimate {
    uint64_t reads_count;  /* requests at the source */
    uint64_t writes_count; /* requests at the target: data, clears; an upper bound */
    uint64_t seconds;      /* at the limits above, rounded up; 0 where no page blob takes part */
    uint64_t egress_bytes; /* that leave the source; an upper bound: retries come on top */
};

struct plan_estimate plan_show_estimate(const struct copy_summary *plan, bool source_is_blob,
                                        bool target_is_blob);
void plan_show(struct view *view, const struct copy_summary *plan,
               const struct plan_estimate *estimate);

#endif
