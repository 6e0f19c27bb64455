/* machine_cpu_test.c - the line of /proc/stat, and this machine's own. */
#include "io/machine_cpu.h"

#include <criterion/criterion.h>

Test(machine_cpu, counts_all_but_idle_and_waiting_as_busy)
{
    struct machine_cpu cpu;

    cr_assert(machine_cpu_parse("cpu  100 20 30 4000 500 6 7 8 90 9\ncpu0 1 1 1 1\n", &cpu));
    cr_expect_eq(cpu.busy_ticks, 100 + 20 + 30 + 6 + 7 + 8);
    cr_expect_eq(cpu.all_ticks, cpu.busy_ticks + 4000 + 500);
}

Test(machine_cpu, takes_nothing_else_for_that_line)
{
    static const char *const texts[] = {
        "", "cpu", "cpu ", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7", "cpu 1 2 x 4 5 6 7 8"};
    struct machine_cpu cpu = {.all_ticks = 42};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_expect_not(machine_cpu_parse(texts[i], &cpu), "%s", texts[i]);
    cr_expect_eq(cpu.all_ticks, 42);
}

Test(machine_cpu, says_how_busy_the_time_between_two_looks_was)
{
    struct machine_cpu before = {100, 1000}, after = {150, 1200}, now;

    cr_expect_eq(machine_cpu_permille(&before, &after), 250);
    cr_expect_eq(machine_cpu_permille(&after, &after), 0);
    cr_expect_eq(machine_cpu_permille(&after, &before), 0);
    machine_cpu_look(&now);
    cr_expect_gt(now.busy_ticks, 0);
    cr_expect_gt(now.all_ticks, now.busy_ticks);
}
