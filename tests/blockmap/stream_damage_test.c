/* stream_damage_test.c - a delta stream that is cut off, flipped, out of order, too large or a bomb is
 * refused, with the record named, and never read past. Must not know: files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "blockmap/stream_frame.h"
#include "blockmap/stream_read.h"
#include "tests/support/stream_made.h"

#define DISK_BYTES (8ull << 20)

static void refuse_by_decoding(const struct stream_record *record, struct err *e)
{
    static unsigned char raw[STREAM_RAW_MAX_BYTES];
    static struct stream_piece pieces[STREAM_PIECES_MAX];
    uint32_t raw_bytes = 0;

    if (record->kind != STREAM_DATA)
        return;
    cr_assert_gt(stream_data_pieces(record, pieces, &raw_bytes), 0);
    (void)stream_data_decode(record, raw, raw_bytes, e);
}

/* Reads all of it as apply would. False: refused. */
static bool reads_whole(const unsigned char *bytes, size_t count, struct err *e)
{
    struct stream_reader *reader = stream_reader_new(false, 0, e);
    struct stream_record record;
    size_t at = 0;
    bool going = true;

    memset(e, 0, sizeof *e);
    while (going) {
        switch (stream_reader_next(reader, &record, e)) {
        case STREAM_RECORD:
            refuse_by_decoding(&record, e);
            going = !err_is_set(e);
            break;
        case STREAM_FAILED:
            going = false;
            break;
        case STREAM_WANTS:
        case STREAM_ENDED:
            going = at < count;
            at += stream_reader_push(reader, bytes + at, count - at);
            break;
        }
    }
    if (!err_is_set(e))
        (void)stream_reader_finish(reader, e);
    stream_reader_free(reader);
    return !err_is_set(e);
}

static void expect_refused(const struct stream_made *made, const char *words)
{
    struct err e = {0};

    cr_expect_not(reads_whole(made->bytes, made->used, &e), "taken, but should say: %s", words);
    cr_expect_eq(e.kind, ERR_CORRUPT);
    cr_expect(strstr(e.text, words), "\"%s\" does not say \"%s\"", e.text, words);
    cr_expect_eq(strncmp(e.text, "record ", 7), 0, "%s", e.text);
}

Test(stream_damage, cut_off_at_every_byte_is_refused_and_names_the_record)
{
    struct stream_made made = stream_made_small(DISK_BYTES);
    struct err e;

    cr_assert(reads_whole(made.bytes, made.used, &e), "%s", e.text);
    for (size_t cut = 0; cut < made.used; cut += cut < 2000 || made.used - cut < 2000 ? 1 : 61) {
        unsigned long long number = 0, at = 0;
        char kind[40];

        cr_assert_not(reads_whole(made.bytes, cut, &e), "cut at %zu", cut);
        cr_assert_eq(sscanf(e.text, "record %llu (%39[^)]) at byte %llu", &number, kind, &at), 3,
                     "%s", e.text);
        cr_assert_leq(at, cut, "%s", e.text);
        cr_assert_lt(number, made.records, "%s", e.text);
    }
    stream_made_fini(&made);
}

Test(stream_damage, every_flipped_byte_is_refused_and_names_its_record)
{
    struct stream_made made = stream_made_small(DISK_BYTES);
    struct err e;

    for (size_t at = 0; at < made.used; at += at < 3000 || made.used - at < 3000 ? 1 : 89) {
        unsigned long long number = 0, place = 0;
        char kind[40];

        made.bytes[at] ^= (unsigned char)(1u << at % 8);
        cr_assert_not(reads_whole(made.bytes, made.used, &e), "flipped at %zu", at);
        cr_assert_eq(e.kind, ERR_CORRUPT);
        cr_assert_eq(sscanf(e.text, "record %llu (%39[^)]) at byte %llu", &number, kind, &place), 3,
                     "%s", e.text);
        cr_assert_leq(place, at, "%s", e.text);
        made.bytes[at] ^= (unsigned char)(1u << at % 8);
    }
    stream_made_fini(&made);
}

/* The frame of a record that begins at `at` gets one byte changed, and sums that match. */
static void change_frame(struct stream_made *made, size_t at, size_t byte, unsigned char value)
{
    made->bytes[at + byte] = value;
    stream_made_mend(made, at);
}

