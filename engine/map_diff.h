/* map_diff.h - where two block maps differ.
 *
 * Knows:         two maps (io/map_file.h).
 * Must not know: who asks, how it is shown.
 * Threads:       none of its own; reads two files.
 * Errors:        ERR_USAGE: the two cannot be compared; else what the maps say.
 *
 * The rest of a smaller disk counts as zero. What one map does not know differs, perhaps, and is told apart.
 */
#ifndef ENGINE_MAP_DIFF_H
#define ENGINE_MAP_DIFF_H

#include "blockmap/extent.h"
#include "io/map_file.h"

enum map_difference { MAP_SAME, MAP_DIFFERENT, MAP_NOT_KNOWN, MAP_DIFFERENCES };

struct map_diff_totals {
    uint64_t blocks[MAP_DIFFERENCES]; /* of the larger disk */
    uint64_t bytes[MAP_DIFFERENCES];  /* cut at its end */
};

struct map_diff_sink {
    /* Told of every stretch of one kind in the order of the disk, MAP_SAME too; each as long as can be. */
    bool (*told)(void *arg, struct extent extent, enum map_difference kind, struct err *e);
    void *arg;
};

/* One seed and one strength: else the same bytes have different hashes. */
bool map_diff_comparable(const struct map_head *a, const struct map_head *b, struct err *e);
/* sink may be NULL. */
bool map_diff(struct map_file *a, struct map_file *b, const struct map_diff_sink *sink,
              struct map_diff_totals *out_totals, struct err *e);

#endif
