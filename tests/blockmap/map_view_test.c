/* map_view_test.c - the bytes of a map: right, or an error, whatever became of them. */
#include "blockmap/map_view.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/map_bytes.h"

#define BLOCKS 2100u /* three pages, the last one short */

static struct map_entry entries[BLOCKS];
static struct map_head head;
static unsigned char *bytes;
static size_t count;

static void hashed(uint32_t block)
{
    entries[block].state = MAP_HASHED;
    for (uint32_t i = 0; i < map_hash_bytes(head.strength); i++)
        entries[block].hash[i] = (unsigned char)(block * 31 + i * 7 + 1);
}

/* A page of everything, one of zeros with a hash, one that is zero throughout. */
static void make(enum map_strength strength)
{
    memset(entries, 0, sizeof entries);
    head = (struct map_head){.strength = strength,
                             .disk_bytes = BLOCKS * (uint64_t)MAP_BLOCK_BYTES - 512,
                             .seed = "a seed that nobody knows",
                             .copy_uuid = "11111111-2222-3333-4444-555555555555",
                             .target = "file:/target",
                             .etag = "\"0x8D\"",
                             .made_ms = 1700000000000};
    for (uint32_t block = 0; block < BLOCKS; block++) {
        entries[block].state = block >= 1024 || block % 3 == 0 ? MAP_ZERO : MAP_UNKNOWN;
        if (block == 5 || block == 6 || block == 64 || block == 1023 || block == 1500)
            hashed(block);
    }
    bytes = map_bytes_make(&head, entries, &count);
    cr_assert_not_null(bytes);
}

static void begin(void)
{
    make(MAP_XXH3_128);
}

static void end(void)
{
    free(bytes);
}

TestSuite(map_view, .init = begin, .fini = end);

static void expect_all(void)
{
    struct map_entry found[BLOCKS];
    struct map_view view;
    struct err e = {0};

    cr_assert(map_view_open(&view, bytes, count, &e), "%s", e.text);
    cr_assert(map_view_look(&view, 0, BLOCKS, found, &e), "%s", e.text);
    cr_assert_eq(memcmp(found, entries, sizeof found), 0);
    cr_assert_eq(memcmp(&view.head, &head, sizeof head), 0);
}

Test(map_view, says_what_was_written)
{
    expect_all();
    end();
    make(MAP_SHA_256);
    expect_all();
}

Test(map_view, looks_in_any_order_and_over_page_bounds)
{
    static const uint32_t firsts[] = {2000, 5, 1020, 63, 1023, 1499, 0, 1024};
    struct map_entry found[64];
    struct map_view view;
    struct err e = {0};

    cr_assert(map_view_open(&view, bytes, count, &e));
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        cr_assert(map_view_look(&view, firsts[i], 64, found, &e), "%s", e.text);
        cr_assert_eq(memcmp(found, entries + firsts[i], sizeof found), 0, "from %u", firsts[i]);
    }
}

Test(map_view, tells_runs_to_their_very_end)
{
    struct map_view view;
    struct map_run run;
    struct err e = {0};

    cr_assert(map_view_open(&view, bytes, count, &e));
    for (uint64_t at = 0; at < BLOCKS; at++) {
        uint64_t wanted = at;

        while (wanted < BLOCKS && entries[wanted].state == entries[at].state)
            wanted++;
        cr_assert(map_view_run(&view, at, UINT64_MAX, &run, &e), "%s", e.text);
        cr_assert(run.first_block == at && run.state == entries[at].state);
        cr_assert_eq(run.count, wanted - at, "from %llu", (unsigned long long)at);
        cr_assert(map_view_run(&view, at, 2, &run, &e));
        cr_assert_eq(run.count, wanted - at < 2 ? wanted - at : 2);
    }
}

/* Fails the test unless the damage is noticed before any answer is wrong. */
static void expect_refused_or_right(const unsigned char *changed, size_t changed_count,
                                    const char *what, size_t where)
{
    struct map_entry found;
    struct map_view view;
    struct err e = {0};
    bool refused = false;

    if (!map_view_open(&view, changed, changed_count, &e)) {
        cr_assert_eq(e.kind, ERR_CORRUPT);
        cr_assert(e.text[0]);
        return;
    }
    for (uint32_t block = 0; block < BLOCKS; block += block % 1024 < 70 ? 1 : 53) {
        if (!map_view_look(&view, block, 1, &found, &e)) {
            cr_assert_eq(e.kind, ERR_CORRUPT);
            err_clear(&e);
            refused = true;
            continue;
        }
        cr_assert_eq(memcmp(&found, &entries[block], sizeof found), 0, "%s %zu, block %u", what,
                     where, block);
    }
    cr_assert(refused, "%s %zu was not noticed", what, where);
}

