/* map_diff.c - see map_diff.h. Stretches of one state are compared as such, hashes one by one. */
#include "engine/map_diff.h"

#include <string.h>

#define HASHES_AT_ONCE 256u

struct map_diff {
    struct map_file *a, *b;
    uint64_t disk_bytes; /* of the larger */
    const struct map_diff_sink *sink;
    struct map_diff_totals totals;
    struct extent open; /* blocks that were not told of yet */
    enum map_difference kind;
};

bool map_diff_comparable(const struct map_head *a, const struct map_head *b, struct err *e)
{
    if (a->strength == b->strength && memcmp(a->seed, b->seed, sizeof a->seed) == 0)
        return true;
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "the two maps hash %s, so their blocks cannot be compared; make one with "
                   "`snapferry map build SOURCE --like OTHER-MAP`",
                   a->strength != b->strength ? "in different ways" : "with different seeds");
}

static bool diff_tell(struct map_diff *diff, struct err *e)
{
    struct extent extent = {diff->open.offset * MAP_BLOCK_BYTES,
                            diff->open.length * MAP_BLOCK_BYTES};

    if (diff->open.length == 0)
        return true;
    if (extent_end(extent) > diff->disk_bytes)
        extent.length = diff->disk_bytes - extent.offset;
    diff->totals.blocks[diff->kind] += diff->open.length;
    diff->totals.bytes[diff->kind] += extent.length;
    diff->open = (struct extent){extent_end(diff->open), 0};
    return !diff->sink || diff->sink->told(diff->sink->arg, extent, diff->kind, e);
}

static bool diff_add(struct map_diff *diff, uint64_t count, enum map_difference kind, struct err *e)
{
    if (kind != diff->kind && !diff_tell(diff, e))
        return false;
    diff->kind = kind;
    diff->open.length += count;
    return true;
}

/* Behind the end of a smaller disk all is zero. */
static bool diff_run(struct map_file *map, uint64_t at, uint64_t count_max, struct map_run *out_run,
                     struct err *e)
{
    if (at < map_block_count(map_file_head(map)->disk_bytes))
        return map_file_run(map, at, count_max, out_run, e);
    *out_run = (struct map_run){at, count_max, MAP_ZERO};
    return true;
}

static bool diff_hashes(struct map_diff *diff, uint64_t at, uint64_t count, struct err *e)
{
    struct map_entry a[HASHES_AT_ONCE], b[HASHES_AT_ONCE];

    while (count) {
        uint32_t part = count < HASHES_AT_ONCE ? (uint32_t)count : HASHES_AT_ONCE;

        if (!map_file_look(diff->a, at, part, a, e) || !map_file_look(diff->b, at, part, b, e))
            return false;
        for (uint32_t i = 0; i < part; i++)
            if (!diff_add(diff, 1, map_entry_same(&a[i], &b[i]) ? MAP_SAME : MAP_DIFFERENT, e))
                return false;
        at += part;
        count -= part;
    }
    return true;
}

static bool diff_step(struct map_diff *diff, uint64_t at, uint64_t left, uint64_t *out_count,
                      struct err *e)
{
    struct map_run a, b;

    if (!diff_run(diff->a, at, left, &a, e) || !diff_run(diff->b, at, left, &b, e))
        return false;
    *out_count = a.count < b.count ? a.count : b.count;
    if (a.state == MAP_UNKNOWN || b.state == MAP_UNKNOWN)
        return diff_add(diff, *out_count, MAP_NOT_KNOWN, e);
    if (a.state == MAP_HASHED && b.state == MAP_HASHED)
        return diff_hashes(diff, at, *out_count, e);
    return diff_add(diff, *out_count, a.state == b.state ? MAP_SAME : MAP_DIFFERENT, e);
}

bool map_diff(struct map_file *a, struct map_file *b, const struct map_diff_sink *sink,
              struct map_diff_totals *out_totals, struct err *e)
{
    struct map_diff diff = {.a = a, .b = b, .sink = sink};
    uint64_t blocks, count;

    if (!map_diff_comparable(map_file_head(a), map_file_head(b), e))
        return false;
    diff.disk_bytes = map_file_head(a)->disk_bytes;
    if (map_file_head(b)->disk_bytes > diff.disk_bytes)
        diff.disk_bytes = map_file_head(b)->disk_bytes;
    blocks = map_block_count(diff.disk_bytes);
    for (uint64_t at = 0; at < blocks; at += count)
        if (!diff_step(&diff, at, blocks - at, &count, e))
            return false;
    if (!diff_tell(&diff, e))
        return false;
    *out_totals = diff.totals;
    return true;
}
