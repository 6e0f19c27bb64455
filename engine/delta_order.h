/* delta_order.h - makes the digest of a delta from records that are finished in any order.
 *
 * Knows:         the order in which records were begun, which is the order of their offsets.
 * Must not know: what a record is of.
 * Threads:       none; one owner.
 */
#ifndef ENGINE_DELTA_ORDER_H
#define ENGINE_DELTA_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/digest.h"
#include "blockmap/err.h"
#include "blockmap/extent.h"

#define DELTA_ORDER_OPEN_MAX 65536u /* records begun and not yet digested */

struct delta_order;

struct delta_order *delta_order_new(uint64_t disk_bytes, struct err *e);
void delta_order_free(struct delta_order *order); /* NULL is fine */

/* True while no further record may be begun: an early one is slow. */
bool delta_order_full(const struct delta_order *order);
/* The next record's number; its offset must lie after that of the record before. */
uint64_t delta_order_begin(struct delta_order *order);
/* hash: all zero bytes for a clear. */
void delta_order_end_record(struct delta_order *order, uint64_t number, struct extent extent,
                            const struct block_hash *hash);
/* After every record ended. */
void delta_order_end(struct delta_order *order, char out_text[DIGEST_TEXT_MAX_BYTES]);

#endif
