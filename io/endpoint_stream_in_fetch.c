/* endpoint_stream_in_fetch.c - a block that came before, had back: from the read under way, from a record
 * that is held, or from the target once it is written there. Its SHA-256 is checked first.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "io/endpoint_stream_in_parts.h"

#define FETCH_PAUSE_NS  NS_PER_S /* before the target is asked again */
#define FETCH_TRIES_MAX 60u

static struct endpoint_stream_in *in_of_fetch(struct in_fetch *fetch)
{
    return (struct endpoint_stream_in *)((char *)fetch -
                                         offsetof(struct endpoint_stream_in, fetch));
}

static enum in_fetched fetch_fail(struct endpoint_stream_in *in, const char *why)
{
    const struct in_fetch *fetch = &in->fetch;
    struct err error = {0};

    err_set(&error, ERR_CORRUPT, RETRY_NEVER,
            "record %llu (COPY) at byte %llu refers from %llu to %llu, and %s",
            (unsigned long long)fetch->number, (unsigned long long)fetch->at_bytes,
            (unsigned long long)fetch->offset, (unsigned long long)fetch->from, why);
    in_fail(in, &error);
    return IN_FETCH_FAILED;
}

/* ---- From the target ---- */

static void fetch_again(struct timer *timer)
{
    in_look(in_of_fetch((struct in_fetch *)((char *)timer - offsetof(struct in_fetch, timer))));
}

/* The target's own errors are its writes' to tell; here they are waited out. */
static void fetch_refused(struct endpoint_stream_in *in, const struct err *error)
{
    struct in_fetch *fetch = &in->fetch;
    bool again = error->retry == RETRY_LATER || error->retry == RETRY_AFTER_RENEWAL;

    if (err_is_set(&in->err))
        return;
    if (!again || ++fetch->tries > FETCH_TRIES_MAX) {
        in_fail(in, error);
        in_look(in);
        return;
    }
    reactor_arm(in->head.reactor, &fetch->timer, reactor_now_ns(in->head.reactor) + FETCH_PAUSE_NS,
                fetch_again);
}

static void fetch_read(struct block_req *req)
{
    struct in_fetch *fetch = (struct in_fetch *)((char *)req - offsetof(struct in_fetch, req));
    struct endpoint_stream_in *in = in_of_fetch(fetch);

    fetch->reading = false;
    if (err_is_set(&req->err)) {
        fetch_refused(in, &req->err);
        return;
    }
    fetch->at += (uint32_t)req->length;
    in_look(in);
}

static enum in_fetched fetch_from_target(struct endpoint_stream_in *in, uint32_t length)
{
    struct in_fetch *fetch = &in->fetch;
    struct extent piece = {fetch->from + fetch->at, length};

    if (extent_set_touches(&in->handed, piece))
        return IN_FETCH_WAITS; /* endpoint_stream_in_wrote looks again */
    if (!in->target || extent_end(piece) > in->target->size_bytes)
        return fetch_fail(in, "the target has no such block");
    fetch->reading = true;
    fetch->req = (struct block_req){.offset = piece.offset,
                                    .length = length,
                                    .buf = &fetch->buf,
                                    .buf_offset = fetch->at,
                                    .done = fetch_read};
    endpoint_read(in->target, &fetch->req);
    return IN_FETCH_WAITS;
}

/* ---- The block, piece by piece ---- */

static enum in_fetched fetch_from_held(struct endpoint_stream_in *in, struct held *held,
                                       const struct held_place *place, uint32_t length)
{
    struct in_fetch *fetch = &in->fetch;
    uint64_t from = fetch->from + fetch->at, behind = place->offset + place->length - from;

    if (behind < length)
        length = (uint32_t)behind;
    stream_held_decode(held);
    if (!held->decoded)
        return IN_FETCH_WAITS;
    if (err_is_set(&held->err)) {
        in_fail(in, &held->err);
        return IN_FETCH_FAILED;
    }
    memcpy(fetch->buf.memory + fetch->at, held->raw + place->where + (from - place->offset),
           length);
    fetch->at += length;
    return IN_FETCH_HAS;
}

static enum in_fetched fetch_piece(struct endpoint_stream_in *in, const struct in_read *read)
{
    struct in_fetch *fetch = &in->fetch;
    const struct block_req *req = read->req;
    uint64_t from = fetch->from + fetch->at;
    uint32_t length = fetch->length - fetch->at;
    const struct held_place *place;
    struct held *held;

    if (from >= req->offset) { /* it ends below the place, so it was filled in */
        assert(from + length <= req->offset + read->filled);
        memcpy(fetch->buf.memory + fetch->at,
               req->buf->memory + req->buf_offset + (from - req->offset), length);
        fetch->at += length;
        return IN_FETCH_HAS;
    }
    if (length > req->offset - from)
        length = (uint32_t)(req->offset - from);
    held = stream_hold_find(&in->hold, from, STREAM_DATA, &place);
    return held ? fetch_from_held(in, held, place, length) : fetch_from_target(in, length);
}

static void fetch_begin(struct in_fetch *fetch, const struct held *held,
                        const struct held_place *place)
{
    fetch->begun = true;
    fetch->whole = false;
    fetch->offset = place->offset;
    fetch->from = place->where;
    fetch->length = (uint32_t)place->length;
    fetch->at = 0;
    fetch->id = place->id;
    fetch->number = held->record.number;
    fetch->at_bytes = held->record.at_bytes;
    fetch->tries = 0;
}

enum in_fetched in_fetch(struct endpoint_stream_in *in, const struct held *held,
                         const struct held_place *place, const struct in_read *read)
{
    struct in_fetch *fetch = &in->fetch;
    struct block_id id;

    if (fetch->reading || fetch->timer.slot)
        return IN_FETCH_WAITS;
    if (!fetch->begun || fetch->offset != place->offset)
        fetch_begin(fetch, held, place);
    while (!fetch->whole && fetch->at < fetch->length) {
        enum in_fetched fetched = fetch_piece(in, read);

        if (fetched != IN_FETCH_HAS)
            return fetched;
    }
    if (fetch->whole)
        return IN_FETCH_HAS;
    id = block_id_of(fetch->buf.memory, fetch->length);
    if (!block_id_equal(&id, &fetch->id))
        return fetch_fail(in, "another block is there: the stream, or the target, is damaged");
    fetch->whole = true;
    return IN_FETCH_HAS;
}

void in_fetch_stop(struct endpoint_stream_in *in)
{
    if (in->fetch.timer.slot)
        reactor_disarm(in->head.reactor, &in->fetch.timer);
}
