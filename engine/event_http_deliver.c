/* event_http_deliver.c - from the spool, or from memory where there is none, to upstream: oldest first. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "engine/event_http_internal.h"

#define READ_AGAIN_NS (30ull * NS_PER_S)

bool event_http_nothing_left(const struct event_http *h)
{
    return !h->old && (!h->own || event_spool_waiting(h->own) == 0) &&
           event_queue_count(h->queue).lines == 0 && h->group.state == GROUP_EMPTY &&
           h->batch.lines == 0 && !h->reading && !h->posting;
}

/* Lines wait a while for others, so that there are fewer posts. */
static bool is_due(const struct event_http *h)
{
    uint64_t bytes = h->own ? event_spool_waiting(h->own) : event_queue_count(h->queue).bytes;

    return h->finishing || bytes >= EVENT_HTTP_BATCH_MAX_BYTES ||
           (h->flush_ns && reactor_now_ns(h->reactor) >= h->flush_ns);
}

/* ---- A file of an earlier process ---- */

static void old_ended(struct event_http *h)
{
    struct err e = {0};

    if (h->old_delivered)
        event_http_say(h, "%" PRIu64 " events that an earlier run kept were delivered to %.100s",
                       h->old_delivered, h->url.host);
    if (!event_spool_remove(h->old, &e)) {
        h->blind = true; /* it would be found and delivered again and again */
        event_http_say(h, "%s", e.text);
    }
    event_spool_free(h->old, false);
    h->old = NULL;
    event_http_look(h);
}

/* What a kill tore, or a disk damaged, has no borders: the rest of the file goes. */
static void skip_rest(struct event_http *h, struct event_spool *spool)
{
    uint64_t bytes = event_spool_waiting(spool);

    event_http_say(h, "the last %" PRIu64 " bytes of %.300s are not whole and are left out", bytes,
                   event_spool_path(spool));
    event_spool_advance(spool, bytes, event_spool_line(spool));
    if (spool == h->own) {
        h->counts.dropped_lines += h->own_lines;
        h->own_lines = 0;
        event_spool_advance(spool, 0, h->next_line - h->group.lines);
    }
}

/* ---- Reading ---- */

static bool records_reach(struct event_http *h, size_t bytes)
{
    unsigned char *more;

    if (bytes <= h->records_room)
        return true;
    more = realloc(h->records, bytes);
    if (!more)
        return false;
    h->records = more;
    h->records_room = bytes;
    return true;
}

static void read_failed(struct event_http *h, const struct err *error)
{
    event_http_say(h, "events that wait cannot be read: %s", error->text);
    if (h->source == FROM_OLD) { /* left to others, or to a later look */
        event_spool_free(h->old, false);
        h->old = NULL;
    } else {
        event_http_retry_in(h, READ_AGAIN_NS);
    }
}

static void read_begin(struct event_http *h, enum event_source source);

static void on_read(void *arg, size_t moved, const struct err *error)
{
    struct event_http *h = arg;
    struct event_spool *spool = h->source == FROM_OLD ? h->old : h->own;
    size_t needed = 0;

    h->reading = false;
    if (err_is_set(error)) {
        read_failed(h, error);
        event_http_step(h);
        return;
    }
    switch (event_batch_fill(&h->batch, event_spool_id(spool), h->records, moved,
                             event_spool_line(spool), EVENT_HTTP_BATCH_MAX_BYTES, &needed)) {
    case EVENT_BATCH_GOOD:
        break;
    case EVENT_BATCH_SHORT:
        if (needed <= event_spool_waiting(spool) && needed > moved && records_reach(h, needed))
            read_begin(h, h->source);
        else
            skip_rest(h, spool);
        break;
    case EVENT_BATCH_WRONG:
        skip_rest(h, spool);
        break;
    case EVENT_BATCH_NO_MEMORY:
        event_http_retry_in(h, READ_AGAIN_NS);
        break;
    }
    event_http_step(h);
}

static void read_begin(struct event_http *h, enum event_source source)
{
    h->source = source;
    h->reading = true;
    event_spool_read(source == FROM_OLD ? h->old : h->own, h->records, h->records_room, on_read, h);
}

/* ---- Which comes next ---- */

static void on_reset(void *arg, size_t moved, const struct err *error)
{
    struct event_http *h = arg;

    (void)moved;
    h->resetting = false;
    if (err_is_set(error))
        event_http_say(h, "events for %.100s stay in memory from now on: %s", h->url.host,
                       error->text);
    event_http_step(h);
}

static void reclaim(struct event_http *h)
{
    if (!event_http_keeps(h) || h->resetting || !event_spool_idle(h->own) ||
        event_spool_used(h->own) < EVENT_SPOOL_RECLAIM_BYTES)
        return;
    h->resetting = true;
    event_spool_reset(h->own, on_reset, h);
}

/* Only where nothing of ours is in the file: the order is kept. */
static bool take_from_memory(struct event_http *h)
{
    size_t needed;

    if (h->group.state == GROUP_EMPTY && (event_http_keeps(h) || !event_http_group(h)))
        return false;
    if (h->group.state == GROUP_WRITING)
        return false;
    h->source = FROM_MEMORY;
    h->group.state = GROUP_HELD; /* until it is in the batch */
    if (event_batch_fill(&h->batch, &h->id, h->group.bytes, h->group.used, 1, h->group.used + 1,
                         &needed) != EVENT_BATCH_GOOD)
        return false;
    h->group.state = GROUP_EMPTY;
    return true;
}

/* True: the batch has lines. */
static bool choose(struct event_http *h)
{
    if (!records_reach(h, RECORDS_BYTES))
        return false;
    h->source = FROM_NOWHERE;
    while (h->old && event_spool_waiting(h->old) == 0) {
        if (!event_spool_idle(h->old)) /* tells when it is */
            return false;
        old_ended(h);
    }
    if (h->old) {
        read_begin(h, FROM_OLD);
        return false;
    }
    if (h->own && event_spool_waiting(h->own) > 0) {
        if (is_due(h))
            read_begin(h, FROM_OWN);
        return false;
    }
    if (h->own)
        reclaim(h);
    return is_due(h) && take_from_memory(h);
}

void event_http_deliver(struct event_http *h)
{
    if (h->reading || h->posting || h->gave_up || h->retry_ns)
        return;
    if (h->batch.lines > 0 || choose(h))
        event_http_post(h);
}
