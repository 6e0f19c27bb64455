/* stream_format_test.c - what a writer of a delta stream makes, a reader takes and understands: every kind,
 * values at their limits, records that may be passed over. Must not know: files. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_frame.h"
#include "blockmap/stream_read.h"
#include "blockmap/stream_write.h"
#include "tests/support/stream_made.h"

#define DISK_BYTES (8ull << 20)

static struct stream_reader *reader_of(const struct stream_made *made, bool batch)
{
    struct err e = {0};
    struct stream_reader *reader = stream_reader_new(batch, batch ? DISK_BYTES : 0, &e);

    cr_assert(reader, "%s", e.text);
    (void)made;
    return reader;
}

/* The next record, fed `step` bytes at a time. */
static enum stream_step next_of(struct stream_reader *reader, const struct stream_made *made,
                                size_t *at, size_t step, struct stream_record *record,
                                struct err *e)
{
    for (;;) {
        enum stream_step answer = stream_reader_next(reader, record, e);
        size_t count = made->used - *at < step ? made->used - *at : step;

        if (answer != STREAM_WANTS || count == 0)
            return answer;
        *at += stream_reader_push(reader, made->bytes + *at, count);
    }
}

static void expect_whole(const struct stream_made *made, bool batch, size_t step, unsigned count)
{
    struct stream_reader *reader = reader_of(made, batch);
    struct stream_record record;
    struct err e = {0};
    size_t at = 0;

    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(next_of(reader, made, &at, step, &record, &e), STREAM_RECORD, "%u: %s", i,
                     e.text);
    }
    cr_assert_eq(next_of(reader, made, &at, step, &record, &e), batch ? STREAM_WANTS : STREAM_ENDED,
                 "%s", e.text);
    cr_assert_eq(at, made->used);
    cr_assert(stream_reader_finish(reader, &e), "%s", e.text);
    stream_reader_free(reader);
}

Test(stream_format, a_whole_stream_is_read_in_pieces_of_any_size)
{
    struct stream_made made = stream_made_small(DISK_BYTES);

    expect_whole(&made, false, 1, made.records);
    expect_whole(&made, false, 31, made.records);
    expect_whole(&made, false, SIZE_MAX, made.records);
    stream_made_fini(&made);
}

Test(stream_format, a_head_says_all_that_was_put_into_it)
{
    struct stream_head head = {.source_bytes = DISK_BYTES + 512,
                               .base_bytes = DISK_BYTES,
                               .disk_bytes = DISK_BYTES,
                               .has_footer = true,
                               .made_ms = 1234567890123,
                               .uuid = "u-u-i-d",
                               .base_copy = "c-o-p-y"};
    struct stream_head back;
    struct stream_made made = {0};
    struct stream_record record;
    struct stream_reader *reader;
    struct err e = {0};
    size_t at = 0;

    memset(head.source, 's', sizeof head.source - 1);
    memset(head.base, 'b', sizeof head.base - 1);
    memset(head.base_etag, 'e', sizeof head.base_etag - 1);
    memset(head.footer, 0xC7, sizeof head.footer);
    stream_made_head(&made, &head);
    reader = reader_of(&made, false);
    cr_assert_eq(next_of(reader, &made, &at, 100, &record, &e), STREAM_RECORD, "%s", e.text);
    cr_assert_eq(record.kind, STREAM_HEAD);
    cr_assert(stream_head_decode(&record, &back, &e), "%s", e.text);
    cr_assert_str_eq(back.uuid, head.uuid);
    cr_assert_str_eq(back.source, head.source);
    cr_assert_str_eq(back.base, head.base);
    cr_assert_str_eq(back.base_copy, head.base_copy);
    cr_assert_str_eq(back.base_etag, head.base_etag);
    cr_assert_eq(memcmp(back.footer, head.footer, sizeof head.footer), 0);
    cr_assert(back.source_bytes == head.source_bytes && back.base_bytes == head.base_bytes &&
              back.disk_bytes == head.disk_bytes && back.made_ms == head.made_ms &&
              back.has_footer);
    stream_reader_free(reader);
    stream_made_fini(&made);
}

Test(stream_format, a_plan_of_many_records_gives_its_extents_back)
{
    static struct extent extents[STREAM_PLAN_EXTENTS_MAX];
    struct stream_made made = {0};
    struct extent_set data = {0}, clears = {0};
    struct stream_record record;
    struct stream_reader *reader;
    struct err e = {0};
    size_t at = 0;
    bool is_clears;

    stream_made_plain_head(&made, STREAM_DISK_MAX_BYTES);
    for (uint32_t part = 0; part < 2; part++) {
        for (uint32_t i = 0; i < STREAM_PLAN_EXTENTS_MAX; i++)
            extents[i] = (struct extent){(part * STREAM_PLAN_EXTENTS_MAX + i) * (1ull << 32), 512};
        stream_made_plan(&made, false, extents, STREAM_PLAN_EXTENTS_MAX);
    }
    extents[0] = (struct extent){4096, STREAM_DISK_MAX_BYTES - 4096};
    stream_made_plan(&made, true, extents, 1);
    reader = reader_of(&made, false);
    for (unsigned i = 0; i < made.records; i++) {
        cr_assert_eq(next_of(reader, &made, &at, 4000, &record, &e), STREAM_RECORD, "%s", e.text);
        if (record.kind == STREAM_HEAD)
            continue;
        cr_assert(stream_plan_decode(&record, &is_clears, i == 3 ? &clears : &data, &e));
        cr_assert_eq(is_clears, i == 3);
    }
    cr_assert_eq(data.count, 2 * STREAM_PLAN_EXTENTS_MAX);
    cr_assert_eq(data.total_bytes, 2ull * STREAM_PLAN_EXTENTS_MAX * 512);
    cr_assert_eq(extent_set_at(&clears, 0).length, STREAM_DISK_MAX_BYTES - 4096);
    extent_set_fini(&data);
    extent_set_fini(&clears);
    stream_reader_free(reader);
    stream_made_fini(&made);
}

