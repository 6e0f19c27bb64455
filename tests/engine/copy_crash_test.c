/* copy_crash_test.c - kill -9 right after every record of a journal, and a new process that goes on: the
 * target equals the source, the root is that of a copy that was never ended, and the regions' logs show
 * that nothing recorded moved again. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/copy_case.h"
#include "tests/support/crash_case.h"

#define DISK_BYTES (20 * CRASH_CUT_BYTES + 24 * COPY_CASE_KIB)

/* A block that ranges in flight touch has no hash yet: its ranges are done again. */
#define AGAIN_MAX_BYTES ((uint64_t)CRASH_WINDOW_MAX * 2 * CRASH_CUT_BYTES)

static struct crash_case c;
static char expected[DIGEST_TEXT_MAX_BYTES]; /* root or digest of a copy that nothing ended */

/* A disk with data, holes, zeros and a footer; later: with some of it changed. */
static void make_source(uint32_t version)
{
    struct copy_case mem;
    unsigned char *image;

    copy_case_open(&mem);
    mem.target = copy_case_random_disk(&mem, DISK_BYTES, 77);
    mem.source = copy_case_disk(&mem, DISK_BYTES);
    if (version > 0)
        copy_case_scribble(mem.target, DISK_BYTES - 512, 78, 30);
    copy_case_put_footer(mem.target);
    image = copy_case_image(mem.target);
    copy_case_close(&mem);
    crash_case_source(&c, image, DISK_BYTES);
}

static bool over_old_data; /* the target of a full copy is not empty */

static void open_case(enum crash_target target, uint32_t versions, bool short_lists)
{
    crash_case_open(&c, target, short_lists);
    for (uint32_t i = 0; i < versions; i++)
        make_source(i);
}

/* As it is before the copy under test: for a delta, the target is at the base. */
static void prepare(uint32_t which)
{
    crash_case_reset(&c);
    if (which > 0)
        crash_case_run_ok(&c, 0);
    else if (over_old_data)
        crash_case_old_target(&c);
}

/* A copy that nothing ends: what the others must come to. */
static uint64_t run_undisturbed(uint32_t which)
{
    prepare(which);
    crash_case_run_ok(&c, which);
    cr_assert_eq(c.result->delta, which > 0);
    crash_case_expect_copied(&c);
    memcpy(expected, which > 0 ? c.result->digest : c.result->root, sizeof expected);
    if (which == 0) {
        char root[DIGEST_TEXT_MAX_BYTES];

        copy_case_root(c.image, DISK_BYTES - 512, root);
        cr_assert_str_eq(expected, root);
    }
    return c.result->records;
}

/* What the next process may read of it again, and the percent it may begin with. */
static void expect_little_again(uint32_t which)
{
    const struct crash_result *r = c.result;
    uint64_t again_max = which > 0 ? 0 : AGAIN_MAX_BYTES;
    uint64_t recorded_bytes = c.recorded.total_bytes;

    cr_assert_leq(recorded_bytes, r->resumed_bytes + again_max);
    if (r->percent_first >= 0)
        cr_assert_geq(r->percent_first + 0.11,
                      100.0 * (double)recorded_bytes / (double)r->total_bytes, "the percent fell");
    if (r->total_bytes) /* planned: it was not at its end */
        cr_assert_leq(r->read_bytes + r->resumed_bytes, r->total_bytes);
    if (c.target != CRASH_FILE_TO_FILE)
        cr_assert_leq(crash_case_read_again_bytes(&c), again_max, "recorded, and read again");
    if (c.target == CRASH_TO_BLOB)
        cr_assert_leq(crash_case_written_again_bytes(&c), again_max, "and written again");
}

static void expect_gone_on(uint32_t which)
{
    crash_case_note(&c);
    crash_case_run_ok(&c, which);
    crash_case_expect_copied(&c);
    cr_assert_str_eq(which > 0 ? c.result->digest : c.result->root, expected);
    expect_little_again(which);
}

/* n = 1, 2, 3 ... until the copy ends before its n-th record; records that are written together count as
 * the last of them. How many kills. */
static uint64_t kill_at_every_record(uint32_t which)
{
    uint64_t records = run_undisturbed(which), kill_at = 1, kills = 0;

    cr_expect_gt(records, 20u);
    for (;; kills++) {
        prepare(which);
        if (crash_case_run(&c, which, kill_at))
            return kills;
        kill_at = c.result->records + 1;
        expect_gone_on(which);
    }
}

