/* turn_heap.c - see turn_heap.h. */
#include "engine/turn_heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void turn_heap_fini(struct turn_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        heap->turns[i]->slot = 0;
    free(heap->turns);
    memset(heap, 0, sizeof *heap);
}

bool turn_heap_reserve(struct turn_heap *heap, size_t count)
{
    size_t room = heap->room ? heap->room : 8;
    struct turn **bigger;

    if (count <= heap->room)
        return true;
    while (room < count)
        room *= 2;
    bigger = realloc(heap->turns, room * sizeof(struct turn *));
    if (!bigger)
        return false;
    heap->turns = bigger;
    heap->room = room;
    return true;
}

static bool turn_before(const struct turn *a, const struct turn *b)
{
    return a->key < b->key || (a->key == b->key && a->order < b->order);
}

static void heap_put(struct turn_heap *heap, size_t at, struct turn *turn)
{
    heap->turns[at] = turn;
    turn->slot = at + 1;
}

static void heap_up(struct turn_heap *heap, size_t at, struct turn *turn)
{
    while (at > 0 && turn_before(turn, heap->turns[(at - 1) / 2])) {
        heap_put(heap, at, heap->turns[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(heap, at, turn);
}

static void heap_down(struct turn_heap *heap, size_t at, struct turn *turn)
{
    for (size_t child = 2 * at + 1; child < heap->count; child = 2 * at + 1) {
        if (child + 1 < heap->count && turn_before(heap->turns[child + 1], heap->turns[child]))
            child++;
        if (!turn_before(heap->turns[child], turn))
            break;
        heap_put(heap, at, heap->turns[child]);
        at = child;
    }
    heap_put(heap, at, turn);
}

void turn_heap_add(struct turn_heap *heap, struct turn *turn, uint64_t key)
{
    assert(heap->count < heap->room && turn->slot == 0);
    turn->key = key;
    turn->order = heap->order++;
    heap_up(heap, heap->count++, turn);
}

void turn_heap_remove(struct turn_heap *heap, struct turn *turn)
{
    struct turn *last;
    size_t at;

    if (turn->slot == 0)
        return;
    at = turn->slot - 1;
    assert(at < heap->count && heap->turns[at] == turn);
    turn->slot = 0;
    last = heap->turns[--heap->count];
    if (last == turn)
        return;
    if (at > 0 && turn_before(last, heap->turns[(at - 1) / 2]))
        heap_up(heap, at, last);
    else
        heap_down(heap, at, last);
}

struct turn *turn_heap_first(const struct turn_heap *heap)
{
    return heap->count ? heap->turns[0] : NULL;
}
