/* map_view.h - looks blocks up in the bytes of a map. Pure.
 *
 * Knows:         map_format.h over one piece of memory, which may be a mapped file.
 * Must not know: where the memory comes from.
 * Threads:       none; one owner.
 * Errors:        ERR_CORRUPT. Whatever the bytes are, nothing outside of them is read.
 *
 * A page's checksum is looked at whenever another page than the last one is asked: a page costs about a
 * microsecond, so nothing is kept about pages, however many there are.
 */
#ifndef BLOCKMAP_MAP_VIEW_H
#define BLOCKMAP_MAP_VIEW_H

#include "blockmap/map_format.h"

#define MAP_VIEW_AROUND_BYTES 65536u /* a touched byte may make so many resident */

struct map_view {
    const unsigned char *bytes; /* borrowed */
    size_t count;
    struct map_head head;
    struct map_totals totals;
    uint64_t salt;
    uint64_t checked_page; /* the last one looked at, sound; UINT64_MAX: none */
    uint64_t
        touched_bytes; /* since its owner set it to 0; what the kernel maps around it included */
    uint64_t slots_window; /* where in the directory the last slot was */
};

struct map_run { /* blocks that are alike */
    uint64_t first_block, count;
    enum map_state state;
};

/* Checks the head and the whole directory: every page is in its place, none is cut off, and nothing is
 * behind the last. */
bool map_view_open(struct map_view *view, const void *bytes, size_t count, struct err *e);

bool map_view_look(struct map_view *view, uint64_t first_block, uint64_t count,
                   struct map_entry *out_entries, struct err *e);
/* The blocks from `at` on, at most count_max, that are of one state: as many as there are. */
bool map_view_run(struct map_view *view, uint64_t at, uint64_t count_max, struct map_run *out_run,
                  struct err *e);

#endif
