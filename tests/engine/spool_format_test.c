/* spool_format_test.c - the bytes of a file of events that wait, and batches made of them. */
#include "engine/spool_format.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/event_batch.h"

static const struct spool_id id = {.stream = "stream-of-lines", .key = "key", .created_ns = 7};

static size_t add(unsigned char *bytes, size_t at, uint64_t number, const char *line)
{
    struct spool_record record = {number, false, line, strlen(line)};

    return at + spool_record_encode(&id, &record, bytes + at);
}

Test(spool_format, a_head_gives_back_what_was_put_in)
{
    unsigned char head[SPOOL_HEADER_BYTES];
    struct spool_cursor cursor;
    struct spool_id got;
    struct err e = {0};

    spool_header_encode(&id, head);
    cr_assert(spool_header_decode(head, &got, &cursor, &e), "%s", e.text);
    cr_assert_eq(memcmp(&got, &id, sizeof id), 0);
    cr_assert_eq(cursor.offset, SPOOL_HEADER_BYTES);
    cr_assert_eq(cursor.line, 1);
}

Test(spool_format, the_later_of_two_cursors_counts_and_a_torn_one_does_not)
{
    unsigned char head[SPOOL_HEADER_BYTES], bytes[SPOOL_CURSOR_BYTES];
    struct spool_cursor cursor, later = {.turn = 3, .offset = 5000, .line = 40};
    struct spool_id got;
    struct err e = {0};
    uint64_t at;

    spool_header_encode(&id, head);
    at = spool_cursor_encode(&id, &later, bytes);
    memcpy(head + at, bytes, sizeof bytes);
    cr_assert(spool_header_decode(head, &got, &cursor, &e));
    cr_assert_eq(cursor.offset, 5000);
    cr_assert_eq(cursor.line, 40);
    head[at + 9] ^= 1;
    cr_assert(spool_header_decode(head, &got, &cursor, &e));
    cr_assert_eq(cursor.offset, SPOOL_HEADER_BYTES);
    later.turn = 4;
    cr_assert_neq(spool_cursor_encode(&id, &later, bytes), at);
    memset(head + 64, 0, 64);
    cr_assert_not(spool_header_decode(head, &got, &cursor, &e));
    cr_assert_eq(e.kind, ERR_CORRUPT);
}

Test(spool_format, any_damaged_bit_of_a_record_is_found)
{
    unsigned char bytes[64];
    struct spool_record record;
    size_t used, count = add(bytes, 0, 9, "{\"event\":\"end\"}");

    cr_assert_eq(spool_record_decode(&id, bytes, count, &record, &used), SPOOL_WHOLE);
    cr_assert_eq(used, count);
    cr_assert_eq(record.number, 9);
    cr_assert_eq(strncmp(record.line, "{\"event\":\"end\"}", record.line_bytes), 0);
    for (size_t bit = 0; bit < count * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        cr_assert_neq(spool_record_decode(&id, bytes, count, &record, &used), SPOOL_WHOLE,
                      "bit %zu", bit);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < count; cut++)
        cr_assert_eq(spool_record_decode(&id, bytes, cut, &record, &used), SPOOL_SHORT);
}

Test(spool_format, a_record_of_another_stream_is_not_taken)
{
    struct spool_id other = id;
    struct spool_record record;
    unsigned char bytes[64];
    size_t used, count = add(bytes, 0, 1, "line");

    other.stream[0] ^= 1;
    cr_assert_eq(spool_record_decode(&other, bytes, count, &record, &used), SPOOL_WRONG);
}

Test(event_batch, takes_consecutive_lines_and_gives_them_back_in_pieces)
{
    struct event_batch batch = {0};
    struct event_piece piece;
    unsigned char bytes[512];
    size_t needed, count = 0, first_bytes;

    count = add(bytes, count, 5, "one");
    first_bytes = count;
    count = add(bytes, count, 6, "three3");
    count = add(bytes, count, 8, "of another number");
    cr_assert_eq(event_batch_fill(&batch, &id, bytes, count, 5, 4096, &needed), EVENT_BATCH_GOOD);
    cr_assert_eq(batch.lines, 2);
    cr_assert_eq(batch.first, 5);
    piece = event_batch_piece(&batch, 0, 0);
    cr_assert_eq(piece.bytes, 11);
    cr_assert_eq(strncmp(piece.text, "one\nthree3\n", 11), 0);
    cr_assert_eq(event_batch_piece(&batch, 1, 0).bytes, 4);
    cr_assert_eq(event_batch_piece(&batch, 0, 2).bytes, 4, "one line goes in any case");
    cr_assert_eq(event_batch_drop(&batch, 1), first_bytes);
    cr_assert_eq(batch.first, 6);
    cr_assert_eq(event_batch_piece(&batch, 0, 0).bytes, 7);
    cr_assert_eq(event_batch_drop(&batch, 1), SPOOL_RECORD_HEAD_BYTES + 6);
    cr_assert_eq(event_batch_fill(&batch, &id, bytes, count, 6, 4096, &needed), EVENT_BATCH_WRONG,
                 "a line was taken a second time");
    cr_assert_eq(event_batch_fill(&batch, &id, bytes, 10, 1, 4096, &needed), EVENT_BATCH_SHORT);
    cr_assert_eq(needed, SPOOL_RECORD_HEAD_BYTES);
    cr_assert_eq(event_batch_fill(&batch, &id, bytes, 25, 1, 4096, &needed), EVENT_BATCH_SHORT);
    cr_assert_eq(needed, first_bytes);
    event_batch_fini(&batch);
}
