/* copy_access_test.c - copies whose URLs end: they wait, go on, and repeat nothing that was durable. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/access_case.h"
#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define CUT_BYTES  (32u << 10)
#define DISK_BYTES (2 * MIB)

static struct copy_case c;
static struct access_case source, base, target;
static struct endpoint *plain_source, *plain_target;
static uint32_t waits_count; /* ranges that were refused */

static void note_moved(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    (void)arg;
    (void)extent;
    waits_count += to == RANGE_WAITING;
    cr_assert(from != RANGE_WAITING || to == RANGE_READING || to == RANGE_FAILED);
}

static void begin(void)
{
    copy_case_open(&c);
    c.source = plain_source = copy_case_disk(&c, DISK_BYTES + PAGE);
    copy_case_fill(c.source, (struct extent){0, DISK_BYTES}, 3);
    copy_case_put_footer(c.source);
    c.target = plain_target = copy_case_disk(&c, 0);
    copy_case_cut(c.source, CUT_BYTES);
    copy_case_cut(c.target, CUT_BYTES);
    c.options.window_max = 8;
    c.moved = note_moved;
    waits_count = 0;
}

static void end(void)
{
    access_case_close(&source);
    access_case_close(&base);
    access_case_close(&target);
    copy_case_close(&c);
}

TestSuite(copy_access, .init = begin, .fini = end);

/* Every request of disk that matches is refused, once skip of them passed, until the renewal. */
static void refuse(struct endpoint **disk, unsigned ops, uint32_t skip, uint32_t hits)
{
    struct fault_rule rule = {
        .ops = ops, .kind = FAULT_AUTH, .permille = 1000, .skip_count = skip, .hits_max = hits};
    struct fault_options options = {.seed = 1,
                                    .rules = &rule,
                                    .rules_count = 1,
                                    .delay_min_ns = NS_PER_MS,
                                    .delay_max_ns = 3 * NS_PER_MS};

    copy_case_wrap(disk, &options);
}

static void renews(struct access_case *a, enum access_side side, struct access **out_side)
{
    access_case_open(a, c.rig.r, side, 0);
    a->faulty[0] = side == ACCESS_TARGET ? c.target : side == ACCESS_BASE ? c.base : c.source;
    a->after_ns = 100 * NS_PER_S;
    *out_side = a->access;
}

static void expect_good(void)
{
    copy_case_expect_same(plain_source, plain_target, plain_source->size_bytes);
    cr_expect_eq(endpoint_mem_marker(plain_target)->state, MARKER_COMPLETE);
}

/* No byte was asked for twice but those of ranges in flight at the refusal. */
static void expect_little_repeated(uint32_t refusals)
{
    const struct endpoint_mem_traffic *read = endpoint_mem_traffic(plain_source);

    cr_expect_leq(read->read_bytes, read->read.total_bytes +
                                        (uint64_t)refusals * c.options.window_max * CUT_BYTES +
                                        2 * PAGE);
}

/* ---- Full copies ---- */

Test(copy_access, a_refused_read_waits_and_goes_on_with_the_new_url)
{
    char root[DIGEST_TEXT_MAX_BYTES];

    refuse(&c.source, FAULT_BIT(FAULT_READ), 20, 1);
    renews(&source, ACCESS_SOURCE, &c.sides.source);
    copy_case_run_ok(&c);
    expect_good();
    expect_little_repeated(1);
    cr_expect_eq(source.asked_count, 1u, "many ranges were refused, one question");
    cr_expect_gt(waits_count, 1u);
    cr_expect_eq(source.news_count[ACCESS_WAITING], 1u);
    copy_case_root(endpoint_mem_bytes(plain_source), DISK_BYTES, root);
    cr_expect_str_eq(c.summary.root, root, "what was read again counts once");
}

Test(copy_access, a_refused_write_is_read_again_and_hashed_once)
{
    char root[DIGEST_TEXT_MAX_BYTES];

    refuse(&c.target, FAULT_BIT(FAULT_WRITE), 20, 1);
    renews(&target, ACCESS_TARGET, &c.sides.target);
    copy_case_run_ok(&c);
    expect_good();
    expect_little_repeated(1);
    cr_expect_eq(target.asked_count, 1u);
    cr_expect_eq(endpoint_mem_traffic(plain_target)->written_bytes, DISK_BYTES + PAGE,
                 "nothing that was durable was written again");
    copy_case_root(endpoint_mem_bytes(plain_source), DISK_BYTES, root);
    cr_expect_str_eq(c.summary.root, root);
}

