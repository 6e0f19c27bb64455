/* digest.h - the canonical hash of a block, the root of a disk, the digest of a delta.
 *
 * Knows:         design "Root": SHA-256 over "snapferry-root-1", u64le disk bytes, u32le 65536,
 *                then XXH3-128 (canonical form, 16 bytes) of each 64 KiB block; the last block
 *                zero-padded; a hole or a block of zeros counts as 16 zero bytes; the VHD footer is
 *                left out.
 * Must not know: where bytes come from, in which order they arrive (see engine/root.h).
 * Threads:       none; a value with one owner.
 * Errors:        only while a value is made; afterwards nothing can fail.
 */
#ifndef BLOCKMAP_DIGEST_H
#define BLOCKMAP_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"

#define DIGEST_BLOCK_BYTES    65536u
#define DIGEST_HASH_BYTES     16u
#define DIGEST_TEXT_MAX_BYTES 72u /* "sha256:" + 64 hex digits + NUL */

struct block_hash {
    unsigned char bytes[DIGEST_HASH_BYTES];
};

/* Hash of one whole block of DIGEST_BLOCK_BYTES; all zero bytes when the block is all zero. */
struct block_hash digest_block(const void *block);
/* Hash of a block of which only count bytes exist (the last of a disk, or data before a hole):
 * the rest counts as zero. 0 < count <= DIGEST_BLOCK_BYTES. */
struct block_hash digest_block_padded(const void *bytes, size_t count);
bool block_hash_is_zero(const struct block_hash *hash);

/* ---- The root, fed in block order ---- */
struct digest_root;
struct digest_root *digest_root_new(uint64_t disk_bytes, struct err *e);
void digest_root_free(struct digest_root *root); /* NULL is fine */
void digest_root_block(struct digest_root *root, const struct block_hash *hash);
void digest_root_holes(struct digest_root *root, uint64_t block_count); /* that many zero blocks */
uint64_t digest_root_blocks_fed(const struct digest_root *root);
/* All blocks of the disk must have been fed. Ends the root; only free may follow. */
void digest_root_end(struct digest_root *root, char out_text[DIGEST_TEXT_MAX_BYTES]);

/* ---- The digest of a delta: SHA-256 over "snapferry-delta-1", u64le disk bytes, then for every
 *      record in offset order u64le offset, u64le length, 16 bytes of hash (XXH3-128 of the
 *      record's bytes; 16 zero bytes for a clear). Never called a root. ---- */
struct digest_delta;
struct digest_delta *digest_delta_new(uint64_t disk_bytes, struct err *e);
void digest_delta_free(struct digest_delta *delta);
void digest_delta_record(struct digest_delta *delta, uint64_t offset, uint64_t length,
                         const struct block_hash *hash);
void digest_delta_end(struct digest_delta *delta, char out_text[DIGEST_TEXT_MAX_BYTES]);

/* How many whole blocks of the disk lie within length bytes at offset; *out_at: bytes from there to the
 * first. */
uint32_t digest_blocks_within(uint64_t offset, uint64_t length, uint64_t *out_at);

/* XXH3-128 of any run of bytes in canonical form (no zero rule). */
struct block_hash digest_bytes(const void *bytes, size_t count);
/* SHA-256 of bytes as "sha256:..." */
void digest_sha256_text(const void *bytes, size_t count, char out_text[DIGEST_TEXT_MAX_BYTES]);

#endif
