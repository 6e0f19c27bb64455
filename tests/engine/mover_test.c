/* mover_test.c - the data phase: the window, retries that read nothing again, waits, the worklist, and
 * what counts as durable at a target that buffers. */
#include "engine/mover.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define MIB        COPY_CASE_MIB
#define DISK_BYTES (2 * MIB)
#define CUT_BYTES  (32u << 10)
#define RANGES     (DISK_BYTES / CUT_BYTES)

struct mover_case {
    struct copy_case c; /* for its rig, pool and ends */
    struct plan plan;
    struct progress progress;
    struct retry_random random;
    uint32_t window_max;
    bool hash;
    struct mover *mover;
    struct err err;
    bool ended;
    /* from the trace */
    uint32_t inflight, inflight_most, done_count, waits_count, begun_count;
};

static struct mover_case m;

/* Source: data everywhere. Target: empty, of the same size. */
static void begin(void)
{
    struct extent whole = {0, DISK_BYTES};

    copy_case_open(&m.c);
    m.c.source = copy_case_disk(&m.c, DISK_BYTES);
    copy_case_fill(m.c.source, whole, 1);
    m.c.target = copy_case_disk(&m.c, DISK_BYTES);
    copy_case_cut(m.c.source, CUT_BYTES);
    copy_case_cut(m.c.target, CUT_BYTES);
    m.random.state = 5;
    m.hash = true;
}

static void end(void)
{
    mover_free(m.mover);
    plan_fini(&m.plan);
    copy_case_close(&m.c);
}

TestSuite(mover, .init = begin, .fini = end);

static void note_done(void *arg)
{
    struct mover_case *given = arg;

    cr_assert_not(given->ended, "a mover ends once");
    given->ended = true;
}

static void note_moved(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    struct mover_case *given = arg;

    cr_assert_gt(extent.length, 0u);
    cr_assert_leq(extent.length, CUT_BYTES);
    if (from == RANGE_PLANNED) {
        given->begun_count++;
        given->inflight++;
    }
    if (given->inflight > given->inflight_most)
        given->inflight_most = given->inflight;
    given->inflight -= to == RANGE_DONE || to == RANGE_FAILED;
    given->done_count += to == RANGE_DONE;
    given->waits_count += to == RANGE_WAITING;
}

static void make_plan(void)
{
    struct plan_input input = {.disk_bytes = DISK_BYTES,
                               .source_data = endpoint_mem_allocated(m.c.source),
                               .target_data = endpoint_mem_allocated(m.c.target)};
    struct err e = {0};

    cr_assert(plan_make(&input, &m.plan, &e), "%s", e.text);
}

static void wrap(struct endpoint **disk, const struct fault_rule *rules, size_t count,
                 uint64_t delay_ns)
{
    struct fault_options options = {.seed = 3,
                                    .rules = rules,
                                    .rules_count = count,
                                    .delay_min_ns = delay_ns,
                                    .delay_max_ns = delay_ns};

    copy_case_wrap(disk, &options);
}

static void start(void)
{
    struct mover_setup setup = {.reactor = m.c.rig.r,
                                .source = m.c.source,
                                .target = m.c.target,
                                .pool = m.c.pool,
                                .plan = &m.plan,
                                .progress = &m.progress,
                                .random = &m.random,
                                .hash = m.hash,
                                .window_max = m.window_max,
                                .trace = {.moved = note_moved, .arg = &m},
                                .done = note_done,
                                .arg = &m};
    struct err e = {0};

    progress_plan(&m.progress, plan_total_bytes(&m.plan), reactor_now_ns(m.c.rig.r));
    m.mover = mover_new(&setup, &e);
    cr_assert_not_null(m.mover, "%s", e.text);
    mover_start(m.mover);
}

static void finish(void)
{
    rig_until(&m.c.rig, &m.ended);
    m.err = *mover_error(m.mover);
    cr_assert_eq(bufpool_borrowed_count(m.c.pool), 0u);
    cr_assert_eq(m.inflight, 0u);
}

static void run(void)
{
    start();
    finish();
}

static void run_ok(void)
{
    run();
    cr_assert_not(err_is_set(&m.err), "%s", m.err.text);
    cr_expect_eq(m.progress.durable_bytes, m.progress.total_bytes);
    cr_expect_eq(mover_remaining_bytes(m.mover), 0u);
}

