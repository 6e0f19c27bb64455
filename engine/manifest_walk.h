/* manifest_walk.h - a manifest in step with the blocks of a disk: tells of each that is not as it says.
 *
 * Knows:         hashes in block order on one side, a manifest on the other.
 * Must not know: where the hashes come from, what a difference leads to.
 * Threads:       none; one owner.
 */
#ifndef ENGINE_MANIFEST_WALK_H
#define ENGINE_MANIFEST_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/extent.h"
#include "engine/manifest.h"

struct manifest_walk {
    /* set once, all borrowed */
    struct manifest_reader *reader;
    uint64_t disk_bytes; /* of the disk; where it is larger the manifest counts as zeros */
    /* False, with *e set, ends the walk. */
    bool (*differs)(void *arg, struct extent block, struct err *e);
    void *arg;
    /* changes */
    struct manifest_run run; /* of the manifest, for the blocks under way */
};

/* From the first block on. */
bool manifest_walk_begin(struct manifest_walk *walk, struct err *e);
/* The next blocks, as root_sink.blocks tells them; arg is the walk. */
bool manifest_walk_blocks(void *arg, uint64_t first, uint64_t count,
                          const struct block_hash *hashes, struct err *e);

#endif
