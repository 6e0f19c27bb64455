/* copy_percent_test.c - the percentage is this copy's, also where the journal of another one lies. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define DISK_BYTES (2048 * KIB)

static struct copy_case c;
static char journal_path[TEST_PATH_MAX_BYTES];

static void begin(void)
{
    copy_case_open(&c);
    c.source = copy_case_disk(&c, DISK_BYTES);
    copy_case_fill(c.source, (struct extent){0, DISK_BYTES}, 3);
    c.target = copy_case_disk(&c, 0);
    copy_case_cut(c.target, 64u << 10);
    test_temp_path(journal_path, "journal");
    unlink(journal_path);
    c.options.journal_path = journal_path;
    c.options.keep_journal = true;
    c.options.source_id = "disk";
}

static void end(void)
{
    copy_case_close(&c);
    unlink(journal_path);
}

TestSuite(copy_percent, .init = begin, .fini = end);

/* Its source was written to since, so all is copied anew. */
Test(copy_percent, of_a_copy_that_is_over_says_nothing_of_the_next)
{
    struct copy *copy;

    copy_case_run_ok(&c);
    cr_assert_eq(access(journal_path, F_OK), 0);
    copy_case_fill(c.source, (struct extent){64 * KIB, 64 * KIB}, 9);
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
    c.options.random_seed++;
    copy = copy_case_start(&c);
    while (!c.ended && strcmp(copy_phase(copy), "copying") != 0) {
        if (!copy_reads_journal(copy))
            cr_assert_eq(copy_progress(copy).percent, 0.0, "while %s", copy_phase(copy));
        rig_turn(&c.rig);
    }
    cr_assert_not(c.ended);
    copy_case_finish(&c, copy);
    cr_assert(c.summary.committed, "%s", c.err.text);
    cr_expect_eq(c.summary.resumed_bytes, 0u);
    copy_case_expect_same(c.source, c.target, DISK_BYTES);
}

Test(copy_percent, of_a_copy_that_is_over_is_100_at_once)
{
    copy_case_run_ok(&c);
    endpoint_mem_reopen(c.source, c.rig.r);
    copy_case_run_ok(&c);
    cr_expect_eq(endpoint_mem_traffic(c.source)->reads_count, 0u);
}