static const struct endpoint *inside(struct endpoint *wrapper)
{
    return endpoint_fault_inner(wrapper);
}

/* ---- Tries ---- */

Test(mover, a_write_that_is_tried_again_reads_nothing_again)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_WRITE), .kind = FAULT_NET_BEFORE, .permille = 400}};
    char root[DIGEST_TEXT_MAX_BYTES], expected[DIGEST_TEXT_MAX_BYTES];

    make_plan();
    wrap(&m.c.target, rules, 1, 0);
    run_ok();
    copy_case_expect_same(m.c.source, inside(m.c.target), DISK_BYTES);
    cr_expect_gt(mover_count(m.mover)->retries, 10u);
    cr_expect_eq(mover_count(m.mover)->retries, m.waits_count);
    cr_expect_eq(endpoint_mem_traffic(m.c.source)->read_bytes, DISK_BYTES, "read twice");
    cr_expect_eq(mover_count(m.mover)->written_bytes, DISK_BYTES);
    mover_digest(m.mover, root);
    copy_case_root(endpoint_mem_bytes(m.c.source), DISK_BYTES, expected);
    cr_expect_str_eq(root, expected);
}

Test(mover, a_read_that_failed_is_read_again_and_its_neighbours_once)
{
    const struct fault_rule rules[] = {{.ops = FAULT_BIT(FAULT_READ),
                                        .kind = FAULT_CORRUPT,
                                        .permille = 1000,
                                        .within = {5 * CUT_BYTES, 1},
                                        .hits_max = 2}};

    make_plan();
    wrap(&m.c.source, rules, 1, 0);
    run_ok();
    copy_case_expect_same(inside(m.c.source), m.c.target, DISK_BYTES);
    cr_expect_eq(mover_count(m.mover)->retries, 2u);
    cr_expect_eq(mover_count(m.mover)->read_bytes, DISK_BYTES);
    cr_expect_eq(
        endpoint_mem_traffic((struct endpoint *)(uintptr_t)inside(m.c.source))->reads_count,
        RANGES);
}

Test(mover, a_piece_that_is_tried_again_does_not_repeat_the_pieces_before_it)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_WRITE), .kind = FAULT_NET_BEFORE, .permille = 500}};
    unsigned char *zeros = calloc(1, 8 * KIB);

    for (uint64_t at = 8 * KIB; at < DISK_BYTES; at += CUT_BYTES)
        endpoint_mem_poke(m.c.source, at, zeros, 8 * KIB);
    make_plan();
    wrap(&m.c.target, rules, 1, 0);
    run_ok();
    copy_case_expect_same(m.c.source, inside(m.c.target), DISK_BYTES);
    cr_expect_eq(mover_count(m.mover)->skipped_bytes, RANGES * 8 * KIB);
    cr_expect_eq(mover_count(m.mover)->written_bytes, DISK_BYTES - RANGES * 8 * KIB);
    free(zeros);
}

Test(mover, the_wish_of_a_host_is_waited_for_by_all)
{
    const struct fault_rule rules[] = {{.ops = FAULT_BIT(FAULT_WRITE),
                                        .kind = FAULT_THROTTLED,
                                        .permille = 1000,
                                        .hits_max = 1,
                                        .retry_after_ms = 7000}};
    uint64_t began_ns = reactor_now_ns(m.c.rig.r);

    m.window_max = 2;
    make_plan();
    wrap(&m.c.target, rules, 1, 0);
    start();
    while (!m.waits_count)
        rig_turn(&m.c.rig);
    while (reactor_now_ns(m.c.rig.r) < began_ns + 6 * NS_PER_S && !m.ended) {
        cr_assert_leq(m.begun_count, 2u, "something began before the host wanted it");
        rig_turn(&m.c.rig);
    }
    finish();
    cr_expect_not(err_is_set(&m.err), "%s", m.err.text);
    cr_expect_geq(reactor_now_ns(m.c.rig.r) - began_ns, 7 * NS_PER_S);
    cr_expect_leq(reactor_now_ns(m.c.rig.r) - began_ns, 9 * NS_PER_S);
}

/* ---- The worklist ---- */

static void expect_nothing_lost(void)
{
    cr_expect_eq(mover_remaining_bytes(m.mover) + m.progress.durable_bytes,
                 plan_total_bytes(&m.plan));
}

