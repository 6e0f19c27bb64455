/* map_keep.c - see map_keep.h. */
#include "engine/map_keep.h"

#include <assert.h>
#include <stdlib.h>

#define RUNS_MAX 64u /* of one state each, looked at in one call */

struct map_keep {
    /* set once */
    struct map_making *making;
    bool base;
    struct map_hasher *hasher;
    uint64_t disk_bytes;
    uint64_t
        known_blocks; /* of old; a block that was the last one, cut, of a smaller disk is not */
    /* changes */
    struct map_file *old; /* NULL: there is none, or it cannot be read any more */
    struct err old_error, made_error;
};

struct map_keep *map_keep_new(struct map_file *old, struct map_making *making, bool base,
                              struct err *e)
{
    const struct map_head *head = map_making_head(making);
    struct map_keep *keep = calloc(1, sizeof *keep);

    if (!keep) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory to keep a map");
        return NULL;
    }
    keep->making = making;
    keep->base = base;
    keep->disk_bytes = head->disk_bytes;
    keep->old = old;
    if (old)
        keep->known_blocks = map_file_head(old)->disk_bytes == head->disk_bytes
                                 ? map_block_count(head->disk_bytes)
                                 : map_file_head(old)->disk_bytes / MAP_BLOCK_BYTES;
    keep->hasher = map_hasher_new(head->strength, head->seed, e);
    if (keep->hasher)
        return keep;
    free(keep);
    return NULL;
}

void map_keep_free(struct map_keep *keep)
{
    if (!keep)
        return;
    map_hasher_free(keep->hasher);
    free(keep);
}

static void lose_old(struct map_keep *keep, const struct err *why)
{
    keep->old = NULL;
    keep->old_error = *why;
}

static void lose_made(struct map_keep *keep, const struct err *why)
{
    if (!err_is_set(&keep->made_error))
        keep->made_error = *why;
}

static void compare(struct map_keep *keep, struct map_keep_blocks *blocks)
{
    struct map_entry before[MAP_KEEP_BLOCKS_MAX];
    uint64_t end = blocks->first_block + blocks->count;
    struct err error = {0};
    uint32_t count;

    if (!keep->old || blocks->first_block >= keep->known_blocks)
        return;
    count = (uint32_t)((end < keep->known_blocks ? end : keep->known_blocks) - blocks->first_block);
    if (!map_file_look(keep->old, blocks->first_block, count, before, &error)) {
        lose_old(keep, &error);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (map_entry_same(&before[i], &blocks->entries[i]))
            blocks->same |= 1ull << i;
        if (before[i].state == MAP_ZERO)
            blocks->was_zero |= 1ull << i;
    }
}

void map_keep_judge(struct map_keep *keep, uint64_t offset, const void *bytes, size_t count,
                    struct map_keep_blocks *out_blocks)
{
    assert(offset % MAP_BLOCK_BYTES == 0);
    assert(count % MAP_BLOCK_BYTES == 0 || offset + count == keep->disk_bytes);
    out_blocks->first_block = offset / MAP_BLOCK_BYTES;
    out_blocks->count = (uint32_t)((count + MAP_BLOCK_BYTES - 1) / MAP_BLOCK_BYTES);
    assert(out_blocks->count <= MAP_KEEP_BLOCKS_MAX);
    out_blocks->same = out_blocks->was_zero = 0;
    map_hash_blocks(keep->hasher, bytes, count, out_blocks->entries);
    compare(keep, out_blocks);
}

void map_keep_note(struct map_keep *keep, const struct map_keep_blocks *blocks)
{
    struct err error = {0};

    if (!err_is_set(&keep->made_error) &&
        !map_making_put(keep->making, blocks->first_block, blocks->count, blocks->entries, &error))
        lose_made(keep, &error);
}

static uint64_t blocks_in(struct extent blocks)
{
    return (blocks.length + MAP_BLOCK_BYTES - 1) / MAP_BLOCK_BYTES;
}

void map_keep_note_zero(struct map_keep *keep, struct extent blocks)
{
    struct err error = {0};

    assert(blocks.offset % MAP_BLOCK_BYTES == 0);
    if (!err_is_set(&keep->made_error) &&
        !map_making_put_zero(keep->making, blocks.offset / MAP_BLOCK_BYTES, blocks_in(blocks),
                             &error))
        lose_made(keep, &error);
}

/* Without a base, what is not there is unknown anyhow. */
void map_keep_recall(struct map_keep *keep, struct extent blocks)
{
    struct err error = {0};

    assert(blocks.offset % MAP_BLOCK_BYTES == 0);
    if (keep->base && !err_is_set(&keep->made_error) &&
        !map_making_forget(keep->making, blocks.offset / MAP_BLOCK_BYTES, blocks_in(blocks),
                           &error))
        lose_made(keep, &error);
}

bool map_keep_was(struct map_keep *keep, uint64_t offset, const void *bytes, size_t count)
{
    uint64_t block = offset / MAP_BLOCK_BYTES;
    struct map_entry before, found;
    struct err error = {0};

    assert(offset % MAP_BLOCK_BYTES == 0);
    if (!keep->old || block >= keep->known_blocks ||
        (count != MAP_BLOCK_BYTES && offset + count != keep->disk_bytes))
        return false;
    map_hash_blocks(keep->hasher, bytes, count, &found);
    if (map_file_look(keep->old, block, 1, &before, &error))
        return map_entry_same(&before, &found);
    lose_old(keep, &error);
    return false;
}

uint64_t map_keep_alike(struct map_keep *keep, struct extent extent, bool *out_zero)
{
    uint64_t first = extent.offset / MAP_BLOCK_BYTES;
    uint64_t end = (extent_end(extent) + MAP_BLOCK_BYTES - 1) / MAP_BLOCK_BYTES;
    uint64_t at = first;
    struct map_run run;
    struct err error = {0};

    *out_zero = false;
    if (end > keep->known_blocks)
        end = keep->known_blocks;
    if (!keep->old || first >= end)
        return extent.length;
    for (uint32_t i = 0; at < end && i < RUNS_MAX; i++) {
        if (!map_file_run(keep->old, at, end - at, &run, &error)) {
            lose_old(keep, &error);
            *out_zero = false;
            return extent.length;
        }
        if (at == first)
            *out_zero = run.state == MAP_ZERO;
        if (*out_zero != (run.state == MAP_ZERO))
            break;
        at = run.first_block + run.count;
    }
    at *= MAP_BLOCK_BYTES;
    return at < extent_end(extent) ? at - extent.offset : extent.length;
}

const struct err *map_keep_old_error(const struct map_keep *keep)
{
    return &keep->old_error;
}

const struct err *map_keep_made_error(const struct map_keep *keep)
{
    return &keep->made_error;
}
