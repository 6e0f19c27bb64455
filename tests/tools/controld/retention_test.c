/* retention_test.c - when restore points are made by themselves: on a simulated clock, over a real
 * catalog. */
#include "tools/controld/retention.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/retention_case.h"
#include "tools/controld/catalog_collections.h"

#define MINUTE_NS RETENTION_MINUTE_NS
#define HOUR_NS   RETENTION_HOUR_NS

static struct retention_case k;

static void begin(void)
{
    retention_case_begin(&k);
}

static void end(void)
{
    retention_case_end(&k);
}

TestSuite(retention, .init = begin, .fini = end, .timeout = 120);

/* Minutes, rounded to the nearest, from one creation asked for to the next. */
static int64_t gap_minutes(unsigned later)
{
    cr_assert_lt(later, k.creates);
    return (k.created_ns[later] - k.created_ns[later - 1] + MINUTE_NS / 2) / MINUTE_NS;
}

static void change_state(const char *id, enum catalog_state state)
{
    struct err e = {ERR_NONE};

    catalog_case_ok(catalog_begin(k.files.catalog, &e) &&
                        catalog_point_set_state(k.files.catalog, id, state, NULL, NULL, &e) &&
                        catalog_commit(k.files.catalog, &e),
                    &e);
}

Test(retention, the_first_is_made_at_once_and_others_as_often_as_the_schedule_says)
{
    retention_case_start(&k);
    retention_case_run(&k, 3 * HOUR_NS + HOUR_NS / 2);
    cr_assert_eq(k.creates, 4);
    for (unsigned i = 1; i < 4; i++)
        cr_expect_eq(gap_minutes(i), 60);
    cr_expect_str_eq(k.created_id[0],
                     CATALOG_CASE_COLLECTION "/restorePoints/scheduled-20261121T182901Z");
    cr_expect_eq(retention_case_count(&k), 4);
    cr_expect_eq(k.said, 0, "%s", k.last_said);
}

Test(retention, its_collection_is_made_in_the_machines_region)
{
    struct catalog_collection row = {0};
    struct err e = {ERR_NONE};

    retention_case_start(&k);
    retention_case_run(&k, MINUTE_NS);
    catalog_case_ok(
        catalog_collection_get(k.files.catalog, CATALOG_CASE_COLLECTION, &row, &e) && row.id, &e);
    cr_expect_str_eq(row.location, "eastus");
    cr_expect_str_eq(row.source_id, CATALOG_CASE_VM);
    cr_expect_eq(row.source_kind, CATALOG_SOURCE_MACHINE);
    cr_expect_eq(strlen(row.guid), 36);
    catalog_collection_fini(&row);
}

Test(retention, a_collection_of_another_machine_is_left_alone)
{
    retention_case_put_collection(&k, CATALOG_CASE_VM "2", CATALOG_SUCCEEDED);
    retention_case_start(&k);
    retention_case_run(&k, 2 * MINUTE_NS);
    cr_expect_eq(k.creates, 0);
    cr_expect(strstr(k.last_said, "is a collection of something else"), "%s", k.last_said);
}

Test(retention, nothing_is_made_in_a_collection_that_is_being_deleted)
{
    retention_case_put_collection(&k, CATALOG_CASE_VM, CATALOG_DELETING);
    retention_case_start(&k);
    retention_case_run(&k, 2 * MINUTE_NS);
    cr_expect_eq(k.creates, 0);
    cr_expect(strstr(k.last_said, "is being deleted"), "%s", k.last_said);
}

Test(retention, after_a_restart_the_next_is_due_from_the_newest)
{
    retention_case_put_collection(&k, CATALOG_CASE_VM, CATALOG_SUCCEEDED);
    retention_case_put(&k, "older", RETENTION_START_NS - 9 * HOUR_NS, CATALOG_ORIGIN_SCHEDULE,
                       CATALOG_SUCCEEDED);
    retention_case_put(&k, "newest", RETENTION_START_NS - 40 * MINUTE_NS, CATALOG_ORIGIN_SCHEDULE,
                       CATALOG_SUCCEEDED);
    retention_case_put(&k, "callers", RETENTION_START_NS - MINUTE_NS, CATALOG_ORIGIN_CALLER,
                       CATALOG_SUCCEEDED);
    retention_case_start(&k);
    retention_case_run(&k, 19 * MINUTE_NS);
    cr_expect_eq(k.creates, 0);
    retention_case_run(&k, 2 * MINUTE_NS);
    cr_expect_eq(k.creates, 1);
    retention_case_start(&k);
    retention_case_run(&k, 57 * MINUTE_NS);
    cr_expect_eq(k.creates, 1);
    retention_case_run(&k, 3 * MINUTE_NS);
    cr_expect_eq(k.creates, 2);
}

