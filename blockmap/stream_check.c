/* stream_check.c - see stream_check.h. */
#include "blockmap/stream_check.h"

#include <string.h>

#include "blockmap/stream_frame.h"

static bool refuse(const struct stream_record *record, struct err *e, const char *why)
{
    return err_set(e, ERR_CORRUPT, RETRY_NEVER, "record %llu (%s) at byte %llu %s",
                   (unsigned long long)record->number, stream_kind_name(record->kind),
                   (unsigned long long)record->at_bytes, why);
}

/* ---- HEAD, PLAN ---- */

static bool check_head(struct stream_check *check, const struct stream_record *record,
                       struct err *e)
{
    struct stream_head head;

    if (!stream_head_decode(record, &head, e))
        return false;
    if (check->disk_bytes && check->disk_bytes != head.disk_bytes)
        return refuse(record, e, "is of a disk of another size");
    check->disk_bytes = head.disk_bytes;
    return true;
}

static bool check_plan(struct stream_check *check, const struct stream_record *record,
                       struct err *e)
{
    struct stream_list list = stream_record_list(record, 8);
    uint32_t clears = stream_record_u32(record, 0), count = stream_record_u32(record, 4);
    uint64_t *end_bytes = &check->plan_end_bytes[clears == 1];
    struct stream_piece piece;

    if (list.bad || clears > 1 || count == 0 || count > STREAM_PLAN_EXTENTS_MAX)
        return refuse(record, e, "says what no PLAN says");
    for (uint32_t i = 0; i < count; i++) {
        if (!stream_get_place(&list, check->disk_bytes, &piece))
            return refuse(record, e, "lists what is no part of the disk");
        if (piece.offset < *end_bytes)
            return refuse(record, e, "is out of order");
        *end_bytes = piece.offset + piece.length;
        check->plan_bytes += clears ? 0 : piece.length;
    }
    return list.at == list.end || refuse(record, e, "goes on behind its list");
}

/* ---- DATA, ZERO, COPY ---- */

/* In a stream the pieces of a kind follow one another; a batch has any order. */
static bool in_order(const struct stream_check *check, const struct stream_piece *piece,
                     uint64_t *end_bytes)
{
    if (!check->batch && piece->offset < *end_bytes)
        return false;
    *end_bytes = piece->offset + piece->length;
    return true;
}

static bool check_data(struct stream_check *check, const struct stream_record *record,
                       struct err *e)
{
    struct stream_data_head head;
    struct stream_list list;
    struct stream_piece piece;
    uint64_t sum_bytes = 0;

    if (!stream_data_head_decode(record->payload, record->payload_bytes, &head))
        return refuse(record, e, "says what no DATA says");
    list = (struct stream_list){.at = record->payload + STREAM_DATA_HEAD_BYTES};
    list.end = list.at + head.list_bytes;
    for (uint32_t i = 0; i < head.count; i++) {
        if (!stream_get_place(&list, check->disk_bytes, &piece))
            return refuse(record, e, "lists what is no part of the disk");
        if (!in_order(check, &piece, &check->data_end))
            return refuse(record, e, "is out of order");
        sum_bytes += piece.length;
    }
    if (list.at != list.end || sum_bytes != head.raw_bytes)
        return refuse(record, e, "has pieces that do not make its bytes");
    check->seen.data_bytes += head.raw_bytes;
    check->seen.stored_bytes += record->payload_bytes;
    return true;
}

static bool check_zero(struct stream_check *check, const struct stream_record *record,
                       struct err *e)
{
    struct stream_list list = stream_record_list(record, 4);
    uint32_t count = stream_record_u32(record, 0);
    struct stream_piece piece;

    if (list.bad || count == 0 || count > STREAM_PIECES_MAX)
        return refuse(record, e, "says what no ZERO says");
    for (uint32_t i = 0; i < count; i++) {
        if (!stream_get_place(&list, check->disk_bytes, &piece))
            return refuse(record, e, "lists what is no part of the disk");
        if (!in_order(check, &piece, &check->zero_end))
            return refuse(record, e, "is out of order");
        check->seen.zero_bytes += piece.length;
    }
    return list.at == list.end || refuse(record, e, "goes on behind its list");
}

/* A stream refers to what it had earlier, a batch to what the reader has: nothing else. */
static bool from_is_right(const struct stream_check *check, const struct stream_copy_piece *piece)
{
    if (check->batch)
        return piece->from == STREAM_FROM_INDEX;
    return piece->from < piece->offset && piece->length <= piece->offset - piece->from;
}

static bool check_copy(struct stream_check *check, const struct stream_record *record,
                       struct err *e)
{
    struct stream_list list = stream_record_list(record, 4);
    uint32_t count = stream_record_u32(record, 0);
    struct stream_copy_piece piece;
    struct stream_piece place;

    if (list.bad || count == 0 || count > STREAM_PIECES_MAX)
        return refuse(record, e, "says what no COPY says");
    for (uint32_t i = 0; i < count; i++) {
        if (!stream_get_copy(&list, check->disk_bytes, &piece) || piece.length > STREAM_BLOCK_BYTES)
            return refuse(record, e, "lists what is no block of the disk");
        place = (struct stream_piece){piece.offset, piece.length};
        if (!in_order(check, &place, &check->copy_end))
            return refuse(record, e, "is out of order");
        if (!from_is_right(check, &piece))
            return refuse(record, e, "refers to what did not come before it");
        check->seen.copy_bytes += piece.length;
    }
    return list.at == list.end || refuse(record, e, "goes on behind its list");
}

/* ---- END ---- */

static bool check_end(const struct stream_check *check, const struct stream_record *record,
                      struct err *e)
{
    const struct stream_end *seen = &check->seen;
    struct stream_end end;

    if (!stream_end_decode(record, &end, e))
        return false;
    if (end.records != record->number + 1 || end.data_bytes != seen->data_bytes ||
        end.stored_bytes != seen->stored_bytes || end.zero_bytes != seen->zero_bytes ||
        end.copy_bytes != seen->copy_bytes)
        return refuse(record, e, "counts other records and bytes than came before it");
    if (end.data_bytes + end.zero_bytes + end.copy_bytes != check->plan_bytes)
        return refuse(record, e, "comes before, or after, all that the plan lists");
    return true;
}

bool stream_check_record(struct stream_check *check, const struct stream_record *record,
                         struct err *e)
{
    switch (record->kind) {
    case STREAM_HEAD:
        return check_head(check, record, e);
    case STREAM_PLAN:
        return check_plan(check, record, e);
    case STREAM_DATA:
        return check_data(check, record, e);
    case STREAM_ZERO:
        return check_zero(check, record, e);
    case STREAM_COPY:
        return check_copy(check, record, e);
    case STREAM_END:
        return check_end(check, record, e);
    }
    return true; /* of an optional one nothing is known */
}
