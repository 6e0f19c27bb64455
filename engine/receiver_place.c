/* receiver_place.c - COPY: a block that a target of the client is said to hold is read there, held against
 * its SHA-256, and written; see receiver_batch.h.
 *
 * The index may be wrong in every way: a place that was overwritten, a target that is gone. So a block counts
 * only once its bytes, in our own memory, have the SHA-256 that the sender named; it is written from there.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/receiver_batch.h"

#define READERS_MAX 32u /* targets open because others refer to them */

struct receiver_reader { /* a target that is only read */
    struct receiver *receiver;
    struct receiver_reader *next;
    char name[RELAY_NAME_MAX_BYTES + 1];
    struct endpoint *ep; /* NULL: could not be opened */
    bool looking, good;  /* good: was looked at and is there */
    bool stale;          /* opened again as soon as nobody uses it */
    uint32_t users;      /* slots of batches */
    uint64_t used_ns;
    struct stat_req look;
    struct receiver_batch *waiting;
};

static void group_look(struct receiver_batch *batch);

/* ---- Readers ---- */

static bool reader_is_free(const struct receiver_reader *reader)
{
    return reader->users == 0 && !reader->looking && (!reader->ep || reader->ep->inflight == 0);
}

static void reader_close(struct receiver_reader **at)
{
    struct receiver_reader *reader = *at;

    assert(!reader->waiting);
    *at = reader->next;
    endpoint_close(reader->ep);
    free(reader);
}

static void on_look(struct stat_req *req)
{
    struct receiver_reader *reader =
        (struct receiver_reader *)((char *)req - offsetof(struct receiver_reader, look));
    struct receiver_batch *batch = reader->waiting;

    reader->looking = false;
    reader->good = !err_is_set(&req->err) && req->exists;
    reader->stale = !reader->good;
    reader->waiting = NULL;
    while (batch) {
        struct receiver_batch *next = batch->reader_next;

        group_look(batch);
        batch = next;
    }
}

/* Room for one more: those nobody wants to keep go, then the one unused for longest. */
static bool readers_make_room(struct receiver *receiver)
{
    struct receiver_reader **oldest = NULL;
    uint32_t count = 0;

    for (struct receiver_reader **at = &receiver->readers; *at; at = &(*at)->next) {
        count++;
        if (reader_is_free(*at) && (!oldest || (*at)->used_ns < (*oldest)->used_ns))
            oldest = at;
    }
    if (count < READERS_MAX)
        return true;
    if (oldest)
        reader_close(oldest);
    return oldest != NULL;
}

static struct receiver_reader *reader_open(struct receiver *receiver, const char *name)
{
    struct receiver_reader *reader;
    struct err e = {0};

    if (!readers_make_room(receiver))
        return NULL;
    reader = calloc(1, sizeof *reader);
    assert(reader);
    reader->receiver = receiver;
    snprintf(reader->name, sizeof reader->name, "%s", name);
    reader->next = receiver->readers;
    receiver->readers = reader;
    reader->ep = receiver->setup.open(receiver->setup.arg, name, false, &e);
    reader->stale = !reader->ep;
    if (reader->ep) {
        reader->looking = true;
        reader->look = (struct stat_req){.done = on_look};
        endpoint_stat(reader->ep, &reader->look);
    }
    return reader;
}

/* NULL: there are too many. */
static struct receiver_reader *reader_of(struct receiver *receiver, const char *name)
{
    struct receiver_reader **at = &receiver->readers;

    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (*at && (*at)->stale && reader_is_free(*at))
        reader_close(at);
    else if (*at)
        return *at;
    return reader_open(receiver, name);
}

void receiver_places_free(struct receiver *receiver, uint64_t idle_ns)
{
    uint64_t now_ns = reactor_now_ns(receiver->setup.reactor);
    struct receiver_reader **at = &receiver->readers;

    while (*at) {
        if (reader_is_free(*at) && now_ns - (*at)->used_ns >= idle_ns)
            reader_close(at);
        else
            at = &(*at)->next;
    }
}

bool receiver_places_idle(const struct receiver *receiver)
{
    for (const struct receiver_reader *reader = receiver->readers; reader; reader = reader->next)
        if (!reader_is_free(reader))
            return false;
    return true;
}

/* ---- A group: as many blocks as a buffer has room for ---- */

static struct endpoint *slot_endpoint(const struct receiver_batch *batch,
                                      const struct batch_slot *slot)
{
    return slot->reader ? slot->reader->ep : batch->call->desk->ep;
}

/* Where the index knows it, among the client's own targets. */
static void slot_find(struct receiver_batch *batch, struct batch_slot *slot)
{
    struct receiver_call *call = batch->call;
    struct block_place place;
    char own[RELAY_NAME_MAX_BYTES + 1];

    if (!call->client->index || !block_index_find(call->client->index, &slot->piece.id, &place))
        return;
    slot->indexed = true;
    slot->from = place.offset;
    if (strcmp(place.target, call->name) == 0) {
        slot->known = true;
        return;
    }
    memcpy(own, call->name, sizeof own);
    own[strcspn(own, "/")] = '\0';
    if (!relay_name_ok(place.target) || !relay_name_belongs(place.target, own))
        return;
    slot->reader = reader_of(call->receiver, place.target);
    slot->known = slot->reader != NULL;
    if (slot->reader)
        slot->reader->users++;
}