static struct stream_record only_record(struct stream_reader *reader,
                                        const struct stream_made *made)
{
    struct stream_record record;
    struct err e = {0};
    size_t at = 0;

    cr_assert_eq(next_of(reader, made, &at, SIZE_MAX, &record, &e), STREAM_RECORD, "%s", e.text);
    return record;
}

Test(stream_format, a_batch_takes_pieces_in_any_order)
{
    const struct stream_piece pieces[] = {{65536, 512}, {0, 1024}, {DISK_BYTES - 512, 512}};
    struct stream_made made = {0};
    struct stream_piece back[STREAM_PIECES_MAX];
    struct stream_reader *reader;
    struct stream_record record;
    unsigned char raw[2048], out[2048];
    uint32_t raw_bytes = 0;
    struct err e = {0};

    memset(raw, 0x5A, sizeof raw);
    stream_made_data(&made, pieces, 3, raw, STREAM_CODEC_ZSTD);
    reader = reader_of(&made, true);
    record = only_record(reader, &made);
    cr_assert_eq(stream_data_pieces(&record, back, &raw_bytes), 3);
    cr_assert_eq(raw_bytes, sizeof raw);
    for (unsigned i = 0; i < 3; i++)
        cr_assert(back[i].offset == pieces[i].offset && back[i].length == pieces[i].length);
    cr_assert(stream_data_decode(&record, out, raw_bytes, &e), "%s", e.text);
    cr_assert_eq(memcmp(raw, out, sizeof raw), 0);
    cr_assert(stream_reader_finish(reader, &e), "%s", e.text);
    stream_reader_free(reader);
    stream_made_fini(&made);
}

Test(stream_format, a_batch_refers_to_the_index_and_keeps_ids)
{
    struct stream_copy_piece pieces[] = {
        {.offset = 131072, .length = 65536, .from = STREAM_FROM_INDEX},
        {.offset = 0, .length = 512, .from = STREAM_FROM_INDEX}};
    struct stream_copy_piece back[STREAM_PIECES_MAX];
    struct stream_made made = {0};
    struct stream_reader *reader;
    struct stream_record record;

    memset(pieces[0].id.bytes, 0x11, BLOCK_ID_BYTES);
    memset(pieces[1].id.bytes, 0x22, BLOCK_ID_BYTES);
    stream_made_copy(&made, pieces, 2);
    reader = reader_of(&made, true);
    record = only_record(reader, &made);
    cr_assert_eq(stream_copy_decode(&record, back), 2);
    cr_assert_eq(memcmp(back, pieces, sizeof pieces), 0);
    stream_reader_free(reader);
    stream_made_fini(&made);
}

Test(stream_format, an_unknown_optional_record_is_passed_over)
{
    struct stream_made made = {0};
    struct stream_end end = stream_made_end_of(DISK_BYTES);

    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_unknown(&made, 77, false, 1000);
    end.records = 3;
    stream_made_end(&made, &end);
    expect_whole(&made, false, 7, 2);
    stream_made_fini(&made);
}

Test(stream_format, an_end_says_all_that_was_put_into_it)
{
    struct stream_made made = {0};
    struct stream_end end = stream_made_end_of(DISK_BYTES), back;
    struct stream_reader *reader;
    struct stream_record record;
    struct err e = {0};
    size_t at = 0;

    stream_made_plain_head(&made, DISK_BYTES);
    end.records = 2;
    memset(end.marker.delta, 'd', sizeof end.marker.delta - 1);
    memset(end.marker.base_root, 'b', sizeof end.marker.base_root - 1);
    stream_made_end(&made, &end);
    reader = reader_of(&made, false);
    cr_assert_eq(next_of(reader, &made, &at, 99, &record, &e), STREAM_RECORD, "%s", e.text);
    cr_assert_eq(next_of(reader, &made, &at, 99, &record, &e), STREAM_RECORD, "%s", e.text);
    cr_assert(stream_end_decode(&record, &back, &e), "%s", e.text);
    cr_assert_eq(memcmp(&back, &end, sizeof end), 0);
    stream_reader_free(reader);
    stream_made_fini(&made);
}
