/* journal_format_test.c - records survive their trip through bytes; every cut and every flipped bit is
 * noticed; what no writer makes is refused. Must not know: files. */
#include "blockmap/journal_format.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/page_model.h"

#define SALT   0x1122334455667788ull
#define OFFSET 5000u

static struct journal_record record, back;
static unsigned char bytes[JOURNAL_RECORD_MAX_BYTES];

static void make_header(void)
{
    struct journal_header *h = &record.header;

    record.type = JOURNAL_HEADER;
    *h = (struct journal_header){.kind = JOURNAL_COPY,
                                 .created_s = 1700000000,
                                 .copy_uuid = "01234567-89ab-4cde-8f01-23456789abcd",
                                 .source = "https://h/c/disk.vhd",
                                 .source_bytes = (32ull << 40) + 512,
                                 .base_bytes = 31ull << 40,
                                 .source_etag = "\"0x8D1\"",
                                 .source_modified = "Sat, 21 Nov 2026 07:00:00 GMT",
                                 .target = "https://t/c/disk.vhd",
                                 .footer = 2,
                                 .hash = true,
                                 .coalesce_bytes = UINT64_MAX,
                                 .sample = 7};
    memset(h->base, 'b', sizeof h->base - 1);
}

/* Extents of a fragmented disk: a gap and a run of some pages each. */
static void make_listed(uint32_t count, uint64_t unit_bytes)
{
    uint64_t seed = 9, at = 1ull << 40;

    record.type = JOURNAL_LISTED;
    record.listed = (struct journal_listed){.list = JOURNAL_LIST_TARGET,
                                            .size_bytes = 1ull << 44,
                                            .up_to = UINT64_MAX,
                                            .clears = true,
                                            .count = count};
    for (uint32_t i = 0; i < count; i++) {
        struct extent *e = &record.listed.extents[i];

        e->offset = at + (1 + page_random_below(&seed, 4000)) * unit_bytes;
        e->length = (1 + page_random_below(&seed, 1000)) * unit_bytes;
        at = extent_end(*e);
    }
}

static void make_done(uint32_t hash_count)
{
    uint64_t seed = 4;

    record.type = JOURNAL_DONE;
    record.done = (struct journal_done){.extent = {7 * DIGEST_BLOCK_BYTES, 64 * DIGEST_BLOCK_BYTES},
                                        .hash_count = hash_count};
    record.done.first_block = hash_count ? 7 : 0;
    for (uint32_t i = 0; i < hash_count; i++)
        for (size_t k = 0; k < DIGEST_HASH_BYTES; k++)
            record.done.hashes[i].bytes[k] = (unsigned char)page_random(&seed);
}

static uint64_t place(void)
{
    return record.type == JOURNAL_HEADER ? 0 : OFFSET;
}

static size_t encode(void)
{
    size_t count = journal_encode(&record, bytes);

    cr_assert_leq(count, JOURNAL_RECORD_MAX_BYTES);
    journal_stamp(bytes, count, SALT, place());
    return count;
}

static enum journal_decoded decode(size_t count, uint64_t salt, uint64_t offset, struct err *e)
{
    size_t used = 0;
    enum journal_decoded answer = journal_decode(bytes, count, &salt, offset, &back, &used, e);

    cr_assert_eq(err_is_set(e), answer == JOURNAL_WRONG, "%s", e->text);
    if (answer == JOURNAL_WHOLE) {
        cr_assert_leq(used, count);
        cr_assert_eq(salt, SALT);
    }
    return answer;
}

/* The record survives, and nothing else is taken for it. */
static void expect_survives(void)
{
    struct err e = {0};
    size_t count = encode();
    size_t again;

    memset(&back, 0xEE, sizeof back);
    cr_assert_eq(decode(count, SALT, place(), &e), JOURNAL_WHOLE);
    cr_assert_eq(decode(count + 1, SALT, place(), &e), JOURNAL_WHOLE, "more may follow");
    cr_assert_eq(back.type, record.type);
    cr_expect_eq(decode(count - 1, SALT, place(), &e), JOURNAL_TORN);
    if (place()) {
        cr_expect_eq(decode(count, SALT + 1, OFFSET, &e), JOURNAL_TORN, "another journal's");
        cr_expect_eq(decode(count, SALT, OFFSET + 1, &e), JOURNAL_TORN, "another place's");
    }
    record = back;
    again = encode();
    cr_expect_eq(again, count);
    cr_expect_eq(decode(again, SALT, place(), &e), JOURNAL_WHOLE);
}

