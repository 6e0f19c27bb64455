/* receiver_buffer.c - buffers of the pool: first come, first served, but one slow target cannot have all;
 * see receiver_desk.h. Who waits holds none, so nobody waits for himself. */
#include <assert.h>
#include <stddef.h>

#include "engine/receiver_call.h"

/* What one desk may hold while others might want some. */
static uint32_t desk_share(const struct receiver *receiver)
{
    uint32_t share = bufpool_count_max(receiver->setup.pool) / 4 * 3;

    return share ? share : 1;
}

static struct buf *borrow(struct receiver *receiver, struct receiver_desk *desk)
{
    struct bufpool *pool = receiver->setup.pool;
    struct buf *buf = NULL;

    if (desk->buffers >= desk_share(receiver))
        return NULL;
    buf = bufpool_borrow(pool);
    if (!buf && bufpool_grow(pool))
        buf = bufpool_borrow(pool);
    desk->buffers += buf != NULL;
    return buf;
}

static void hand_over(struct reactor_task *task)
{
    struct receiver_wait *wait =
        (struct receiver_wait *)((char *)task - offsetof(struct receiver_wait, task));

    wait->got(wait);
}

static void serve(struct receiver *receiver)
{
    struct receiver_wait *next;

    for (struct receiver_wait *wait = receiver->wait_first; wait; wait = next) {
        struct buf *buf = borrow(receiver, wait->desk);

        next = wait->next;
        if (!buf)
            continue; /* its desk has its share, or none is left */
        receiver_buffer_forget(receiver, wait);
        wait->buf = buf;
        reactor_post(receiver->setup.reactor, &wait->task, hand_over);
    }
}

void receiver_buffer_want(struct receiver *receiver, struct receiver_wait *wait)
{
    assert(!wait->queued && !wait->task.posted);
    wait->queued = true;
    wait->buf = NULL;
    wait->next = NULL;
    if (receiver->wait_last)
        receiver->wait_last->next = wait;
    else
        receiver->wait_first = wait;
    receiver->wait_last = wait;
    serve(receiver);
}

void receiver_buffer_forget(struct receiver *receiver, struct receiver_wait *wait)
{
    struct receiver_wait **at = &receiver->wait_first, *before = NULL;

    if (!wait->queued)
        return;
    while (*at != wait) {
        before = *at;
        at = &(*at)->next;
    }
    *at = wait->next;
    if (receiver->wait_last == wait)
        receiver->wait_last = before;
    wait->queued = false;
}

void receiver_buffer_give(struct receiver_desk *desk, struct buf *buf)
{
    assert(desk->buffers > 0);
    desk->buffers--;
    bufpool_release(desk->receiver->setup.pool, buf);
    serve(desk->receiver);
}
