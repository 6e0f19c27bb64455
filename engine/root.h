/* root.h - makes the root of a disk from ranges that arrive in any order.
 *
 * Knows:         which bytes will come (all others are zero), the 64 KiB blocks of digest.h.
 * Must not know: where the bytes come from.
 * Threads:       none; one owner.
 *
 * Memory: a hash (24 bytes) for each finished block that waits for an earlier one, and 64 KiB for each
 * block that waits for another part of itself. Both stay small when ranges are taken in order: the
 * owner takes no new range while root_backlog is above ROOT_BACKLOG_MAX.
 */
#ifndef ENGINE_ROOT_H
#define ENGINE_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "blockmap/err.h"
#include "blockmap/extent.h"

#define ROOT_BACKLOG_MAX     (1u << 18) /* blocks: 16 GiB of data ahead of the slowest range */
#define ROOT_ADVANCE_MAX     (1u << 19) /* blocks fed in one root_advance: a few milliseconds */
#define ROOT_TAKE_MAX_BYTES  (4u << 20)
#define ROOT_TAKE_BLOCKS_MAX 65u /* that so many bytes can touch */

struct root;

/* Told of every block in block order, as the root is fed: count neighbours with one hash each, or, with
 * hashes NULL, that many holes. False: *e is set, and root_advance fails. */
struct root_sink {
    bool (*blocks)(void *arg, uint64_t first, uint64_t count, const struct block_hash *hashes,
                   struct err *e); /* NULL: nobody is */
    /* Told of the bytes of each block as it is made whole, in any order: DIGEST_BLOCK_BYTES, zeros where
     * no data is; not of holes, nor of what root_know named. NULL: nobody is. */
    void (*whole)(void *arg, uint64_t block, const unsigned char *bytes);
    void *arg;
};

/* Blocks that one take made whole: neighbours, from first_block on. (With other blocks known between
 * them, only the first neighbours: nobody may count on being told of all.) */
struct root_blocks {
    uint64_t first_block;
    uint32_t count;
    struct block_hash hashes[ROOT_TAKE_BLOCKS_MAX];
};

/* data: everything that will come; borrowed, unchanged until root_free. sink may be NULL. */
struct root *root_new(uint64_t disk_bytes, const struct extent_set *data,
                      const struct root_sink *sink, struct err *e);
void root_free(struct root *root); /* NULL is fine */

/* A part of data (at most ROOT_TAKE_MAX_BYTES); every byte of data comes exactly once, but for those of
 * blocks that root_know named. known: the hashes of the blocks that lie whole within, if somebody made them
 * of these very bytes (digest_block); NULL: they are made here. out_blocks may be NULL. False only when
 * memory ran out. */
bool root_take(struct root *root, uint64_t offset, const unsigned char *bytes, size_t count,
               const struct block_hash *known, struct root_blocks *out_blocks, struct err *e);

/* The hash of a block that data touches and that an earlier process made whole; its bytes do not come, or,
 * if some of them do, are passed over. What is known already stays. False only when memory ran out. */
bool root_know(struct root *root, uint64_t block, const struct block_hash *hash, struct err *e);

/* The block needs no more bytes: it was fed, or its hash waits to be. */
bool root_has(const struct root *root, uint64_t block);
/* The first block that was not fed. */
uint64_t root_cursor(const struct root *root);

/* Feeds what is ready, a bounded amount. *out_more: more is ready at once. False: the sink failed. */
bool root_advance(struct root *root, bool *out_more, struct err *e);

size_t root_backlog(const struct root *root);

/* After all data came and root_advance had no more. */
void root_end(struct root *root, char out_text[DIGEST_TEXT_MAX_BYTES]);

#endif
