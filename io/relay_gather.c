/* relay_gather.c - writes and zeros become batches.
 *
 * What was submitted in one turn is seen together. A full batch goes at once; one that has room goes only
 * while fewer than EAGER_BATCHES are under way: with so many the link has work, and what comes meanwhile
 * makes a better frame. Nothing waits for a timer, and what waits goes when a batch ends.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "io/endpoint_relay_parts.h"

#define EAGER_BATCHES 2u

static void on_gather(struct reactor_task *task);

void relay_gather_soon(struct endpoint_relay *ep)
{
    if (ep->gather_posted || (!ep->waiting && !ep->open))
        return;
    ep->gather_posted = true;
    reactor_post(ep->base.reactor, &ep->gather_task, on_gather);
}

void relay_gather_block(struct endpoint *base, struct block_req *req)
{
    struct endpoint_relay *ep = endpoint_relay_of(base);
    struct relay_waiting *waiting = ep->idle_waiting;

    if (waiting)
        ep->idle_waiting = waiting->next;
    else
        waiting = malloc(sizeof *waiting);
    assert(waiting);
    *waiting = (struct relay_waiting){.req = req};
    *ep->waiting_last = waiting;
    ep->waiting_last = &waiting->next;
    relay_gather_soon(ep);
}

static struct block_req *take_waiting(struct endpoint_relay *ep)
{
    struct relay_waiting *waiting = ep->waiting;
    struct block_req *req = waiting->req;

    ep->waiting = waiting->next;
    if (!ep->waiting)
        ep->waiting_last = &ep->waiting;
    waiting->next = ep->idle_waiting;
    ep->idle_waiting = waiting;
    return req;
}

static void close_open(struct endpoint_relay *ep)
{
    struct relay_batch *batch = ep->open;

    ep->open = NULL;
    ep->batch_count++;
    relay_batch_start(batch);
}

static void on_gather(struct reactor_task *task)
{
    struct endpoint_relay *ep =
        (struct endpoint_relay *)((char *)task - offsetof(struct endpoint_relay, gather_task));

    ep->gather_posted = false;
    while (ep->waiting) {
        if (ep->open && !relay_batch_takes(ep->open, ep->waiting->req))
            close_open(ep);
        if (!ep->open)
            ep->open = relay_batch_new(ep);
        relay_batch_add(ep->open, take_waiting(ep));
    }
    if (ep->open &&
        (ep->batch_count < EAGER_BATCHES || ep->open->raw_bytes >= STREAM_RAW_MAX_BYTES))
        close_open(ep);
}
