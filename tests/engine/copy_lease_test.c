/* copy_lease_test.c - one copy at a time writes a target: a lock among the processes of a machine, a lease
 * among machines; both are given back, and what a dead copy left is taken up by the next one here.
 */
#include "engine/copy_lease.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/copy.h"
#include "engine/target_state.h"
#include "tests/support/access_case.h"
#include "tests/support/copy_case.h"

#define DISK_BYTES (512 * COPY_CASE_KIB)
#define CUT_BYTES  (16u << 10)
#define OURS       "11111111-1111-4111-8111-111111111111"
#define OTHERS     "22222222-2222-4222-8222-222222222222"
#define MINUTE_NS  (60 * NS_PER_S)

static struct copy_case c;
static unsigned moves;

static void begin(void)
{
    copy_case_open(&c);
    c.source = copy_case_random_disk(&c, DISK_BYTES, 3);
    c.target = copy_case_random_disk(&c, DISK_BYTES, 4);
    endpoint_mem_give_leases(c.target);
    copy_case_cut(c.target, CUT_BYTES);
    c.options.window_start = 1;
    c.options.window_max = 1;
    moves = 0;
}

static void end(void)
{
    copy_case_close(&c);
}

TestSuite(copy_lease, .init = begin, .fini = end, .timeout = 60);

/* Every read takes so long. */
static void slow_source(uint64_t delay_ns)
{
    const struct fault_options options = {.seed = 1,
                                          .delay_min_ns = delay_ns,
                                          .delay_max_ns = delay_ns};

    copy_case_wrap(&c.source, &options);
}

static void expect_equal(void)
{
    copy_case_expect_same(c.source, c.target, DISK_BYTES);
    cr_assert_str_eq(endpoint_mem_leased(c.target), "", "the lease was not given back");
}

static void expect_conflict(const char *words, enum err_retry retry)
{
    cr_assert_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_assert_eq(c.err.retry, retry, "%s", c.err.text);
    cr_assert_not_null(strstr(c.err.text, words), "%s", c.err.text);
}

static void expect_held(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    (void)arg;
    (void)extent;
    (void)from;
    (void)to;
    moves++;
    cr_assert_str_eq(endpoint_mem_leased(c.target), OURS);
}

Test(copy_lease, is_held_from_first_change_to_last_for_longer_than_its_minute)
{
    uint64_t began_ns = reactor_now_ns(c.rig.r);

    slow_source(9 * NS_PER_S);
    c.options.lease_id = OURS;
    c.moved = expect_held;
    copy_case_run_ok(&c);
    cr_assert_gt(reactor_now_ns(c.rig.r) - began_ns, 2 * MINUTE_NS);
    cr_assert_gt(moves, 0u);
    cr_assert_eq(c.summary.retries, 0u);
    endpoint_close(c.source); /* the wrapper: look at what it wraps no more */
    c.source = copy_case_random_disk(&c, DISK_BYTES, 3);
    expect_equal();
}

Test(copy_lease, of_a_new_target_is_taken_once_it_exists)
{
    endpoint_close(c.target);
    c.target = copy_case_disk(&c, 0);
    endpoint_mem_give_leases(c.target);
    c.options.lease_id = OURS;
    c.moved = expect_held;
    copy_case_run_ok(&c);
    cr_assert_gt(moves, 0u);
    expect_equal();
}

Test(copy_lease, is_not_asked_for_by_a_plan)
{
    c.options.plan_only = true;
    endpoint_mem_poke_lease(c.target, OTHERS, MINUTE_NS);
    copy_case_run(&c);
    cr_assert_not(err_is_set(&c.err), "%s", c.err.text);
    cr_assert_str_eq(endpoint_mem_leased(c.target), OTHERS);
}

Test(copy_lease, is_given_back_when_the_copy_fails)
{
    const struct fault_rule full = {
        .ops = FAULT_BIT(FAULT_WRITE), .kind = FAULT_DISK_FULL, .permille = 1000, .skip_count = 2};
    const struct fault_options options = {.seed = 1, .rules = &full, .rules_count = 1};

    copy_case_wrap(&c.target, &options);
    copy_case_run(&c);
    cr_assert_eq(c.err.kind, ERR_IO, "%s", c.err.text);
    cr_assert_str_eq(endpoint_mem_leased(endpoint_fault_inner(c.target)), "");
}