Test(journal_format, a_header_survives)
{
    make_header();
    expect_survives();
    make_header();
    cr_expect_eq(memcmp(&back.header, &record.header, sizeof back.header), 0);
}

Test(journal_format, lists_survive_in_pages_and_in_bytes)
{
    const uint32_t counts[] = {0, 1, 2, 100, JOURNAL_EXTENTS_MAX};

    for (size_t i = 0; i < 5; i++)
        for (uint64_t unit = 1; unit <= 512; unit += 511) {
            make_listed(counts[i], unit);
            expect_survives();
            make_listed(counts[i], unit);
            cr_expect_eq(back.listed.count, counts[i]);
            cr_expect_eq(memcmp(back.listed.extents, record.listed.extents,
                                counts[i] * sizeof(struct extent)),
                         0);
            cr_expect(back.listed.clears && back.listed.list == JOURNAL_LIST_TARGET);
            cr_expect_eq(back.listed.up_to, UINT64_MAX);
            cr_expect_eq(back.listed.size_bytes, 1ull << 44);
        }
}

Test(journal_format, a_fragmented_disk_costs_few_bytes_an_extent)
{
    make_listed(JOURNAL_EXTENTS_MAX, 512);
    cr_expect_leq(encode(), JOURNAL_EXTENTS_MAX * 6 + 100);
}

Test(journal_format, a_range_survives_with_any_count_of_hashes)
{
    for (uint32_t count = 0; count <= JOURNAL_HASHES_MAX; count++) {
        make_done(count);
        expect_survives();
        make_done(count);
        cr_expect_eq(back.done.hash_count, count);
        cr_expect_eq(back.done.first_block, record.done.first_block);
        cr_expect_eq(memcmp(back.done.hashes, record.done.hashes, count * DIGEST_HASH_BYTES), 0);
        cr_expect_eq(back.done.extent.offset, record.done.extent.offset);
        cr_expect_eq(back.done.extent.length, record.done.extent.length);
    }
}

Test(journal_format, a_range_is_the_same_bytes_by_both_ways)
{
    unsigned char done_bytes[JOURNAL_DONE_MAX_BYTES];
    size_t count;

    make_done(JOURNAL_HASHES_MAX);
    record.done.extent = (struct extent){UINT64_MAX - (1ull << 50), 1ull << 50};
    record.done.first_block = UINT64_MAX;
    count = journal_encode_done(&record.done, done_bytes);
    cr_assert_leq(count, sizeof done_bytes);
    journal_stamp(done_bytes, count, SALT, OFFSET);
    cr_expect_eq(encode(), count);
    cr_expect_eq(memcmp(bytes, done_bytes, count), 0);
}

Test(journal_format, the_small_ones_survive)
{
    record.type = JOURNAL_MARKED;
    expect_survives();
    record.type = JOURNAL_PLANNED;
    record.planned = (struct journal_planned){1, UINT64_MAX, 3, "0123456789abcde"};
    expect_survives();
    cr_expect_eq(back.planned.target_bytes, UINT64_MAX);
    cr_expect_eq(memcmp(back.planned.plan, "0123456789abcde", 16), 0);
    record.type = JOURNAL_STAGE;
    record.stage = JOURNAL_COMMITTED;
    expect_survives();
    cr_expect_eq(back.stage, JOURNAL_COMMITTED);
}

/* ---- Damage ---- */

