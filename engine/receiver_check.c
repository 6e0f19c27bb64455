/* receiver_check.c - is the whole body of a write sound? On a worker, before a byte of it is written.
 *
 * Knows:         what a batch may hold. Must not know: the target, the reactor.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/receiver_batch.h"

static int by_offset(const void *a, const void *b)
{
    const struct stream_piece *left = a, *right = b;

    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* What is decoded here is decoded again when its turn comes; only its room is kept till then. */
struct scratch {
    struct stream_piece pieces[STREAM_PIECES_MAX];
    struct stream_copy_piece copies[STREAM_PIECES_MAX];
    uint32_t pieces_max, copies_max; /* of one record so far */
    uint32_t copies_count;           /* of all */
};

static uint32_t pieces_of(struct scratch *scratch, const struct stream_record *record)
{
    struct stream_piece *out_pieces = scratch->pieces;
    uint32_t count, raw_bytes;

    if (record->kind == STREAM_DATA)
        return stream_data_pieces(record, out_pieces, &raw_bytes);
    if (record->kind == STREAM_ZERO)
        return stream_zero_decode(record, out_pieces);
    count = stream_copy_decode(record, scratch->copies);
    for (uint32_t i = 0; i < count; i++)
        out_pieces[i] = (struct stream_piece){scratch->copies[i].offset, scratch->copies[i].length};
    scratch->copies_count += count;
    if (count > scratch->copies_max)
        scratch->copies_max = count;
    return count;
}

struct all_pieces { /* of the batch so far; sorted once at its end */
    struct stream_piece *items;
    uint32_t count, room;
};

static bool remember(struct all_pieces *all, const struct stream_piece *pieces, uint32_t count,
                     struct err *e)
{
    if (count > RELAY_BATCH_PIECES_MAX - all->count)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "a batch has at most %u pieces",
                       RELAY_BATCH_PIECES_MAX);
    if (all->count + count > all->room) {
        uint32_t room = (all->count + count) * 2;
        struct stream_piece *grown = realloc(all->items, room * sizeof *grown);

        if (!grown)
            return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a batch");
        all->items = grown;
        all->room = room;
    }
    memcpy(all->items + all->count, pieces, count * sizeof *pieces);
    all->count += count;
    return true;
}

/* The pieces of a record are written in any order, so none may lie over another. */
static bool check_pieces(struct scratch *scratch, const struct stream_record *record,
                         struct all_pieces *all, struct err *e)
{
    struct stream_piece *pieces = scratch->pieces;
    uint32_t count = pieces_of(scratch, record);

    if (count > scratch->pieces_max)
        scratch->pieces_max = count;
    if (scratch->copies_count > RELAY_MISSING_MAX)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "a batch copies at most %u blocks",
                       RELAY_MISSING_MAX);
    qsort(pieces, count, sizeof *pieces, by_offset);
    for (uint32_t i = 1; i < count; i++)
        if (pieces[i].offset < pieces[i - 1].offset + pieces[i - 1].length)
            return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                           "record %llu at byte %llu of the batch writes %llu twice",
                           (unsigned long long)record->number, (unsigned long long)record->at_bytes,
                           (unsigned long long)pieces[i].offset);
    return remember(all, pieces, count, e);
}

static bool keep(struct receiver_batch *batch, const struct stream_record *record, struct err *e)
{
    const unsigned char *body = batch->body;
    uint32_t room = batch->record_count;
    struct stream_record *kept;

    if (room >= RELAY_BATCH_RECORDS_MAX)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "a batch has at most %u records",
                       RELAY_BATCH_RECORDS_MAX);
    if ((room & (room - 1)) == 0) { /* full at every power of two */
        kept = realloc(batch->records, (room ? room * 2 : 1) * sizeof *kept);
        if (!kept)
            return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a batch");
        batch->records = kept;
    }
    kept = &batch->records[batch->record_count++];
    *kept = *record;
    /* The body stays until the answer, the reader's copy of the record does not. */
    kept->payload = body + record->at_bytes + STREAM_FRAME_BYTES;
    assert(memcmp(kept->payload, record->payload, record->payload_bytes) == 0);
    return true;
}

static bool take_records(struct receiver_batch *batch, struct stream_reader *reader,
                         struct scratch *scratch, struct all_pieces *all, struct err *e)
{
    const unsigned char *bytes = batch->body;
    size_t left = batch->body_bytes;

    for (;;) {
        struct stream_record record;
        enum stream_step step = stream_reader_next(reader, &record, e);
        size_t taken;

        if (step == STREAM_RECORD) {
            if (!keep(batch, &record, e) || !check_pieces(scratch, &record, all, e))
                return false;
            continue;
        }
        if (step == STREAM_FAILED)
            return false;
        assert(step == STREAM_WANTS); /* a batch has no END */
        if (left == 0)
            return stream_reader_finish(reader, e);
        taken = stream_reader_push(reader, bytes, left);
        assert(taken > 0); /* what it wants it takes */
        bytes += taken;
        left -= taken;
    }
}

static bool mark_touched(struct receiver_batch *batch, struct all_pieces *all, struct err *e)
{
    if (all->count == 0)
        return true; /* an empty batch writes nothing, and that is fine */
    qsort(all->items, all->count, sizeof *all->items, by_offset);
    for (uint32_t i = 0; i < all->count; i++)
        if (!extent_set_add(&batch->touched,
                            (struct extent){all->items[i].offset, all->items[i].length}))
            return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a batch");
    return true;
}

static bool make_room(struct receiver_batch *batch, const struct scratch *scratch, struct err *e)
{
    batch->pieces = calloc(scratch->pieces_max + 1, sizeof *batch->pieces);
    batch->ranges = calloc(scratch->pieces_max + 1, sizeof *batch->ranges);
    if (scratch->copies_count > 0) {
        batch->copies = calloc(scratch->copies_max, sizeof *batch->copies);
        batch->slots = calloc(BATCH_SLOTS, sizeof *batch->slots);
        batch->missing = calloc(scratch->copies_count, sizeof *batch->missing);
    }
    if (!batch->pieces || !batch->ranges ||
        (scratch->copies_count > 0 && !(batch->copies && batch->slots && batch->missing)))
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a batch");
    return true;
}

bool receiver_batch_check(struct receiver_batch *batch)
{
    struct err *e = &batch->work_err;
    struct stream_reader *reader = stream_reader_new(true, batch->call->size_bytes, e);
    struct scratch *scratch = calloc(1, sizeof *scratch);
    struct all_pieces all = {0};
    bool ok;

    assert(scratch);
    ok = reader && take_records(batch, reader, scratch, &all, e) && mark_touched(batch, &all, e) &&
         make_room(batch, scratch, e);
    stream_reader_free(reader);
    free(scratch);
    free(all.items);
    if (!ok && e->kind == ERR_CORRUPT)
        e->retry = RETRY_LATER; /* what was sent may be right all the same */
    return ok;
}
