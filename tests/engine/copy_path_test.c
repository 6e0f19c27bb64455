/* copy_path_test.c - copies whose data goes from service to service: what is moved, what is not seen, and
 * what becomes of it when the target's service does not play. */
#include "engine/copy_path.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/manifest.h"
#include "engine/mover_pull.h"
#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define DISK_BYTES (1024 * KIB)
#define PAGE       ENDPOINT_PAGE_BYTES
#define CUT_BYTES  (64u << 10)

static struct copy_case c;
static char path[TEST_PATH_MAX_BYTES];

static void begin(void)
{
    copy_case_open(&c);
    copy_case_keep_state(&c);
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 3);
    copy_case_put_footer(c.source);
    c.target = copy_case_disk(&c, 0);
    copy_case_cut(c.source, CUT_BYTES);
    copy_case_cut(c.target, CUT_BYTES);
    endpoint_mem_give_pulls(c.source);
    endpoint_mem_give_pulls(c.target);
    c.options.source_id = "first";
    c.options.path = COPY_PATH_SERVER;
    test_temp_path(path, "path-test");
}

static void end(void)
{
    copy_case_close(&c);
    unlink(path);
}

TestSuite(copy_path, .init = begin, .fini = end);

static void expect_true(void)
{
    copy_case_expect_same(c.source, c.target, DISK_BYTES + PAGE);
    cr_expect_eq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
}

static void wrap_target(const struct fault_rule *rule)
{
    struct fault_options options = {.seed = 1, .rules = rule, .rules_count = 1};

    copy_case_wrap(&c.target, &options);
}

static void unwrap_and_expect_true(void)
{
    copy_case_expect_same(c.source, endpoint_fault_inner(c.target), DISK_BYTES + PAGE);
}

/* A refusal of every pull, as a status would make it. */
static struct block_req refusal(int status, enum err_kind kind, enum err_retry retry, bool of_from)
{
    struct block_req req = {.from_failed = of_from};

    err_set(&req.err, kind, retry, "refused");
    req.err.http_status = status;
    return req;
}

Test(copy_path, moves_all_without_reading)
{
    copy_case_run_ok(&c);
    expect_true();
    cr_expect_eq(c.summary.path.used, COPY_PATH_SERVER);
    cr_expect_eq(c.summary.read_bytes, 0u);
    cr_expect_eq(c.summary.pulled_bytes, c.summary.plan_read_bytes);
    cr_expect_leq(endpoint_mem_traffic(c.source)->read_bytes, 2u * PAGE, "footer and first page");
    cr_expect_eq(endpoint_mem_traffic(c.target)->written_bytes, PAGE, "the footer");
    cr_expect_str_empty(c.summary.root);
    cr_expect_str_empty(endpoint_mem_marker(c.target)->root);
}

Test(copy_path, a_delta_moves_what_changed_and_clears_the_rest)
{
    copy_case_run_ok(&c);
    copy_case_new_base(&c, "first", "second");
    copy_case_scribble(c.source, DISK_BYTES, 5, 12);
    copy_case_run_ok(&c);
    expect_true();
    cr_expect(c.summary.delta);
    cr_expect_eq(c.summary.read_bytes, 0u);
    cr_expect_gt(c.summary.pulled_bytes, 0u);
    cr_expect_str_empty(c.summary.delta_digest);
}

Test(copy_path, the_manifest_is_of_the_target_read_back)
{
    char root[DIGEST_TEXT_MAX_BYTES];

    copy_case_root(endpoint_mem_bytes(c.source), DISK_BYTES, root);
    c.options.proof.manifest_path = path;
    copy_case_run_ok(&c);
    expect_true();
    cr_expect_str_eq(c.summary.root, root);
    cr_expect(c.summary.proof.has_manifest);
    cr_expect_str_eq(endpoint_mem_marker(c.target)->root, root);
}

Test(copy_path, is_refused_before_anything_is_touched_where_it_cannot_be)
{
    c.source->capabilities &= ~(unsigned)ENDPOINT_LENDS;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_USAGE, "%s", c.err.text);
    cr_expect_eq(c.target->size_bytes, 0u);
    c.options.path = COPY_PATH_AUTO;
    copy_case_run_ok(&c);
    expect_true();
    cr_expect_eq(c.summary.path.used, COPY_PATH_CLIENT);
    cr_expect_str_not_empty(c.summary.path.why);
    cr_expect_str_not_empty(c.summary.root);
}

Test(copy_path, auto_reads_here_from_the_start_when_the_first_page_is_refused)
{
    const struct fault_rule rule = {
        .ops = FAULT_BIT(FAULT_WRITE), .kind = FAULT_GONE, .permille = 1000, .hits_max = 1};

    c.options.path = COPY_PATH_AUTO;
    wrap_target(&rule);
    copy_case_run_ok(&c);
    unwrap_and_expect_true();
    cr_expect_eq(c.summary.path.used, COPY_PATH_CLIENT);
    cr_expect_eq(c.summary.pulled_bytes, 0u);
    cr_expect_str_not_empty(c.summary.root);
    cr_expect_not_null(strstr(c.said, "goes through this machine"));
}