static void every_step(struct endpoint **disk, unsigned op, struct access_case *a,
                       enum access_side side, struct access **out_side, uint32_t requests)
{
    for (uint32_t skip = 0; skip < requests; skip++) {
        begin();
        refuse(disk == &c.source ? &c.source : &c.target, FAULT_BIT(op), skip, 1);
        renews(a, side, out_side);
        copy_case_run_ok(&c);
        expect_good();
        cr_assert_eq(a->asked_count, 1u, "operation %u, the %u-th", op, skip);
        end();
        memset(&c.sides, 0, sizeof c.sides);
    }
    begin();
}

Test(copy_access, each_look_list_mark_and_commit_may_be_refused)
{
    end();
    every_step(&c.source, FAULT_STAT, &source, ACCESS_SOURCE, &c.sides.source, 2 - 1);
    end();
    every_step(&c.source, FAULT_LIST, &source, ACCESS_SOURCE, &c.sides.source, 1);
    end();
    every_step(&c.target, FAULT_STAT, &target, ACCESS_TARGET, &c.sides.target, 1);
    end();
    every_step(&c.target, FAULT_SETUP, &target, ACCESS_TARGET, &c.sides.target, 2);
    end();
    every_step(&c.target, FAULT_READ, &target, ACCESS_TARGET, &c.sides.target, 1);
}

Test(copy_access, a_target_that_holds_something_is_marked_and_listed_through_refusals)
{
    for (uint32_t skip = 0; skip < 3; skip++) {
        end();
        begin();
        endpoint_close(c.target);
        c.target = plain_target = copy_case_random_disk(&c, DISK_BYTES + PAGE, 9);
        copy_case_cut(c.target, CUT_BYTES);
        refuse(&c.target, FAULT_BIT(FAULT_SETUP) | FAULT_BIT(FAULT_LIST) | FAULT_BIT(FAULT_ZERO),
               skip, 1);
        renews(&target, ACCESS_TARGET, &c.sides.target);
        copy_case_run_ok(&c);
        expect_good();
        cr_assert_eq(target.asked_count, 1u, "the %u-th", skip);
    }
}

Test(copy_access, the_phase_says_that_it_waits)
{
    struct copy *copy;

    refuse(&c.source, FAULT_BIT(FAULT_READ), 20, 1);
    renews(&source, ACCESS_SOURCE, &c.sides.source);
    copy = copy_case_start(&c);
    while (!access_is_awaited(source.access))
        rig_turn(&c.rig);
    cr_expect_str_eq(copy_phase(copy), "waiting for access");
    while (access_is_awaited(source.access))
        rig_turn(&c.rig);
    rig_turn(&c.rig);
    cr_expect_str_eq(copy_phase(copy), "copying");
    copy_case_finish(&c, copy);
    cr_expect_not(err_is_set(&c.err), "%s", c.err.text);
}

Test(copy_access, buffers_of_a_copy_that_waits_are_free_for_others)
{
    struct copy *copy;

    refuse(&c.target, FAULT_BIT(FAULT_WRITE), 20, 1);
    renews(&target, ACCESS_TARGET, &c.sides.target);
    copy = copy_case_start(&c);
    while (!access_is_awaited(target.access))
        rig_turn(&c.rig);
    for (int i = 0; i < 50; i++) {
        struct err e = {0};

        cr_assert(reactor_turn(c.rig.r, NS_PER_MS, &e));
    }
    cr_assert(access_is_awaited(target.access));
    cr_expect_eq(bufpool_borrowed_count(c.pool), 0u);
    copy_case_finish(&c, copy);
    cr_expect_not(err_is_set(&c.err), "%s", c.err.text);
}

Test(copy_access, both_ends_may_be_refused_at_once)
{
    refuse(&c.source, FAULT_BIT(FAULT_READ), 20, 1);
    refuse(&c.target, FAULT_BIT(FAULT_WRITE), 14, 1);
    renews(&source, ACCESS_SOURCE, &c.sides.source);
    renews(&target, ACCESS_TARGET, &c.sides.target);
    source.after_ns = 5 * NS_PER_S;
    copy_case_run_ok(&c);
    expect_good();
    cr_expect_eq(source.asked_count, 1u);
    cr_expect_eq(target.asked_count, 1u);
}

Test(copy_access, renewed_ahead_of_time_no_request_fails)
{
    struct fault_options slow = {.seed = 1,
                                 .delay_min_ns = 100 * NS_PER_MS,
                                 .delay_max_ns = 100 * NS_PER_MS};

    copy_case_wrap(&c.source, &slow);
    access_case_open(&source, c.rig.r, ACCESS_SOURCE, reactor_wall_ns(c.rig.r) / NS_PER_S + 1);
    source.life_s = 1;
    c.sides.source = source.access;
    c.options.window_max = 1;
    copy_case_run_ok(&c);
    expect_good();
    cr_expect_geq(source.swapped_count, 4u);
    cr_expect_eq(source.news_count[ACCESS_WAITING], 0u);
    cr_expect_eq(c.summary.retries, 0u);
}

