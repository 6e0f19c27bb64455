/* plan_show_test.c - what a plan says a copy takes. */
#include "tools/snapferry/plan_show.h"

#include <criterion/criterion.h>

Test(plan_estimate, bytes_bind_when_ranges_are_large)
{
    struct copy_summary plan = {.plan_read_bytes = 600ull << 20, .plan_read_count = 150};
    struct plan_estimate e = plan_show_estimate(&plan, true, true);

    cr_expect_eq(e.seconds, 10u);
    cr_expect_eq(e.egress_bytes, 600ull << 20);
    cr_expect_eq(e.reads_count, 150u);
    cr_expect_eq(e.writes_count, 150u);
}

Test(plan_estimate, requests_bind_when_ranges_are_small)
{
    struct copy_summary plan = {.plan_read_bytes = 10000 * 512,
                                .plan_read_count = 10000,
                                .plan_clear_count = 5001};
    struct plan_estimate e = plan_show_estimate(&plan, true, true);

    cr_expect_eq(e.seconds, 31u, "clears are requests at the target too; rounded up");
    cr_expect_eq(e.writes_count, 15001u);
    cr_expect_eq(plan_show_estimate(&plan, true, false).seconds, 20u);
}

Test(plan_estimate, files_have_no_such_limits_and_no_egress)
{
    struct copy_summary plan = {.plan_read_bytes = 600ull << 20, .plan_read_count = 150};
    struct plan_estimate e = plan_show_estimate(&plan, false, false);

    cr_expect_eq(e.seconds, 0u);
    cr_expect_eq(e.egress_bytes, 0u);
}
