/* copy_resume_test.c - the same copy again after it was stopped, at any point of it: it goes on, and reads
 * nothing twice. Whether it is the same copy: copy_resume_fit_test.c. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/resume_case.h"

#define KIB  COPY_CASE_KIB
#define PAGE ENDPOINT_PAGE_BYTES

static struct resume_case m;
static struct copy_case *const c = &m.c;

static void begin(void)
{
    resume_case_open(&m);
}

static void end(void)
{
    resume_case_close(&m);
}

TestSuite(copy_resume, .init = begin, .fini = end);

/* ---- Stop, and go on ---- */

Test(copy_resume, a_copy_that_was_stopped_goes_on_and_reads_nothing_twice)
{
    resume_case_stop(&m, 7);
    resume_case_expect_goes_on(&m);
}

Test(copy_resume, also_when_it_is_stopped_again_and_again)
{
    resume_case_stop(&m, 3);
    for (uint32_t i = 0; i < 5; i++) {
        double percent = c->progress.percent;

        resume_case_stop(&m, 3);
        cr_expect_gt(c->progress.percent, percent, "it does not get on");
        cr_expect_leq(m.reread_bytes, (i + 1) * RESUME_CASE_REREAD_MAX);
        m.reread_bytes = 0;
    }
    resume_case_expect_goes_on(&m);
}

Test(copy_resume, onto_a_target_that_held_something_else)
{
    endpoint_close(c->target);
    c->target = copy_case_random_disk(c, RESUME_CASE_DISK_BYTES + PAGE, 11);
    copy_case_cut(c->target, RESUME_CASE_CUT_BYTES);
    resume_case_stop(&m, 5);
    resume_case_expect_goes_on(&m);
    cr_expect_eq(endpoint_mem_traffic(c->target)->lists_count, 0u, "its list is in the journal");
}

Test(copy_resume, the_percentage_begins_where_it_was)
{
    struct copy *copy;
    double before, first = -1;

    resume_case_stop(&m, 9);
    before = c->progress.percent;
    copy = copy_case_start(c);
    while (!c->ended) {
        double now = copy_progress(copy).percent;

        if (first < 0 && strcmp(copy_phase(copy), "looking") == 0)
            first = now;
        cr_assert(first < 0 || now >= before, "%f is below %f", now, before);
        rig_turn(&c->rig);
    }
    copy_case_finish(c, copy);
    cr_expect_geq(first, before);
}

Test(copy_resume, with_restart_everything_is_copied_again)
{
    resume_case_stop(&m, 6);
    c->options.restart = true;
    copy_case_run_ok(c);
    cr_expect_eq(c->summary.resumed_bytes, 0u);
    cr_expect_eq(c->summary.read_bytes, c->summary.plan_read_bytes);
    copy_case_expect_same(c->source, c->target, RESUME_CASE_DISK_BYTES + PAGE);
}

Test(copy_resume, a_torn_tail_costs_what_it_recorded_and_no_more)
{
    struct stat st;

    resume_case_stop(&m, 6);
    cr_assert_eq(stat(m.journal_path, &st), 0);
    cr_assert_eq(truncate(m.journal_path, st.st_size - 5), 0);
    copy_case_run_ok(c);
    cr_expect_not_null(strstr(c->said, "of the journal are damaged"), "%s", c->said);
    copy_case_expect_same(c->source, c->target, RESUME_CASE_DISK_BYTES + PAGE);
    cr_expect_gt(c->summary.resumed_bytes, 0u);
    cr_expect_leq(c->summary.read_bytes + c->summary.resumed_bytes,
                  c->summary.plan_read_bytes + c->summary.plan_clear_bytes);
}

Test(copy_resume, a_journal_that_is_kept_is_dropped_by_hand)
{
    struct copy *copy;
    uint64_t ended_ns;

    c->options.keep_journal = true;
    copy = copy_case_start(c);
    rig_until(&c->rig, &c->ended);
    cr_assert(c->summary.committed, "%s", c->err.text);
    cr_expect(resume_case_has_journal(&m));
    ended_ns = reactor_now_ns(c->rig.r);
    rig_until_idle(&c->rig);
    cr_expect_eq(reactor_now_ns(c->rig.r), ended_ns, "a sync may be under way when it is dropped");
    copy_drop_journal(copy);
    cr_expect_not(resume_case_has_journal(&m));
    copy_case_finish(c, copy);
}

