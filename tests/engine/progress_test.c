/* progress_test.c - how far a copy is: never back, 100 only at the commit, a rate that follows. */
#include "engine/progress.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define S   1000000000ull
#define MIB (1ull << 20)

Test(progress, nothing_is_known_before_the_plan)
{
    struct progress p = {0};
    struct progress_view view = progress_look(&p, 5 * S);

    cr_expect_eq(view.percent, 0.0);
    cr_expect_eq(view.total_bytes, 0u);
    cr_expect_eq(view.bytes_per_second, 0u);
    cr_expect_eq(view.eta_seconds, UINT64_MAX);
}

Test(progress, percent_is_durable_over_what_must_change)
{
    struct progress p = {0};

    progress_plan(&p, 8 * MIB, S);
    progress_durable(&p, 2 * MIB, 2 * S);
    cr_expect_float_eq(progress_look(&p, 2 * S).percent, 25.0, 1e-9);
    cr_expect_eq(progress_look(&p, 2 * S).durable_bytes, 2 * MIB);
    cr_expect_eq(progress_look(&p, 2 * S).total_bytes, 8 * MIB);
}

Test(progress, percent_is_told_in_whole_tenths_and_never_rounded_up)
{
    struct progress p = {0};
    char text[16];

    progress_plan(&p, 100000, S);
    progress_durable(&p, 41296, 2 * S);
    cr_expect_float_eq(progress_look(&p, 2 * S).percent, 41.2, 1e-9);
    progress_durable(&p, 58684, 3 * S); /* 99.98 % of it */
    snprintf(text, sizeof text, "%.1f", progress_look(&p, 3 * S).percent);
    cr_expect_str_eq(text, "99.9");
}

Test(progress, a_hundred_only_after_the_commit)
{
    struct progress p = {0};
    struct progress_view view;

    progress_plan(&p, MIB, S);
    progress_durable(&p, MIB, 2 * S);
    view = progress_look(&p, 3 * S);
    cr_expect_lt(view.percent, 100.0);
    cr_expect_gt(view.percent, 99.0);
    progress_commit(&p);
    view = progress_look(&p, 3 * S);
    cr_expect_eq(view.percent, 100.0);
    cr_expect_eq(view.eta_seconds, 0u);
}

Test(progress, a_copy_with_nothing_to_move_goes_from_0_to_100_at_the_commit)
{
    struct progress p = {0};

    progress_plan(&p, 0, S);
    cr_expect_eq(progress_look(&p, 2 * S).percent, 0.0);
    progress_commit(&p);
    cr_expect_eq(progress_look(&p, 2 * S).percent, 100.0);
}

Test(progress, percent_never_goes_back_when_a_new_plan_is_larger)
{
    struct progress p = {0};

    progress_plan(&p, 4 * MIB, S);
    progress_durable(&p, 2 * MIB, 2 * S);
    cr_expect_float_eq(progress_look(&p, 2 * S).percent, 50.0, 1e-9);
    progress_plan(&p, 100 * MIB, 3 * S);
    cr_expect_float_eq(progress_look(&p, 3 * S).percent, 50.0, 1e-9);
    progress_durable(&p, 60 * MIB, 4 * S);
    cr_expect_float_eq(progress_look(&p, 4 * S).percent, 60.0, 1e-9);
}

Test(progress, a_steady_rate_is_told_and_the_time_left_follows_from_it)
{
    struct progress p = {0};
    struct progress_view view;

    progress_plan(&p, 1000 * MIB, S);
    for (uint64_t tick = 1; tick <= 100; tick++)
        progress_durable(&p, MIB, S + tick * S / 10);
    view = progress_look(&p, 11 * S);
    cr_expect_float_eq((double)view.bytes_per_second, 10.0 * (double)MIB, 0.2 * (double)MIB);
    cr_expect_geq(view.eta_seconds, 88u);
    cr_expect_leq(view.eta_seconds, 92u);
}

Test(progress, the_rate_follows_a_change_within_seconds)
{
    struct progress p = {0};
    uint64_t now_ns = S;
    struct progress_view view;

    progress_plan(&p, 100000 * MIB, now_ns);
    for (uint64_t tick = 0; tick < 600; tick++)
        progress_durable(&p, 10 * MIB, now_ns += S / 10);
    for (uint64_t tick = 0; tick < 100; tick++)
        progress_durable(&p, MIB, now_ns += S / 10);
    view = progress_look(&p, now_ns);
    cr_expect_float_eq((double)view.bytes_per_second, 10.0 * (double)MIB, (double)MIB);
}

Test(progress, a_rate_falls_while_nothing_arrives)
{
    struct progress p = {0};
    uint64_t before;

    progress_plan(&p, 1000 * MIB, S);
    for (uint64_t tick = 1; tick <= 50; tick++)
        progress_durable(&p, MIB, S + tick * S / 10);
    before = progress_look(&p, 6 * S).bytes_per_second;
    cr_expect_lt(progress_look(&p, 16 * S).bytes_per_second, before / 2);
    cr_expect_lt(progress_look(&p, 10000 * S).bytes_per_second, before / 100);
}

Test(progress, looking_changes_nothing_but_what_was_said)
{
    struct progress p = {0};
    struct progress_view one, other;

    progress_plan(&p, 10 * MIB, S);
    progress_durable(&p, 3 * MIB, 2 * S);
    one = progress_look(&p, 4 * S);
    other = progress_look(&p, 4 * S);
    cr_expect_eq(one.percent, other.percent);
    cr_expect_eq(one.bytes_per_second, other.bytes_per_second);
    cr_expect_eq(one.eta_seconds, other.eta_seconds);
}

Test(progress, a_resumed_copy_begins_where_its_journal_ended)
{
    struct progress p = {0};

    progress_plan(&p, 100 * MIB, S);
    progress_resume(&p, 40 * MIB, 43 * MIB, S);
    cr_expect_float_eq(progress_look(&p, S).percent, 43.0, 0.001);
    cr_expect_eq(progress_look(&p, S).durable_bytes, 40 * MIB);
    cr_expect_eq(progress_look(&p, 2 * S).bytes_per_second, 0u, "others' bytes are not our rate");
    progress_durable(&p, 2 * MIB, 2 * S);
    cr_expect_float_eq(progress_look(&p, 2 * S).percent, 43.0, 0.001, "what is done again");
    progress_durable(&p, 58 * MIB, 3 * S);
    cr_expect_lt(progress_look(&p, 3 * S).percent, 100.0);
}
