/* bucket_test.c - what a bucket lets through in a time, how deep it is, what a change of its rate leaves. */
#include "engine/bucket.h"

#include <criterion/criterion.h>

#define S   1000000000ull
#define MS  1000000ull
#define MIB (1ull << 20)

/* Takes `units` whenever it is ready, looked at each step; answers how much in all. */
static uint64_t take_for(struct bucket *b, uint64_t units, uint64_t from_ns, uint64_t ns,
                         uint64_t step_ns)
{
    uint64_t sum = 0;

    for (uint64_t now_ns = from_ns; now_ns < from_ns + ns; now_ns += step_ns)
        while (bucket_ready_ns(b) <= now_ns && sum < 100 * units * (ns / MS)) {
            bucket_take(b, units, now_ns);
            sum += units;
        }
    return sum;
}

Test(bucket, without_a_rate_is_always_ready)
{
    struct bucket b = {0};

    bucket_take(&b, BUCKET_TAKE_MAX, S);
    cr_expect_leq(bucket_ready_ns(&b), S);
}

Test(bucket, holds_its_rate_and_no_more_than_its_depth_and_one_request_besides)
{
    static const uint64_t rates[] = {MIB, 7 * MIB + 13, 60 * MIB, 3000 * MIB};

    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct bucket b = {0};
        uint64_t request = rates[i] / 16, sum;

        bucket_set(&b, rates[i], 1000 * S);
        sum = take_for(&b, request, 1000 * S, 5 * S, MS);
        cr_expect_leq(sum, 5 * rates[i] + rates[i] / 20 + request);
        cr_expect_geq(sum, 5 * rates[i] - request, "%llu of %llu", (unsigned long long)sum,
                      5 * (unsigned long long)rates[i]);
    }
}

Test(bucket, counts_fractions_of_a_nanosecond)
{
    struct bucket b = {0};

    bucket_set(&b, 3, 100 * S);
    for (int i = 0; i < 300; i++)
        bucket_take(&b, 1, 100 * S);
    cr_expect_eq(bucket_ready_ns(&b), 100 * S - BUCKET_DEPTH_NS + 100 * S);
}

Test(bucket, what_was_not_taken_in_time_is_lost)
{
    struct bucket b = {0};

    bucket_set(&b, 1000, S);
    bucket_take(&b, 1, S);
    cr_expect_leq(take_for(&b, 1, 100 * S, 1, 1), 1000 * BUCKET_DEPTH_NS / S + 1);
}

Test(bucket, late_looks_lose_nothing_within_its_depth)
{
    struct bucket b = {0};
    uint64_t sum;

    bucket_set(&b, 64 * MIB, S);
    sum = take_for(&b, 65536, S, 5 * S, 40 * MS);
    cr_expect_geq(sum, 5 * 64 * MIB - 3 * MIB);
}

Test(bucket, a_lower_rate_counts_at_once_and_an_old_debt_stops_nothing_for_long)
{
    struct bucket b = {0};
    uint64_t sum;

    bucket_set(&b, 1000 * MIB, 10 * S);
    for (int i = 0; i < 100; i++)
        bucket_take(&b, 4 * MIB, 10 * S);
    bucket_set(&b, MIB, 10 * S);
    cr_expect_leq(bucket_ready_ns(&b), 10 * S + BUCKET_DEBT_NS);
    sum = take_for(&b, 65536, 10 * S, 5 * S, MS);
    cr_expect_leq(sum, 5 * MIB + MIB / 10);
    cr_expect_geq(sum, 5 * MIB - MIB / 4);
}

Test(bucket, the_same_rate_again_changes_nothing)
{
    struct bucket b = {0};
    uint64_t ready_ns;

    bucket_set(&b, 10, S);
    for (int i = 0; i < 50; i++)
        bucket_take(&b, 1, S);
    ready_ns = bucket_ready_ns(&b);
    cr_assert_gt(ready_ns, 5 * S);
    bucket_set(&b, 10, S);
    cr_expect_eq(bucket_ready_ns(&b), ready_ns);
}

Test(bucket, a_limit_that_is_taken_away_holds_nothing_back)
{
    struct bucket b = {0};

    bucket_set(&b, 1, S);
    bucket_take(&b, 1, S);
    bucket_take(&b, 1, S);
    bucket_set(&b, 0, S);
    cr_expect_eq(bucket_ready_ns(&b), 0u);
}
