/* map_entries.h - PATH.making: what was put into a block map that is being made, by block number.
 *
 * Knows:         map_format.md "While it is made": a head, a byte a page, an entry a block; sparse.
 * Must not know: what becomes of it (map_making.c).
 * Threads:       none; one owner.
 * Errors:        of the kernel. An entry that is not whole is UNKNOWN.
 */
#ifndef IO_MAP_ENTRIES_H
#define IO_MAP_ENTRIES_H

#include "blockmap/map_format.h"

struct map_entries;

/* head: whose entries they are. Those of another copy are dropped, and those of this one when a crash of the
 * machine may have taken some. any_seed: the seed and strength of those found are kept. */
struct map_entries *map_entries_open(const char *path, const struct map_head *head, bool any_seed,
                                     struct err *e);
void map_entries_close(struct map_entries *entries); /* NULL is fine; syncs */
void map_entries_drop(struct map_entries *entries);  /* removes the file too */
const struct map_head *map_entries_head(const struct map_entries *entries);

bool map_entries_put(struct map_entries *entries, uint64_t first_block, uint32_t count,
                     const struct map_entry *put, struct err *e);
bool map_entries_put_zero(struct map_entries *entries, uint64_t first_block, uint64_t count,
                          struct err *e);
/* What was not put there is UNKNOWN from now on. */
bool map_entries_forget(struct map_entries *entries, uint64_t first_block, uint64_t count,
                        struct err *e);

/* What was put of a page. *out_any false: nothing. out_put[i] false: nothing of block i. */
bool map_entries_page(struct map_entries *entries, uint64_t page, bool *out_any,
                      struct map_entry out_entries[MAP_PAGE_BLOCKS], bool out_put[MAP_PAGE_BLOCKS],
                      struct err *e);

#endif
