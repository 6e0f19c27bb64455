/* map_file.h - block maps as files: one that is looked up, mmap'd a page at a time, and one that is made.
 *
 * Knows:         blockmap/map.h over files; that a map is for its owner alone (0600).
 * Must not know: copies, endpoints, what a difference means.
 * Threads:       the reactor's. Blocking file I/O; bounded pieces, but for commit (sequential, 16 bytes an
 *                allocated block).
 * Errors:        name the file. A damaged page is ERR_CORRUPT when it is met, never a wrong answer.
 *
 * Memory: what is resident does not grow with the disk; the kernel may drop every page.
 */
#ifndef IO_MAP_FILE_H
#define IO_MAP_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/map_view.h"

/* ---- Look up ---- */
struct map_file;
/* Checks head and directory. An absent file: *out_map NULL and true. */
bool map_file_open(const char *path, struct map_file **out_map, struct err *e);
void map_file_close(struct map_file *map); /* NULL is fine */
const struct map_head *map_file_head(const struct map_file *map);
uint64_t map_file_bytes(const struct map_file *map); /* how large the file is */
/* Neighbouring blocks, in one call as many as a range has: cheap when asked in rising order. */
bool map_file_look(struct map_file *map, uint64_t first_block, uint32_t count,
                   struct map_entry *out_entries, struct err *e);

struct map_counts {
    uint64_t hashed_blocks, zero_blocks, unknown_blocks;
};
struct map_counts map_file_counts(const struct map_file *map); /* as its directory says */

/* The next blocks from at on, at most count_max, that are of one state: as many as there are. For walks of
 * a whole disk: costs next to nothing for what has no page. */
bool map_file_run(struct map_file *map, uint64_t at, uint64_t count_max, struct map_run *out_run,
                  struct err *e);

/* ---- Make: PATH is replaced at commit, and untouched until then ----
 * What is put goes to PATH.making (0600, sparse, locked), which survives a kill: opened again for the same
 * copy_uuid, target, disk_bytes and seed it goes on with what was put; of another one it begins anew.
 *
 * A map must never say of a block what it held before a copy wrote it. So: put a range before it is told
 * durable to whatever lets a later process pass it over (the journal); and let that process forget all that
 * it passes over, because PATH.making may be gone, or begun anew after a crash of the machine. */
struct map_making;
/* old: what all blocks that are not put keep (same disk or a smaller one: the rest is zero), its seed and
 * strength are taken over; borrowed until close. NULL: what is not put is UNKNOWN, seed as in head, or
 * that of the PATH.making it goes on with. Only a map, or nothing, may stand at PATH. */
struct map_making *map_making_open(const char *path, const struct map_head *head,
                                   struct map_file *old, struct err *e);
void map_making_close(struct map_making *making); /* NULL is fine; keeps PATH.making */
void map_making_drop(struct map_making *making);  /* close, and PATH.making is removed */
const struct map_head *map_making_head(const struct map_making *making); /* seed, strength */
/* In any order; a later put replaces an earlier one. Entries may be UNKNOWN. */
bool map_making_put(struct map_making *making, uint64_t first_block, uint32_t count,
                    const struct map_entry *entries, struct err *e);
bool map_making_put_zero(struct map_making *making, uint64_t first_block, uint64_t count,
                         struct err *e);
/* Of these, what was not put becomes UNKNOWN, instead of what old says: they were written to since, by a
 * process whose puts a crash of the machine may have taken. */
bool map_making_forget(struct map_making *making, uint64_t first_block, uint64_t count,
                       struct err *e);
/* The map to be names no copy: what was put is not what the one of head left. */
void map_making_disown(struct map_making *making);
/* Merges, syncs, renames: PATH is the new map, PATH.making is gone. etag and made_ms of what was given to
 * open are replaced. Only close may follow. */
bool map_making_commit(struct map_making *making, const char *etag, uint64_t made_ms,
                       struct err *e);

#endif