/* ---- Over, or not yet begun ---- */

/* The commit lands, its answer does not, and nothing can be asked any more. */
static void lose_the_commit(void)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_SETUP),
         .kind = FAULT_NET_AFTER,
         .permille = 1000,
         .skip_count = 1, /* the create */
         .hits_max = 1},
        {.ops = FAULT_BIT(FAULT_SETUP), .kind = FAULT_DISK_FULL, .permille = 1000, .skip_count = 1},
    };
    struct fault_options options = {.seed = 1, .rules = rules, .rules_count = 2};
    struct endpoint *inner = c->target;

    copy_case_wrap(&c->target, &options);
    copy_case_run(c);
    cr_assert_eq(c->err.kind, ERR_IO, "%s", c->err.text);
    cr_assert_eq(endpoint_mem_marker(inner)->state, MARKER_COMPLETE);
    m.wrapper = c->target;
    c->target = inner;
}

Test(copy_resume, a_commit_whose_answer_was_lost_is_found_and_nothing_is_moved)
{
    char root[DIGEST_TEXT_MAX_BYTES];

    c->target->capabilities &= ~(unsigned)ENDPOINT_CAN_LEASE; /* its setups would be counted too */
    lose_the_commit();
    resume_case_next(&m);
    copy_case_keep_state(c);
    copy_case_run_ok(c);
    cr_expect_eq(endpoint_mem_traffic(c->source)->read_bytes, 0u);
    cr_expect_eq(endpoint_mem_traffic(c->target)->setups_count, 0u);
    copy_case_root(endpoint_mem_bytes(c->source), RESUME_CASE_DISK_BYTES, root);
    cr_expect_str_eq(c->summary.root, root);
    cr_expect_not(resume_case_has_journal(&m));
}

Test(copy_resume, the_journal_of_a_copy_that_is_over_gives_way_to_another_copy)
{
    c->target->capabilities &= ~(unsigned)ENDPOINT_CAN_LEASE;
    lose_the_commit();
    resume_case_next(&m);
    copy_case_fill(c->source, (struct extent){64 * KIB, PAGE}, 9);
    c->options.source_id = "second";
    copy_case_run_ok(c);
    cr_expect_str_eq(endpoint_mem_marker(c->target)->source, "second");
    copy_case_expect_same(c->source, c->target, RESUME_CASE_DISK_BYTES + PAGE);
}

/* Stops the copy at the first setup of the target: all that comes before is planning. */
static void stop_while_planning(void)
{
    const struct fault_rule rule = {.ops = FAULT_BIT(FAULT_SETUP),
                                    .kind = FAULT_DISK_FULL,
                                    .permille = 1000};
    struct fault_options options = {.seed = 1, .rules = &rule, .rules_count = 1};
    struct endpoint *inner = c->target;

    copy_case_wrap(&c->target, &options);
    copy_case_run(c);
    cr_assert_eq(c->err.kind, ERR_IO, "%s", c->err.text);
    cr_assert(c->summary.journal_kept);
    m.wrapper = c->target;
    c->target = inner;
    resume_case_next(&m);
}

Test(copy_resume, lists_that_were_made_are_not_made_again)
{
    stop_while_planning();
    copy_case_run_ok(c);
    cr_expect_eq(endpoint_mem_traffic(c->source)->lists_count, 0u);
    cr_expect_not_null(strstr(c->said, "while it was planned"), "%s", c->said);
    copy_case_expect_same(c->source, c->target, RESUME_CASE_DISK_BYTES + PAGE);
}

Test(copy_resume, a_copy_that_wrote_nothing_gives_way_to_another)
{
    stop_while_planning();
    copy_case_fill(c->source, (struct extent){64 * KIB, PAGE}, 9);
    c->options.source_id = "second";
    copy_case_run_ok(c);
    cr_expect_not_null(strstr(c->said, "gives way"), "%s", c->said);
    cr_expect_eq(endpoint_mem_traffic(c->source)->lists_count, 1u);
    copy_case_expect_same(c->source, c->target, RESUME_CASE_DISK_BYTES + PAGE);
}

/* Two disks of one machine may have one size, and snapshots of one second. */
Test(copy_resume, lists_of_another_name_are_not_believed)
{
    stop_while_planning();
    c->options.source_id = "first, by another name";
    copy_case_run_ok(c);
    cr_expect_eq(endpoint_mem_traffic(c->source)->lists_count, 1u);
}