Test(copy_lease, of_somebody_else_refuses_before_anything_is_changed)
{
    unsigned char *before = copy_case_image(c.target);

    endpoint_mem_poke_lease(c.target, OTHERS, MINUTE_NS);
    copy_case_run(&c);
    expect_conflict("somebody else holds a lease", RETRY_NEVER);
    expect_conflict("within 60 s", RETRY_NEVER);
    cr_assert(copy_case_is_same(c.target, before, DISK_BYTES));
    cr_assert_eq(endpoint_mem_marker(c.target)->state, MARKER_NONE);
    cr_assert_str_eq(endpoint_mem_leased(c.target), OTHERS);
    free(before);
}

Test(copy_lease, that_somebody_else_let_end_is_no_hindrance)
{
    endpoint_mem_poke_lease(c.target, OTHERS, 0);
    copy_case_run_ok(&c);
    expect_equal();
}

Test(copy_lease, of_a_copy_that_was_killed_is_taken_up_by_its_name)
{
    endpoint_mem_poke_lease(c.target, OURS, MINUTE_NS);
    c.options.lease_id = OURS;
    copy_case_run_ok(&c);
    expect_equal();
}

/* What a process that was killed leaves: its lock's file, signed, and no lock. */
static void leave_signature(const char *lease_id)
{
    char before[MARKER_UUID_MAX_BYTES];
    struct err e = {0};
    int fd;

    cr_assert(target_state_lock(c.folder, c.target->identity, &fd, before, &e), "%s", e.text);
    target_state_sign(fd, lease_id);
    close(fd);
}

Test(copy_lease, of_a_copy_that_was_killed_here_is_found_in_its_lock)
{
    copy_case_keep_state(&c);
    leave_signature(OURS);
    endpoint_mem_poke_lease(c.target, OURS, MINUTE_NS);
    copy_case_run_ok(&c);
    expect_equal();
}

Test(copy_lease, of_another_machine_is_not_taken_up_by_what_is_found_here)
{
    copy_case_keep_state(&c);
    leave_signature(OURS);
    endpoint_mem_poke_lease(c.target, OTHERS, MINUTE_NS);
    copy_case_run(&c);
    expect_conflict("somebody else holds a lease", RETRY_NEVER);
}

static void take_over(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    (void)arg;
    (void)extent;
    (void)from;
    (void)to;
    if (++moves == 10)
        endpoint_mem_poke_lease(c.target, OTHERS, MINUTE_NS);
}

Test(copy_lease, that_was_taken_away_ends_the_copy_with_its_reason)
{
    c.moved = take_over;
    copy_case_run(&c);
    expect_conflict("lease on the target is gone", RETRY_LATER);
    cr_assert_str_eq(c.err.code, "LeaseIdMismatchWithBlobOperation");
    cr_assert_neq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
    cr_assert_str_eq(endpoint_mem_leased(c.target), OTHERS);
}

static uint64_t broken_ns;

static void break_once(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    (void)arg;
    (void)extent;
    (void)from;
    if (to != RANGE_READING || ++moves != 3)
        return;
    endpoint_mem_poke_lease(c.target, "", 0);
    broken_ns = reactor_now_ns(c.rig.r);
}

Test(copy_lease, that_was_broken_ends_the_copy_even_while_nothing_is_written)
{
    slow_source(1000 * NS_PER_S);
    c.moved = break_once;
    copy_case_run(&c);
    expect_conflict("lease on the target is gone", RETRY_LATER);
    cr_assert_str_eq(c.err.code, "LeaseNotPresentWithLeaseOperation");
    cr_assert_lt(reactor_now_ns(c.rig.r) - broken_ns, 1001 * NS_PER_S, "one read was in flight");
    cr_assert_neq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
}

static void let_end(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    (void)arg;
    (void)extent;
    (void)from;
    (void)to;
    if (++moves == 10)
        endpoint_mem_poke_lease(c.target, OURS, 0);
}

/* As when the machine slept for two minutes, and nobody came. */
Test(copy_lease, that_ended_unseen_is_renewed_and_the_copy_goes_on)
{
    c.options.lease_id = OURS;
    c.moved = let_end;
    copy_case_run_ok(&c);
    cr_assert_gt(c.summary.retries, 0u);
    expect_equal();
}

