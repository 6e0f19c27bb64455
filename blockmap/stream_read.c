/* stream_read.c - see stream_read.h and stream_format.md: framing, order, numbers. What a payload says is
 * checked and decoded in stream_decode.c. */
#include "blockmap/stream_read.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_check.h"
#include "blockmap/stream_frame.h"

#define FIRST_ROOM_BYTES (128u << 10) /* grown when a record needs it, and never given back */

enum reader_stage { READER_HEAD, READER_PLAN, READER_BODY, READER_END, READER_DONE };

struct stream_reader {
    bool batch;
    enum reader_stage stage;
    unsigned char *memory; /* the record under way, from its frame on */
    uint32_t room_bytes;
    uint32_t have_bytes;
    uint32_t want_bytes; /* of the record, as far as it is known */
    bool framed;         /* the frame was looked at: want_bytes is the whole record */
    bool given;          /* the record came out: the next call begins another */
    bool trailing;       /* bytes came behind the END */
    uint64_t number;     /* of the record under way */
    uint64_t at_bytes;
    struct stream_frame frame;
    struct stream_check check;
    struct err err; /* the first one stays */
};

struct stream_reader *stream_reader_new(bool batch, uint64_t disk_bytes, struct err *e)
{
    struct stream_reader *reader = calloc(1, sizeof *reader);

    if (reader)
        reader->memory = malloc(FIRST_ROOM_BYTES);
    if (!reader || !reader->memory) {
        free(reader);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read a stream");
        return NULL;
    }
    assert(disk_bytes <= STREAM_DISK_MAX_BYTES && (!batch || disk_bytes > 0));
    reader->batch = batch;
    reader->stage = batch ? READER_BODY : READER_HEAD;
    reader->room_bytes = FIRST_ROOM_BYTES;
    reader->want_bytes = STREAM_FRAME_BYTES;
    reader->check.batch = batch;
    reader->check.disk_bytes = disk_bytes;
    return reader;
}

void stream_reader_free(struct stream_reader *reader)
{
    if (!reader)
        return;
    free(reader->memory);
    free(reader);
}

static void reader_advance(struct stream_reader *reader)
{
    if (!reader->given)
        return;
    reader->given = false;
    reader->framed = false;
    reader->at_bytes += reader->want_bytes;
    reader->number++;
    reader->have_bytes = 0;
    reader->want_bytes = STREAM_FRAME_BYTES;
}

size_t stream_reader_push(struct stream_reader *reader, const void *bytes, size_t count)
{
    size_t room;

    reader_advance(reader);
    if (err_is_set(&reader->err))
        return 0;
    if (reader->stage == READER_DONE) {
        reader->trailing |= count > 0;
        return count;
    }
    room = reader->want_bytes - reader->have_bytes;
    if (count > room)
        count = room;
    if (count)
        memcpy(reader->memory + reader->have_bytes, bytes, count);
    reader->have_bytes += (uint32_t)count;
    return count;
}

/* ---- The frame ---- */

static bool reader_refuse(struct stream_reader *reader, const char *why)
{
    return err_set(&reader->err, ERR_CORRUPT, RETRY_NEVER, "record %llu (%s) at byte %llu %s",
                   (unsigned long long)reader->number,
                   reader->framed ? stream_kind_name(reader->frame.kind) : "no kind yet",
                   (unsigned long long)reader->at_bytes, why);
}

static bool stage_takes(const struct stream_reader *reader, unsigned kind)
{
    switch (kind) {
    case STREAM_HEAD:
        return reader->stage == READER_HEAD;
    case STREAM_PLAN:
        return reader->stage == READER_PLAN;
    case STREAM_DATA:
    case STREAM_ZERO:
    case STREAM_COPY:
        return reader->stage == READER_BODY || reader->stage == READER_PLAN;
    case STREAM_END:
        return !reader->batch && (reader->stage == READER_BODY || reader->stage == READER_PLAN);
    default:
        return reader->stage != READER_HEAD;
    }
}

