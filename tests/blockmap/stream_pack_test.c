/* stream_pack_test.c - what is packed comes out of a reader as it went in, at every level, of any parts. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "blockmap/stream_frame.h"
#include "blockmap/stream_pack.h"
#include "blockmap/stream_read.h"

#define RECORD_MAX_BYTES (STREAM_FRAME_BYTES + STREAM_PAYLOAD_MAX_BYTES)
#define DISK_BYTES       (1ull << 40)

struct bench {
    struct stream_packer *packer;
    unsigned char *record;
    unsigned char *raw;
    unsigned char *back;
};

static struct bench bench_open(void)
{
    struct err e = {0};
    struct bench b = {.packer = stream_packer_new(&e),
                      .record = malloc(RECORD_MAX_BYTES),
                      .raw = malloc(STREAM_RAW_MAX_BYTES),
                      .back = malloc(STREAM_RAW_MAX_BYTES)};

    cr_assert(b.packer && b.record && b.raw && b.back, "%s", e.text);
    return b;
}

static void bench_close(struct bench *b)
{
    stream_packer_free(b->packer);
    free(b->record);
    free(b->raw);
    free(b->back);
}

static void fill_random(unsigned char *bytes, size_t count, uint64_t seed)
{
    uint64_t x = seed * 2 + 1;

    for (size_t i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (unsigned char)(x >> 24);
    }
}

/* Words in an order that does not repeat: compresses as text does. */
static void fill_text(unsigned char *bytes, size_t count, uint64_t seed)
{
    static const char *const words[] = {"extent", "snapshot", "base", "window",
                                        "pacer",  "journal",  "root", "marker"};
    uint64_t x = seed * 2 + 1;
    size_t at = 0;

    while (at < count) {
        const char *word;
        size_t length;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        word = words[(x >> 20) % 8];
        length = strlen(word);
        if (length > count - at)
            length = count - at;
        memcpy(bytes + at, word, length);
        at += length;
    }
}

static struct stream_packed pack(struct bench *b, const struct stream_part *parts, uint32_t count,
                                 int level)
{
    struct stream_packed packed = {0};
    struct err e = {0};
    bool done = stream_pack(b->packer, 0, parts, count, level, b->record, &packed, &e);

    cr_assert(done, "%s", e.text);
    cr_assert(packed.record_bytes <= RECORD_MAX_BYTES);
    return packed;
}

/* Through the reader, as a batch; and what comes out is what went in. */
static uint32_t expect_back(struct bench *b, const struct stream_packed *packed,
                            const unsigned char *raw, struct stream_piece *out_pieces)
{
    struct err e = {0};
    struct stream_reader *reader = stream_reader_new(true, DISK_BYTES, &e);
    struct stream_record record;
    uint32_t pieces, raw_bytes = 0;
    size_t pushed = 0;
    enum stream_step step;
    bool decoded;

    cr_assert(reader, "%s", e.text);
    do {
        pushed += stream_reader_push(reader, b->record + pushed, packed->record_bytes - pushed);
        step = stream_reader_next(reader, &record, &e);
    } while (step == STREAM_WANTS && pushed < packed->record_bytes);
    cr_assert_eq(step, STREAM_RECORD, "%s", e.text);
    cr_assert_eq(record.kind, STREAM_DATA);
    pieces = stream_data_pieces(&record, out_pieces, &raw_bytes);
    cr_assert_eq(raw_bytes, packed->raw_bytes);
    decoded = stream_data_decode(&record, b->back, raw_bytes, &e);
    cr_assert(decoded, "%s", e.text);
    cr_assert_eq(memcmp(b->back, raw, raw_bytes), 0);
    stream_reader_free(reader);
    return pieces;
}

Test(stream_pack, every_level_comes_back_and_shrinks_text)
{
    static const int levels[] = {-7, -5, -1, 1, 2, 3, 5, 7, 9, 12, 19, 3};
    static struct stream_piece pieces[STREAM_PIECES_MAX];
    struct bench b = bench_open();
    struct stream_part part = {1 << 20, 512 << 10, b.raw};

    fill_text(b.raw, part.length, 7);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        struct stream_packed packed = pack(&b, &part, 1, levels[i]);

        cr_assert(!packed.stored_raw);
        cr_assert_eq(packed.raw_bytes, part.length);
        cr_assert_lt(packed.record_bytes, part.length / 2, "level %d", levels[i]);
        cr_assert_eq(expect_back(&b, &packed, b.raw, pieces), 1);
        cr_assert(pieces[0].offset == part.offset && pieces[0].length == part.length);
    }
    bench_close(&b);
}

