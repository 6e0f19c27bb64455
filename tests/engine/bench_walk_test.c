/* bench_walk_test.c - what of a source is read for a measurement, in which order. */
#include "engine/bench_walk.h"

#include <criterion/criterion.h>

#define KIB 1024u
#define MIB (1024u * KIB)

static struct extent_set data;

static void add(uint64_t offset, uint64_t length)
{
    cr_assert(extent_set_append(&data, (struct extent){offset, length}));
}

Test(bench_walk, goes_from_data_to_data_and_begins_again)
{
    struct bench_walk walk;

    add(64 * KIB, 128 * KIB);
    add(512 * KIB, 64 * KIB);
    bench_walk_init(&walk, &data, MIB, false);
    cr_expect_eq(bench_walk_next(&walk, 64 * KIB), 64 * KIB);
    cr_expect_eq(bench_walk_next(&walk, 64 * KIB), 128 * KIB);
    cr_expect_eq(bench_walk_next(&walk, 64 * KIB), 512 * KIB);
    cr_expect_eq(bench_walk_next(&walk, 64 * KIB), 64 * KIB);
    extent_set_fini(&data);
}

Test(bench_walk, stays_inside_the_source)
{
    struct bench_walk walk;

    add(MIB - 512, 512);
    bench_walk_init(&walk, &data, MIB, false);
    cr_expect_eq(bench_walk_next(&walk, MIB), 0);
    cr_expect_eq(bench_walk_next(&walk, 64 * KIB), MIB - 64 * KIB);
    extent_set_fini(&data);
}

/* 256 MiB of a disk of 16 GiB: no eighth of it may be left out, none may be preferred. */
Test(bench_walk, a_scattered_one_sees_all_parts_alike_and_each_time_the_same)
{
    uint64_t size = 16ull << 30;
    struct bench_walk walk, again;
    uint32_t seen[8] = {0};

    add(0, size);
    bench_walk_init(&walk, &data, size, true);
    bench_walk_init(&again, &data, size, true);
    for (uint32_t i = 0; i < 256; i++) {
        uint64_t at = bench_walk_next(&walk, MIB);

        cr_assert_eq(at, bench_walk_next(&again, MIB));
        cr_assert_leq(at, size - MIB);
        seen[at / (size / 8)]++;
    }
    for (uint32_t i = 0; i < 8; i++)
        cr_expect(seen[i] >= 24 && seen[i] <= 44, "part %u: %u", i, seen[i]);
    extent_set_fini(&data);
}

Test(bench_walk, a_scattered_one_reads_runs_as_long_as_a_record)
{
    struct bench_walk walk;
    uint64_t first;

    add(0, 1ull << 30);
    bench_walk_init(&walk, &data, 1ull << 30, true);
    for (uint32_t run = 0; run < 8; run++) {
        first = bench_walk_next(&walk, MIB);
        for (uint32_t i = 1; i < BENCH_WALK_RUN_BYTES / MIB; i++)
            cr_expect_eq(bench_walk_next(&walk, MIB), first + i * (uint64_t)MIB);
    }
    extent_set_fini(&data);
}

Test(bench_walk, a_small_disk_is_read_over_and_over)
{
    struct bench_walk walk;

    add(0, 64 * KIB);
    bench_walk_init(&walk, &data, 64 * KIB, true);
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_eq(bench_walk_next(&walk, 64 * KIB), 0);
    extent_set_fini(&data);
}