Test(retention, what_was_missed_is_made_up_for_once)
{
    retention_case_put_collection(&k, CATALOG_CASE_VM, CATALOG_SUCCEEDED);
    retention_case_put(&k, "old", RETENTION_START_NS - 10 * HOUR_NS, CATALOG_ORIGIN_SCHEDULE,
                       CATALOG_SUCCEEDED);
    retention_case_start(&k);
    retention_case_run(&k, 59 * MINUTE_NS);
    cr_expect_eq(k.creates, 1);
}

Test(retention, a_newest_that_lies_in_the_future_does_not_stop_the_schedule)
{
    retention_case_put_collection(&k, CATALOG_CASE_VM, CATALOG_SUCCEEDED);
    retention_case_put(&k, "future", RETENTION_START_NS + 900 * HOUR_NS, CATALOG_ORIGIN_SCHEDULE,
                       CATALOG_SUCCEEDED);
    retention_case_start(&k);
    retention_case_run(&k, 62 * MINUTE_NS);
    cr_expect_eq(k.creates, 1);
}

Test(retention, a_name_that_is_taken_is_not_made_again)
{
    retention_case_put_collection(&k, CATALOG_CASE_VM, CATALOG_SUCCEEDED);
    retention_case_put(&k, "scheduled-20261121T182901Z", 1, CATALOG_ORIGIN_CALLER,
                       CATALOG_SUCCEEDED);
    retention_case_start(&k);
    retention_case_run(&k, 30 * (int64_t)NS_PER_S);
    cr_expect_eq(k.creates, 0);
    cr_expect(strstr(k.last_said, "is there already"), "%s", k.last_said);
    retention_case_run(&k, MINUTE_NS);
    cr_expect_eq(k.creates, 1);
}

Test(retention, never_two_at_once)
{
    k.outcome = CATALOG_CREATING;
    retention_case_start(&k);
    retention_case_run(&k, 5 * HOUR_NS);
    cr_expect_eq(k.creates, 1);
    retention_case_start(&k); /* nor in a later life */
    retention_case_run(&k, 5 * HOUR_NS);
    cr_expect_eq(k.creates, 1);
    change_state(k.created_id[0], CATALOG_SUCCEEDED);
    retention_case_run(&k, MINUTE_NS);
    cr_expect_eq(k.creates, 2);
}

Test(retention, one_that_cannot_be_made_is_tried_again_ever_more_rarely)
{
    static const int64_t gaps[] = {1, 2, 4, 8, 16, 32, 60, 60};

    k.refuses = true;
    retention_case_start(&k);
    retention_case_run(&k, 5 * HOUR_NS);
    for (unsigned i = 0; i < sizeof gaps / sizeof *gaps; i++)
        cr_expect_eq(gap_minutes(i + 1), gaps[i], "gap %u", i);
    cr_expect_eq(k.said, k.creates);
    cr_expect(strstr(k.last_said, "another one is being created"), "%s", k.last_said);
}

Test(retention, one_whose_cut_failed_is_told_and_tried_again)
{
    static const int64_t gaps[] = {1, 2, 4, 8};

    k.outcome = CATALOG_FAILED;
    retention_case_start(&k);
    retention_case_run(&k, 16 * MINUTE_NS);
    cr_assert_eq(k.creates, 5);
    for (unsigned i = 0; i < sizeof gaps / sizeof *gaps; i++)
        cr_expect_eq(gap_minutes(i + 1), gaps[i], "gap %u", i);
    cr_expect(strstr(k.last_said, "the disk is not there"), "%s", k.last_said);
    cr_expect(strstr(k.last_said, "next try in 16 min"), "%s", k.last_said);
    cr_expect_eq(k.said, 5);

    k.outcome = CATALOG_SUCCEEDED; /* from here on as the schedule says, and failures begin anew */
    retention_case_run(&k, 20 * MINUTE_NS);
    cr_assert_eq(k.creates, 6);
    k.outcome = CATALOG_FAILED;
    retention_case_run(&k, 57 * MINUTE_NS);
    cr_assert_eq(k.creates, 8);
    cr_expect_eq(gap_minutes(6), 60);
    cr_expect_eq(gap_minutes(7), 1);
}

Test(retention, a_rare_schedule_is_tried_again_as_rarely_at_last)
{
    k.machine.schedule_minutes = 24 * 60;
    k.refuses = true;
    retention_case_start(&k);
    retention_case_run(&k, 7 * 24 * HOUR_NS);
    cr_expect_eq(gap_minutes(11), 1024);
    cr_expect_eq(gap_minutes(12), 24 * 60);
    cr_expect_eq(gap_minutes(13), 24 * 60);
}

Test(retention, without_a_schedule_nothing_is_made)
{
    k.machine.schedule_minutes = 0;
    retention_case_start(&k);
    retention_case_run(&k, 48 * HOUR_NS);
    cr_expect_eq(k.creates, 0);
}

Test(retention, nothing_begins_after_the_stop)
{
    retention_case_start(&k);
    retention_case_run(&k, MINUTE_NS);
    retention_stop(k.retention);
    retention_stop(k.retention);
    retention_case_run(&k, 5 * HOUR_NS);
    cr_expect_eq(k.creates, 1);
}