Test(stream_pack, a_higher_level_is_really_used_and_so_is_a_lower_one_after_it)
{
    struct bench b = bench_open();
    struct stream_part part = {0, 1 << 20, b.raw};
    uint32_t fast, high, fast_again;

    fill_text(b.raw, part.length, 11);
    fast = pack(&b, &part, 1, -7).record_bytes;
    high = pack(&b, &part, 1, 15).record_bytes;
    fast_again = pack(&b, &part, 1, -7).record_bytes;
    cr_assert_lt(high, fast);
    cr_assert_eq(fast_again, fast);
    bench_close(&b);
}

Test(stream_pack, raw_is_raw_and_costs_a_frame_and_a_list)
{
    static struct stream_piece pieces[STREAM_PIECES_MAX];
    struct bench b = bench_open();
    struct stream_part part = {0, STREAM_RAW_MAX_BYTES, b.raw};
    struct stream_packed packed;

    fill_text(b.raw, part.length, 3);
    packed = pack(&b, &part, 1, STREAM_LEVEL_RAW);
    cr_assert(packed.stored_raw);
    cr_assert(packed.record_bytes > part.length && packed.record_bytes < part.length + 128);
    expect_back(&b, &packed, b.raw, pieces);
    bench_close(&b);
}

Test(stream_pack, random_bytes_are_sent_raw_at_any_level_and_length)
{
    static const uint32_t lengths[] = {512, 4096, 65536, 262144, 262656, STREAM_RAW_MAX_BYTES};
    static struct stream_piece pieces[STREAM_PIECES_MAX];
    struct bench b = bench_open();

    fill_random(b.raw, STREAM_RAW_MAX_BYTES, 5);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct stream_part part = {0, lengths[i], b.raw};
        struct stream_packed packed = pack(&b, &part, 1, i % 2 ? 3 : 1);

        cr_assert(packed.stored_raw, "%u bytes", lengths[i]);
        expect_back(&b, &packed, b.raw, pieces);
    }
    bench_close(&b);
}

/* A stretch of a sixteenth, wherever it lies, is longer than the distance of two samples. */
Test(stream_pack, a_stretch_of_text_among_random_bytes_is_found)
{
    struct bench b = bench_open();
    struct stream_part part = {0, STREAM_RAW_MAX_BYTES, b.raw};
    uint32_t stretch = STREAM_RAW_MAX_BYTES / 16;

    for (uint32_t at = 0; at + stretch <= STREAM_RAW_MAX_BYTES; at += stretch) {
        struct stream_packed packed;

        fill_random(b.raw, STREAM_RAW_MAX_BYTES, at + 1);
        fill_text(b.raw + at, stretch, 9);
        packed = pack(&b, &part, 1, 1);
        cr_assert(!packed.stored_raw, "at %u", at);
        cr_assert_lt(packed.record_bytes, STREAM_RAW_MAX_BYTES - stretch / 2);
    }
    bench_close(&b);
}

/* ---- Parts ---- */

#define PARTS_COUNT 64u
#define PART_BYTES  8192u

/* Backwards in memory, and every other one touches its neighbour on the disk. */
static uint64_t scatter(struct bench *b, struct stream_part *parts, unsigned char *expected)
{
    uint64_t offset = 0;

    for (uint32_t i = 0; i < PARTS_COUNT; i++) {
        const unsigned char *bytes = b->raw + (PARTS_COUNT - 1 - i) * PART_BYTES;

        offset += i % 2 ? 0 : 3 * PART_BYTES;
        parts[i] = (struct stream_part){offset, PART_BYTES, bytes};
        memcpy(expected + i * PART_BYTES, bytes, PART_BYTES);
        offset += PART_BYTES;
    }
    return offset;
}

