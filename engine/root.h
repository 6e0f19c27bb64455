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

#define ROOT_BACKLOG_MAX (1u << 18) /* blocks: 16 GiB of data ahead of the slowest range */
#define ROOT_ADVANCE_MAX (1u << 19) /* blocks fed in one root_advance: a few milliseconds */

struct root;

/* data: everything that will come; borrowed, unchanged until root_free. */
struct root *root_new(uint64_t disk_bytes, const struct extent_set *data, struct err *e);
void root_free(struct root *root); /* NULL is fine */

/* A part of data; every byte of data comes exactly once. False only when memory ran out. */
bool root_take(struct root *root, uint64_t offset, const unsigned char *bytes, size_t count,
               struct err *e);

/* Feeds what is ready, a bounded amount; true when more is ready at once. */
bool root_advance(struct root *root);

size_t root_backlog(const struct root *root);

/* After all data came and root_advance answered false. */
void root_end(struct root *root, char out_text[DIGEST_TEXT_MAX_BYTES]);

#endif