Test(copy_lease, survives_renewals_that_fail_in_passing)
{
    const struct fault_rule busy = {.ops = FAULT_BIT(FAULT_SETUP),
                                    .kind = FAULT_NET_BEFORE,
                                    .permille = 1000,
                                    .skip_count = 3, /* the lease, the marker, a renewal */
                                    .hits_max = 10};
    const struct fault_options options = {.seed = 1, .rules = &busy, .rules_count = 1};

    slow_source(9 * NS_PER_S);
    copy_case_wrap(&c.target, &options);
    copy_case_run_ok(&c);
    cr_assert_eq(endpoint_fault_count(c.target, FAULT_SETUP, FAULT_NET_BEFORE), 10u);
    cr_assert_eq(c.summary.retries, 0u);
    cr_assert_str_eq(endpoint_mem_leased(endpoint_fault_inner(c.target)), "");
}

Test(copy_lease, that_ended_while_the_copy_waited_for_a_new_url_is_renewed_with_it)
{
    const struct fault_rule ended = {.ops = FAULT_BIT(FAULT_WRITE),
                                     .kind = FAULT_AUTH,
                                     .permille = 1000,
                                     .skip_count = 5,
                                     .hits_max = 1}; /* and all that follow, until the renewal */
    const struct fault_options options = {.seed = 1, .rules = &ended, .rules_count = 1};
    struct access_case renewal;

    copy_case_wrap(&c.target, &options);
    access_case_open(&renewal, c.rig.r, ACCESS_TARGET, 0);
    renewal.faulty[0] = c.target;
    renewal.after_ns = 30 * MINUTE_NS;
    c.sides.target = renewal.access;
    copy_case_run_ok(&c);
    cr_assert_eq(renewal.asked_count, 1u);
    cr_assert_leq(endpoint_fault_count(c.target, FAULT_SETUP, FAULT_AUTH), 2u,
                  "the host is not asked again and again meanwhile");
    cr_assert_str_eq(endpoint_mem_leased(endpoint_fault_inner(c.target)), "");
    access_case_close(&renewal);
}

/* ---- The lock ---- */

struct second {
    struct err err;
    bool ended;
};

static void second_done(void *arg, struct copy *copy)
{
    struct second *second = arg;

    second->err = *copy_error(copy);
    second->ended = true;
}

static void run_second(struct second *second)
{
    struct copy_ends ends = {.source = c.source, .target = c.target, .pool = c.pool};
    struct copy_watch watch = {.done = second_done, .arg = second};
    struct err e = {0};
    struct copy *copy = copy_new(c.rig.r, &ends, &c.options, &watch, &e);

    cr_assert_not_null(copy, "%s", e.text);
    copy_start(copy);
    rig_until(&c.rig, &second->ended);
    copy_free(copy);
}

Test(copy_lease, a_second_copy_on_this_machine_is_refused_and_told_by_whom)
{
    struct second second = {0};
    struct copy *first;
    char pid[32];

    snprintf(pid, sizeof pid, "(process %ld)", (long)getpid());
    copy_case_keep_state(&c);
    slow_source(NS_PER_S);
    first = copy_case_start(&c);
    rig_turn(&c.rig);
    run_second(&second);
    cr_assert_eq(second.err.kind, ERR_CONFLICT, "%s", second.err.text);
    cr_assert_eq(second.err.retry, RETRY_NEVER);
    cr_assert_not_null(strstr(second.err.text, pid), "%s", second.err.text);
    cr_assert_not_null(strstr(second.err.text, "wait until it ends"), "%s", second.err.text);
    copy_case_finish(&c, first);
    cr_assert_not(err_is_set(&c.err), "the first goes on unharmed: %s", c.err.text);
    copy_case_run_ok(&c); /* and its lock is free */
}

Test(copy_lease, without_a_place_for_a_lock_the_copy_is_made_and_says_so)
{
    c.options.state_folder = "/proc/nowhere";
    copy_case_run_ok(&c);
    cr_assert_not_null(strstr(c.said, "A second copy to this target would not be noticed"), "%s",
                       c.said);
}
