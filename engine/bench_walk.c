/* bench_walk.c - see bench_walk.h. */
#include "engine/bench_walk.h"

#include <assert.h>

#define PAGE_BYTES 512u
#define CELL_BYTES 65536u      /* jumps go to multiples of it */
#define GOLDEN     2654435769u /* 2^32 times the golden ratio's fraction: its multiples spread evenly */

void bench_walk_init(struct bench_walk *walk, const struct extent_set *data, uint64_t source_bytes,
                     bool scattered)
{
    assert(data->count > 0 && source_bytes > 0);
    *walk = (struct bench_walk){.data = data, .source_bytes = source_bytes, .scattered = scattered};
}

static void jump(struct bench_walk *walk)
{
    uint32_t part = (uint32_t)(++walk->jumps * GOLDEN);
    uint64_t cells = walk->source_bytes / CELL_BYTES;

    assert(cells <= UINT32_MAX); /* of 256 TiB */
    walk->at = (part * cells >> 32) * CELL_BYTES;
    walk->run_bytes = 0;
}

uint64_t bench_walk_next(struct bench_walk *walk, uint32_t length)
{
    uint64_t last = walk->source_bytes - length, at;
    size_t i;

    assert(length > 0 && length <= walk->source_bytes);
    if (walk->scattered && walk->run_bytes >= BENCH_WALK_RUN_BYTES)
        jump(walk);
    i = extent_set_find(walk->data, walk->at);
    if (i == walk->data->count)
        walk->at = extent_set_at(walk->data, i = 0).offset;
    at = extent_set_at(walk->data, i).offset;
    if (at < walk->at)
        at = walk->at;
    at -= at % PAGE_BYTES;
    if (at > last)
        at = last;
    walk->at = at + length;
    walk->run_bytes += length;
    return at;
}