static bool slot_fits(const struct receiver_batch *batch, const struct batch_slot *slot)
{
    const struct endpoint *ep = slot_endpoint(batch, slot);
    uint32_t length = slot->piece.length;

    return length <= ep->request_max_bytes && slot->from % ep->align_bytes == 0 &&
           length % ep->align_bytes == 0 && slot->from <= ep->size_bytes &&
           length <= ep->size_bytes - slot->from;
}

static void run_verify(struct work *work, unsigned worker)
{
    struct receiver_batch *batch =
        (struct receiver_batch *)((char *)work - offsetof(struct receiver_batch, work));

    (void)worker;
    for (uint32_t i = 0; i < batch->slot_count; i++) {
        struct batch_slot *slot = &batch->slots[i];
        struct block_id id;

        if (!slot->known)
            continue;
        id = block_id_of(batch->buf->memory + (size_t)i * STREAM_BLOCK_BYTES, slot->piece.length);
        slot->right = block_id_equal(&id, &slot->piece.id);
    }
}

static void slot_release(struct receiver_batch *batch, struct batch_slot *slot)
{
    if (!slot->reader)
        return;
    slot->reader->stale |= slot->indexed && !slot->right;
    slot->reader->users--;
    slot->reader->used_ns = reactor_now_ns(batch->call->receiver->setup.reactor);
    slot->reader = NULL;
}

/* What is right is written; all else is missing, and not asked for again. */
static void on_verified(struct work *work)
{
    struct receiver_batch *batch =
        (struct receiver_batch *)((char *)work - offsetof(struct receiver_batch, work));
    struct receiver_call *call = batch->call;

    batch->range_count = 0;
    for (uint32_t i = 0; i < batch->slot_count; i++) {
        struct batch_slot *slot = &batch->slots[i];

        slot_release(batch, slot);
        if (slot->right) {
            call->receiver->counts.copied_bytes += slot->piece.length;
            receiver_batch_add(batch, slot->piece.offset, slot->piece.length,
                               i * STREAM_BLOCK_BYTES);
            continue;
        }
        if (slot->indexed)
            block_index_forget(call->client->index, &slot->piece.id);
        call->receiver->counts.missing++;
        assert(batch->missing_count < RELAY_MISSING_MAX); /* the check counted them */
        batch->missing[batch->missing_count++] =
            (struct relay_missing){batch->records[batch->record_at].number, slot->number};
    }
    if (err_is_set(&batch->err))
        receiver_batch_next(batch);
    else
        receiver_ranges_begin(batch, PIECE_WRITE);
}

static void group_verify(struct receiver_batch *batch)
{
    batch->stage = BATCH_WORKING;
    batch->work.run = run_verify;
    batch->work.done = on_verified;
    workers_submit(batch->call->receiver->setup.workers, &batch->work);
}

/* Starts as many reads as it may; slot_at is the next. */
void receiver_copy_read_on(struct receiver_batch *batch)
{
    while (!err_is_set(&batch->err) && batch->slot_at < batch->slot_count) {
        struct batch_slot *slot = &batch->slots[batch->slot_at];
        struct receiver_piece *piece;

        slot->known = slot->known && slot_fits(batch, slot);
        if (!slot->known) {
            batch->slot_at++;
            continue;
        }
        piece = receiver_piece_take(batch, PIECE_READ, slot_endpoint(batch, slot));
        if (!piece)
            return;
        piece->slot = batch->slot_at++;
        piece->req = (struct block_req){.offset = slot->from,
                                        .length = slot->piece.length,
                                        .buf = batch->buf,
                                        .buf_offset = piece->slot * STREAM_BLOCK_BYTES};
        receiver_piece_start(piece);
    }
    if (batch->requests_left == 0)
        group_verify(batch);
}

void receiver_copy_read(struct receiver_batch *batch, uint32_t slot, bool good)
{
    batch->slots[slot].known = good;
    receiver_copy_read_on(batch);
}

/* Every target that is to be read is open, or known not to be there. */
static void group_look(struct receiver_batch *batch)
{
    batch->stage = BATCH_LOOKING;
    for (uint32_t i = 0; i < batch->slot_count; i++) {
        struct batch_slot *slot = &batch->slots[i];

        if (!slot->reader)
            continue;
        if (slot->reader->looking) {
            batch->reader_next = slot->reader->waiting;
            slot->reader->waiting = batch;
            return;
        }
        slot->known = slot->reader->good;
    }
    batch->stage = BATCH_READING;
    batch->slot_at = 0;
    receiver_copy_read_on(batch);
}

void receiver_copy_group(struct receiver_batch *batch)
{
    uint32_t left = batch->copy_count - batch->copy_at;

    batch->slot_count = left < BATCH_SLOTS ? left : BATCH_SLOTS;
    for (uint32_t i = 0; i < batch->slot_count; i++) {
        struct batch_slot *slot = &batch->slots[i];

        *slot = (struct batch_slot){.piece = batch->copies[batch->copy_at + i],
                                    .number = batch->copy_at + i};
        slot_find(batch, slot);
    }
    group_look(batch);
}
