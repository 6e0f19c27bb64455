/* stream_held.c - see stream_held.h: what of a file is whole, of this stream, and a prefix of its plan. */
#include "io/stream_held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_read.h"
#include "io/stream_held_parts.h"

/* The scan under way. */
struct scan {
    struct stream_held *held;
    struct stream_reader *reader;
    uint64_t at_bytes;
    uint64_t number;                /* records taken */
    struct stream_end counts;       /* of them */
    struct extent_set data, clears; /* of PLAN records */
    bool has_origin, planned;
    /* the data of the plan: how much of it lies below the highest place so far */
    size_t below_index;
    uint64_t below_sum, high_end;
    size_t group_first; /* of the pieces: the first that does not count yet */
    size_t next_index;  /* the plan's first extent that is not all there */
    uint64_t next_offset;
    struct err err; /* memory ran out */
    struct stream_piece places[STREAM_PIECES_MAX];
    struct stream_copy_piece copies[STREAM_PIECES_MAX];
};

/* ---- Life ---- */

struct stream_held *stream_held_new(const struct stream_held_wanted *wanted, struct err *e)
{
    struct stream_held *held = calloc(1, sizeof *held);

    if (held)
        held->bytes = malloc(HELD_RECORD_MAX_BYTES);
    if (!held || !held->bytes) {
        free(held);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read a stream");
        return NULL;
    }
    held->wanted = *wanted;
    return held;
}

void stream_held_free(struct stream_held *held)
{
    if (!held)
        return;
    for (unsigned i = 0; i < HELD_RAWS; i++)
        free(held->raws[i].memory);
    free(held->pieces);
    free(held->records);
    free(held->bytes);
    free(held);
}

void stream_held_stop(struct stream_held *held)
{
    atomic_store(&held->stop, true);
}

const struct stream_held_found *stream_held_found(const struct stream_held *held)
{
    return &held->found;
}

/* ---- Is it this stream? ---- */

static bool another(struct scan *scan, const char *why)
{
    snprintf(scan->held->found.why_not, sizeof scan->held->found.why_not, "%s", why);
    return false;
}

static bool take_head(struct scan *scan, const struct stream_record *record)
{
    const struct stream_head *wanted = scan->held->wanted.head;
    struct stream_head *head = &scan->held->found.head;
    struct err ignored = {0};

    if (!stream_head_decode(record, head, &ignored))
        return false;
    if (strcmp(head->source, wanted->source) != 0)
        return another(scan, "it is of another source");
    if (strcmp(head->base, wanted->base) != 0 || head->base_bytes != wanted->base_bytes ||
        strcmp(head->base_copy, wanted->base_copy) != 0 ||
        strcmp(head->base_etag, wanted->base_etag) != 0)
        return another(scan, "it is of another base, or of none");
    if (head->source_bytes != wanted->source_bytes || head->disk_bytes != wanted->disk_bytes ||
        head->has_footer != wanted->has_footer ||
        (wanted->has_footer && memcmp(head->footer, wanted->footer, VHD_FOOTER_BYTES) != 0))
        return another(scan, "its source had another size, or another footer");
    return true;
}

static bool take_origin(struct scan *scan, const unsigned char *payload, uint32_t payload_bytes)
{
    const struct stream_origin *wanted = scan->held->wanted.origin;
    struct stream_origin origin;

    if (!stream_origin_decode(payload, payload_bytes, &origin))
        return another(scan, "it does not say what its source was");
    if (!stream_origin_same_source(&origin, wanted))
        return another(scan, "the source was written to since, or cannot show that it was not");
    if (origin.level != wanted->level || origin.no_dedup != wanted->no_dedup)
        return another(scan, "it was begun with another --compress, or --no-dedup");
    scan->has_origin = true;
    return true;
}

/* Before the first of its bytes. */
static bool check_plan(struct scan *scan)
{
    const struct stream_held_wanted *wanted = &scan->held->wanted;

    if (scan->planned)
        return true;
    if (!scan->has_origin)
        return another(scan, "it does not say what its source was");
    if (!extent_set_equal(&scan->data, wanted->data) ||
        !extent_set_equal(&scan->clears, wanted->clears))
        return another(scan, "what is to be copied is listed otherwise now");
    scan->planned = true;
    scan->next_offset = extent_set_at(wanted->data, 0).offset;
    return true;
}

