/* copy_resume_delta_test.c - a delta that was stopped goes on as the delta it was, also when its base is
 * gone by then; and one that cannot be a delta any more is made anew as a full copy. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (2048 * KIB)
#define CUT_BYTES  (64u << 10)

static struct copy_case c;
static char journal_path[TEST_PATH_MAX_BYTES];
static struct copy *running;
static struct endpoint *wrapper; /* of an end, by the run that failed; owns it */
static uint32_t stop_after;
static unsigned char *new_image; /* what the target must become */

static void begin(void)
{
    copy_case_open(&c);
    copy_case_keep_state(&c);
    test_temp_path(journal_path, "journal");
    unlink(journal_path);
    c.options.window_start = 2;
    c.options.window_max = 4;
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 5);
    copy_case_put_footer(c.source);
    c.target = copy_case_disk(&c, 0);
    c.options.source_id = "base";
    copy_case_run_ok(&c);
    copy_case_new_base(&c, "base", "newer");
    copy_case_fill(c.source, (struct extent){0, 1024 * KIB}, 8);
    copy_case_scribble(c.source, DISK_BYTES, 9, 20);
    copy_case_cut(c.target, CUT_BYTES);
    c.options.journal_path = journal_path;
    c.options.random_seed = 2;
    new_image = copy_case_image(c.source);
}

static void end(void)
{
    free(new_image);
    copy_case_close(&c);
    unlink(journal_path);
}

TestSuite(copy_resume_delta, .init = begin, .fini = end);

static void note_moved(void *arg, struct extent extent, enum range_state from, enum range_state to)
{
    (void)arg;
    (void)extent;
    (void)from;
    if (to == RANGE_DONE && stop_after && --stop_after == 0)
        copy_stop(running);
}

static void next_process(void)
{
    endpoint_mem_reopen(c.target, c.rig.r);
    copy_case_cut(c.target, CUT_BYTES);
    c.options.random_seed++;
}

static void stop_in_the_midst(void)
{
    stop_after = 5;
    c.moved = note_moved;
    running = copy_case_start(&c);
    copy_case_finish(&c, running);
    cr_assert_eq(c.err.kind, ERR_CANCELED, "%s", c.err.text);
    cr_assert(c.summary.journal_kept);
    c.moved = NULL;
    next_process();
}

/* Its snapshot was deleted: neither is it there nor can the host tell what changed since. */
static void lose_the_base(void)
{
    endpoint_close(c.base);
    c.base = copy_case_disk(&c, 0);
    memset(c.since, 0, sizeof c.since);
    memcpy(c.since, "gone", 5);
}

static void expect_complete(bool delta)
{
    copy_case_run_ok(&c);
    cr_expect_eq(c.summary.delta, delta, "%s", c.summary.why_full);
    cr_expect(copy_case_is_same(c.target, new_image, DISK_BYTES + PAGE), "not the newer disk");
    cr_expect_str_eq(endpoint_mem_marker(c.target)->source, "newer");
    cr_expect_neq(access(journal_path, F_OK), 0);
}

Test(copy_resume_delta, goes_on_as_the_delta_it_was)
{
    char digest[DIGEST_TEXT_MAX_BYTES], other[DIGEST_TEXT_MAX_BYTES];

    stop_in_the_midst();
    expect_complete(true);
    cr_expect_gt(c.summary.resumed_bytes, 0u);
    cr_expect_lt(c.summary.read_bytes, c.summary.plan_read_bytes);
    cr_expect_str_not_empty(c.summary.base_root, "it knows what it stands on");
    memcpy(digest, c.summary.delta_digest, sizeof digest);
    memcpy(other, endpoint_mem_marker(c.target)->delta, sizeof other);
    cr_expect_str_eq(digest, other);
}

Test(copy_resume_delta, whose_base_was_deleted_since_goes_on_from_its_lists)
{
    stop_in_the_midst();
    lose_the_base();
    expect_complete(true);
    cr_expect_gt(c.summary.resumed_bytes, 0u);
}

Test(copy_resume_delta, with_another_base_is_refused)
{
    stop_in_the_midst();
    c.options.base_id = "another";
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_expect_not_null(strstr(c.err.text, "another base"), "%s", c.err.text);
    c.options.base_id = "base";
    expect_complete(true);
}

Test(copy_resume_delta, without_its_base_is_refused)
{
    struct endpoint *base = c.base;

    stop_in_the_midst();
    c.base = NULL;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_expect_not_null(strstr(c.err.text, "same --base"), "%s", c.err.text);
    c.base = base;
    expect_complete(true);
}

Test(copy_resume_delta, with_other_gaps_is_refused)
{
    stop_in_the_midst();
    c.options.coalesce_bytes = 12345;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_expect_not_null(strstr(c.err.text, "--coalesce"), "%s", c.err.text);
}

/* Fails every request of these kinds to *disk, once the copy has begun. */
static void fail_at(struct endpoint **disk, unsigned ops)
{
    const struct fault_rule rule = {.ops = ops, .kind = FAULT_DISK_FULL, .permille = 1000};
    struct fault_options options = {.seed = 1, .rules = &rule, .rules_count = 1};
    struct endpoint *inner = *disk;

    copy_case_wrap(disk, &options);
    copy_case_run(&c);
    cr_assert_eq(c.err.kind, ERR_IO, "%s", c.err.text);
    cr_assert(c.summary.journal_kept);
    wrapper = *disk;
    *disk = inner;
    next_process();
}

static void unwrap(struct endpoint **disk)
{
    *disk = wrapper;
}

Test(copy_resume_delta, that_was_not_listed_when_its_base_went_is_made_a_full_copy)
{
    fail_at(&c.source, FAULT_BIT(FAULT_LIST));
    lose_the_base();
    expect_complete(false);
    cr_expect_not_null(strstr(c.summary.why_full, "does not exist any more"), "%s",
                       c.summary.why_full);
    unwrap(&c.source);
}

Test(copy_resume_delta, of_a_target_that_was_written_to_before_its_mark_is_judged_anew)
{
    fail_at(&c.target, FAULT_BIT(FAULT_SETUP));
    copy_case_fill(c.target, (struct extent){1536 * KIB, PAGE}, 4);
    expect_complete(false);
    cr_expect_not_null(strstr(c.said, "beginning anew"), "%s", c.said);
    unwrap(&c.target);
}

Test(copy_resume_delta, of_a_target_that_was_not_proves_its_base_once)
{
    c.options.state_folder = NULL; /* so that the root is read back */
    fail_at(&c.target, FAULT_BIT(FAULT_SETUP));
    expect_complete(true);
    cr_expect_null(strstr(c.said, "reading it back"), "%s", c.said);
    unwrap(&c.target);
}

Test(copy_resume_delta, a_full_copy_that_was_begun_goes_on_as_one_although_a_base_is_given)
{
    c.options.state_folder = NULL;
    endpoint_mem_poke_marker(c.target, NULL);
    stop_in_the_midst();
    expect_complete(false);
    cr_expect_gt(c.summary.resumed_bytes, 0u);
    cr_expect_not_null(strstr(c.summary.why_full, "was begun as a full one"), "%s",
                       c.summary.why_full);
}
