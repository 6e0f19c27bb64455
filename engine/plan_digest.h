/* plan_digest.h - a plan as 16 bytes: two plans with one digest move the same ranges.
 *
 * Knows:         the worklists of a plan. Pure.
 * Must not know: who compares, and why.
 * Threads:       none.
 */
#ifndef ENGINE_PLAN_DIGEST_H
#define ENGINE_PLAN_DIGEST_H

#include <stddef.h>

#include "blockmap/digest.h"
#include "engine/plan.h"

/* with: more that must be the same (the source's last page). The digest is a chain of XXH3-128 over, in
 * turn: `with`; u64le kind (0 full, 1 delta), u64le disk bytes; then of reads, clears and stale each u64le
 * count and its extents as u64le offset, u64le length; of a plan by blocks fetch and writes too. One link
 * is at most PLAN_DIGEST_LINK_BYTES, of which the first 16 are the digest so far. */
#define PLAN_DIGEST_LINK_BYTES 65536u
struct block_hash plan_digest(const struct plan *plan, const void *with, size_t with_bytes);

#endif
