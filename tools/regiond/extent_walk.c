/* extent_walk.c - one cursor a layer, advanced only as far as it can be seen. */
#include "tools/regiond/extent_walk.h"

#include <assert.h>

void extent_walk_begin(struct extent_walk *walk, uint64_t from)
{
    walk->layer_count = 0;
    walk->at = from;
}

void extent_walk_add(struct extent_walk *walk, const struct extent_index *layer)
{
    assert(walk->layer_count < EXTENT_LAYERS_MAX);
    if (layer->count == 0)
        return;
    extent_cursor_seek(&walk->cursors[walk->layer_count++], layer, walk->at);
}

/* A big run on top may hide a million below: step once, then search. */
static bool run_at(struct extent_cursor *cursor, uint64_t page, struct extent_run *out_run)
{
    if (!extent_cursor_get(cursor, out_run))
        return false;
    if (out_run->end > page)
        return true;
    extent_cursor_next(cursor);
    if (!extent_cursor_get(cursor, out_run))
        return false;
    if (out_run->end > page)
        return true;
    extent_cursor_seek(cursor, cursor->index, page);
    return extent_cursor_get(cursor, out_run);
}

bool extent_walk_next(struct extent_walk *walk, uint64_t to, struct extent_piece *out)
{
    struct extent_run run;

    if (walk->at >= to)
        return false;
    out->start = walk->at;
    out->end = to;
    out->there = false;
    out->value = EXTENT_CLEARED;
    for (unsigned i = 0; i < walk->layer_count; i++) {
        if (!run_at(&walk->cursors[i], out->start, &run))
            continue;
        if (run.start <= out->start) {
            out->there = true;
            out->value = run.value;
            if (run.end < out->end)
                out->end = run.end;
            break;
        }
        if (run.start < out->end)
            out->end = run.start;
    }
    walk->at = out->end;
    return true;
}
