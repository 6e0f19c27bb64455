/* delta_order.c - see delta_order.h. What waits is a heap, the lowest offset on top. */
#include "engine/delta_order.h"

#include <assert.h>
#include <stdlib.h>

#define DELTA_ORDER_START 1024u

struct delta_record {
    struct extent extent;
    struct block_hash hash;
};

struct delta_order {
    /* set once */
    const struct extent_set *reads, *clears;
    /* changes */
    struct digest_delta *digest;
    uint64_t cursor; /* everything below it was digested */
    size_t read_index, clear_index;
    struct delta_record *heap;
    size_t count, capacity;
};

struct delta_order *delta_order_new(uint64_t disk_bytes, const struct extent_set *reads,
                                    const struct extent_set *clears, struct err *e)
{
    struct delta_order *order = calloc(1, sizeof *order);

    if (!order) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make the delta's digest");
        return NULL;
    }
    order->reads = reads;
    order->clears = clears;
    order->digest = digest_delta_new(disk_bytes, e);
    if (!order->digest) {
        free(order);
        return NULL;
    }
    return order;
}

void delta_order_free(struct delta_order *order)
{
    if (!order)
        return;
    digest_delta_free(order->digest);
    free(order->heap);
    free(order);
}

bool delta_order_full(const struct delta_order *order)
{
    return order->count >= DELTA_ORDER_OPEN_MAX;
}

/* ---- The heap ---- */

static bool heap_push(struct delta_order *order, const struct delta_record *record)
{
    size_t at = order->count;

    if (at == order->capacity) {
        size_t capacity = at ? at * 2 : DELTA_ORDER_START;
        struct delta_record *bigger = realloc(order->heap, capacity * sizeof *bigger);

        if (!bigger)
            return false;
        order->heap = bigger;
        order->capacity = capacity;
    }
    order->count++;
    while (at > 0) {
        size_t parent = (at - 1) / 2;

        if (order->heap[parent].extent.offset <= record->extent.offset)
            break;
        order->heap[at] = order->heap[parent];
        at = parent;
    }
    order->heap[at] = *record;
    return true;
}

static struct delta_record heap_pop(struct delta_order *order)
{
    struct delta_record top = order->heap[0];
    struct delta_record last = order->heap[--order->count];
    size_t at = 0;

    for (size_t child = 1; child < order->count; child = 2 * at + 1) {
        if (child + 1 < order->count &&
            order->heap[child + 1].extent.offset < order->heap[child].extent.offset)
            child++;
        if (last.extent.offset <= order->heap[child].extent.offset)
            break;
        order->heap[at] = order->heap[child];
        at = child;
    }
    if (order->count)
        order->heap[at] = last;
    return top;
}

/* ---- The order ---- */

/* The first byte of set at or after the cursor; UINT64_MAX when there is none. */
static uint64_t order_next_in(const struct delta_order *order, const struct extent_set *set,
                              size_t *index)
{
    struct extent e;

    while (*index < set->count && extent_end(extent_set_at(set, *index)) <= order->cursor)
        (*index)++;
    if (*index == set->count)
        return UINT64_MAX;
    e = extent_set_at(set, *index);
    return e.offset > order->cursor ? e.offset : order->cursor;
}

static uint64_t order_next(struct delta_order *order)
{
    uint64_t read = order_next_in(order, order->reads, &order->read_index);
    uint64_t clear = order_next_in(order, order->clears, &order->clear_index);

    return read < clear ? read : clear;
}

static void order_digest(struct delta_order *order, const struct delta_record *record)
{
    digest_delta_record(order->digest, record->extent.offset, record->extent.length, &record->hash);
    order->cursor = extent_end(record->extent);
}

bool delta_order_take(struct delta_order *order, struct extent extent,
                      const struct block_hash *hash, struct err *e)
{
    struct delta_record record = {extent, *hash};
    uint64_t next = order_next(order);

    assert(extent.length && extent.offset >= next);
    if (extent.offset > next)
        return heap_push(order, &record) ||
               err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make the delta's digest");
    order_digest(order, &record);
    while (order->count && order->heap[0].extent.offset == order_next(order)) {
        record = heap_pop(order);
        order_digest(order, &record);
    }
    return true;
}

void delta_order_end(struct delta_order *order, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    assert(order->count == 0 && order_next(order) == UINT64_MAX);
    digest_delta_end(order->digest, out_text);
}
