/* latency_test.c - the error a histogram may make, its percentiles against sorted truth, merging. */
#include "engine/latency.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/retry.h"

#define NOTES_COUNT 20000u

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* From nanoseconds to an hour, every scale as often. */
static uint64_t any_duration(struct retry_random *random)
{
    uint32_t bits = (uint32_t)(retry_random_next(random) % LATENCY_MAX_BITS) + 1;

    return retry_random_next(random) & ((1ull << bits) - 1);
}

Test(latency, every_duration_is_in_the_cell_that_ends_at_most_one_part_above_it)
{
    struct retry_random random = {1};

    for (uint32_t i = 0; i < 200000; i++) {
        uint64_t ns = any_duration(&random);
        uint64_t top_ns = latency_cell_top_ns(latency_cell(ns));

        cr_assert_geq(top_ns, ns);
        cr_assert_leq(top_ns - ns, ns / LATENCY_PARTS_COUNT, "%lu ns", (unsigned long)ns);
    }
}

Test(latency, cells_follow_each_other_without_a_gap)
{
    for (uint32_t cell = 0; cell + 1 < LATENCY_CELLS_COUNT; cell++) {
        uint64_t top_ns = latency_cell_top_ns(cell);

        cr_assert_eq(latency_cell(top_ns), cell);
        cr_assert_eq(latency_cell(top_ns + 1), cell + 1);
    }
    cr_assert_eq(latency_cell_top_ns(LATENCY_CELLS_COUNT - 1), LATENCY_MAX_NS);
    cr_assert_eq(latency_cell(UINT64_MAX), LATENCY_CELLS_COUNT - 1);
}

Test(latency, percentiles_are_those_of_the_sorted_truth_within_the_error)
{
    static const uint32_t ppms[] = {0, 1, 500000, 900000, 990000, 999000, 1000000};
    static uint64_t truth[NOTES_COUNT];
    struct latency latency = {0};
    struct retry_random random = {7};
    uint64_t sum_ns = 0;

    for (uint32_t i = 0; i < NOTES_COUNT; i++) {
        truth[i] = any_duration(&random);
        latency_note(&latency, truth[i]);
        sum_ns += truth[i];
    }
    qsort(truth, NOTES_COUNT, sizeof truth[0], by_value);
    for (size_t i = 0; i < sizeof ppms / sizeof ppms[0]; i++) {
        uint64_t rank = ((uint64_t)NOTES_COUNT * ppms[i] + 999999) / 1000000;
        uint64_t true_ns = truth[rank ? rank - 1 : 0];
        uint64_t told_ns = latency_at_ns(&latency, ppms[i]);

        cr_expect_geq(told_ns, true_ns, "%u", ppms[i]);
        cr_expect_leq(told_ns - true_ns, true_ns / LATENCY_PARTS_COUNT, "%u", ppms[i]);
    }
    cr_expect_eq(latency_at_ns(&latency, 0), latency.min_ns);
    cr_expect_eq(latency_at_ns(&latency, 1000000), truth[NOTES_COUNT - 1]);
    cr_expect_eq(latency_mean_ns(&latency), sum_ns / NOTES_COUNT);
}

Test(latency, says_nothing_of_nothing)
{
    struct latency latency = {0}, none = {0};

    cr_expect_eq(latency_at_ns(&latency, 500000), 0);
    cr_expect_eq(latency_mean_ns(&latency), 0);
    latency_merge(&latency, &none);
    cr_expect_eq(latency.count, 0);
    latency_note(&latency, 0);
    cr_expect_eq(latency_at_ns(&latency, 999000), 0);
    cr_expect_eq(latency.count, 1);
}

Test(latency, what_is_merged_is_as_if_noted_in_one)
{
    static struct latency one, other, all;
    struct retry_random random = {3};

    for (uint32_t i = 0; i < NOTES_COUNT; i++) {
        uint64_t ns = any_duration(&random);

        latency_note(i % 3 ? &one : &other, ns);
        latency_note(&all, ns);
    }
    latency_merge(&one, &other);
    cr_expect_eq(memcmp(&one, &all, sizeof all), 0);
}

Test(latency, what_took_too_long_is_noted_as_the_longest)
{
    struct latency latency = {0};

    latency_note(&latency, UINT64_MAX);
    cr_expect_eq(latency_at_ns(&latency, 500000), LATENCY_MAX_NS);
    cr_expect_eq(latency.max_ns, LATENCY_MAX_NS);
}
