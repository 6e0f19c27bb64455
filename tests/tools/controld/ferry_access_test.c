/* ferry_access_test.c - URLs: given to a child when it begins and when one ends, and seen by nobody else.
 * */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/ferry_case.h"
#include "tools/controld/ferry_internal.h"

#define MIB JOB_CASE_MIB

Test(ferry_access, renews_urls_that_end_while_the_copy_goes_on)
{
    struct ferry_case c;

    ferry_case_open(&c);
    c.life_s = 4;
    c.setup.bytes_per_s = 2 * MIB;
    ferry_case_start(&c);
    ferry_case_make(&c, "one", "a", "a-copy", 16 * MIB, 1);
    ferry_case_begin(&c, "point", "one");
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED, "%s", c.ends[0].message);
    cr_assert_geq(c.asked[ACCESS_SOURCE], 2u);
    cr_assert_geq(c.asked[ACCESS_TARGET], 2u);
    cr_assert_leq(ferry_case_put_bytes(&c, "a-copy"), 17 * MIB, "it was begun again, not renewed");
    job_case_expect_blob(&c.job, "a-copy", 16 * MIB, 1);
    ferry_case_close(&c);
}

Test(ferry_access, asks_again_while_there_is_no_url)
{
    struct ferry_case c;

    ferry_case_open(&c);
    c.refuse = 3;
    c.refuse_retry = RETRY_LATER;
    ferry_case_start(&c);
    c.ferry->rest_ns = NS_PER_MS;
    ferry_case_make(&c, "one", "a", "a-copy", MIB, 1);
    ferry_case_begin(&c, "point", "one");
    ferry_case_await(&c, 0, "one", EVENT_PENDING, "there is no key for one");
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_SUCCEEDED);
    ferry_case_close(&c);
}

Test(ferry_access, fails_where_no_url_will_ever_be)
{
    struct ferry_case c;

    ferry_case_open(&c);
    c.refuse = 1;
    c.refuse_retry = RETRY_NEVER;
    ferry_case_start(&c);
    ferry_case_make(&c, "one", "a", "a-copy", MIB, 1);
    ferry_case_begin(&c, "point", "one");
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_FAILED);
    cr_assert_str_eq(c.ends[0].message, "there is no key for one");
    cr_assert_str_eq(ferry_case_last(&c, "one")->message, "there is no key for one");
    ferry_case_close(&c);
}

Test(ferry_access, a_renewal_that_can_never_be_fails_what_runs)
{
    struct ferry_case c;

    ferry_case_open(&c);
    c.life_s = 4;
    c.setup.bytes_per_s = 2 * MIB;
    ferry_case_start(&c);
    ferry_case_make(&c, "one", "a", "a-copy", 16 * MIB, 1);
    ferry_case_begin(&c, "point", "one");
    ferry_case_await(&c, 0, "one", EVENT_IN_PROGRESS, "");
    c.refuse = 1;
    c.refuse_retry = RETRY_NEVER;
    cr_assert_eq(ferry_case_await_end(&c, "point")->code, EVENT_FAILED);
    cr_assert_str_eq(c.ends[0].message, "there is no key for one");
    ferry_case_close(&c);
}

/* ---- Who can see them ---- */

static bool has_secret(const char *path)
{
    FILE *file = fopen(path, "r");
    char bytes[65536];
    size_t count;

    if (!file)
        return false;
    count = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    cr_assert_gt(count, 0u, "%s", path);
    return memmem(bytes, count, "sig=", 4) != NULL || memmem(bytes, count, "FERRY_TEST_KEY", 14);
}

Test(ferry_access, no_url_is_in_an_argument_an_environment_or_a_file)
{
    struct ferry_case c;
    char path[64], command[TEST_PATH_MAX_BYTES + 100];
    int pid;

    cr_assert_eq(setenv("FERRY_TEST_KEY", "a key of snapferryd's own", 1), 0);
    ferry_case_open(&c);
    c.setup.bytes_per_s = 4 * MIB;
    ferry_case_start(&c);
    ferry_case_make(&c, "one", "a", "a-copy", 8 * MIB, 1);
    ferry_case_begin(&c, "point", "one");
    ferry_case_await_percent(&c, "one", 20);
    pid = ferry_child_pid(c.ferry, "point");
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    cr_assert_not(has_secret(path));
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    cr_assert_not(has_secret(path));
    snprintf(command, sizeof command, "grep -rqa sig= '%s'", c.folder);
    cr_assert_neq(system(command), 0, "a file of the ferry holds a SAS");
    ferry_case_stop(&c);
    cr_assert_neq(system(command), 0, "a file of the ferry holds a SAS");
    ferry_case_close(&c);
}
