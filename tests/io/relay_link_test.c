/* relay_link_test.c - what is told of a link: only times in which it was never idle. */
#include "io/relay_link.h"

#include <criterion/criterion.h>

#define MS 1000000ull

static void begin(struct relay_link *link, unsigned count)
{
    while (count--)
        relay_link_begin(link);
}

Test(relay_link, tells_what_was_taken_while_others_were_always_under_way)
{
    struct relay_link link = {0};
    uint64_t bytes = 0, ns = 0;

    begin(&link, 3);
    cr_assert_not(relay_link_end(&link, 1000, 50 * MS, &bytes, &ns), "nobody knows since when");
    begin(&link, 1);
    cr_assert_not(relay_link_end(&link, 2000, 100 * MS, &bytes, &ns), "too short a time");
    begin(&link, 1);
    cr_assert(relay_link_end(&link, 3000, 170 * MS, &bytes, &ns));
    cr_expect_eq(bytes, 5000);
    cr_expect_eq(ns, 120 * MS);
}

Test(relay_link, tells_nothing_of_a_time_in_which_the_sender_was_slow)
{
    struct relay_link link = {0};
    uint64_t bytes, ns;

    begin(&link, 3);
    (void)relay_link_end(&link, 1000, 10 * MS, &bytes, &ns);
    cr_assert_not(relay_link_end(&link, 1000, 20 * MS, &bytes, &ns)); /* one is left */
    begin(&link, 2);
    cr_assert_not(relay_link_end(&link, 1000, 300 * MS, &bytes, &ns), "it was not busy all along");
}

Test(relay_link, forgets_what_it_saw_when_a_sending_fails)
{
    struct relay_link link = {0};
    uint64_t bytes, ns;

    begin(&link, 4);
    (void)relay_link_end(&link, 1000, 10 * MS, &bytes, &ns);
    begin(&link, 1);
    cr_assert_not(relay_link_end(&link, 0, 200 * MS, &bytes, &ns));
    begin(&link, 1);
    cr_assert_not(relay_link_end(&link, 1000, 220 * MS, &bytes, &ns));
    begin(&link, 1);
    cr_assert(relay_link_end(&link, 1000, 400 * MS, &bytes, &ns));
    cr_expect_eq(bytes, 1000);
    cr_expect_eq(ns, 180 * MS);
}

Test(relay_link, tells_nothing_of_a_time_in_which_work_mostly_waited_for_a_cpu)
{
    struct relay_link link = {0};
    uint64_t bytes = 0, ns = 0;

    begin(&link, 5);
    (void)relay_link_end(&link, 1000, 10 * MS, &bytes, &ns);
    relay_link_look(&link, true);
    relay_link_look(&link, true);
    relay_link_look(&link, false);
    cr_assert_not(relay_link_end(&link, 1000, 200 * MS, &bytes, &ns), "the CPUs were slow");
    begin(&link, 1);
    relay_link_look(&link, true);
    relay_link_look(&link, false);
    cr_assert(relay_link_end(&link, 3000, 400 * MS, &bytes, &ns), "a new time has begun");
    cr_expect_eq(bytes, 3000);
    cr_expect_eq(ns, 200 * MS);
}