/* A copy of a base is named with its ETag, and of a base. */
Test(stream_damage, a_base_that_is_named_by_half_is_refused)
{
    static const struct {
        const char *base, *copy, *etag;
    } halves[] = {{"b", "c", ""}, {"b", "", "e"}, {"", "c", "e"}};

    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        struct stream_head head = {.uuid = "u",
                                   .source = "s",
                                   .source_bytes = DISK_BYTES,
                                   .disk_bytes = DISK_BYTES,
                                   .base_bytes = halves[i].base[0] ? DISK_BYTES : 0};
        struct stream_made made = {0};

        strcpy(head.base, halves[i].base);
        strcpy(head.base_copy, halves[i].copy);
        strcpy(head.base_etag, halves[i].etag);
        stream_made_head(&made, &head);
        expect_refused(&made, "says what no HEAD says");
        stream_made_fini(&made);
    }
}

Test(stream_damage, another_version_is_refused)
{
    struct stream_made made = stream_made_small(DISK_BYTES);

    change_frame(&made, 0, 6, 2);
    expect_refused(&made, "another version");
    stream_made_fini(&made);
}

Test(stream_damage, an_unknown_mandatory_record_is_refused)
{
    struct stream_made made = {0};

    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_unknown(&made, 9, true, 10);
    expect_refused(&made, "does not know it");
    stream_made_fini(&made);
}

Test(stream_damage, unknown_flags_are_refused)
{
    struct stream_made made = stream_made_small(DISK_BYTES);

    change_frame(&made, 0, 5, 3);
    expect_refused(&made, "flags");
    change_frame(&made, 0, 5, 0);
    expect_refused(&made, "flags");
    stream_made_fini(&made);
}

/* What is behind the frame is never asked for, so it never has to come. */
static void expect_refused_by_frame(unsigned kind, uint32_t claimed_bytes)
{
    struct stream_made made = {0};
    struct stream_reader *reader;
    struct stream_record record;
    struct err e = {0};
    size_t at = 0, begun;

    stream_made_plain_head(&made, DISK_BYTES);
    begun = made.used;
    stream_made_unknown(&made, kind, true, 16);
    memcpy(made.bytes + begun + 8, &claimed_bytes, sizeof claimed_bytes);
    stream_made_mend(&made, begun);
    reader = stream_reader_new(false, 0, &e);
    for (;;) {
        enum stream_step step = stream_reader_next(reader, &record, &e);

        if (step == STREAM_FAILED)
            break;
        cr_assert_lt(at, begun + STREAM_FRAME_BYTES, "kind %u: it waits for more", kind);
        at += stream_reader_push(reader, made.bytes + at, begun + STREAM_FRAME_BYTES - at);
    }
    cr_expect(strstr(e.text, "record 1 ") && strstr(e.text, "larger"), "%s", e.text);
    stream_reader_free(reader);
    stream_made_fini(&made);
}

Test(stream_damage, a_record_larger_than_its_bound_is_refused_from_its_frame_alone)
{
    for (unsigned kind = STREAM_PLAN; kind <= STREAM_END; kind++)
        expect_refused_by_frame(kind, stream_payload_max(kind) + 1);
    expect_refused_by_frame(STREAM_DATA, UINT32_MAX);
}

/* A DATA record of `says` raw bytes whose zstd frame is of `holds`. */
static void put_bomb(struct stream_made *made, uint32_t says, size_t holds)
{
    static unsigned char packed[1u << 20];
    struct stream_piece piece = {0, says};
    unsigned char *zeros = calloc(1, holds), *record, *payload;
    size_t packed_bytes = ZSTD_compress(packed, sizeof packed, zeros, holds, 3);
    struct block_hash hash = digest_bytes(zeros, says < holds ? says : holds);
    uint32_t begun;

    cr_assert_not(ZSTD_isError(packed_bytes));
    stream_made_unknown(made, STREAM_DATA, true, (uint32_t)packed_bytes + 256);
    made->records--;
    made->used -= STREAM_FRAME_BYTES + packed_bytes + 256;
    record = made->bytes + made->used;
    payload = record + STREAM_FRAME_BYTES;
    begun = stream_data_begin(payload, STREAM_CODEC_ZSTD, &hash, &piece, 1);
    memcpy(payload + begun, packed, packed_bytes);
    made->used +=
        stream_frame_seal(record, STREAM_DATA, made->records, begun + (uint32_t)packed_bytes);
    made->records++;
    free(zeros);
}

Test(stream_damage, a_decompression_bomb_is_refused_before_it_is_decompressed)
{
    struct stream_made made = {0};
    struct extent plan = {0, 4096};

    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_plan(&made, false, &plan, 1);
    put_bomb(&made, 4096, 256u << 20);
    expect_refused(&made, "another length");
    stream_made_fini(&made);
    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_plan(&made, false, &plan, 1);
    put_bomb(&made, 4096, 512);
    expect_refused(&made, "another length");
    stream_made_fini(&made);
}

