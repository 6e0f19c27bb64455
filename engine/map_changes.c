/* map_changes.c - see map_changes.h. */
#include "engine/map_changes.h"

#include "engine/map_diff.h"

struct map_changing {
    struct map_file *newer;
    struct extent_set *data, *clears;
};

static struct extent bytes_of(const struct map_run *run, struct extent within)
{
    struct extent blocks = {run->first_block * MAP_BLOCK_BYTES, run->count * MAP_BLOCK_BYTES};

    return extent_common(blocks, within);
}

static bool changing_told(void *arg, struct extent extent, enum map_difference kind, struct err *e)
{
    struct map_changing *changing = arg;
    uint64_t end = map_block_count(extent_end(extent));
    struct map_run run;

    if (kind == MAP_SAME)
        return true;
    for (uint64_t at = extent.offset / MAP_BLOCK_BYTES; at < end; at += run.count) {
        if (!map_file_run(changing->newer, at, end - at, &run, e))
            return false;
        if (!extent_set_append(run.state == MAP_ZERO ? changing->clears : changing->data,
                               bytes_of(&run, extent)))
            return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a list of ranges");
    }
    return true;
}

bool map_changes(struct map_file *older, struct map_file *newer, struct extent_set *out_data,
                 struct extent_set *out_clears, struct err *e)
{
    struct map_changing changing = {.newer = newer, .data = out_data, .clears = out_clears};
    struct map_diff_sink sink = {.told = changing_told, .arg = &changing};
    struct map_diff_totals totals;

    if (map_file_head(older)->disk_bytes > map_file_head(newer)->disk_bytes)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "the map is of a disk of %llu bytes, and this one has %llu: a target is "
                       "never shrunk",
                       (unsigned long long)map_file_head(older)->disk_bytes,
                       (unsigned long long)map_file_head(newer)->disk_bytes);
    return map_diff(older, newer, &sink, &totals, e);
}
