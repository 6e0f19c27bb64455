/* block_index.h - where a receiver has seen a block: SHA-256 -> target and offset, in a bounded file.
 *
 * Knows:         a fixed-size table in a file, mmap'd; what is oldest gives way.
 * Must not know: who asks, what a target is. It may be wrong at any time: whoever uses a place reads it and
 *                checks the SHA-256 first. So nothing here is synced, and a damaged file is begun anew.
 * Threads:       the reactor's.
 *
 * One index serves the clients of one certificate; two clients never share one. Of an id the table keeps the
 * first BLOCK_INDEX_KEY_BYTES: two blocks that are equal in those are told apart by who checks.
 *
 * The table: a page of head, then buckets of a page, an id's bucket given by its first bytes, with
 * BLOCK_INDEX_WAYS entries each. All disk space is taken when the file is made.
 */
#ifndef IO_BLOCK_INDEX_H
#define IO_BLOCK_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/block_id.h"
#include "blockmap/err.h"

#define BLOCK_INDEX_TARGET_MAX_BYTES 512u /* a name, NUL included */
#define BLOCK_INDEX_TARGETS_MAX      65536u
#define BLOCK_INDEX_KEY_BYTES        16u
#define BLOCK_INDEX_WAYS             128u
#define BLOCK_INDEX_MIN_BYTES        8192u /* a head and a bucket */
#define BLOCK_INDEX_MAX_BYTES        (1ull << 40)

struct block_index;
struct block_place {
    const char *target; /* a view, valid until the next call */
    uint64_t offset;    /* bytes; whole pages of 512, inside STREAM_DISK_MAX_BYTES */
};

/* path: its own file (0600), made where it is absent; beside it PATH.targets. max_bytes: of the table,
 * at least BLOCK_INDEX_MIN_BYTES; a file made for another size is begun anew. Fails where the file cannot be
 * had, or another process has it (ERR_CONFLICT): the caller goes on without an index. */
struct block_index *block_index_open(const char *path, uint64_t max_bytes, struct err *e);
void block_index_close(struct block_index *index); /* NULL is fine */

bool block_index_find(struct block_index *index, const struct block_id *id,
                      struct block_place *out_place);
void block_index_note(struct block_index *index, const struct block_id *id, const char *target,
                      uint64_t offset); /* durable at the target; may be forgotten at any time */
void block_index_forget(struct block_index *index, const struct block_id *id); /* was wrong */

#endif