Test(stream_damage, bytes_behind_a_frame_of_zstd_are_refused)
{
    static unsigned char raw[4096];
    struct stream_piece piece = {0, sizeof raw};
    struct extent plan = {0, sizeof raw};
    struct stream_made made = {0};
    size_t begun;
    uint32_t longer;

    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_plan(&made, false, &plan, 1);
    begun = made.used;
    stream_made_data(&made, &piece, 1, raw, STREAM_CODEC_ZSTD);
    longer = (uint32_t)(made.used - begun - STREAM_FRAME_BYTES + 4);
    memset(made.bytes + made.used, 0, 4);
    made.used += 4;
    memcpy(made.bytes + begun + 8, &longer, sizeof longer);
    stream_made_mend(&made, begun);
    expect_refused(&made, "record 2 (DATA)");
    stream_made_fini(&made);
}

Test(stream_damage, other_bytes_than_the_hash_says_are_refused)
{
    static unsigned char raw[4096];
    struct stream_piece piece = {0, sizeof raw};
    struct extent plan = {0, sizeof raw};
    struct stream_made made = {0};
    size_t begun;

    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_plan(&made, false, &plan, 1);
    begun = made.used;
    stream_made_data(&made, &piece, 1, raw, STREAM_CODEC_RAW);
    made.bytes[made.used - 1] ^= 1;
    stream_made_mend(&made, begun); /* the record's own sum is right: its writer was wrong */
    expect_refused(&made, "other bytes");
    stream_made_fini(&made);
}

Test(stream_damage, places_off_the_disk_or_out_of_order_are_refused)
{
    static unsigned char raw[8192];
    const struct stream_piece off = {DISK_BYTES, 4096};
    const struct stream_piece back[] = {{4096, 4096}, {0, 4096}};
    struct extent plan = {0, DISK_BYTES};
    struct stream_made made = {0};

    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_data(&made, &off, 1, raw, STREAM_CODEC_RAW);
    expect_refused(&made, "no part of the disk");
    stream_made_fini(&made);
    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_data(&made, back, 2, raw, STREAM_CODEC_RAW);
    expect_refused(&made, "out of order");
    stream_made_fini(&made);
    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_plan(&made, false, &plan, 1);
    stream_made_plan(&made, false, &plan, 1);
    expect_refused(&made, "out of order");
    stream_made_fini(&made);
}

Test(stream_damage, a_reference_to_what_did_not_come_before_is_refused)
{
    struct stream_copy_piece ahead = {.offset = 65536, .length = 65536, .from = 131072};
    struct stream_copy_piece over = {.offset = 65536, .length = 65536, .from = 512};
    struct stream_copy_piece index = {.offset = 65536, .length = 65536, .from = STREAM_FROM_INDEX};
    const struct stream_copy_piece *const wrong[] = {&ahead, &over, &index};

    for (size_t i = 0; i < 3; i++) {
        struct stream_made made = {0};

        stream_made_plain_head(&made, DISK_BYTES);
        stream_made_copy(&made, wrong[i], 1);
        expect_refused(&made, "did not come before");
        stream_made_fini(&made);
    }
}

Test(stream_damage, records_out_of_place_are_refused)
{
    struct stream_made made = {0};

    stream_made_zero(&made, 0, 4096); /* no HEAD */
    expect_refused(&made, "out of place");
    stream_made_fini(&made);
    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_plain_head(&made, DISK_BYTES);
    expect_refused(&made, "out of place");
    stream_made_fini(&made);
    stream_made_plain_head(&made, DISK_BYTES);
    made.records++; /* one is missing */
    stream_made_zero(&made, 0, 4096);
    expect_refused(&made, "records are missing");
    stream_made_fini(&made);
}

Test(stream_damage, an_end_that_counts_otherwise_or_comes_too_early_is_refused)
{
    struct stream_end end = stream_made_end_of(DISK_BYTES);
    struct extent plan = {0, 8192};
    struct stream_made made = {0};

    stream_made_plain_head(&made, DISK_BYTES);
    end.records = 5;
    stream_made_end(&made, &end);
    expect_refused(&made, "counts other records");
    stream_made_fini(&made);
    stream_made_plain_head(&made, DISK_BYTES);
    stream_made_plan(&made, false, &plan, 1);
    stream_made_zero(&made, 0, 4096);
    end.records = 4;
    end.zero_bytes = 4096;
    stream_made_end(&made, &end);
    expect_refused(&made, "all that the plan lists");
    stream_made_fini(&made);
}
