/* ferry_verbs_test.c - pause, resume and cancel of a restore point, while it runs and while it waits. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/ferry_case.h"

#define MIB JOB_CASE_MIB

static void open_slow(struct ferry_case *c)
{
    ferry_case_open(c);
    c->setup.children_max = 1;
    c->setup.bytes_per_s = 4 * MIB;
    ferry_case_start(c);
    ferry_case_make(c, "one", "a", "a-copy", 12 * MIB, 1);
    ferry_case_make(c, "two", "b", "b-copy", MIB, 2);
}

typedef bool verb_fn(struct ferry *ferry, const char *point, struct err *e);

static void obeys(struct ferry_case *c, verb_fn *verb, const char *point)
{
    struct err e = {0};
    size_t told = c->told_count;

    cr_assert(verb(c->ferry, point, &e), "%s", e.text);
    cr_assert_eq(c->told_count, told, "told from inside of a verb");
}

static void refuses(struct ferry_case *c, verb_fn *verb, const char *point, enum err_kind kind)
{
    struct err e = {0};

    cr_assert_not(verb(c->ferry, point, &e));
    cr_assert_eq(e.kind, kind, "%s", e.text);
}

Test(ferry_verbs, pauses_what_runs_gives_its_place_away_and_goes_on_where_it_was)
{
    struct ferry_case c;

    open_slow(&c);
    ferry_case_begin(&c, "point 1", "one");
    ferry_case_begin(&c, "point 2", "two");
    ferry_case_await_percent(&c, "one", 20);
    obeys(&c, ferry_pause, "point 1");
    refuses(&c, ferry_pause, "point 1", ERR_CONFLICT);
    ferry_case_await(&c, 0, "one", EVENT_PAUSED, "Paused");
    cr_assert_eq(ferry_case_await_end(&c, "point 2")->code, EVENT_SUCCEEDED);
    cr_assert(ferry_has(c.ferry, "point 1"));
    cr_assert_eq(ferry_look(c.ferry, "point 1", "one")->bytes_per_s, 0u);
    obeys(&c, ferry_resume, "point 1");
    refuses(&c, ferry_resume, "point 1", ERR_CONFLICT);
    cr_assert_eq(ferry_case_await_end(&c, "point 1")->code, EVENT_SUCCEEDED);
    job_case_expect_blob(&c.job, "a-copy", 12 * MIB, 1);
    cr_assert_leq(ferry_case_put_bytes(&c, "a-copy"), 12 * MIB + MIB);
    cr_assert_geq(ferry_case_last(&c, "one")->outcome.resumed_bytes, MIB);
    ferry_case_close(&c);
}

Test(ferry_verbs, resumed_at_once_it_goes_on)
{
    struct ferry_case c;

    open_slow(&c);
    ferry_case_begin(&c, "point 1", "one");
    ferry_case_await_percent(&c, "one", 10);
    obeys(&c, ferry_pause, "point 1");
    obeys(&c, ferry_resume, "point 1");
    cr_assert_eq(ferry_case_await_end(&c, "point 1")->code, EVENT_SUCCEEDED);
    job_case_expect_blob(&c.job, "a-copy", 12 * MIB, 1);
    ferry_case_close(&c);
}

Test(ferry_verbs, pauses_and_resumes_what_waits)
{
    struct ferry_case c;

    open_slow(&c);
    ferry_case_begin(&c, "point 2", "two");
    obeys(&c, ferry_pause, "point 2");
    ferry_case_await(&c, 0, "two", EVENT_PAUSED, "");
    cr_assert_eq(ferry_child_pid(c.ferry, "point 2"), 0);
    obeys(&c, ferry_resume, "point 2");
    cr_assert_eq(ferry_case_await_end(&c, "point 2")->code, EVENT_SUCCEEDED);
    ferry_case_close(&c);
}

Test(ferry_verbs, cancels_what_runs_and_it_can_be_begun_anew)
{
    struct ferry_case c;
    const struct ferry_case_end *end;

    open_slow(&c);
    ferry_case_begin(&c, "point 1", "one two");
    ferry_case_await(&c, 0, "two", EVENT_SUCCEEDED, "");
    obeys(&c, ferry_cancel, "point 1");
    refuses(&c, ferry_cancel, "point 1", ERR_CONFLICT);
    refuses(&c, ferry_pause, "point 1", ERR_CONFLICT);
    end = ferry_case_await_end(&c, "point 1");
    cr_assert_eq(end->code, EVENT_CANCELED);
    cr_assert_eq(ferry_case_last(&c, "one")->code, EVENT_CANCELED);
    cr_assert_eq(ferry_case_last(&c, "two")->code, EVENT_SUCCEEDED);
    cr_assert_lt(ferry_case_last(&c, "one")->percent, 100);
    cr_assert_lt(ferry_case_put_bytes(&c, "a-copy"), 12 * MIB);
    refuses(&c, ferry_cancel, "point 1", ERR_GONE);
    refuses(&c, ferry_resume, "nobody", ERR_GONE);
    c.ends_count = 0;
    ferry_case_begin(&c, "point 1", "one");
    cr_assert_eq(ferry_case_await_end(&c, "point 1")->code, EVENT_SUCCEEDED, "%s",
                 c.ends[0].message);
    job_case_expect_blob(&c.job, "a-copy", 12 * MIB, 1);
    ferry_case_close(&c);
}

Test(ferry_verbs, cancels_what_waits_or_is_paused)
{
    struct ferry_case c;

    open_slow(&c);
    ferry_case_begin(&c, "point 1", "one");
    ferry_case_begin(&c, "point 2", "two");
    obeys(&c, ferry_cancel, "point 2");
    cr_assert_eq(ferry_case_await_end(&c, "point 2")->code, EVENT_CANCELED);
    cr_assert_eq(ferry_case_put_bytes(&c, "b-copy"), 0u);
    ferry_case_await_percent(&c, "one", 5);
    obeys(&c, ferry_pause, "point 1");
    ferry_case_await(&c, 0, "one", EVENT_PAUSED, "");
    obeys(&c, ferry_cancel, "point 1");
    cr_assert_eq(ferry_case_await_end(&c, "point 1")->code, EVENT_CANCELED);
    ferry_case_close(&c);
}

/* A target that another copy left half written is no reason to fail: it is made whole from the beginning.
 * */
Test(ferry_verbs, another_source_takes_over_a_target_that_was_left_half_written)
{
    struct ferry_case c;

    open_slow(&c);
    ferry_case_make(&c, "other", "c", "a-copy", 12 * MIB, 7);
    ferry_case_begin(&c, "point 1", "one");
    ferry_case_await_percent(&c, "one", 10);
    obeys(&c, ferry_cancel, "point 1");
    ferry_case_await_end(&c, "point 1");
    ferry_case_begin(&c, "point 2", "other");
    cr_assert_eq(ferry_case_await_end(&c, "point 2")->code, EVENT_SUCCEEDED, "%s",
                 c.ends[1].message);
    job_case_expect_blob(&c.job, "a-copy", 12 * MIB, 7);
    ferry_case_close(&c);
}
