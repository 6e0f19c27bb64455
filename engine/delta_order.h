/* delta_order.h - makes the digest of a delta from records that are finished in any order.
 *
 * Knows:         which bytes records will be of (they follow each other without gap within each of its
 *                extents), which of them were digested.
 * Must not know: what a record is of; whether it was made just now or is read from a journal.
 * Threads:       none; one owner.
 *
 * A record waits until everything before it came. The owner takes no new range while
 * delta_order_full; ranges are taken in order, so what waits stays small.
 */
#ifndef ENGINE_DELTA_ORDER_H
#define ENGINE_DELTA_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "blockmap/err.h"
#include "blockmap/extent.h"

#define DELTA_ORDER_OPEN_MAX 65536u /* records that wait for an earlier one */

struct delta_order;

/* reads and clears: everything that will come; disjoint; borrowed, unchanged until the free. */
struct delta_order *delta_order_new(uint64_t disk_bytes, const struct extent_set *reads,
                                    const struct extent_set *clears, struct err *e);
void delta_order_free(struct delta_order *order); /* NULL is fine */

bool delta_order_full(const struct delta_order *order);
/* One record; hash: all zero bytes for a clear. No byte comes twice. False: memory ran out. */
bool delta_order_take(struct delta_order *order, struct extent extent,
                      const struct block_hash *hash, struct err *e);
/* After every byte came. */
void delta_order_end(struct delta_order *order, char out_text[DIGEST_TEXT_MAX_BYTES]);

#endif