/* ---- What it has ---- */

/* Room for one more of size bytes each; NULL, and err: there is none. */
static void *grow(void *items, size_t count, size_t *room, size_t size, struct err *e)
{
    size_t wanted = *room ? *room * 2 : 4096;
    void *grown;

    if (count < *room)
        return items;
    grown = realloc(items, wanted * size);
    if (!grown) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for what a stream has already");
        return NULL;
    }
    *room = wanted;
    return grown;
}

static bool add_piece(struct scan *scan, struct held_piece piece)
{
    struct stream_held *held = scan->held;
    struct held_piece *grown;

    if (held->piece_count == STREAM_HELD_PIECES_MAX)
        return false;
    grown =
        grow(held->pieces, held->piece_count, &held->piece_room, sizeof *held->pieces, &scan->err);
    if (!grown)
        return false;
    held->pieces = grown;
    held->pieces[held->piece_count++] = piece;
    if (piece.offset + piece.length > scan->high_end)
        scan->high_end = piece.offset + piece.length;
    return true;
}

static bool take_data(struct scan *scan, const struct stream_record *record)
{
    struct stream_held *held = scan->held;
    uint32_t raw_bytes = 0, count = stream_data_pieces(record, scan->places, &raw_bytes);
    struct held_record *grown;
    uint64_t at = 0;

    if (held->record_count == HELD_RECORDS_MAX)
        return false;
    grown = grow(held->records, held->record_count, &held->record_room, sizeof *held->records,
                 &scan->err);
    if (!grown)
        return false;
    held->records = grown;
    held->records[held->record_count] =
        (struct held_record){record->at_bytes, record->number, record->payload_bytes, raw_bytes};
    for (uint32_t i = 0; i < count; i++) {
        if (!add_piece(scan, (struct held_piece){scan->places[i].offset, scan->places[i].length, at,
                                                 (uint32_t)held->record_count}))
            return false;
        at += scan->places[i].length;
    }
    held->record_count++;
    scan->counts.data_bytes += raw_bytes;
    scan->counts.stored_bytes += record->payload_bytes;
    return true;
}

static bool take_zero(struct scan *scan, const struct stream_record *record)
{
    uint32_t count = stream_zero_decode(record, scan->places);

    for (uint32_t i = 0; i < count; i++) {
        if (!add_piece(scan, (struct held_piece){scan->places[i].offset, scan->places[i].length, 0,
                                                 HELD_ZERO}))
            return false;
        scan->counts.zero_bytes += scan->places[i].length;
    }
    return true;
}

static bool take_copy(struct scan *scan, const struct stream_record *record)
{
    uint32_t count = stream_copy_decode(record, scan->copies);

    for (uint32_t i = 0; i < count; i++) {
        const struct stream_copy_piece *copy = &scan->copies[i];

        if (!add_piece(scan,
                       (struct held_piece){copy->offset, copy->length, copy->from, HELD_COPY}))
            return false;
        scan->counts.copy_bytes += copy->length;
    }
    return true;
}

/* ---- Ends of groups ---- */

