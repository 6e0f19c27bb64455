/* receiver_flush.c - one flush for all batches that were written meanwhile; see receiver_desk.h.
 *
 * A target that buffers is flushed before a batch is answered: so nothing that was acknowledged is lost with
 * this machine, and a sender need not know when the receiver was started again.
 */
#include <assert.h>
#include <stddef.h>

#include "engine/receiver_batch.h"

static void flush_begin(struct receiver_desk *desk);

static void end_all(struct receiver_batch *batch)
{
    while (batch) {
        struct receiver_batch *next = batch->flush_next;

        receiver_batch_end(batch);
        batch = next;
    }
}

static void on_flush(struct block_req *req)
{
    struct receiver_desk *desk =
        (struct receiver_desk *)((char *)req - offsetof(struct receiver_desk, flush));
    struct receiver_batch *flushed = desk->flush_under_way;

    desk->flushing = false;
    desk->flush_under_way = NULL;
    if (err_is_set(&req->err))
        receiver_flush_failed(desk, &req->err);
    if (desk->flush_waiting)
        flush_begin(desk);
    end_all(flushed);
}

static void flush_begin(struct receiver_desk *desk)
{
    desk->flushing = true;
    desk->flush_under_way = desk->flush_waiting;
    desk->flush_waiting = NULL;
    desk->flush = (struct block_req){.done = on_flush};
    endpoint_flush(desk->ep, &desk->flush);
}

void receiver_flush_join(struct receiver_batch *batch)
{
    struct receiver_desk *desk = batch->call->desk;

    batch->stage = BATCH_FLUSHING;
    batch->flush_next = desk->flush_waiting;
    desk->flush_waiting = batch;
    if (!desk->flushing)
        flush_begin(desk);
}

/* The kernel tells of what it lost once: a later flush would say nothing of it. So whatever was being written
 * is not durable, and is sent again. */
void receiver_flush_failed(struct receiver_desk *desk, const struct err *error)
{
    for (struct receiver_batch *batch = desk->batches; batch; batch = batch->next)
        receiver_batch_interrupt(batch, error);
}