Test(copy_path, auto_reads_the_rest_here_when_refused_on_the_way)
{
    const struct fault_rule rule = {.ops = FAULT_BIT(FAULT_WRITE),
                                    .kind = FAULT_GONE,
                                    .permille = 1000,
                                    .skip_count = 5,
                                    .hits_max = 2};

    c.options.path = COPY_PATH_AUTO;
    c.options.window_max = 3;
    wrap_target(&rule);
    copy_case_run_ok(&c);
    unwrap_and_expect_true();
    cr_expect_eq(c.summary.path.used, COPY_PATH_AUTO);
    cr_expect_gt(c.summary.pulled_bytes, 0u);
    cr_expect_gt(c.summary.read_bytes, 0u);
    cr_expect_str_empty(c.summary.root, "some of it was not seen");
}

Test(copy_path, server_ends_with_the_services_error)
{
    const struct fault_rule rule = {.ops = FAULT_BIT(FAULT_WRITE),
                                    .kind = FAULT_GONE,
                                    .permille = 1000,
                                    .skip_count = 3,
                                    .hits_max = 1};

    wrap_target(&rule);
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_GONE);
    cr_expect_eq(endpoint_mem_marker(endpoint_fault_inner(c.target))->state, MARKER_COPYING);
}

Test(copy_path, a_late_pull_lands_on_nothing_that_came_after)
{
    const struct fault_rule rule = {.ops = FAULT_BIT(FAULT_WRITE),
                                    .kind = FAULT_NET_LATE,
                                    .permille = 300,
                                    .late_ns = 40 * NS_PER_S};

    wrap_target(&rule);
    copy_case_run_ok(&c);
    unwrap_and_expect_true();
    copy_case_fill(endpoint_fault_inner(c.target), (struct extent){0, DISK_BYTES}, 77);
    copy_case_fill(c.source, (struct extent){0, DISK_BYTES}, 77);
    rig_until_idle(&c.rig);
    unwrap_and_expect_true();
    cr_expect_gt(endpoint_fault_count(c.target, FAULT_WRITE, FAULT_NET_LATE), 0u);
}

struct stopper {
    struct timer timer;
    struct copy *copy;
};

static void stop_now(struct timer *timer)
{
    copy_stop(((struct stopper *)timer)->copy);
}

/* Pulled in part, then gone on with by another way: what was pulled is not moved again. */
static void expect_goes_on(enum copy_path first, enum copy_path second)
{
    const struct fault_rule slow = {.ops = FAULT_BIT(FAULT_STAT), .kind = FAULT_GONE};
    struct fault_options options = {.seed = 1,
                                    .rules = &slow,
                                    .rules_count = 1,
                                    .delay_min_ns = 10 * NS_PER_MS,
                                    .delay_max_ns = 10 * NS_PER_MS};
    struct stopper stop = {0};
    uint64_t moved;

    copy_case_wrap(&c.target, &options);
    c.options.journal_path = path;
    c.options.window_start = c.options.window_max = 2;
    c.options.path = first;
    stop.copy = copy_case_start(&c);
    reactor_arm(c.rig.r, &stop.timer, reactor_now_ns(c.rig.r) + 100 * NS_PER_MS, stop_now);
    copy_case_finish(&c, stop.copy);
    cr_assert_eq(c.err.kind, ERR_CANCELED, "%s", c.err.text);
    moved = c.summary.written_bytes;
    cr_assert_gt(moved, 0u);
    c.options.path = second;
    copy_case_run_ok(&c);
    unwrap_and_expect_true();
    cr_expect_gt(c.summary.resumed_bytes, 0u);
    if (first == COPY_PATH_SERVER)
        cr_expect_eq(c.summary.resumed_bytes, moved, "nothing is moved twice");
}

Test(copy_path, goes_on_by_the_client_after_the_server)
{
    expect_goes_on(COPY_PATH_SERVER, COPY_PATH_CLIENT);
    cr_expect_str_empty(c.summary.root);
}

Test(copy_path, goes_on_by_the_server_after_the_client)
{
    expect_goes_on(COPY_PATH_CLIENT, COPY_PATH_SERVER);
    cr_expect_str_empty(c.summary.root);
}

Test(copy_path, goes_on_by_the_server_after_the_server)
{
    expect_goes_on(COPY_PATH_SERVER, COPY_PATH_SERVER);
}

Test(copy_path, refusals_that_reading_would_meet_too_are_none)
{
    struct block_req req = refusal(412, ERR_CONFLICT, RETRY_NEVER, false);

    cr_expect_not(mover_pull_is_refused(&req, 1), "the target's lease, its sequence number");
    req = refusal(403, ERR_AUTH, RETRY_AFTER_RENEWAL, false);
    cr_expect_not(mover_pull_is_refused(&req, 1), "the target's SAS ended");
    req = refusal(503, ERR_THROTTLED, RETRY_LATER, false);
    cr_expect_not(mover_pull_is_refused(&req, 11), "the target is busy");
    req = refusal(0, ERR_NET, RETRY_LATER, false);
    cr_expect_not(mover_pull_is_refused(&req, 11), "no network");
    req = refusal(403, ERR_AUTH, RETRY_AFTER_RENEWAL, true);
    cr_expect(mover_pull_is_refused(&req, 1), "the source does not let the service in");
    req = refusal(501, ERR_USAGE, RETRY_NEVER, false);
    cr_expect(mover_pull_is_refused(&req, 1), "no such verb there");
    req = refusal(409, ERR_CONFLICT, RETRY_NEVER, false);
    cr_expect(mover_pull_is_refused(&req, 1));
    req = refusal(500, ERR_NET, RETRY_LATER, true);
    cr_expect_not(mover_pull_is_refused(&req, 1), "it may pass");
    cr_expect(mover_pull_is_refused(&req, MOVER_PULL_TRIES_MAX), "it did not");
}