/* ---- When it does not help ---- */

Test(copy_access, a_fresh_url_that_is_refused_ends_the_copy)
{
    refuse(&c.source, FAULT_BIT(FAULT_READ), 20, 1);
    renews(&source, ACCESS_SOURCE, &c.sides.source);
    source.answer = ACCESS_CASE_USELESS;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_AUTH);
    cr_expect_eq(c.err.retry, RETRY_AFTER_RENEWAL, "the same command may go on with another URL");
    cr_expect(strstr(c.err.text, "the new URL of the source was refused too: "), "%s", c.err.text);
    cr_expect_eq(source.asked_count, 1u);
    cr_expect_eq(endpoint_mem_marker(plain_target)->state, MARKER_COPYING);
}

Test(copy_access, without_anybody_to_ask_a_refusal_ends_the_copy_as_it_always_did)
{
    refuse(&c.source, FAULT_BIT(FAULT_READ), 20, 1);
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_AUTH);
    cr_expect_eq(c.err.retry, RETRY_AFTER_RENEWAL);
}

Test(copy_access, a_list_is_not_tried_for_ever)
{
    refuse(&c.source, FAULT_BIT(FAULT_LIST), 0, 1);
    renews(&source, ACCESS_SOURCE, &c.sides.source);
    source.answer = ACCESS_CASE_FAILS;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_AUTH);
    cr_expect(strstr(c.err.text, "the office is closed"), "%s", c.err.text);
}

/* ---- Stopping ---- */

static void stop_while_waiting(unsigned op, uint32_t skip)
{
    struct copy *copy;
    uint64_t now_ns;

    refuse(&c.source, FAULT_BIT(op), skip, 1);
    renews(&source, ACCESS_SOURCE, &c.sides.source);
    source.answer = ACCESS_CASE_SILENT;
    copy = copy_case_start(&c);
    while (!access_is_awaited(source.access))
        rig_turn(&c.rig);
    for (int i = 0; i < 10; i++)
        rig_peek(&c.rig);
    now_ns = reactor_now_ns(c.rig.r);
    copy_stop(copy);
    copy_case_finish(&c, copy);
    cr_expect_eq(c.err.kind, ERR_CANCELED, "%s", c.err.text);
    cr_expect_leq(reactor_now_ns(c.rig.r) - now_ns, NS_PER_S, "nothing is waited for");
    cr_expect_not(access_is_awaited(source.access));
}

Test(copy_access, a_stop_ends_a_wait_of_a_step_at_once)
{
    stop_while_waiting(FAULT_LIST, 0);
}

Test(copy_access, a_stop_ends_a_wait_of_the_data_at_once)
{
    stop_while_waiting(FAULT_READ, 20);
}

Test(copy_access, a_stop_ends_a_wait_of_the_commit_at_once)
{
    struct copy *copy;

    refuse(&c.target, FAULT_BIT(FAULT_SETUP), 1, 1);
    renews(&target, ACCESS_TARGET, &c.sides.target);
    target.answer = ACCESS_CASE_SILENT;
    copy = copy_case_start(&c);
    while (!access_is_awaited(target.access))
        rig_turn(&c.rig);
    copy_stop(copy);
    copy_case_finish(&c, copy);
    cr_expect_eq(c.err.kind, ERR_CANCELED, "%s", c.err.text);
}

/* ---- Neighbours ---- */

static void note_ended(void *arg, struct copy *copy)
{
    (void)copy;
    *(bool *)arg = true;
}

Test(copy_access, another_copy_goes_on_while_one_waits)
{
    struct endpoint *other_source = copy_case_random_disk(&c, DISK_BYTES, 5);
    struct endpoint *other_target = copy_case_disk(&c, 0);
    struct copy_ends ends = {.source = other_source, .target = other_target, .pool = c.pool};
    bool ended = false;
    struct copy_watch watch = {.done = note_ended, .arg = &ended};
    struct copy *copy, *other;
    struct err e = {0};

    refuse(&c.source, FAULT_BIT(FAULT_READ), 20, 1);
    renews(&source, ACCESS_SOURCE, &c.sides.source);
    copy = copy_case_start(&c);
    while (!access_is_awaited(source.access))
        rig_turn(&c.rig);
    other = copy_new(c.rig.r, &ends, &c.options, &watch, &e);
    cr_assert_not_null(other, "%s", e.text);
    copy_start(other);
    rig_until(&c.rig, &ended);
    cr_expect(access_is_awaited(source.access), "the other one was done in the meantime");
    cr_expect(copy_summary(other)->committed);
    copy_free(other);
    endpoint_close(other_source);
    endpoint_close(other_target);
    copy_case_finish(&c, copy);
    expect_good();
}