static int by_offset(const void *a, const void *b)
{
    const struct held_piece *left = a, *right = b;

    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Of the plan's data, what lies below the highest place so far. It only rises. */
static uint64_t plan_below(struct scan *scan)
{
    const struct extent_set *data = scan->held->wanted.data;
    struct extent next;

    for (; scan->below_index < data->count; scan->below_index++) {
        next = extent_set_at(data, scan->below_index);
        if (extent_end(next) > scan->high_end)
            return scan->below_sum +
                   (scan->high_end > next.offset ? scan->high_end - next.offset : 0);
        scan->below_sum += next.length;
    }
    return scan->below_sum;
}

/* Do the pieces, in their order, go on with the plan without a hole, and none twice? */
static bool follows_plan(struct scan *scan, const struct held_piece *pieces, size_t count)
{
    const struct extent_set *data = scan->held->wanted.data;

    for (size_t i = 0; i < count; i++) {
        struct extent next;

        if (scan->next_index == data->count)
            return false;
        next = extent_set_at(data, scan->next_index);
        if (pieces[i].offset != scan->next_offset ||
            pieces[i].length > extent_end(next) - scan->next_offset)
            return false;
        scan->next_offset += pieces[i].length;
        if (scan->next_offset == extent_end(next) && ++scan->next_index < data->count)
            scan->next_offset = extent_set_at(data, scan->next_index).offset;
    }
    return true;
}

/* After a record: where it ends a group, all up to here counts. False: this is no stream of ours. */
static bool take_group(struct scan *scan)
{
    struct stream_held *held = scan->held;
    struct held_piece *first = held->pieces + scan->group_first;
    size_t count = held->piece_count - scan->group_first;
    const struct stream_end *counts = &scan->counts;

    if (counts->data_bytes + counts->zero_bytes + counts->copy_bytes != plan_below(scan))
        return true;
    qsort(first, count, sizeof *first, by_offset);
    if (!follows_plan(scan, first, count))
        return false;
    scan->group_first = held->piece_count;
    held->found.below_bytes = scan->high_end;
    held->found.file_bytes = scan->at_bytes;
    held->found.counts = scan->counts;
    held->found.counts.records = scan->number;
    return true;
}

/* ---- Records ---- */

static bool take_record(struct scan *scan, const struct stream_record *record)
{
    struct err ignored = {0};
    bool clears;

    switch (record->kind) {
    case STREAM_HEAD:
        return take_head(scan, record);
    case STREAM_PLAN:
        return stream_plan_decode(record, &clears, record->payload[0] ? &scan->clears : &scan->data,
                                  &ignored);
    case STREAM_DATA:
        return check_plan(scan) && take_data(scan, record) && take_group(scan);
    case STREAM_ZERO:
        return check_plan(scan) && take_zero(scan, record) && take_group(scan);
    case STREAM_COPY:
        return check_plan(scan) && take_copy(scan, record) && take_group(scan);
    case STREAM_END:
        break;
    }
    return false; /* an END is made anew */
}

/* One whole record into held->bytes; its length, or 0: there is none, or none that can be taken. */
static uint32_t load_record(const struct scan *scan, struct stream_frame *out_frame)
{
    struct stream_held *held = scan->held;

    if (!held_take(held, scan->at_bytes, held->bytes, STREAM_FRAME_BYTES) ||
        !stream_frame_decode(held->bytes, out_frame) ||
        out_frame->payload_bytes > stream_payload_max(out_frame->kind) ||
        !held_take(held, scan->at_bytes + STREAM_FRAME_BYTES, held->bytes + STREAM_FRAME_BYTES,
                   out_frame->payload_bytes))
        return 0;
    return STREAM_FRAME_BYTES + out_frame->payload_bytes;
}

/* Next record of the file. False: behind here nothing counts. */
static bool scan_next(struct scan *scan)
{
    struct stream_record record;
    struct stream_frame frame;
    struct err ignored = {0};
    enum stream_step step = STREAM_WANTS;
    uint32_t bytes = load_record(scan, &frame), pushed = 0;

    if (!bytes)
        return false;
    while (step == STREAM_WANTS && pushed < bytes) {
        pushed +=
            (uint32_t)stream_reader_push(scan->reader, scan->held->bytes + pushed, bytes - pushed);
        step = stream_reader_next(scan->reader, &record, &ignored);
    }
    if (step != STREAM_RECORD && step != STREAM_WANTS)
        return false;
    scan->at_bytes += bytes;
    scan->number++;
    if (step == STREAM_RECORD)
        return take_record(scan, &record);
    return frame.kind != STREAM_ORIGIN ||
           take_origin(scan, scan->held->bytes + STREAM_FRAME_BYTES, frame.payload_bytes);
}

bool stream_held_scan(struct stream_held *held, struct err *e)
{
    struct scan *scan = calloc(1, sizeof *scan);
    bool ok;

    if (!scan)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read a stream");
    scan->held = held;
    scan->reader = stream_reader_new(false, 0, e);
    if (scan->reader)
        while (!atomic_load(&held->stop) && scan_next(scan))
            ;
    held->piece_count = scan->group_first;
    ok = scan->reader && !err_is_set(&scan->err);
    if (err_is_set(&scan->err))
        *e = scan->err;
    stream_reader_free(scan->reader);
    extent_set_fini(&scan->data);
    extent_set_fini(&scan->clears);
    free(scan);
    return ok;
}
