/* stream_hold.c - see stream_hold.h. */
#include "io/stream_hold.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static void held_free(struct held *held)
{
    if (!held)
        return;
    free(held->places);
    free(held->payload);
    free(held->raw);
    free(held);
}

void stream_hold_clear(struct stream_hold *hold)
{
    stream_hold_drop_below(hold, UINT64_MAX);
}

void stream_hold_fini(struct stream_hold *hold)
{
    assert(hold->decoding == 0);
    stream_hold_clear(hold);
}

bool stream_hold_is_full(const struct stream_hold *hold)
{
    return hold->count == STREAM_HOLD_MAX;
}

/* ---- Taking a record ---- */

static uint32_t held_take_copies(struct held *held)
{
    struct stream_copy_piece *pieces = malloc(STREAM_PIECES_MAX * sizeof *pieces);
    uint32_t count = pieces ? stream_copy_decode(&held->record, pieces) : 0;

    held->places = calloc(count ? count : 1, sizeof *held->places);
    for (uint32_t i = 0; held->places && i < count; i++)
        held->places[i] =
            (struct held_place){pieces[i].offset, pieces[i].length, pieces[i].from, pieces[i].id};
    free(pieces);
    return held->places ? count : 0;
}

static uint32_t held_take_places(struct held *held)
{
    struct stream_piece *pieces = malloc(STREAM_PIECES_MAX * sizeof *pieces);
    uint64_t where = 0;
    uint32_t count = 0;

    if (pieces)
        count = held->record.kind == STREAM_ZERO
                    ? stream_zero_decode(&held->record, pieces)
                    : stream_data_pieces(&held->record, pieces, &held->raw_bytes);
    held->places = calloc(count ? count : 1, sizeof *held->places);
    for (uint32_t i = 0; held->places && i < count; i++) {
        held->places[i] = (struct held_place){.offset = pieces[i].offset,
                                              .length = pieces[i].length,
                                              .where = where};
        where += pieces[i].length;
    }
    free(pieces);
    return held->places ? count : 0;
}

bool stream_hold_put(struct stream_hold *hold, const struct stream_record *record, struct err *e)
{
    struct held *held = calloc(1, sizeof *held);

    assert(!stream_hold_is_full(hold));
    if (!held)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a record of the stream");
    held->home = hold;
    held->record = *record;
    held->count = record->kind == STREAM_COPY ? held_take_copies(held) : held_take_places(held);
    if (record->kind == STREAM_DATA) {
        held->payload = malloc(record->payload_bytes);
        if (held->payload)
            memcpy(held->payload, record->payload, record->payload_bytes);
    }
    held->record.payload = held->payload;
    if (!held->count || (record->kind == STREAM_DATA && !held->payload)) {
        held_free(held);
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a record of the stream");
    }
    hold->held[hold->count++] = held;
    return true;
}

/* ---- Dropping ---- */

static uint64_t held_end(const struct held *held)
{
    const struct held_place *last = &held->places[held->count - 1];

    return last->offset + last->length;
}

/* One that a worker has is freed when that ends. */
static void held_drop(struct held *held)
{
    if (held_end(held) > held->home->dropped_end)
        held->home->dropped_end = held_end(held);
    if (held->decoding)
        held->dropped = true;
    else
        held_free(held);
}

void stream_hold_drop_below(struct stream_hold *hold, uint64_t offset)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < hold->count; i++) {
        if (held_end(hold->held[i]) <= offset)
            held_drop(hold->held[i]);
        else
            hold->held[kept++] = hold->held[i];
    }
    hold->count = kept;
}

/* ---- Looking ---- */

static const struct held_place *held_find(const struct held *held, uint64_t offset)
{
    uint32_t low = 0, high = held->count;

    while (low < high) { /* the first that ends behind offset */
        uint32_t middle = low + (high - low) / 2;

        if (held->places[middle].offset + held->places[middle].length <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < held->count && held->places[low].offset <= offset ? &held->places[low] : NULL;
}

struct held *stream_hold_find(const struct stream_hold *hold, uint64_t offset, unsigned kind,
                              const struct held_place **out_place)
{
    for (unsigned i = 0; i < hold->count; i++) {
        const struct held_place *place;

        if (kind && hold->held[i]->record.kind != kind)
            continue;
        place = held_find(hold->held[i], offset);
        if (place) {
            *out_place = place;
            return hold->held[i];
        }
    }
    return NULL;
}

bool stream_held_touches(const struct held *held, uint64_t offset, uint64_t length)
{
    return held->places[0].offset < offset + length && held_end(held) > offset;
}

/* ---- Decoding ---- */

static void held_inflate(struct work *work, unsigned worker)
{
    struct held *held = (struct held *)((char *)work - offsetof(struct held, work));

    (void)worker;
    (void)stream_data_decode(&held->record, held->raw, held->raw_bytes, &held->err);
}

static void held_inflated(struct work *work)
{
    struct held *held = (struct held *)((char *)work - offsetof(struct held, work));
    struct stream_hold *hold = held->home;

    held->decoding = false;
    hold->decoding--;
    if (held->dropped) {
        held_free(held);
    } else {
        held->decoded = true;
        free(held->payload);
        held->payload = NULL;
    }
    hold->ready(hold->arg);
}

void stream_held_decode(struct held *held)
{
    if (held->decoding || held->decoded)
        return;
    held->raw = malloc(held->raw_bytes);
    if (!held->raw) {
        err_set(&held->err, ERR_LIMIT, RETRY_NEVER, "no memory to decompress a record");
        held->decoded = true;
        return;
    }
    held->decoding = true;
    held->home->decoding++;
    held->work = (struct work){.run = held_inflate, .done = held_inflated};
    workers_submit(held->home->workers, &held->work);
}
