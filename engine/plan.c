/* plan.c - see plan.h. Every step is one linear pass over sorted sets. */
#include "engine/plan.h"

#include <assert.h>
#include <string.h>

/* The part of a set that lies in [0, disk_bytes). */
static bool plan_clip(struct extent_set *out, const struct extent_set *set, uint64_t disk_bytes)
{
    for (size_t i = 0; i < set->count; i++) {
        struct extent whole = {0, disk_bytes};
        struct extent part = extent_common(extent_set_at(set, i), whole);

        if (part.length && !extent_set_append(out, part))
            return false;
    }
    return true;
}

/* The same of a list of the source. One that may be taken is not copied: with ten million ranges that is
 * most of the memory that a plan would take beside its lists. */
static bool plan_source(struct extent_set *out, const struct extent_set *list,
                        struct extent_set *take, uint64_t disk_bytes)
{
    struct extent beyond = {disk_bytes, UINT64_MAX - disk_bytes};

    if (!take)
        return plan_clip(out, list, disk_bytes);
    assert(take == list);
    if (!extent_set_subtract(take, beyond))
        return false;
    extent_set_move(out, take);
    return true;
}

/* Neighbours whose gap is at most coalesce_bytes and wholly data in the newer snapshot: a gap that holds a
 * hole or a clear is never read, not even where the full list disagrees with the diff. */
static bool plan_joins(struct extent left, struct extent right, const struct extent_set *clears,
                       const struct plan_input *input)
{
    struct extent gap = {extent_end(left), right.offset - extent_end(left)};

    return gap.length <= input->coalesce_bytes && extent_set_covers(input->source_all, gap) &&
           !extent_set_touches(clears, gap);
}

/* Of scattered ranges most often none has such a neighbour: then they stay as they are, in their memory. */
static bool plan_nothing_joins(const struct extent_set *reads, const struct extent_set *clears,
                               const struct plan_input *input)
{
    for (size_t i = 1; i < reads->count; i++)
        if (plan_joins(extent_set_at(reads, i - 1), extent_set_at(reads, i), clears, input))
            return false;
    return true;
}

static bool plan_coalesce(struct extent_set *reads, const struct extent_set *clears,
                          const struct plan_input *input, uint64_t *out_gap_bytes)
{
    struct extent_set joined = {0};
    struct extent last = {0, 0};
    uint64_t gap_bytes = 0;

    if (plan_nothing_joins(reads, clears, input))
        return true;
    for (size_t i = 0; i < reads->count; i++) {
        struct extent next = extent_set_at(reads, i);

        if (last.length && plan_joins(last, next, clears, input)) {
            gap_bytes += next.offset - extent_end(last);
            last.length = extent_end(next) - last.offset;
            continue;
        }
        if (!extent_set_append(&joined, last))
            goto fail;
        last = next;
    }
    if (!extent_set_append(&joined, last))
        goto fail;
    extent_set_move(reads, &joined);
    *out_gap_bytes = gap_bytes;
    return true;
fail:
    extent_set_fini(&joined);
    return false;
}

static bool plan_make_full(const struct plan_input *input, struct plan *plan)
{
    if (!plan_source(&plan->reads, input->source_data, input->take_data, input->disk_bytes))
        return false;
    if (input->target_data && !(plan_clip(&plan->stale, input->target_data, input->disk_bytes) &&
                                extent_set_difference(&plan->clears, &plan->stale, &plan->reads)))
        return false;
    return !input->by_block || plan_widen(plan, NULL);
}

/* Of the full list only what the diff does not call zero: clears are believed. */
static bool plan_widen_delta(const struct plan_input *input, struct plan *plan)
{
    struct extent_set all = {0}, data = {0};
    bool ok = plan_clip(&all, input->source_all, input->disk_bytes) &&
              extent_set_difference(&data, &all, &plan->clears) && plan_widen(plan, &data);

    extent_set_fini(&all);
    extent_set_fini(&data);
    return ok;
}

static bool plan_make_delta(const struct plan_input *input, struct plan *plan)
{
    struct extent_set clears = {0};
    struct extent whole = {0, input->disk_bytes};
    bool ok;

    ok = plan_source(&plan->reads, input->source_data, input->take_data, input->disk_bytes) &&
         plan_source(&clears, input->source_clears, input->take_clears, input->disk_bytes) &&
         extent_set_difference(&plan->clears, &clears, &plan->reads) &&
         extent_set_add(&plan->stale, whole);
    extent_set_fini(&clears);
    if (ok && input->coalesce_bytes && input->source_all)
        ok = plan_coalesce(&plan->reads, &plan->clears, input, &plan->gap_bytes);
    if (ok && input->by_block)
        ok = plan_widen_delta(input, plan);
    return ok;
}

bool plan_make(const struct plan_input *input, struct plan *out_plan, struct err *e)
{
    struct plan plan = {.delta = input->delta,
                        .by_block = input->by_block,
                        .disk_bytes = input->disk_bytes};
    bool ok;

    assert(input->source_data);
    assert(!input->delta || input->source_clears);
    assert(!input->delta || !input->by_block || input->source_all);
    ok = input->delta ? plan_make_delta(input, &plan) : plan_make_full(input, &plan);
    if (!ok) {
        plan_fini(&plan);
        return err_set(e, ERR_LIMIT, RETRY_NEVER,
                       "the plan needs more memory than there is: too many separate ranges");
    }
    *out_plan = plan;
    return true;
}

void plan_fini(struct plan *plan)
{
    extent_set_fini(&plan->reads);
    extent_set_fini(&plan->clears);
    extent_set_fini(&plan->stale);
    extent_set_fini(&plan->fetch);
    extent_set_fini(&plan->writes);
    extent_set_fini(&plan->zeros);
    memset(plan, 0, sizeof *plan);
}

uint64_t plan_total_bytes(const struct plan *plan)
{
    return plan->reads.total_bytes + plan->clears.total_bytes;
}

uint64_t plan_fetch_bytes(const struct plan *plan)
{
    return plan->by_block ? plan->fetch.total_bytes : plan->reads.total_bytes;
}

uint64_t plan_own_bytes(const struct plan *plan, struct extent part)
{
    if (!plan->by_block)
        return part.length;
    return extent_set_bytes_in(plan->delta ? &plan->writes : &plan->fetch, part);
}

uint64_t plan_read_count(const struct plan *plan, uint64_t chunk_bytes)
{
    const struct extent_set *reads = plan->by_block ? &plan->fetch : &plan->reads;
    uint64_t reads_count = 0;

    for (size_t i = 0; i < reads->count; i++) {
        struct extent e = extent_set_at(reads, i);

        reads_count += (extent_end(e) - 1) / chunk_bytes - e.offset / chunk_bytes + 1;
    }
    return reads_count;
}