Test(mover, what_failed_for_good_is_back_in_the_worklist)
{
    const struct fault_rule rules[] = {{.ops = FAULT_BIT(FAULT_WRITE),
                                        .kind = FAULT_DISK_FULL,
                                        .permille = 1000,
                                        .skip_count = 20}};

    make_plan();
    wrap(&m.c.target, rules, 1, NS_PER_MS);
    run();
    cr_expect_eq(m.err.kind, ERR_IO, "%s", m.err.text);
    cr_expect_eq(m.done_count, 20u);
    expect_nothing_lost();
    cr_expect_leq(m.begun_count, 20 + m.inflight_most, "ranges began after the failure");
}

Test(mover, a_stop_waits_for_what_is_in_flight_and_for_no_pause)
{
    const struct fault_rule rules[] = {{.ops = FAULT_BIT(FAULT_WRITE),
                                        .kind = FAULT_THROTTLED,
                                        .permille = 1000,
                                        .skip_count = 10,
                                        .retry_after_ms = 100000}};
    uint64_t stopped_ns;

    make_plan();
    wrap(&m.c.target, rules, 1, NS_PER_MS);
    start();
    while (!m.waits_count)
        rig_turn(&m.c.rig);
    stopped_ns = reactor_now_ns(m.c.rig.r);
    mover_stop(m.mover);
    mover_stop(m.mover);
    finish();
    cr_expect_eq(m.err.kind, ERR_CANCELED, "%s", m.err.text);
    cr_expect_leq(reactor_now_ns(m.c.rig.r) - stopped_ns, NS_PER_S, "it waited for a pause");
    expect_nothing_lost();
}

Test(mover, a_request_that_never_succeeds_ends_the_copy)
{
    const struct fault_rule rules[] = {{.ops = FAULT_BIT(FAULT_READ),
                                        .kind = FAULT_NET_BEFORE,
                                        .permille = 1000,
                                        .within = {7 * CUT_BYTES, 1}}};

    make_plan();
    wrap(&m.c.source, rules, 1, 0);
    run();
    cr_expect_eq(m.err.kind, ERR_NET, "%s", m.err.text);
    cr_expect_eq(endpoint_fault_count(m.c.source, FAULT_READ, FAULT_NET_BEFORE),
                 RETRY_ATTEMPTS_MAX);
    expect_nothing_lost();
}

Test(mover, a_write_that_may_still_land_is_told)
{
    const struct fault_rule lost[] = {
        {.ops = FAULT_BIT(FAULT_WRITE), .kind = FAULT_NET_AFTER, .permille = 1000, .hits_max = 1}};

    make_plan();
    wrap(&m.c.target, lost, 1, 0);
    run_ok();
    cr_expect(mover_count(m.mover)->indefinite);
}

Test(mover, a_read_without_an_answer_leaves_nothing_under_way)
{
    const struct fault_rule lost[] = {
        {.ops = FAULT_BIT(FAULT_READ), .kind = FAULT_NET_AFTER, .permille = 1000, .hits_max = 1}};

    make_plan();
    wrap(&m.c.source, lost, 1, 0);
    run_ok();
    cr_expect_not(mover_count(m.mover)->indefinite);
}

/* ---- Window and memory ---- */

Test(mover, never_more_in_flight_than_allowed)
{
    m.window_max = 3;
    make_plan();
    wrap(&m.c.target, NULL, 0, 20 * NS_PER_MS);
    run_ok();
    cr_expect_eq(m.inflight_most, 3u);
}

Test(mover, one_buffer_is_enough)
{
    struct err e = {0};

    bufpool_free(m.c.pool);
    m.c.pool = bufpool_new(m.c.rig.r, BUF_BYTES, BUF_BYTES, &e);
    cr_assert_not_null(m.c.pool, "%s", e.text);
    make_plan();
    run_ok();
    cr_expect_eq(m.inflight_most, 1u);
    copy_case_expect_same(m.c.source, m.c.target, DISK_BYTES);
}

