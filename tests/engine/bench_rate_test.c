/* bench_rate_test.c - the mean of what was carried, the cut of its beginning, how often the interval
 * holds the truth. */
#include "engine/bench_rate.h"

#include <criterion/criterion.h>

#include "engine/retry.h"

#define S   1000000000ull
#define MS  1000000ull
#define MIB (1ull << 20)

static double off_by(uint64_t found, uint64_t truth)
{
    return ((double)found - (double)truth) / (double)truth;
}

/* Lanes side by side, each sending `request` bytes in `ns` over and over, out of step with each other. */
static void carry(struct bench_rate *rate, uint32_t lanes, uint64_t request, uint64_t ns,
                  uint64_t until_ns)
{
    for (uint32_t lane = 0; lane < lanes; lane++)
        for (uint64_t at = S - ns * lane / lanes; at + ns <= until_ns; at += ns)
            bench_rate_note(rate, at, at + ns, request);
}

Test(bench_rate, a_steady_flow_has_its_mean_and_a_narrow_interval)
{
    struct bench_rate rate;
    struct bench_estimate found;

    bench_rate_init(&rate, S);
    carry(&rate, 8, 4 * MIB, 400 * MS, 6 * S); /* 80 MiB/s */
    bench_rate_look(&rate, 5 * S, &found);
    cr_expect(found.known);
    cr_expect_lt(off_by(found.bytes_per_s, 80 * MIB), 0.01);
    cr_expect_gt(off_by(found.bytes_per_s, 80 * MIB), -0.01);
    cr_expect_lt(found.half_bytes_per_s, MIB);
}

Test(bench_rate, a_burst_at_the_beginning_is_cut_away)
{
    struct bench_rate rate;
    struct bench_estimate found;

    bench_rate_init(&rate, 0);
    bench_rate_note(&rate, 0, 50 * MS, 40 * MIB);
    for (uint64_t at = 50 * MS; at < 3 * S; at += 50 * MS)
        bench_rate_note(&rate, at, at + 50 * MS, MIB); /* 20 MiB/s */
    bench_rate_look(&rate, 3 * S, &found);
    cr_expect_lt(off_by(found.bytes_per_s, 20 * MIB), 0.001);
    cr_expect_gt(off_by(found.bytes_per_s, 20 * MIB), -0.001);
    cr_expect_geq(found.cut_ns, 50 * MS);
    cr_expect_leq(found.cut_ns, 1500 * MS);
}

Test(bench_rate,
     noise_widens_the_interval_and_the_interval_holds_the_truth_nineteen_times_of_twenty)
{
    struct retry_random random = {5};
    uint32_t held = 0, runs = 400;

    for (uint32_t run = 0; run < runs; run++) {
        struct bench_rate rate;
        struct bench_estimate found;
        uint64_t at = 0;
        double wrong;

        bench_rate_init(&rate, 0);
        while (at < 10 * S) { /* 1 MiB in 1 to 19 ms: in the mean 100 MiB/s */
            uint64_t ns = MS + retry_random_next(&random) % (18 * MS + 1);

            bench_rate_note(&rate, at, at + ns, MIB);
            at += ns;
        }
        bench_rate_look(&rate, 10 * S, &found);
        cr_assert(found.known && found.half_bytes_per_s > 0);
        wrong = (double)found.bytes_per_s - 100.0 * MIB;
        held += wrong <= (double)found.half_bytes_per_s && -wrong <= (double)found.half_bytes_per_s;
    }
    cr_expect_geq(held, runs * 85 / 100, "%u of %u", held,
                  runs); /* the cut looks at the data too */
}

Test(bench_rate, a_long_time_folds_the_bins_and_loses_no_byte)
{
    struct bench_rate rate;
    struct bench_estimate found;
    double sum = 0;

    bench_rate_init(&rate, 0);
    for (uint64_t at = 0; at < 3600 * S; at += S)
        bench_rate_note(&rate, at, at + S, MIB);
    for (uint32_t i = 0; i < BENCH_RATE_BINS_COUNT; i++)
        sum += rate.bins_bytes[i];
    cr_expect_gt(sum, 3599.9 * MIB);
    cr_expect_lt(sum, 3600.1 * MIB);
    bench_rate_look(&rate, 3600 * S, &found);
    cr_expect_lt(off_by(found.bytes_per_s, MIB), 0.001);
    cr_expect_gt(off_by(found.bytes_per_s, MIB), -0.001);
}

Test(bench_rate, little_is_not_called_sure)
{
    struct bench_rate rate;
    struct bench_estimate found;

    bench_rate_init(&rate, S);
    bench_rate_look(&rate, S, &found);
    cr_expect(!found.known && found.bytes_per_s == 0);
    bench_rate_note(&rate, S - MS, S, MIB); /* before the start */
    bench_rate_note(&rate, S, S + 2 * MS, 2 * MIB);
    bench_rate_look(&rate, S + 2 * MS, &found);
    cr_expect(!found.known);
    cr_expect_eq(found.bytes_per_s, 1000 * MIB);
    bench_rate_note(&rate, S + 2 * MS, S + 19 * MS, 17 * MIB);
    bench_rate_look(&rate, S + 19 * MS, &found);
    cr_expect(!found.known);
    cr_expect_eq(found.bytes_per_s, 1000 * MIB);
}

Test(bench_rate, few_transfers_are_not_sure_however_even_they_look)
{
    struct bench_rate rate;
    struct bench_estimate found;

    bench_rate_init(&rate, 0);
    for (uint32_t i = 1; i < BENCH_RATE_TRANSFERS_MIN; i++)
        bench_rate_note(&rate, 0, 2 * S, MIB);
    bench_rate_look(&rate, 2 * S, &found);
    cr_expect(!found.known && found.bytes_per_s > 9 * MIB && found.bytes_per_s < 10 * MIB);
    bench_rate_note(&rate, 0, 2 * S, MIB);
    bench_rate_look(&rate, 2 * S, &found);
    cr_expect(found.known);
}

Test(bench_rate, a_silence_is_part_of_the_mean)
{
    struct bench_rate rate;
    struct bench_estimate found;

    bench_rate_init(&rate, 0);
    for (uint64_t at = 0; at < 10 * S; at += 200 * MS)
        bench_rate_note(&rate, at, at + 100 * MS, 10 * MIB); /* half of the time 100 MiB/s */
    bench_rate_look(&rate, 10 * S, &found);
    cr_expect_lt(off_by(found.bytes_per_s, 50 * MIB), 0.05);
    cr_expect_gt(off_by(found.bytes_per_s, 50 * MIB), -0.05);
}
