/* block_targets.h - the names of targets by number, as an index of blocks keeps them beside itself.
 *
 * Knows:         a file of slots, one a name, each with a checksum of its own; names in memory.
 * Must not know: blocks. Private to io/block_index.c.
 * Threads:       one owner.
 *
 * When all numbers are taken the oldest name gives its number away: what was noted of a number before
 * `born` was of another name. A slot that is damaged is free. Nothing is synced.
 */
#ifndef IO_BLOCK_TARGETS_H
#define IO_BLOCK_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"

struct block_targets;

/* salt: of the table it belongs to; the names of another are not taken. */
struct block_targets *block_targets_open(const char *path, uint64_t salt, struct err *e);
void block_targets_close(struct block_targets *targets); /* NULL is fine */

/* NULL: there is no such number. A view, until the next number. */
const char *block_targets_name(const struct block_targets *targets, uint32_t number,
                               uint32_t *out_born);
/* When the youngest name was born; 0 without one. */
uint32_t block_targets_youngest(const struct block_targets *targets);
/* now: what becomes born of a name that is new. False: no memory, or the name is too long or empty. */
bool block_targets_number(struct block_targets *targets, const char *name, uint32_t now,
                          uint32_t *out_number);

#endif