Test(map_view, a_changed_byte_anywhere_is_noticed)
{
    for (size_t at = 0; at < count; at++) {
        bytes[at] ^= (unsigned char)(1u << (at % 8));
        expect_refused_or_right(bytes, count, "byte", at);
        bytes[at] ^= (unsigned char)(1u << (at % 8));
    }
    expect_all();
}

Test(map_view, a_map_cut_anywhere_is_refused)
{
    struct map_view view;

    for (size_t cut = 0; cut < count; cut++) {
        /* of its own, so that a sanitizer sees a byte too far */
        unsigned char *part = malloc(cut ? cut : 1);
        struct err e = {0};

        memcpy(part, bytes, cut);
        cr_assert_not(map_view_open(&view, part, cut, &e), "cut at %zu", cut);
        cr_assert_eq(e.kind, ERR_CORRUPT);
        free(part);
    }
}

Test(map_view, a_byte_too_many_is_refused)
{
    unsigned char *more = calloc(1, count + 1);
    struct map_view view;
    struct err e = {0};

    memcpy(more, bytes, count);
    cr_assert_not(map_view_open(&view, more, count + 1, &e));
    free(more);
}

/* ---- Claims whose checksums are right ---- */

static void put_u64(size_t at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        bytes[at + i] = (unsigned char)(value >> (8 * i));
}

static void put_u32(size_t at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[at + i] = (unsigned char)(value >> (8 * i));
}

static void expect_refused(const char *says)
{
    struct map_entry found[BLOCKS];
    struct map_view view;
    struct err e = {0};

    map_bytes_mend(bytes, count);
    if (map_view_open(&view, bytes, count, &e))
        cr_assert_not(map_view_look(&view, 0, BLOCKS, found, &e));
    cr_assert_eq(e.kind, ERR_CORRUPT);
    cr_assert(strstr(e.text, says), "%s", e.text);
}

Test(map_view, another_version_is_named)
{
    put_u32(8, 2);
    expect_refused("version 2");
}

Test(map_view, a_disk_of_any_claimed_size_is_refused)
{
    static const uint64_t sizes[] = {0, MAP_DISK_MAX_BYTES + 512, UINT64_MAX, MAP_DISK_MAX_BYTES,
                                     BLOCKS * (uint64_t)MAP_BLOCK_BYTES * 2};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        put_u64(56, sizes[i]);
        expect_refused("");
    }
}

Test(map_view, pages_elsewhere_or_larger_are_refused)
{
    size_t slot = MAP_HEAD_BYTES;

    put_u64(slot, count * 2);
    expect_refused("directory is wrong at page 0");
    put_u64(slot, 0);
    expect_refused("directory is wrong at page 0");
    put_u64(slot, MAP_HEAD_BYTES + 3 * MAP_SLOT_BYTES);
    put_u32(slot + 8, UINT32_MAX);
    expect_refused("directory is wrong at page 0");
    put_u32(slot + 8, 1000);
    expect_refused("directory");
}

Test(map_view, a_page_of_another_place_is_refused)
{
    size_t page = MAP_HEAD_BYTES + 3 * MAP_SLOT_BYTES;

    put_u64(page, 1);
    expect_refused("page 0");
}

Test(map_view, a_state_there_is_not_is_refused)
{
    size_t page = MAP_HEAD_BYTES + 3 * MAP_SLOT_BYTES;

    bytes[page + 8 + 20] |= 3;
    expect_refused("page 0");
}

Test(map_view, states_behind_the_disk_are_refused)
{
    entries[2099].state = MAP_UNKNOWN; /* so that the last page is stored */
    free(bytes);
    bytes = map_bytes_make(&head, entries, &count);
    expect_all();
    bytes[count - MAP_CHECKSUM_BYTES - MAP_STATES_BYTES + 2100 % 1024 / 4 + 1] |= 1;
    expect_refused("page 2");
}

Test(map_view, a_page_of_another_map_of_the_same_disk_is_refused)
{
    unsigned char *other;
    size_t other_count, at = MAP_HEAD_BYTES + 3 * MAP_SLOT_BYTES;

    head.made_ms++;
    entries[5].hash[0] ^= 1;
    other = map_bytes_make(&head, entries, &other_count);
    cr_assert_eq(other_count, count);
    memcpy(bytes + at, other + at, count - at);
    expect_refused_or_right(bytes, count, "pages of another map", 0);
    free(other);
}
