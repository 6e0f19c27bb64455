/* manifest_walk.c - see manifest_walk.h. */
#include "engine/manifest_walk.h"

#include <assert.h>
#include <string.h>

bool manifest_walk_begin(struct manifest_walk *walk, struct err *e)
{
    walk->run = (struct manifest_run){0};
    return manifest_reader_rewind(walk->reader, e);
}

/* What the manifest has from here on, at most count blocks. */
static bool walk_run(struct manifest_walk *walk, uint64_t first, uint64_t count, struct err *e)
{
    uint64_t end = manifest_block_count(manifest_reader_head(walk->reader)->disk_bytes);

    if (first >= end)
        walk->run = (struct manifest_run){first, count, NULL};
    else if (!manifest_reader_next(walk->reader, count, &walk->run, e))
        return false;
    assert(walk->run.first_block == first); /* both sides go in order, block for block */
    return true;
}

static bool walk_block(struct manifest_walk *walk, uint64_t block, const struct block_hash *found,
                       const struct block_hash *wanted, struct err *e)
{
    static const struct block_hash zero;

    if (memcmp(found ? found : &zero, wanted ? wanted : &zero, sizeof zero) == 0)
        return true;
    return walk->differs(walk->arg, manifest_block_extent(walk->disk_bytes, block), e);
}

bool manifest_walk_blocks(void *arg, uint64_t first, uint64_t count,
                          const struct block_hash *hashes, struct err *e)
{
    struct manifest_walk *walk = arg;

    while (count) {
        const struct manifest_run *run = &walk->run;

        if (!walk_run(walk, first, count, e))
            return false;
        for (uint64_t i = 0; (hashes || run->hashes) && i < run->count; i++)
            if (!walk_block(walk, first + i, hashes ? &hashes[i] : NULL,
                            run->hashes ? &run->hashes[i] : NULL, e))
                return false;
        first += run->count;
        count -= run->count;
        if (hashes)
            hashes += run->count;
    }
    return true;
}
