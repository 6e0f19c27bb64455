/* mover_replay.c - takes from a journal what earlier processes made durable, before the first range is
 * taken. See mover.h.
 *
 * A bounded number of records a turn. A range that is done leaves the worklist; its hashes go where they
 * would have gone had this process read it. In a full copy a block that several ranges touch has its hash
 * only when all of them were read. So at the end, what is done of a block without a hash goes back into the
 * worklist: at most the blocks of what was in flight when a process ended. What is not done of a block with
 * one is read and written, and the root passes its bytes over.
 *
 * Hashes wait in the root for the first block that has none yet. In the process that recorded them that was
 * the slowest read; here it is the slowest range that was not recorded, so somewhat more may wait: 24 bytes
 * for each 64 KiB that were recorded while that range was tried again and again.
 */
#include <assert.h>

#include "engine/mover_internal.h"

#define MOVER_REPLAY_RECORDS 512u /* in one turn of the reactor: about a millisecond */

_Static_assert(JOURNAL_HASHES_MAX == ROOT_TAKE_BLOCKS_MAX, "what a take tells is what is recorded");

static bool replay_corrupt(const struct mover *m, const struct extent *extent, struct err *e)
{
    return err_set(
        e, ERR_CORRUPT, RETRY_NEVER,
        "the journal %.200s is not of this copy: it records %llu bytes at %llu, which do not "
        "belong to the plan; remove it to begin anew",
        journal_path(m->setup.journal), (unsigned long long)extent->length,
        (unsigned long long)extent->offset);
}

static bool replay_no_memory(struct err *e)
{
    return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to go on from the journal");
}

/* Full copy: blocks that this range made whole. */
static bool replay_blocks(struct mover *m, const struct journal_done *done, struct err *e)
{
    uint64_t first = done->extent.offset / DIGEST_BLOCK_BYTES;
    uint64_t last = (extent_end(done->extent) - 1) / DIGEST_BLOCK_BYTES;

    if (done->hash_count && (done->first_block < first || done->first_block > last ||
                             done->hash_count - 1 > last - done->first_block))
        return replay_corrupt(m, &done->extent, e);
    for (uint32_t i = 0; i < done->hash_count; i++)
        if (!root_know(m->root, done->first_block + i, &done->hashes[i], e))
            return false;
    return true;
}

static bool replay_record_of_delta(struct mover *m, const struct journal_done *done, struct err *e)
{
    static const struct block_hash of_clear;

    if (done->clear)
        return delta_order_take(m->order, done->extent, &of_clear, e);
    if (done->hash_count != 1)
        return replay_corrupt(m, &done->extent, e);
    return delta_order_take(m->order, done->extent, &done->hashes[0], e);
}

static bool replay_done(struct mover *m, const struct journal_done *done, struct err *e)
{
    struct extent_set *set = done->clear ? &m->clears : &m->reads;
    /* in a full copy that had hashes a range may have been done twice; no other is */
    bool twice = !m->setup.plan->delta && !done->clear;

    if (!extent_set_covers(twice ? &m->setup.plan->reads : set, done->extent))
        return replay_corrupt(m, &done->extent, e);
    if (m->root && twice && !replay_blocks(m, done, e))
        return false;
    if (m->order && !replay_record_of_delta(m, done, e))
        return false;
    if (m->setup.keep && !done->clear)
        map_keep_recall(m->setup.keep, done->extent);
    if (extent_end(done->extent) > m->ahead_end)
        m->ahead_end = extent_end(done->extent);
    return extent_set_subtract(set, done->extent) || replay_no_memory(e);
}

static bool replay_record(struct mover *m, const struct journal_record *record, struct err *e)
{
    struct extent nowhere = {0, 0};

    switch (record->type) {
    case JOURNAL_DONE:
        return replay_done(m, &record->done, e);
    case JOURNAL_STAGE:
        return true; /* of what follows the data */
    case JOURNAL_HEADER:
    case JOURNAL_LISTED:
    case JOURNAL_MARKED:
    case JOURNAL_PLANNED:
        break;
    }
    return replay_corrupt(m, &nowhere, e);
}

/* What is done of blocks without a hash is to be done again. Blocks behind the last range that was done
 * cannot be such. */
static bool replay_give_back(struct mover *m, struct err *e)
{
    const struct extent_set *reads = &m->setup.plan->reads;

    for (size_t i = extent_set_find(reads, root_cursor(m->root) * DIGEST_BLOCK_BYTES);
         i < reads->count && extent_set_at(reads, i).offset < m->ahead_end; i++) {
        struct extent extent = extent_set_at(reads, i);
        uint64_t end = extent_end(extent) < m->ahead_end ? extent_end(extent) : m->ahead_end;
        uint64_t block = extent.offset / DIGEST_BLOCK_BYTES;

        if (block < root_cursor(m->root))
            block = root_cursor(m->root);
        for (; block * DIGEST_BLOCK_BYTES < end; block++) {
            struct extent whole = {block * DIGEST_BLOCK_BYTES, DIGEST_BLOCK_BYTES};

            if (!root_has(m->root, block) &&
                !extent_set_add(&m->reads, extent_common(extent, whole)))
                return replay_no_memory(e);
        }
    }
    return true;
}

static bool replay_end(struct mover *m, struct err *e)
{
    uint64_t total_bytes = plan_total_bytes(m->setup.plan);
    uint64_t recorded_bytes = total_bytes - mover_remaining_bytes(m);

    m->replaying = false;
    if (m->root && recorded_bytes && !replay_give_back(m, e))
        return false;
    m->counts.resumed_bytes = total_bytes - mover_remaining_bytes(m);
    if (recorded_bytes)
        progress_resume(m->setup.progress, m->counts.resumed_bytes, recorded_bytes,
                        reactor_now_ns(m->setup.reactor));
    return true;
}

void mover_replay(struct mover *m)
{
    const struct journal_record *record;
    struct err error = {0};
    bool ok = true;

    assert(m->replaying);
    for (uint32_t i = 0; ok && m->replaying && i < MOVER_REPLAY_RECORDS; i++) {
        switch (journal_next(m->setup.journal, &record, &error)) {
        case JOURNAL_RECORD:
            ok = replay_record(m, record, &error);
            break;
        case JOURNAL_NO_MORE:
            ok = replay_end(m, &error);
            break;
        case JOURNAL_FAILED:
            ok = false;
            break;
        }
    }
    if (!ok)
        mover_fail(m, &error);
}
