/* clock_test.c - real time moves by itself, simulated time only when told. */
#include "io/clock.h"

#include <criterion/criterion.h>

Test(clock, real_time_does_not_go_back_and_wall_time_is_of_this_century)
{
    struct clock clock;
    uint64_t before;

    clock_init_real(&clock);
    before = clock_now_ns(&clock);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_now_ns(&clock);

        cr_assert(now >= before);
        before = now;
    }
    cr_assert(clock_wall_ns(&clock) > 1600000000ull * NS_PER_S);
}

Test(clock, simulated_time_stands_until_it_is_advanced)
{
    struct clock clock;

    clock_init_simulated(&clock, 5, 1000);
    cr_assert_eq(clock_now_ns(&clock), 5);
    cr_assert_eq(clock_now_ns(&clock), 5);
    clock_advance(&clock, 3600 * NS_PER_S);
    cr_assert_eq(clock_now_ns(&clock), 5 + 3600 * NS_PER_S);
    cr_assert_eq(clock_wall_ns(&clock), 1000 + 3600 * NS_PER_S);
}

Test(clock, cpu_time_grows_with_work)
{
    uint64_t start = clock_process_cpu_ns();
    volatile uint64_t sum = 0;

    while (clock_process_cpu_ns() - start < 2 * NS_PER_MS)
        sum += 1;
    cr_assert(sum > 0);
}
