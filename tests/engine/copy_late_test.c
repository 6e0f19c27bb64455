/* copy_late_test.c - answers that were lost and requests that arrive late: nothing that an earlier try
 * left under way lands on what came after it, and a lost answer alone fails no copy. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define DISK_BYTES (512 * KIB)
#define PAGE       ENDPOINT_PAGE_BYTES
#define CUT_BYTES  (64u << 10)
#define SWEEP_S    40u

static struct copy_case c;
static const struct extent changed = {64 * KIB, 4 * KIB};
static const struct extent footer_page = {DISK_BYTES, PAGE};

static void begin(void)
{
    copy_case_open(&c);
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 6);
    copy_case_put_footer(c.source);
    copy_case_fill(c.source, changed, 1);
    c.target = copy_case_random_disk(&c, DISK_BYTES + PAGE, 7);
    copy_case_cut(c.target, CUT_BYTES);
    c.options.source_id = "first";
}

static void end(void)
{
    copy_case_close(&c);
}

TestSuite(copy_late, .init = begin, .fini = end);

static void wrap_target(const struct fault_rule *rules, size_t count, uint64_t delay_ns)
{
    struct fault_options options = {.seed = 1,
                                    .rules = rules,
                                    .rules_count = count,
                                    .delay_min_ns = delay_ns,
                                    .delay_max_ns = delay_ns};

    copy_case_wrap(&c.target, &options);
}

static void new_target(void)
{
    rig_until_idle(&c.rig);
    endpoint_close(c.target);
    c.target = copy_case_random_disk(&c, DISK_BYTES + PAGE, 7);
    copy_case_cut(c.target, CUT_BYTES);
}

static void expect_true_after_all_landed(void)
{
    const struct endpoint *target = endpoint_fault_inner(c.target);

    copy_case_expect_same(c.source, target, DISK_BYTES + PAGE);
    rig_until_idle(&c.rig);
    copy_case_expect_same(c.source, target, DISK_BYTES + PAGE);
}

Test(copy_late, a_write_of_a_failed_copy_does_not_land_on_the_next)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_WRITE),
         .kind = FAULT_NET_LATE,
         .permille = 1000,
         .hits_max = 1,
         .within = changed,
         .late_ns = 600 * NS_PER_S},
        {.ops = FAULT_BIT(FAULT_WRITE),
         .kind = FAULT_DISK_FULL,
         .permille = 1000,
         .hits_max = 1,
         .within = changed},
    };

    wrap_target(rules, 2, 0);
    copy_case_run(&c);
    cr_assert_eq(c.err.kind, ERR_IO, "%s", c.err.text);
    copy_case_fill(c.source, changed, 2);
    c.options.source_id = "second";
    copy_case_run_ok(&c);
    cr_assert_eq(endpoint_fault_count(c.target, FAULT_WRITE, FAULT_NET_LATE), 1u);
    expect_true_after_all_landed();
}

/* Every second at which it could land: while data moves, before and after the footer is written. */
Test(copy_late, a_clear_of_the_footer_does_not_land_on_the_new_footer)
{
    for (uint64_t late_s = 1; late_s < SWEEP_S; late_s++) {
        const struct fault_rule rule = {.ops = FAULT_BIT(FAULT_ZERO),
                                        .kind = FAULT_NET_LATE,
                                        .permille = 1000,
                                        .hits_max = 1,
                                        .within = footer_page,
                                        .late_ns = late_s * NS_PER_S};

        wrap_target(&rule, 1, NS_PER_S);
        copy_case_run_ok(&c);
        cr_assert_eq(endpoint_fault_count(c.target, FAULT_ZERO, FAULT_NET_LATE), 1u);
        expect_true_after_all_landed();
        new_target();
    }
}

/* An upload disk's host knows neither marker nor fence. */
Test(copy_late, a_late_clear_of_the_footer_is_waited_out_where_there_is_no_fence)
{
    for (uint64_t late_s = 1; late_s < SWEEP_S; late_s += 3) {
        const struct fault_rule rule = {.ops = FAULT_BIT(FAULT_ZERO),
                                        .kind = FAULT_NET_LATE,
                                        .permille = 1000,
                                        .hits_max = 1,
                                        .within = footer_page,
                                        .late_ns = late_s * NS_PER_S};

        c.target->capabilities &= ~(unsigned)(ENDPOINT_CAN_FENCE | ENDPOINT_CAN_MARK);
        wrap_target(&rule, 1, NS_PER_S / 100);
        copy_case_run_ok(&c);
        cr_assert_eq(endpoint_fault_count(c.target, FAULT_ZERO, FAULT_NET_LATE), 1u);
        expect_true_after_all_landed();
        new_target();
    }
}

static bool data_moves;

static void note_done(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    (void)arg;
    (void)extent;
    (void)from;
    data_moves |= to == RANGE_DONE;
}

/* A footer that a failed copy wrote late, while the next copy is under way: then it stands before data
 * that is not whole yet. */
