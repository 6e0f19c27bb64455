/* ferry_test.c - the data plane from its begin to its end: copies, failures, verbs, the queue. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/ferry_case.h"

#define MIB JOB_CASE_MIB

Test(ferry, copies_a_point_and_tells_states_and_roots)
{
    struct ferry_case c;
    const struct ferry_case_end *end;
    const struct ferry_case_told *one;

    ferry_case_open(&c);
    ferry_case_start(&c);
    ferry_case_make(&c, "one", "a", "a-copy", 2 * MIB, 1);
    ferry_case_make(&c, "two", "b", "b-copy", MIB, 2);
    ferry_case_begin(&c, "point", "one two");
    cr_assert(ferry_has(c.ferry, "point"));
    cr_assert_eq(c.told_count, 0u, "told from inside of begin");
    cr_assert_eq(ferry_look(c.ferry, "point", "one")->code, EVENT_PENDING);
    end = ferry_case_await_end(&c, "point");
    cr_assert_eq(end->code, EVENT_SUCCEEDED, "%s", end->message);
    cr_assert_null(ferry_look(c.ferry, "point", "one"));
    cr_assert_eq(ferry_points_count(c.ferry), 0u);
    ferry_case_await(&c, 0, "one", EVENT_IN_PROGRESS, "");
    one = ferry_case_last(&c, "one");
    cr_assert_eq(one->code, EVENT_SUCCEEDED);
    cr_assert_eq(one->percent, 100);
    cr_assert_eq(strncmp(one->outcome.root, "sha256:", 7), 0);
    cr_assert_eq(strlen(one->outcome.root), 71u);
    cr_assert_eq(one->outcome.disk_bytes, 2 * MIB);
    cr_assert_not(one->outcome.delta);
    job_case_expect_blob(&c.job, "a-copy", 2 * MIB, 1);
    job_case_expect_blob(&c.job, "b-copy", MIB, 2);
    ferry_case_close(&c);
}