/* Everything that can be refused before the payload is waited for. */
static bool reader_judge_frame(struct stream_reader *reader)
{
    const struct stream_frame *frame = &reader->frame;
    bool sound = stream_frame_decode(reader->memory, &reader->frame);
    bool known = frame->kind >= STREAM_HEAD && frame->kind <= STREAM_END;

    if (memcmp(reader->memory, STREAM_FRAME_MAGIC, 4) != 0)
        return reader_refuse(reader, reader->number || reader->batch
                                         ? "does not begin as a record does"
                                         : "is no record: this is no delta stream of snapferry");
    if (!sound)
        return reader_refuse(reader, "has a damaged frame");
    reader->framed = true;
    if (frame->version != STREAM_VERSION)
        return reader_refuse(reader, "is of another version of the format than 1");
    if (frame->number != reader->number)
        return reader_refuse(reader, "has another number: records are missing or out of place");
    if ((frame->flags & ~STREAM_FLAG_MANDATORY) ||
        (known && !(frame->flags & STREAM_FLAG_MANDATORY)))
        return reader_refuse(reader, "has flags that no version 1 record has");
    if (!known && (frame->flags & STREAM_FLAG_MANDATORY))
        return reader_refuse(reader, "must be understood, and this snapferry does not know it");
    if (!stage_takes(reader, frame->kind))
        return reader_refuse(reader,
                             "is out of place: the order is HEAD, PLAN, DATA ZERO COPY, END");
    if (frame->payload_bytes > stream_payload_max(frame->kind))
        return reader_refuse(reader, "claims to be larger than such a record can be");
    return true;
}

static bool reader_make_room(struct stream_reader *reader)
{
    uint32_t whole_bytes = STREAM_FRAME_BYTES + reader->frame.payload_bytes;
    unsigned char *grown;

    reader->want_bytes = whole_bytes;
    if (whole_bytes <= reader->room_bytes)
        return true;
    grown = realloc(reader->memory, whole_bytes);
    if (!grown)
        return err_set(&reader->err, ERR_LIMIT, RETRY_NEVER,
                       "no memory for record %llu of the stream",
                       (unsigned long long)reader->number);
    reader->memory = grown;
    reader->room_bytes = whole_bytes;
    return true;
}

/* ---- Whole records ---- */

/* Moves on behind a record that was taken. */
static void reader_enter(struct stream_reader *reader, unsigned kind)
{
    if (kind == STREAM_HEAD)
        reader->stage = READER_PLAN;
    else if (kind == STREAM_DATA || kind == STREAM_ZERO || kind == STREAM_COPY)
        reader->stage = READER_BODY;
    else if (kind == STREAM_END)
        reader->stage = READER_DONE;
}

static bool reader_judge_record(struct stream_reader *reader, struct stream_record *record)
{
    const unsigned char *payload = reader->memory + STREAM_FRAME_BYTES;
    uint32_t payload_bytes = reader->frame.payload_bytes;

    record->kind = (enum stream_kind)reader->frame.kind;
    record->number = reader->number;
    record->at_bytes = reader->at_bytes;
    record->payload = payload;
    record->payload_bytes = payload_bytes;
    if (stream_frame_checksum(reader->memory, payload, payload_bytes) != reader->frame.checksum)
        return reader_refuse(reader, "does not match its checksum");
    return stream_check_record(&reader->check, record, &reader->err);
}

static enum stream_step reader_step(struct stream_reader *reader, struct stream_record *record)
{
    for (;;) {
        reader_advance(reader);
        if (reader->have_bytes < reader->want_bytes)
            return STREAM_WANTS;
        if (!reader->framed) {
            if (!reader_judge_frame(reader) || !reader_make_room(reader))
                return STREAM_FAILED;
            continue;
        }
        if (!reader_judge_record(reader, record))
            return STREAM_FAILED;
        reader->given = true;
        reader_enter(reader, reader->frame.kind);
        if (reader->frame.kind >= STREAM_HEAD && reader->frame.kind <= STREAM_END)
            return STREAM_RECORD; /* else: an optional one that is passed over */
    }
}

enum stream_step stream_reader_next(struct stream_reader *reader, struct stream_record *out_record,
                                    struct err *e)
{
    struct stream_record record = {0};
    enum stream_step step = STREAM_FAILED;

    if (!err_is_set(&reader->err) && reader->stage == READER_DONE) {
        if (!reader->trailing)
            return STREAM_ENDED;
        err_set(&reader->err, ERR_CORRUPT, RETRY_NEVER,
                "record %llu (END) is followed by more bytes: nothing may follow it",
                (unsigned long long)(reader->number - !reader->given));
    }
    if (!err_is_set(&reader->err))
        step = reader_step(reader, &record);
    if (step == STREAM_FAILED)
        *e = reader->err;
    else if (step == STREAM_RECORD)
        *out_record = record;
    return step;
}

bool stream_reader_finish(struct stream_reader *reader, struct err *e)
{
    reader_advance(reader);
    if (!err_is_set(&reader->err) &&
        (reader->batch ? reader->have_bytes > 0 : reader->stage != READER_DONE))
        reader_refuse(reader, reader->have_bytes ? "is cut off: the stream ends in it"
                                                 : "is missing: the stream ends before its END");
    if (err_is_set(&reader->err)) {
        *e = reader->err;
        return false;
    }
    return true;
}