Test(stream_pack, scattered_parts_come_in_order_and_neighbours_become_one_piece)
{
    static const int levels[] = {STREAM_LEVEL_RAW, 3};
    static struct stream_piece pieces[STREAM_PIECES_MAX];
    static unsigned char expected[PARTS_COUNT * PART_BYTES];
    struct bench b = bench_open();
    struct stream_part parts[PARTS_COUNT];

    fill_text(b.raw, PARTS_COUNT * PART_BYTES, 1);
    scatter(&b, parts, expected);
    for (size_t i = 0; i < 2; i++) {
        struct stream_packed packed = pack(&b, parts, PARTS_COUNT, levels[i]);

        cr_assert_eq(packed.stored_raw, levels[i] == STREAM_LEVEL_RAW);
        cr_assert_eq(expect_back(&b, &packed, expected, pieces), PARTS_COUNT / 2);
        for (uint32_t j = 0; j < PARTS_COUNT / 2; j++) {
            cr_assert_eq(pieces[j].offset, parts[2 * j].offset);
            cr_assert_eq(pieces[j].length, 2 * PART_BYTES);
        }
    }
    bench_close(&b);
}

Test(stream_pack, as_many_pieces_as_there_may_be_fit_with_the_most_bytes)
{
    static struct stream_piece pieces[STREAM_PIECES_MAX];
    static struct stream_part parts[STREAM_PIECES_MAX];
    uint32_t part_bytes = STREAM_RAW_MAX_BYTES / STREAM_PIECES_MAX;
    struct bench b = bench_open();
    struct stream_packed packed;

    fill_random(b.raw, STREAM_RAW_MAX_BYTES, 17);
    for (uint32_t i = 0; i < STREAM_PIECES_MAX; i++) /* far apart and backwards: long numbers */
        parts[i] = (struct stream_part){DISK_BYTES - (i + 1) * (DISK_BYTES / STREAM_PIECES_MAX),
                                        part_bytes, b.raw + i * part_bytes};
    packed = pack(&b, parts, STREAM_PIECES_MAX, 1);
    cr_assert(packed.stored_raw);
    cr_assert_eq(expect_back(&b, &packed, b.raw, pieces), STREAM_PIECES_MAX);
    bench_close(&b);
}

/* ---- The frame ---- */

Test(stream_pack, a_zstd_frame_says_its_size_and_carries_no_checksum_of_its_own)
{
    struct bench b = bench_open();
    struct stream_part part = {0, 65536, b.raw};
    struct stream_data_head head;
    struct stream_packed packed;
    const unsigned char *frame;
    bool sound;

    fill_text(b.raw, part.length, 2);
    packed = pack(&b, &part, 1, 3);
    sound = stream_data_head_decode(b.record + STREAM_FRAME_BYTES,
                                    packed.record_bytes - STREAM_FRAME_BYTES, &head);
    cr_assert(sound && head.codec == STREAM_CODEC_ZSTD);
    frame = b.record + STREAM_FRAME_BYTES + STREAM_DATA_HEAD_BYTES + head.list_bytes;
    cr_assert_eq(ZSTD_getFrameContentSize(frame, 18), part.length);
    cr_assert_eq(frame[4] & 4, 0, "the descriptor's checksum bit");
    bench_close(&b);
}

Test(stream_pack, the_same_bytes_give_the_same_record)
{
    struct bench b = bench_open();
    struct bench other = bench_open();
    struct stream_part part = {0, 300 << 10, b.raw};
    struct stream_packed first, again;

    fill_text(b.raw, part.length, 4);
    first = pack(&b, &part, 1, 5);
    fill_random(other.raw, STREAM_RAW_MAX_BYTES, 1);
    pack(&other, &(struct stream_part){0, 1 << 20, other.raw}, 1, 9); /* leaves nothing behind */
    again = pack(&other, &part, 1, 5);
    cr_assert_eq(first.record_bytes, again.record_bytes);
    cr_assert_eq(memcmp(b.record, other.record, first.record_bytes), 0);
    bench_close(&b);
    bench_close(&other);
}

Test(stream_pack, more_than_a_record_holds_is_an_assertion, .signal = SIGABRT)
{
    struct bench b = bench_open();
    struct stream_part parts[2] = {{0, STREAM_RAW_MAX_BYTES, b.raw}, {1 << 30, 512, b.raw}};
    struct stream_packed packed;
    struct err e = {0};

    stream_pack(b.packer, 0, parts, 2, 1, b.record, &packed, &e);
}
