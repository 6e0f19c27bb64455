/* mover_judge.c - what of a range is read, and what of what was read is written, cleared or skipped. See
 * mover.h.
 *
 * Nothing is written: a block that the map says the target holds; of a delta by blocks, pages that were
 * read only for their block's hash. A run of zeros is cleared where the target may hold something. What is
 * not known to be one of these is written, which is always right.
 */
#include <assert.h>
#include <string.h>

#include "engine/mover_internal.h"

/* Is what stands at `at` of the range in the set? No part from `at` to *end crosses its bounds. */
static bool judge_within(const struct mover_range *range, const struct extent_set *set, uint32_t at,
                         uint32_t *end)
{
    uint64_t offset = range->extent.offset + at;
    size_t i = extent_set_find(set, offset);
    struct extent next;
    uint64_t bound;
    bool within;

    if (i == set->count)
        return false;
    next = extent_set_at(set, i);
    within = next.offset <= offset;
    bound = (within ? extent_end(next) : next.offset) - range->extent.offset;
    if (bound < *end)
        *end = (uint32_t)bound;
    return within;
}

bool mover_next_fetch(struct mover_range *range, struct extent *out_part)
{
    const struct plan *plan = range->mover->setup.plan;
    uint32_t length = (uint32_t)range->extent.length;

    while (range->read_at < length) {
        uint32_t end = length;

        if (!plan->by_block || judge_within(range, &plan->fetch, range->read_at, &end)) {
            out_part->offset = range->extent.offset + range->read_at;
            out_part->length = end - range->read_at;
            return true;
        }
        memset(range->buf->memory + range->read_at, 0, end - range->read_at);
        range->read_at = end;
    }
    return false;
}

void mover_judge(struct mover_range *range)
{
    struct mover *m = range->mover;
    size_t length = (size_t)range->extent.length;

    range->run_count = 0;
    if (!(m->setup.target->capabilities & ENDPOINT_DISCARDS))
        range->run_count =
            (uint32_t)zero_runs(range->buf->memory, length, ENDPOINT_PAGE_BYTES,
                                COPY_ZERO_RUN_BYTES, range->runs, COPY_ZERO_RUNS_MAX);
    range->run_next = 0;
    range->piece_at = 0;
    range->skipped_bytes = 0;
    if (m->setup.keep)
        map_keep_judge(m->setup.keep, range->extent.offset, range->buf->memory, length,
                       &range->kept);
}

/* ---- Pieces ---- */

enum judged { JUDGED_SAME, JUDGED_PROOF, JUDGED_ZERO, JUDGED_DATA };

/* Does the map say that the target holds the block at `at`? */
static bool judge_same(const struct mover_range *range, uint32_t at, uint32_t *end)
{
    uint32_t block = at / MAP_BLOCK_BYTES;
    bool same = (range->kept.same >> block & 1) != 0;

    do
        block++;
    while (block < range->kept.count && (range->kept.same >> block & 1) == same);
    if (block < range->kept.count && block * MAP_BLOCK_BYTES < *end)
        *end = block * MAP_BLOCK_BYTES;
    return same;
}

static bool judge_zero(struct mover_range *range, uint32_t at, uint32_t *end)
{
    const struct zero_run *run;
    uint32_t bound;

    while (range->run_next < range->run_count &&
           range->runs[range->run_next].offset + range->runs[range->run_next].length <= at)
        range->run_next++;
    if (range->run_next == range->run_count)
        return false;
    run = &range->runs[range->run_next];
    bound = (uint32_t)(run->offset <= at ? run->offset + run->length : run->offset);
    if (bound < *end)
        *end = bound;
    return run->offset <= at;
}

/* What is to be done with what begins at piece_at, and where that ends. */
static enum judged judge_piece(struct mover_range *range, uint32_t *out_end)
{
    const struct mover_setup *setup = &range->mover->setup;
    const struct plan *plan = setup->plan;
    uint32_t at = range->piece_at;

    *out_end = (uint32_t)range->extent.length;
    if (setup->keep && judge_same(range, at, out_end))
        return JUDGED_SAME;
    if (range->compared && mover_compared_equal(range, at, out_end))
        return JUDGED_SAME;
    if (plan->by_block && plan->delta && !judge_within(range, &plan->writes, at, out_end))
        return JUDGED_PROOF;
    if (judge_zero(range, at, out_end))
        return JUDGED_ZERO;
    if (plan->by_block && !judge_within(range, &plan->fetch, at, out_end))
        return JUDGED_ZERO;
    return JUDGED_DATA;
}

/* The target may hold something else than zeros there. */
static bool judge_stale(const struct mover_range *range, struct extent piece)
{
    const struct mover_setup *setup = &range->mover->setup;
    uint64_t first = range->piece_at / MAP_BLOCK_BYTES;
    uint64_t last = (range->piece_at + piece.length - 1) / MAP_BLOCK_BYTES;

    if (!extent_set_touches(&setup->plan->stale, piece))
        return false;
    if (!setup->keep)
        return true;
    while (first <= last && (range->kept.was_zero >> first & 1))
        first++;
    return first <= last;
}

bool mover_next_piece(struct mover_range *range, struct extent *out_piece, bool *out_zero)
{
    const struct plan *plan = range->mover->setup.plan;

    while (range->piece_at < range->extent.length) {
        struct extent piece = {range->extent.offset + range->piece_at, 0};
        uint32_t end;
        enum judged what = judge_piece(range, &end);

        assert(end > range->piece_at);
        piece.length = end - range->piece_at;
        *out_zero = what == JUDGED_ZERO;
        if (what == JUDGED_DATA || (what == JUDGED_ZERO && judge_stale(range, piece))) {
            *out_piece = piece;
            return true;
        }
        if (what != JUDGED_PROOF)
            range->skipped_bytes += plan_own_bytes(plan, piece);
        range->piece_at = end;
    }
    return false;
}
