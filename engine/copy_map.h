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
};

/* Are whole blocks moved? Also of a copy that is gone on with, whose map nobody asks for any more. */
bool copy_is_by_block(const struct copy *copy);
/* The target is worth its map: it must not be written to between the proof and the mark. */
bool copy_map_binds_target(const struct copy *copy);
/* For the journal: which map is in use. */
const char *copy_map_used(const struct copy *copy);
void copy_map_free(struct copy *copy);

#endif
