/* map_changes.h - what to move to what one block map is of, that it becomes what another one is of.
 *
 * Knows:         two maps (io/map_file.h).
 * Must not know: what the disks are, who moves it.
 * Threads:       none of its own; reads two files.
 * Errors:        as map_diff.h; ERR_LIMIT when memory ran out.
 */
#ifndef ENGINE_MAP_CHANGES_H
#define ENGINE_MAP_CHANGES_H

#include "blockmap/extent.h"
#include "io/map_file.h"

/* Whole blocks, cut at the end of the newer disk, which must be no smaller. Both sets must be empty. In
 * clears is what is zero now and was, or may have been, something else; in data all else that differs, or
 * that one of the maps does not know. */
bool map_changes(struct map_file *older, struct map_file *newer, struct extent_set *out_data,
                 struct extent_set *out_clears, struct err *e);

#endif
