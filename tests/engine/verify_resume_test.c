/* verify_resume_test.c - a verify that was stopped goes on: what was equal is not read again, what differed
 * is compared again and named again; a journal of other disks gives way. */
#include "engine/verify.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (4096 * KIB)
#define CUT_BYTES  (64u << 10)

static struct copy_case c;
static char journal_path[TEST_PATH_MAX_BYTES];
static struct verify_options options;
static struct verify *verify;
static bool ended;
static char said[COPY_CASE_SAID_BYTES];

static void begin(void)
{
    copy_case_open(&c);
    test_temp_path(journal_path, "journal");
    unlink(journal_path);
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 8);
    copy_case_put_footer(c.source);
    copy_case_fill(c.source, (struct extent){0, DISK_BYTES}, 1);
    c.target = copy_case_disk(&c, 0);
    copy_case_run_ok(&c);
    options = (struct verify_options){
        .journal_path = journal_path, .window_start = 2, .window_max = 4, .random_seed = 1};
}

static void end(void)
{
    verify_free(verify);
    copy_case_close(&c);
    unlink(journal_path);
}

TestSuite(verify_resume, .init = begin, .fini = end);

static void note_done(void *arg, struct verify *given)
{
    (void)arg;
    (void)given;
    ended = true;
}

static void note_said(void *arg, const char *sentence)
{
    (void)arg;
    strncat(said, sentence, sizeof said - strlen(said) - 1);
}

static void start(void)
{
    struct verify_ends ends = {.source = c.source, .target = c.target, .pool = c.pool};
    struct verify_watch watch = {.say = note_said, .done = note_done};
    struct err e = {0};

    verify_free(verify);
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
    copy_case_cut(c.target, CUT_BYTES);
    ended = false;
    said[0] = 0;
    verify = verify_new(c.rig.r, &ends, &options, &watch, &e);
    cr_assert_not_null(verify, "%s", e.text);
    verify_start(verify);
}

static const struct verify_summary *run(void)
{
    start();
    rig_until(&c.rig, &ended);
    cr_assert_not(err_is_set(verify_error(verify)), "%s", verify_error(verify)->text);
    cr_expect_neq(access(journal_path, F_OK), 0, "its journal is left");
    return verify_summary(verify);
}

static void stop_in_the_midst(void)
{
    start();
    while (verify_progress(verify).percent < 30)
        rig_turn(&c.rig);
    verify_stop(verify);
    rig_until(&c.rig, &ended);
    cr_assert_eq(verify_error(verify)->kind, ERR_CANCELED, "%s", verify_error(verify)->text);
    cr_assert(verify_summary(verify)->journal_kept);
}

static void flip(uint64_t offset)
{
    ((unsigned char *)(uintptr_t)endpoint_mem_bytes(c.target))[offset] ^= 0x04;
}

Test(verify_resume, what_was_equal_is_not_read_again)
{
    const struct verify_summary *summary;
    uint64_t before_bytes;

    stop_in_the_midst();
    before_bytes = endpoint_mem_traffic(c.source)->read_bytes;
    summary = run();
    cr_expect(summary->equal);
    cr_expect_gt(summary->resumed_bytes, DISK_BYTES / 4);
    cr_expect_str_eq(summary->root, c.summary.root);
    cr_expect_leq(before_bytes + endpoint_mem_traffic(c.source)->read_bytes,
                  DISK_BYTES + 4 * PAGE + (uint64_t)options.window_max * CUT_BYTES);
    cr_expect_eq(summary->compared_bytes + summary->resumed_bytes, DISK_BYTES + PAGE);
}

Test(verify_resume, what_differed_is_named_again)
{
    const struct verify_summary *summary;
    struct extent page = {5 * PAGE, PAGE};

    flip(page.offset + 7);
    stop_in_the_midst();
    cr_assert_eq(verify_summary(verify)->different_bytes, PAGE, "found before it was stopped");
    flip(DISK_BYTES - 1);
    summary = run();
    cr_expect_not(summary->equal);
    cr_expect_gt(summary->resumed_bytes, 0u);
    cr_assert_eq(summary->differences->count, 2u);
    cr_expect_eq(extent_set_at(summary->differences, 0).offset, page.offset);
}

Test(verify_resume, a_target_that_was_written_to_since_is_compared_whole)
{
    const struct verify_summary *summary;

    stop_in_the_midst();
    copy_case_fill(c.target, (struct extent){0, PAGE}, 99);
    summary = run();
    cr_expect_not(summary->equal);
    cr_expect_eq(summary->resumed_bytes, 0u);
    cr_expect_not_null(strstr(said, "comparing everything"), "%s", said);
}

Test(verify_resume, with_restart_everything_is_compared)
{
    stop_in_the_midst();
    options.restart = true;
    cr_expect_eq(run()->resumed_bytes, 0u);
}

Test(verify_resume, beside_another_it_goes_without_a_journal)
{
    struct verify *first;
    bool first_ended;

    start();
    while (verify_progress(verify).percent < 30)
        rig_turn(&c.rig);
    first = verify;
    verify = NULL;
    cr_assert_not(ended);
    ended = false;
    {
        struct verify_ends ends = {.source = c.source, .target = c.target, .pool = c.pool};
        struct verify_watch watch = {.say = note_said, .done = note_done};
        struct err e = {0};

        verify = verify_new(c.rig.r, &ends, &options, &watch, &e);
        cr_assert_not_null(verify, "%s", e.text);
        verify_start(verify);
    }
    first_ended = false;
    while (!verify_ended(verify) || !first_ended) {
        rig_turn(&c.rig);
        first_ended = verify_ended(first);
    }
    cr_expect(verify_summary(verify)->equal && verify_summary(first)->equal);
    cr_expect_not_null(strstr(said, "There is no journal"), "%s", said);
    verify_free(first);
}

Test(verify_resume, the_journal_of_a_copy_is_not_taken)
{
    stop_in_the_midst();
    c.options.journal_path = journal_path;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_expect_not_null(strstr(c.err.text, "journal of a verify"), "%s", c.err.text);
    cr_expect(run()->equal);
}
