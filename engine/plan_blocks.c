/* plan_blocks.c - a plan whose reads are whole blocks, because a map of them is kept. See plan.h.
 *
 * A block that is touched only in part is read whole: its hash is of all of it. But no byte that the
 * source is known not to hold is ever read: it is zero. So a block of which nothing is held is not read at
 * all, only cleared where it may hold something.
 */
#include "blockmap/map.h"
#include "engine/plan.h"

/* The blocks that a set touches, the last one cut at the disk's end. */
static bool blocks_of(struct extent_set *out, const struct extent_set *set, uint64_t disk_bytes)
{
    for (size_t i = 0; i < set->count; i++) {
        struct extent e = extent_set_at(set, i);
        uint64_t first = e.offset / MAP_BLOCK_BYTES * MAP_BLOCK_BYTES;
        uint64_t end = (extent_end(e) + MAP_BLOCK_BYTES - 1) / MAP_BLOCK_BYTES * MAP_BLOCK_BYTES;
        struct extent blocks = {first, (end < disk_bytes ? end : disk_bytes) - first};

        if (!extent_set_add(out, blocks))
            return false;
    }
    return true;
}

struct widening {
    struct extent_set held;        /* all that the source holds */
    struct extent_set held_blocks; /* with something held */
    struct extent_set changed;     /* reads and clears as they were */
    struct extent_set touched;     /* blocks with something of those */
    struct extent_set reads, clears, whole;
};

static bool widen(struct widening *w, struct plan *plan, const struct extent_set *data)
{
    struct extent whole = {0, plan->disk_bytes};

    return (data ? extent_set_union(&w->held, data, &plan->reads)
                 : extent_set_copy(&w->held, &plan->reads)) &&
           blocks_of(&w->held_blocks, &w->held, plan->disk_bytes) &&
           extent_set_union(&w->changed, &plan->reads, &plan->clears) &&
           blocks_of(&w->touched, &w->changed, plan->disk_bytes) &&
           extent_set_intersect(&w->reads, &w->touched, &w->held_blocks) &&
           extent_set_difference(&w->clears, &plan->clears, &w->reads) &&
           extent_set_intersect(&plan->fetch, &w->held, &w->reads) &&
           (!plan->delta || extent_set_intersect(&plan->writes, &w->changed, &w->reads)) &&
           extent_set_add(&w->whole, whole) &&
           extent_set_difference(&plan->zeros, &w->whole, &w->held_blocks);
}

bool plan_widen(struct plan *plan, const struct extent_set *data)
{
    struct widening w = {0};
    bool ok = widen(&w, plan, data);

    if (ok) {
        extent_set_move(&plan->reads, &w.reads);
        extent_set_move(&plan->clears, &w.clears);
    }
    extent_set_fini(&w.held);
    extent_set_fini(&w.held_blocks);
    extent_set_fini(&w.changed);
    extent_set_fini(&w.touched);
    extent_set_fini(&w.reads);
    extent_set_fini(&w.clears);
    extent_set_fini(&w.whole);
    return ok;
}
