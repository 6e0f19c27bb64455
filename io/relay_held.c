/* relay_held.c - see relay_held.h. One place for each id, by its first bytes. */
#include "io/relay_held.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((RELAY_HELD_IDS & (RELAY_HELD_IDS - 1)) == 0, "a place is some bits of an id");

struct relay_held {
    struct block_id ids[RELAY_HELD_IDS]; /* all zero: empty; nobody knows bytes with that SHA-256 */
};

struct relay_held *relay_held_new(void)
{
    return calloc(1, sizeof(struct relay_held));
}

void relay_held_free(struct relay_held *held)
{
    free(held);
}

static size_t place_of(const struct block_id *id)
{
    uint32_t bits;

    memcpy(&bits, id->bytes, sizeof bits);
    return bits & (RELAY_HELD_IDS - 1);
}

bool relay_held_has(const struct relay_held *held, const struct block_id *id)
{
    return block_id_equal(&held->ids[place_of(id)], id);
}

void relay_held_note(struct relay_held *held, const struct block_id *id)
{
    held->ids[place_of(id)] = *id;
}

void relay_held_forget(struct relay_held *held, const struct block_id *id)
{
    if (relay_held_has(held, id))
        memset(&held->ids[place_of(id)], 0, sizeof *id);
}
