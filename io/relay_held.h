/* relay_held.h - which blocks a receiver is believed to hold, so that it need not be asked again.
 *
 * Knows:         ids, in a table of fixed size: a newer one may take an older one's place.
 * Must not know: who said so. It may be wrong: the receiver looks, and says what is missing.
 * Threads:       the reactor's.
 */
#ifndef IO_RELAY_HELD_H
#define IO_RELAY_HELD_H

#include <stdbool.h>

#include "blockmap/block_id.h"

#define RELAY_HELD_IDS (64u << 10) /* 2 MiB; blocks of 4 GiB */

struct relay_held;

struct relay_held *relay_held_new(void); /* NULL: no memory */
void relay_held_free(struct relay_held *held);

bool relay_held_has(const struct relay_held *held, const struct block_id *id);
void relay_held_note(struct relay_held *held, const struct block_id *id);
void relay_held_forget(struct relay_held *held, const struct block_id *id);

#endif
