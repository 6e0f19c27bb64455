/* copy_map.h - what a copy keeps of maps: the old one, if it is proven, and the one it makes.
 *
 * Knows:         which files, and whether they count. Included by the parts of a copy alone
 *                (copy_internal.h).
 * Must not know: what a block's hash is good for (map_keep.h).
 * Threads:       the reactor's.
 *
 * The old map counts only if it is proven to be of the target as it is: that carries the marker of the very
 * copy that left the map, complete, and has the ETag it had then, or another proof of copy_look.c shows that
 * nothing wrote to it since. Of a copy that is gone on with, the journal says which map its first process
 * had proven. Otherwise the copy is what it would be without a map, a sentence says why, and a new map is
 * made.
 */
#ifndef ENGINE_COPY_MAP_H
#define ENGINE_COPY_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/map_keep.h"

struct copy;
struct map_build;

/* Texts are borrowed. */
struct copy_map_options {
    const char *path;                   /* NULL: no map is kept */
    bool strong;                        /* SHA-256 instead of XXH3-128 */
    unsigned char seed[MAP_SEED_BYTES]; /* random, for a map that is made anew */
};

struct copy_map {
    bool kept;                 /* one is made */
    struct map_file *old;      /* owned; proven, or NULL */
    bool unproven;             /* but it is not yet; reading the target back may prove it */
    struct map_making *making; /* owned */
    struct map_keep *keep;     /* owned */
    size_t zeros_noted;        /* extents of plan.zeros */
    bool owed;                 /* an earlier process completed the copy, and not its map */
    struct map_build *build;   /* owned; makes it */
};

/* Are whole blocks moved? Also of a copy that is gone on with, whose map nobody asks for any more. */
bool copy_is_by_block(const struct copy *copy);
/* The target is worth its map: it must not be written to between the proof and the mark. */
bool copy_map_binds_target(const struct copy *copy);
/* For the journal: which map is in use. */
const char *copy_map_used(const struct copy *copy);
void copy_map_free(struct copy *copy);

/* ---- For copy_map_owed.c ---- */
struct map_head;
struct marker;
/* The disk's bytes of a target that a copy left; 0: its marker does not say. */
uint64_t copy_marked_disk_bytes(const struct marker *marker);
/* Why none is kept of this copy; NULL: one is. */
const char *copy_map_not_kept(const struct copy *copy);
/* Was the target not written to since the map was made of it? */
bool copy_target_is_as_mapped(const struct copy *copy, const struct map_head *head);

/* ---- copy_map_owed.c ---- */
/* An earlier process completed the copy that the summary names: this one ends well when its map is where it
 * is asked for; else the last step makes it. False: what is there is no map. */
bool copy_finish(struct copy *copy);
void copy_map_stop(struct copy *copy);
bool copy_map_waits(const struct copy *copy); /* for access */

#endif
