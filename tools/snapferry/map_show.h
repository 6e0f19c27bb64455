/* map_show.h - what a person or a program is told of a block map.
 *
 * Knows: heads, counts, differences. Must not know: how a map is made. Threads: the main thread; prints.
 */
#ifndef SNAPFERRY_MAP_SHOW_H
#define SNAPFERRY_MAP_SHOW_H

#include "engine/map_diff.h"
#include "tools/snapferry/view.h"

/* totals: what differs from another map; NULL: nobody asked. */
void map_show_summary(struct view *view, const struct map_file *map,
                      const struct map_diff_totals *totals);
/* What it took to make a map of a disk, and the disk's root. */
void map_show_built(struct view *view, const struct copy_summary *read);
/* One stretch that differs, or of which one map knows nothing. */
void map_show_difference(struct view *view, struct extent extent, enum map_difference kind);
/* The last word of a comparison. */
void map_show_verdict(struct view *view, const struct map_diff_totals *totals, uint64_t ranges);

#endif
