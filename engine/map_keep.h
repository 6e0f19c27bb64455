/* map_keep.h - the map that a copy keeps: the one of the target as it was, and the one that is made.
 *
 * Knows:         two maps; which blocks of a range the target holds already.
 * Must not know: how it was proven that the old map is of the target; what is written where.
 * Threads:       the reactor's.
 * Errors:        none to a copy: a map that cannot be read on skips nothing any more, one that cannot be
 *                written on is given up. Both are asked for at the end.
 *
 * The target may hold, of a block that an interrupted process was at, some pages of old and some of new:
 * where both have one hash that is no matter, all other blocks are written.
 *
 * An entry is noted when its range is done, also where a flush must follow: the map that is made counts for
 * nothing before the commit of the same copy, and by then all is durable; what a crash took is not in the
 * journal, is moved again and noted again, from the same source.
 */
#ifndef ENGINE_MAP_KEEP_H
#define ENGINE_MAP_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/extent.h"
#include "io/bufpool.h"
#include "io/map_file.h"

#define MAP_KEEP_BLOCKS_MAX 64u /* of one range */
_Static_assert(BUF_BYTES / MAP_BLOCK_BYTES <= MAP_KEEP_BLOCKS_MAX, "a range's blocks, a bit each");

/* What is known of a range's blocks; bit i is the i-th. */
struct map_keep_blocks {
    uint64_t first_block;
    uint32_t count;
    uint64_t same;     /* the target holds just that */
    uint64_t was_zero; /* the target holds zeros */
    struct map_entry entries[MAP_KEEP_BLOCKS_MAX];
};

struct map_keep;

/* ---- Life ---- */
/* old: proven to be of the target as it was before this copy, or NULL. making: what is made; its seed and
 * strength are those of old. base: it was opened on old, so that what is not noted keeps old's entries.
 * Both are borrowed until the free. */
struct map_keep *map_keep_new(struct map_file *old, struct map_making *making, bool base,
                              struct err *e);
void map_keep_free(struct map_keep *keep); /* NULL is fine */

/* ---- Use ---- */
/* The bytes of a range, which begins at a block, and ends at one or at the disk's end. */
void map_keep_judge(struct map_keep *keep, uint64_t offset, const void *bytes, size_t count,
                    struct map_keep_blocks *out_blocks);
void map_keep_note(struct map_keep *keep, const struct map_keep_blocks *blocks);
/* Whole blocks that are zero in the source. */
void map_keep_note_zero(struct map_keep *keep, struct extent blocks);
/* An earlier process of this copy was done with them. What of that was lost is unknown. */
void map_keep_recall(struct map_keep *keep, struct extent blocks);
/* Is this what the old map says that the target held there? A block, or the disk's last part of one. */
bool map_keep_was(struct map_keep *keep, uint64_t offset, const void *bytes, size_t count);
/* How much of it, from its start, is alike: known to be zero at the target before this copy, or not. */
uint64_t map_keep_alike(struct map_keep *keep, struct extent extent, bool *out_zero);

/* ---- Look ---- */
const struct err *
map_keep_old_error(const struct map_keep *keep); /* none: it was read to the end */
const struct err *map_keep_made_error(const struct map_keep *keep); /* none: it can be committed */

#endif