Test(mover, waits_while_others_hold_every_buffer)
{
    struct err e = {0};
    struct buf *held;

    bufpool_free(m.c.pool);
    m.c.pool = bufpool_new(m.c.rig.r, BUF_BYTES, BUF_BYTES, &e);
    cr_assert_not_null(m.c.pool, "%s", e.text);
    held = bufpool_borrow(m.c.pool);
    cr_assert_not_null(held);
    make_plan();
    start();
    for (uint32_t i = 0; i < 20; i++)
        rig_turn(&m.c.rig);
    cr_expect_eq(m.begun_count, 0u);
    bufpool_release(m.c.pool, held);
    finish();
    cr_expect_not(err_is_set(&m.err), "%s", m.err.text);
    copy_case_expect_same(m.c.source, m.c.target, DISK_BYTES);
}

Test(mover, an_empty_plan_ends_at_once)
{
    struct extent whole = {0, DISK_BYTES};

    endpoint_mem_poke_clear(m.c.source, whole);
    make_plan();
    run_ok();
    cr_expect_eq(m.begun_count, 0u);
}

/* ---- Durability ---- */

Test(mover, bytes_count_only_after_a_flush_where_the_target_buffers)
{
    struct endpoint *inner = m.c.target;
    struct err e = {0};
    uint64_t flushes_count = 0, durable_bytes = 0;

    cr_assert(endpoint_mem_track_flushes(inner, &e), "%s", e.text);
    make_plan();
    m.window_max = 2;
    wrap(&m.c.target, NULL, 0, 100 * NS_PER_MS);
    start();
    while (!m.ended) {
        if (m.progress.durable_bytes != durable_bytes) {
            cr_assert_gt(endpoint_mem_traffic(inner)->flushes_count, flushes_count,
                         "bytes counted that no flush made durable");
            flushes_count = endpoint_mem_traffic(inner)->flushes_count;
            durable_bytes = m.progress.durable_bytes;
        }
        rig_turn(&m.c.rig);
    }
    finish();
    cr_expect_eq(m.progress.durable_bytes, DISK_BYTES);
    flushes_count = endpoint_mem_traffic(inner)->flushes_count;
    cr_expect_geq(flushes_count, 3u, "flushed now and then");
    cr_expect_leq(flushes_count, 6u, "but not after every write");
}

static uint64_t same_bytes(void)
{
    uint64_t same = 0;

    for (uint64_t at = 0; at < DISK_BYTES; at += 512)
        if (memcmp(endpoint_mem_bytes(m.c.source) + at, endpoint_mem_bytes(inside(m.c.target)) + at,
                   512) == 0)
            same += 512;
    return same;
}

Test(mover, a_power_cut_takes_nothing_that_was_counted)
{
    struct endpoint *inner = m.c.target;
    struct err e = {0};

    cr_assert(endpoint_mem_track_flushes(inner, &e), "%s", e.text);
    make_plan();
    wrap(&m.c.target, NULL, 0, 300 * NS_PER_MS);
    start();
    while (m.progress.durable_bytes == 0)
        rig_turn(&m.c.rig);
    for (uint32_t i = 0; i < 3; i++)
        rig_turn(&m.c.rig);
    mover_stop(m.mover);
    finish();
    cr_assert_eq(m.err.kind, ERR_CANCELED);
    cr_assert_lt(m.progress.durable_bytes, DISK_BYTES);
    endpoint_mem_lose_unflushed(inner);
    cr_expect_geq(same_bytes(), m.progress.durable_bytes);
}

Test(mover, a_flush_that_failed_is_tried_again_and_counts_afterwards)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_FLUSH), .kind = FAULT_NET_BEFORE, .permille = 1000, .hits_max = 3}};
    struct err e = {0};

    cr_assert(endpoint_mem_track_flushes(m.c.target, &e), "%s", e.text);
    make_plan();
    wrap(&m.c.target, rules, 1, 50 * NS_PER_MS);
    run_ok();
    cr_expect_geq(mover_count(m.mover)->retries, 3u);
}

Test(mover, a_flush_that_never_succeeds_ends_the_copy)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_FLUSH), .kind = FAULT_DISK_FULL, .permille = 1000}};
    struct err e = {0};

    cr_assert(endpoint_mem_track_flushes(m.c.target, &e), "%s", e.text);
    make_plan();
    wrap(&m.c.target, rules, 1, 50 * NS_PER_MS);
    run();
    cr_expect_eq(m.err.kind, ERR_IO, "%s", m.err.text);
    cr_expect_eq(m.progress.durable_bytes, 0u);
}
