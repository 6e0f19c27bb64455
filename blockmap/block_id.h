/* block_id.h - by what a block is known to both ends of a relay: its SHA-256.
 *
 * Knows:         SHA-256 of a run of bytes.
 * Must not know: who has the block.
 * Threads:       any.
 */
#ifndef BLOCKMAP_BLOCK_ID_H
#define BLOCKMAP_BLOCK_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_ID_BYTES 32u

struct block_id {
    unsigned char bytes[BLOCK_ID_BYTES];
};

struct block_id block_id_of(const void *bytes, size_t count);
bool block_id_equal(const struct block_id *a, const struct block_id *b);

#endif