/* No process gets further than three records: one page of a list, or some ranges. */
static void kill_every_process(uint32_t which)
{
    uint64_t processes = 1;

    (void)run_undisturbed(which);
    prepare(which);
    for (; !crash_case_run(&c, which, 3); processes++)
        cr_assert_lt(processes, 200u, "it does not go on");
    cr_assert_eq(c.result->kind, ERR_NONE, "%s", c.result->text);
    cr_assert(c.result->committed);
    crash_case_expect_copied(&c);
    cr_expect_str_eq(which > 0 ? c.result->digest : c.result->root, expected);
    cr_expect_gt(processes, 5u);
}

Test(copy_crash, a_full_copy_killed_at_every_record, .timeout = 220)
{
    open_case(CRASH_TO_BLOB, 1, false);
    cr_expect_gt(kill_at_every_record(0), 15u);
    crash_case_close(&c);
}

Test(copy_crash, a_delta_killed_at_every_record, .timeout = 220)
{
    open_case(CRASH_TO_BLOB, 2, false);
    cr_expect_gt(kill_at_every_record(1), 15u);
    crash_case_close(&c);
}

/* Lists of many pages are recorded page by page. */
Test(copy_crash, a_full_copy_over_old_data_with_long_lists, .timeout = 220)
{
    over_old_data = true;
    open_case(CRASH_TO_BLOB, 1, true);
    cr_expect_gt(kill_at_every_record(0), 25u);
    crash_case_close(&c);
}

Test(copy_crash, a_delta_with_long_lists, .timeout = 220)
{
    open_case(CRASH_TO_BLOB, 2, true);
    cr_expect_gt(kill_at_every_record(1), 25u);
    crash_case_close(&c);
}

/* A file is durable once it is flushed, and only then recorded: fewer, larger steps. */
Test(copy_crash, a_copy_to_a_file_killed_at_every_record, .timeout = 220)
{
    open_case(CRASH_TO_FILE, 1, false);
    cr_expect_geq(kill_at_every_record(0), 5u);
    crash_case_close(&c);
}

/* On a simulated clock and from a slow source, so that it is flushed many times. */
Test(copy_crash, a_copy_of_a_slow_file_killed_at_every_record, .timeout = 220)
{
    open_case(CRASH_FILE_TO_FILE, 1, false);
    cr_expect_geq(kill_at_every_record(0), 8u);
    crash_case_close(&c);
}

Test(copy_crash, a_full_copy_of_which_every_process_is_killed, .timeout = 220)
{
    open_case(CRASH_TO_BLOB, 1, false);
    kill_every_process(0);
    crash_case_close(&c);
}

Test(copy_crash, a_delta_of_which_every_process_is_killed, .timeout = 220)
{
    open_case(CRASH_TO_BLOB, 2, false);
    kill_every_process(1);
    crash_case_close(&c);
}

/* Its marker lies beside it and is still there; the journal would call half of the new one done. */
Test(copy_crash, a_file_that_was_made_anew_after_the_kill_is_not_gone_on_with, .timeout = 220)
{
    open_case(CRASH_TO_FILE, 1, false);
    prepare(0);
    cr_assert_not(crash_case_run(&c, 0, 12));
    cr_assert_eq(unlink(c.target_file), 0);
    cr_assert_eq(close(open(c.target_file, O_CREAT | O_WRONLY, 0600)), 0);
    cr_assert_eq(truncate(c.target_file, (off_t)c.image_bytes), 0);
    cr_assert(crash_case_run(&c, 0, CRASH_NEVER));
    cr_expect_eq(c.result->kind, ERR_CONFLICT, "%s", c.result->text);
    cr_expect_not_null(strstr(c.result->text, "marker"), "%s", c.result->text);
    crash_case_close(&c);
}

/* The same file, with its marker, but no more the bytes that the journal calls durable. */
Test(copy_crash, a_file_that_was_overwritten_long_after_the_kill_is_not_gone_on_with,
     .timeout = 220)
{
    struct timespec hour_ago[2] = {{time(NULL) - 3600, 0}, {time(NULL) - 3600, 0}};

    open_case(CRASH_TO_FILE, 1, false);
    prepare(0);
    cr_assert_not(crash_case_run(&c, 0, 12));
    cr_assert_eq(utimensat(AT_FDCWD, c.journal, hour_ago, 0), 0);
    cr_assert_eq(truncate(c.target_file, 0), 0);
    cr_assert_eq(truncate(c.target_file, (off_t)c.image_bytes), 0);
    cr_assert(crash_case_run(&c, 0, CRASH_NEVER));
    cr_expect_eq(c.result->kind, ERR_CONFLICT, "%s", c.result->text);
    cr_expect_not_null(strstr(c.result->text, "written to after"), "%s", c.result->text);
    crash_case_close(&c);
}