Test(copy_late, a_footer_of_a_failed_copy_does_not_land_on_half_a_disk)
{
    c.moved = note_done;
    for (uint64_t late_s = 1; late_s < SWEEP_S; late_s++) {
        const struct fault_rule rules[] = {
            {.ops = FAULT_BIT(FAULT_WRITE),
             .kind = FAULT_NET_LATE,
             .permille = 1000,
             .hits_max = 1,
             .within = footer_page,
             .late_ns = late_s * NS_PER_S},
            {.ops = FAULT_BIT(FAULT_WRITE),
             .kind = FAULT_DISK_FULL,
             .permille = 1000,
             .hits_max = 1,
             .within = footer_page},
        };
        struct copy *copy;

        wrap_target(rules, 2, NS_PER_S);
        copy_case_run(&c);
        cr_assert_eq(c.err.kind, ERR_IO, "%s", c.err.text);
        copy_case_fill(c.source, changed, late_s);
        data_moves = false;
        copy = copy_case_start(&c);
        rig_until(&c.rig, &data_moves);
        copy_stop(copy);
        copy_case_finish(&c, copy);
        cr_assert_eq(c.err.kind, ERR_CANCELED);
        cr_assert_not(copy_case_has_footer(endpoint_fault_inner(c.target)), "late by %llu s",
                      (unsigned long long)late_s);
        new_target();
    }
}

Test(copy_late, a_write_that_was_tried_again_does_not_land_on_a_later_delta)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_WRITE),
         .kind = FAULT_NET_LATE,
         .permille = 1000,
         .hits_max = 1,
         .within = changed,
         .late_ns = 600 * NS_PER_S},
    };

    copy_case_keep_state(&c);
    wrap_target(rules, 1, 0);
    copy_case_run_ok(&c);
    copy_case_new_base(&c, "first", "second");
    copy_case_fill(c.source, changed, 2);
    copy_case_run_ok(&c);
    cr_assert(c.summary.delta, "%s", c.summary.why_full);
    cr_assert_eq(endpoint_fault_count(c.target, FAULT_WRITE, FAULT_NET_LATE), 1u);
    expect_true_after_all_landed();
}

Test(copy_late, a_footer_that_was_written_twice_does_not_land_in_a_later_copy)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_WRITE),
         .kind = FAULT_NET_LATE,
         .permille = 1000,
         .hits_max = 1,
         .within = footer_page,
         .late_ns = 600 * NS_PER_S},
    };

    wrap_target(rules, 1, 0);
    copy_case_run_ok(&c);
    c.options.source_id = "second";
    copy_case_fill(c.source, footer_page, 3); /* a raw disk now: another last page */
    copy_case_run_ok(&c);
    expect_true_after_all_landed();
}

/* ---- Lost answers ---- */

static void expect_survives(enum fault_op op, uint32_t skip_count)
{
    const struct fault_rule rule = {.ops = FAULT_BIT(op),
                                    .kind = FAULT_NET_AFTER,
                                    .permille = 1000,
                                    .skip_count = skip_count,
                                    .hits_max = 1};

    wrap_target(&rule, 1, 0);
    copy_case_run_ok(&c);
    cr_assert_eq(endpoint_fault_count(c.target, op, FAULT_NET_AFTER), 1u);
    expect_true_after_all_landed();
    cr_expect_geq(c.summary.retries, 1u);
}

Test(copy_late, the_lost_answer_to_a_mark_fails_nothing)
{
    expect_survives(FAULT_SETUP, 0);
}

Test(copy_late, the_lost_answer_to_the_commit_fails_nothing)
{
    expect_survives(FAULT_SETUP, 1);
}

Test(copy_late, the_lost_answer_to_a_create_fails_nothing)
{
    endpoint_close(c.target);
    c.target = copy_case_disk(&c, 0);
    expect_survives(FAULT_SETUP, 0);
}

Test(copy_late, a_target_that_another_made_meanwhile_is_not_taken_over)
{
    struct marker other = {.state = MARKER_COPYING, .size_bytes = DISK_BYTES + PAGE};
    struct setup_req create = {.verb = SETUP_CREATE,
                               .size_bytes = DISK_BYTES + PAGE,
                               .marker = &other};
    const struct fault_rule rule = {
        .ops = FAULT_BIT(FAULT_SETUP), .kind = FAULT_NET_BEFORE, .permille = 1000, .hits_max = 1};
    struct copy *copy;

    endpoint_close(c.target);
    c.target = copy_case_disk(&c, 0);
    wrap_target(&rule, 1, 0);
    copy = copy_case_start(&c);
    while (!endpoint_fault_count(c.target, FAULT_SETUP, FAULT_NET_BEFORE))
        rig_turn(&c.rig);
    copy_case_setup(&c, endpoint_fault_inner(c.target), &create);
    copy_case_finish(&c, copy);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_expect_eq(endpoint_mem_allocated(endpoint_fault_inner(c.target))->count, 0u,
                 "another's target was written to");
}
