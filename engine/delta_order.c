/* delta_order.c - see delta_order.h. A ring of records; the digest follows its oldest end. */
#include "engine/delta_order.h"

#include <assert.h>
#include <stdlib.h>

struct delta_record {
    struct extent extent;
    struct block_hash hash;
    bool ended;
};

struct delta_order {
    struct digest_delta *digest;
    uint64_t begun;    /* records begun */
    uint64_t digested; /* records given to the digest */
    uint64_t last_end; /* where the record digested last ended */
    struct delta_record ring[DELTA_ORDER_OPEN_MAX];
};

struct delta_order *delta_order_new(uint64_t disk_bytes, struct err *e)
{
    struct delta_order *order = calloc(1, sizeof *order);

    if (!order) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to make the delta's digest");
        return NULL;
    }
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
    free(order);
}

bool delta_order_full(const struct delta_order *order)
{
    return order->begun - order->digested == DELTA_ORDER_OPEN_MAX;
}

uint64_t delta_order_begin(struct delta_order *order)
{
    assert(!delta_order_full(order));
    order->ring[order->begun % DELTA_ORDER_OPEN_MAX].ended = false;
    return order->begun++;
}

void delta_order_end_record(struct delta_order *order, uint64_t number, struct extent extent,
                            const struct block_hash *hash)
{
    struct delta_record *record = &order->ring[number % DELTA_ORDER_OPEN_MAX];

    assert(number >= order->digested && number < order->begun && !record->ended);
    record->extent = extent;
    record->hash = *hash;
    record->ended = true;
    while (order->digested < order->begun) {
        record = &order->ring[order->digested % DELTA_ORDER_OPEN_MAX];
        if (!record->ended)
            return;
        assert(record->extent.offset >= order->last_end);
        order->last_end = extent_end(record->extent);
        digest_delta_record(order->digest, record->extent.offset, record->extent.length,
                            &record->hash);
        order->digested++;
    }
}

void delta_order_end(struct delta_order *order, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    assert(order->digested == order->begun);
    digest_delta_end(order->digest, out_text);
}
