/* zero_test.c - every length, every place of one set bit, and runs against a slow model.
 * Must not know: how the bytes are looked at. */
#include "blockmap/zero.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 512u

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

Test(zero, one_set_bit_anywhere_is_seen)
{
    for (size_t count = 0; count <= 300; count++) {
        unsigned char *bytes = calloc(1, count + 1); /* exact size: ASan sees one byte too far */

        cr_assert(zero_is(bytes, count));
        bytes[count] = 1;
        cr_assert(zero_is(bytes, count), "looked beyond %zu bytes", count);
        for (size_t i = 0; i < count; i++) {
            bytes[i] = (unsigned char)(1u << i % 8);
            cr_assert_not(zero_is(bytes, count), "missed byte %zu of %zu", i, count);
            bytes[i] = 0;
        }
        free(bytes);
    }
}

Test(zero, odd_alignments_are_no_matter)
{
    static unsigned char bytes[4096];

    for (size_t start = 0; start < 40; start++) {
        size_t count = sizeof bytes - 2 * start;

        memset(bytes, 0xff, sizeof bytes);
        memset(bytes + start, 0, count);
        cr_assert(zero_is(bytes + start, count));
        bytes[start + count / 2] = 0x80;
        cr_assert_not(zero_is(bytes + start, count));
    }
}

Test(zero, a_zero_buffer_is_one_run_however_short)
{
    static unsigned char bytes[PAGE_BYTES * 2];
    struct zero_run run = {0};

    cr_assert_eq(zero_runs(bytes, sizeof bytes, PAGE_BYTES, 65536, &run, 1), 1u);
    cr_assert(run.offset == 0 && run.length == sizeof bytes);
    bytes[700] = 1;
    cr_assert_eq(zero_runs(bytes, sizeof bytes, PAGE_BYTES, 65536, &run, 1), 0u);
    cr_assert_eq(zero_runs(bytes, sizeof bytes, PAGE_BYTES, 0, &run, 1), 1u);
    cr_assert(run.offset == 0 && run.length == PAGE_BYTES);
    cr_assert_eq(zero_runs(bytes, 0, PAGE_BYTES, 0, &run, 1), 0u);
}

Test(zero, short_runs_are_left_alone)
{
    static unsigned char bytes[PAGE_BYTES * 10];
    struct zero_run runs[4];

    memset(bytes, 1, sizeof bytes);
    memset(bytes + PAGE_BYTES * 1, 0, PAGE_BYTES * 2);
    memset(bytes + PAGE_BYTES * 5, 0, PAGE_BYTES * 3);
    cr_assert_eq(zero_runs(bytes, sizeof bytes, PAGE_BYTES, PAGE_BYTES * 3, runs, 4), 1u);
    cr_assert(runs[0].offset == PAGE_BYTES * 5 && runs[0].length == PAGE_BYTES * 3);
    cr_assert_eq(zero_runs(bytes, sizeof bytes, PAGE_BYTES, PAGE_BYTES + 1, runs, 4), 2u);
    cr_assert(runs[0].offset == PAGE_BYTES && runs[0].length == PAGE_BYTES * 2);
}

Test(zero, the_longest_runs_are_kept_in_order)
{
    static unsigned char bytes[PAGE_BYTES * 32];
    const size_t starts[] = {1, 4, 10, 13, 20};
    const size_t lengths[] = {1, 4, 2, 3, 6};
    struct zero_run runs[3];

    memset(bytes, 1, sizeof bytes);
    for (size_t i = 0; i < 5; i++)
        memset(bytes + starts[i] * PAGE_BYTES, 0, lengths[i] * PAGE_BYTES);
    cr_assert_eq(zero_runs(bytes, sizeof bytes, PAGE_BYTES, PAGE_BYTES, runs, 3), 3u);
    cr_expect(runs[0].offset == 4 * PAGE_BYTES && runs[0].length == 4 * PAGE_BYTES);
    cr_expect(runs[1].offset == 13 * PAGE_BYTES && runs[1].length == 3 * PAGE_BYTES);
    cr_expect(runs[2].offset == 20 * PAGE_BYTES && runs[2].length == 6 * PAGE_BYTES);
}

/* The obvious way: every page, every run. */
static size_t slow_runs(const bool *zero_page, size_t pages, size_t min_pages,
                        struct zero_run *runs)
{
    size_t count = 0;

    for (size_t i = 0; i < pages; i++) {
        size_t end = i;

        while (end < pages && zero_page[end])
            end++;
        if (end > i && (end - i >= min_pages || end - i == pages))
            runs[count++] = (struct zero_run){i * PAGE_BYTES, (end - i) * PAGE_BYTES};
        if (end > i)
            i = end;
    }
    return count;
}

Test(zero, random_buffers_agree_with_the_obvious_way)
{
    static unsigned char bytes[PAGE_BYTES * 64];
    uint64_t seed = 0x5eed0003;

    for (unsigned turn = 0; turn < 3000; turn++) {
        size_t pages = 1 + next_random(&seed) % 64;
        size_t min_pages = 1 + next_random(&seed) % 9;
        uint64_t density = 1 + next_random(&seed) % 20;
        struct zero_run runs[64], expected[64];
        bool zero_page[64];
        size_t count;

        memset(bytes, 0, sizeof bytes);
        for (size_t i = 0; i < pages; i++) {
            zero_page[i] = next_random(&seed) % density != 0;
            if (!zero_page[i])
                bytes[i * PAGE_BYTES + next_random(&seed) % PAGE_BYTES] = 1;
        }
        count = slow_runs(zero_page, pages, min_pages, expected);
        cr_assert_eq(zero_runs(bytes, pages * PAGE_BYTES, PAGE_BYTES, min_pages * PAGE_BYTES, runs,
                               64),
                     count, "turn %u", turn);
        for (size_t i = 0; i < count; i++)
            cr_assert(runs[i].offset == expected[i].offset && runs[i].length == expected[i].length,
                      "turn %u run %zu", turn, i);
    }
}
