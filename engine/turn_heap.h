/* turn_heap.h - who is next: the lowest key first, among equal keys who came first.
 *
 * Knows:         keys. Must not know: what they count, who waits.
 * Threads:       none; one owner. Pure.
 */
#ifndef ENGINE_TURN_HEAP_H
#define ENGINE_TURN_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct turn { /* embedded in its owner; zeroed: in no heap */
    uint64_t key;
    uint64_t order; /* private */
    size_t slot;    /* private; 0: in no heap */
};

struct turn_heap { /* zeroed: empty, without room */
    struct turn **turns;
    size_t count, room;
    uint64_t order;
};

void turn_heap_fini(struct turn_heap *heap); /* what is in it is let go */
/* Room for so many; false: no memory, nothing changed. */
bool turn_heap_reserve(struct turn_heap *heap, size_t count);
void turn_heap_add(struct turn_heap *heap, struct turn *turn, uint64_t key); /* there is room */
void turn_heap_remove(struct turn_heap *heap, struct turn *turn); /* not in a heap is fine */
struct turn *turn_heap_first(const struct turn_heap *heap);       /* NULL: empty */

#endif
