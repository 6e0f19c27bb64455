/* sample_test.c - a share of ranges: about as large as asked, spread, the same for the same seed. */
#include "engine/sample.h"

#include <criterion/criterion.h>

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

static void add(struct extent_set *set, uint64_t offset, uint64_t length)
{
    cr_assert(extent_set_add(set, (struct extent){offset, length}));
}

static struct plan plan_of(void)
{
    struct plan plan = {.disk_bytes = 16 * GIB};

    for (uint64_t at = 0; at < 8 * GIB; at += 3 * MIB)
        add(&plan.reads, at + 512, 2 * MIB);
    add(&plan.clears, 10 * GIB, 4 * GIB + 512);
    return plan;
}

Test(sample, draws_about_the_share_that_was_asked_for)
{
    uint32_t shares[] = {1000, 10000, 100000, 500000, 990000};

    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        struct plan plan = plan_of();
        uint64_t total = plan_total_bytes(&plan);
        struct sample sample = {shares[i], 42 + i};
        double share;

        cr_assert(sample_plan(&sample, &plan));
        share = (double)plan_total_bytes(&plan) / (double)total * 1e6;
        cr_assert(share > shares[i] * 0.7 && share < shares[i] * 1.3, "%u: %.0f", shares[i], share);
        plan_fini(&plan);
    }
}

Test(sample, takes_only_what_was_there_and_everything_at_100_percent)
{
    struct plan all = plan_of(), some = plan_of();
    struct sample everything = {SAMPLE_PPM_ALL, 1}, few = {20000, 2};
    struct extent_set common = {0};

    cr_assert(sample_plan(&everything, &some));
    cr_assert(extent_set_equal(&all.reads, &some.reads));
    cr_assert(extent_set_equal(&all.clears, &some.clears));
    cr_assert(sample_plan(&few, &some));
    cr_assert_lt(some.reads.total_bytes, all.reads.total_bytes);
    cr_assert(extent_set_intersect(&common, &all.reads, &some.reads));
    cr_assert(extent_set_equal(&common, &some.reads));
    extent_set_fini(&common);
    plan_fini(&all);
    plan_fini(&some);
}

Test(sample, the_same_seed_draws_the_same_and_another_something_else)
{
    struct plan a = plan_of(), b = plan_of(), c = plan_of();
    struct sample first = {50000, 7}, second = {50000, 8};

    cr_assert(sample_plan(&first, &a) && sample_plan(&first, &b) && sample_plan(&second, &c));
    cr_assert(extent_set_equal(&a.reads, &b.reads) && extent_set_equal(&a.clears, &b.clears));
    cr_assert_not(extent_set_equal(&a.reads, &c.reads));
    plan_fini(&a);
    plan_fini(&b);
    plan_fini(&c);
}

Test(sample, of_a_small_disk_is_never_empty)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct plan plan = {.disk_bytes = 2 * MIB};
        struct sample sample = {1, seed};

        if (seed % 2)
            add(&plan.reads, 512, 300 * KIB);
        add(&plan.clears, MIB, 100 * KIB);
        cr_assert(sample_plan(&sample, &plan));
        cr_assert_gt(plan_total_bytes(&plan), 0u);
        cr_assert_leq(plan_total_bytes(&plan), 64 * KIB);
        plan_fini(&plan);
    }
}

Test(sample, of_nothing_is_nothing)
{
    struct plan plan = {.disk_bytes = MIB};
    struct sample sample = {10000, 3};

    cr_assert(sample_plan(&sample, &plan));
    cr_assert_eq(plan_total_bytes(&plan), 0u);
}

Test(sample, pieces_grow_with_the_disk_so_that_their_number_does_not)
{
    cr_assert_eq(sample_piece_bytes(64 * GIB, SAMPLE_PPM_ALL), 64 * KIB);
    cr_assert_eq(sample_piece_bytes(8 * TIB, 10000), 128 * KIB);
    cr_assert_eq(sample_piece_bytes(8 * TIB, 1000), 64 * KIB);
    cr_assert_eq(sample_piece_bytes(32 * TIB, SAMPLE_PPM_ALL), 32 * MIB);
    cr_assert_eq(sample_piece_bytes(0, 1), 64 * KIB);
}
