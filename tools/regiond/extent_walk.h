/* extent_walk.h - looking through several extent indexes laid over each other, newest on top.
 *
 * Knows:         that a run in a newer index hides what lies below it.
 * Must not know: files, blobs, why the indexes are in this order.
 * Threads:       none of its own; nobody may change the indexes during a walk.
 */
#ifndef REGIOND_EXTENT_WALK_H
#define REGIOND_EXTENT_WALK_H

#include "tools/regiond/extent_index.h"

#define EXTENT_LAYERS_MAX 512u

struct extent_walk {
    unsigned layer_count;
    uint64_t at; /* the page the next piece begins at, unless the caller skips ahead */
    struct extent_cursor cursors[EXTENT_LAYERS_MAX]; /* newest first */
};

/* A maximal stretch seen the same way down: `there` false means that no layer says anything. */
struct extent_piece {
    uint64_t start, end;
    bool there;
    uint32_t value;
};

/* Empty layers cost nothing further. */
void extent_walk_begin(struct extent_walk *walk, uint64_t from);
void extent_walk_add(struct extent_walk *walk, const struct extent_index *layer); /* next older */

/* The piece at walk->at, cut at `to`; false at the end. Neighbouring pieces may be alike. */
bool extent_walk_next(struct extent_walk *walk, uint64_t to, struct extent_piece *out);

#endif