static void expect_damage_noticed(void)
{
    size_t count = encode();
    struct err e = {0};

    for (size_t cut = 0; cut < count; cut++)
        cr_assert_eq(decode(cut, SALT, place(), &e), JOURNAL_TORN, "cut at %zu", cut);
    for (size_t bit = 0; bit < count * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        cr_assert_eq(decode(count, SALT, place(), &e), JOURNAL_TORN, "bit %zu", bit);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    cr_assert_eq(decode(count, SALT, place(), &e), JOURNAL_WHOLE);
}

Test(journal_format, every_cut_and_every_flipped_bit_is_noticed)
{
    make_header();
    expect_damage_noticed();
    make_listed(50, 512);
    expect_damage_noticed();
    make_done(5);
    expect_damage_noticed();
    record.type = JOURNAL_MARKED;
    expect_damage_noticed();
}

/* ---- Whole, and wrong ---- */

/* Changes one byte of the payload and makes the checksum good again. */
static void expect_refused(size_t at, unsigned char value, const char *what)
{
    size_t count = encode();
    struct err e = {0};

    bytes[at] = value;
    journal_stamp(bytes, count, SALT, place());
    cr_expect_eq(decode(count, SALT, place(), &e), JOURNAL_WRONG, "%s", what);
    cr_expect_eq(e.kind, ERR_CORRUPT);
}

Test(journal_format, what_no_writer_makes_is_refused)
{
    make_header();
    expect_refused(16 + 5, 2, "another version");
    expect_refused(16 + 5, 0, "no version");
    expect_refused(16 + 6, 3, "a kind that is none");
    expect_refused(16 + 4, JOURNAL_DONE, "no header first");
    make_done(1);
    expect_refused(4, JOURNAL_HEADER, "a second header");
    expect_refused(4, 99, "an unknown type");
    expect_refused(4, JOURNAL_MARKED, "bytes left over");
    expect_refused(5, 2, "an unknown flag");
    expect_refused(5, 1, "a clear with a hash");
    make_done(0);
    record.done.extent = (struct extent){5, 1};
    expect_refused(7, 0, "a range of nothing");
    expect_refused(8, JOURNAL_HASHES_MAX + 1, "too many hashes");
    expect_refused(8, 1, "hashes that are not there");
    make_listed(1, 512 * 512); /* whole pages, whichever way they are told */
    expect_refused(5, JOURNAL_LISTS, "a list that is none");
    expect_refused(6, 1, "pages told in bytes");
    expect_refused(6, 4, "an unknown flag of a list");
    record.type = JOURNAL_STAGE;
    record.stage = JOURNAL_MOVED;
    expect_refused(5, 0, "a stage that is none");
    expect_refused(5, 4, "a stage beyond the last");
}

Test(journal_format, numbers_stand_in_their_shortest_form_and_end_below_2_64)
{
    struct err e = {0};
    size_t count;

    make_done(0);
    record.done.extent = (struct extent){0x4000, 1}; /* three bytes: 80 80 01 */
    expect_refused(8, 0, "a longer form than needed");
    record.done.extent = (struct extent){UINT64_MAX - 1, 1};
    count = encode();
    cr_expect_eq(decode(count, SALT, OFFSET, &e), JOURNAL_WHOLE);
    expect_refused(15, 2, "more than 64 bits");
    expect_refused(16, 2, "an end beyond 2^64");
}

Test(journal_format, a_foreign_file_is_told_from_ours)
{
    make_header();
    encode();
    for (size_t count = 0; count < 20; count++)
        cr_expect(journal_is_ours(bytes, count));
    bytes[7] ^= 1;
    cr_expect_not(journal_is_ours(bytes, 8));
    cr_expect(journal_is_ours(bytes, 7));
}

/* ---- Several at once ---- */

Test(journal_format, records_stamped_together_stand_one_behind_the_other)
{
    static unsigned char many[4 * JOURNAL_DONE_MAX_BYTES];
    size_t count = 0, at = 0;
    uint64_t salt = SALT;
    struct err e = {0};

    for (uint32_t i = 0; i < 4; i++) {
        make_done(i * 20);
        count += journal_encode_done(&record.done, many + count);
    }
    journal_stamp(many, count, SALT, OFFSET);
    for (uint32_t i = 0; i < 4; i++) {
        size_t used;

        cr_assert_eq(journal_decode(many + at, count - at, &salt, OFFSET + at, &back, &used, &e),
                     JOURNAL_WHOLE);
        cr_expect_eq(back.done.hash_count, i * 20);
        at += used;
    }
    cr_expect_eq(at, count);
}
