/* retention_prune_test.c - which restore points go by themselves: a real catalog, the real deleter, a
 * simulated clock. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/retention_case.h"
#include "tools/controld/catalog_accesses.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_families.h"

#define MINUTE_NS RETENTION_MINUTE_NS
#define HOUR_NS   RETENTION_HOUR_NS
#define DAY_NS    (24 * HOUR_NS)
#define COPIES    CATALOG_CASE_GROUP "/providers/Microsoft.Compute/restorePointCollections/Copies"
#define FAMILY    "0f2a8e2e-9f57-4f0b-8c7e-6f1c2f3b4a5d"

static struct retention_case k;
static struct err e;

static void begin(void)
{
    retention_case_begin(&k);
    retention_case_put_collection(&k, CATALOG_CASE_VM, CATALOG_SUCCEEDED);
}

static void end(void)
{
    retention_case_end(&k);
}

TestSuite(retention_prune, .init = begin, .fini = end, .timeout = 120);

#define HERE(call) catalog_case_ok((call), &e)

static void put(const char *name, int64_t age_ns)
{
    char id[ARM_ID_MAX_BYTES];

    retention_case_put(&k, name, RETENTION_START_NS - age_ns, CATALOG_ORIGIN_SCHEDULE,
                       CATALOG_SUCCEEDED);
    retention_case_id(&k, name, id);
    retention_case_put_disk(&k, id, false, NULL, NULL);
}

/* Starts, and lets the first point come and the old ones go. */
static void start(void)
{
    retention_case_start(&k);
    retention_case_run(&k, MINUTE_NS);
    cr_assert_eq(k.creates, 1, "%s", k.last_said);
}

Test(retention_prune, the_last_stay_and_rows_of_the_others_are_gone)
{
    k.machine.keep.last = 2;
    retention_case_start(&k);
    retention_case_run(&k, 5 * HOUR_NS + HOUR_NS / 2);
    cr_expect_eq(k.creates, 6);
    cr_expect_eq(retention_case_count(&k), 2);
    for (unsigned i = 0; i < k.creates; i++)
        cr_expect_eq(retention_case_has(&k, strrchr(k.created_id[i], '/') + 1), i >= 4, "%u", i);
}

Test(retention_prune, days_and_weeks_keep_their_newest)
{
    k.machine.keep = (struct config_keep){.daily = 2, .weekly = 2};
    put("today", 2 * HOUR_NS); /* the new one is newer */
    put("yesterday", DAY_NS);
    put("yesterday-earlier", DAY_NS + HOUR_NS);
    put("sunday-before", 6 * DAY_NS);
    put("monday-before", 12 * DAY_NS);
    put("long-ago", 400 * DAY_NS);
    start();
    cr_expect(!retention_case_has(&k, "today"));
    cr_expect(retention_case_has(&k, "yesterday"));
    cr_expect(!retention_case_has(&k, "yesterday-earlier"));
    cr_expect(retention_case_has(&k, "sunday-before"));
    cr_expect(!retention_case_has(&k, "monday-before"));
    cr_expect(!retention_case_has(&k, "long-ago"));
    cr_expect_eq(retention_case_count(&k), 3);
}

Test(retention_prune, without_keep_everything_stays)
{
    put("long-ago", 400 * DAY_NS);
    start();
    retention_case_run(&k, 3 * HOUR_NS);
    cr_expect_eq(retention_case_count(&k), 1 + k.creates);
}

Test(retention_prune, what_callers_made_stays)
{
    k.machine.keep.last = 1;
    retention_case_put(&k, "callers", RETENTION_START_NS - DAY_NS, CATALOG_ORIGIN_CALLER,
                       CATALOG_SUCCEEDED);
    put("scheduled", DAY_NS);
    start();
    cr_expect(retention_case_has(&k, "callers"));
    cr_expect(!retention_case_has(&k, "scheduled"));
}

Test(retention_prune, the_newest_whole_one_stays_until_another_is_whole)
{
    struct catalog_disk_point row = {0}, ended;
    char id[ARM_ID_MAX_BYTES + 32];

    k.machine.keep.last = 1;
    k.disk_moves = true; /* cut, but not carried into its blob */
    put("whole", DAY_NS);
    start();
    retention_case_run(&k, 30 * MINUTE_NS);
    cr_expect(retention_case_has(&k, "whole"));

    snprintf(id, sizeof id, "%s/diskRestorePoints/os", k.created_id[0]);
    HERE(catalog_disk_point_get(k.files.catalog, id, &row, &e));
    ended = row;
    ended.ended_ns = 3;
    HERE(catalog_begin(k.files.catalog, &e));
    HERE(catalog_disk_point_put(k.files.catalog, &ended, &e));
    HERE(catalog_commit(k.files.catalog, &e));
    catalog_disk_point_fini(&row);
    retention_case_run(&k, 11 * MINUTE_NS);
    cr_expect(!retention_case_has(&k, "whole"));
    cr_expect_eq(k.creates, 1);
}

Test(retention_prune, failures_take_no_place_and_leave_one_to_be_read)
{
    k.machine.keep.last = 1;
    k.outcome = CATALOG_FAILED;
    put("whole", DAY_NS);
    retention_case_start(&k);
    retention_case_run(&k, 12 * HOUR_NS);
    cr_expect_gt(k.creates, 10);
    cr_expect(retention_case_has(&k, "whole"));
    cr_expect_eq(retention_case_count(&k), 2);
}

Test(retention_prune, one_that_a_customer_has_access_to_goes_when_that_ends)
{
    char id[ARM_ID_MAX_BYTES], disk[ARM_ID_MAX_BYTES + 32];
    const struct catalog_access row = {.resource_id = disk,
                                       .region = "eastus",
                                       .container = "c",
                                       .policy = "p",
                                       .begun_ns = 1,
                                       .expires_ns = RETENTION_START_NS + 30 * MINUTE_NS};

    k.machine.keep.last = 1;
    put("shown", DAY_NS);
    put("other", 2 * DAY_NS);
    retention_case_id(&k, "shown", id);
    snprintf(disk, sizeof disk, "%s/diskRestorePoints/os", id);
    HERE(catalog_begin(k.files.catalog, &e));
    HERE(catalog_access_put(k.files.catalog, &row, &e));
    HERE(catalog_commit(k.files.catalog, &e));
    start();
    retention_case_run(&k, 28 * MINUTE_NS);
    cr_expect(retention_case_has(&k, "shown"));
    cr_expect(!retention_case_has(&k, "other"));
    cr_expect_eq(k.said, 0, "%s", k.last_said);
    retention_case_run(&k, 12 * MINUTE_NS);
    cr_expect(!retention_case_has(&k, "shown"));
}

/* A copy of the point in another collection, which the live blob of its family holds. */
static void put_copy(const char *source_name, const char *copy_id)
{
    char source[ARM_ID_MAX_BYTES], disk[ARM_ID_MAX_BYTES + 32];
    const struct catalog_family family = {.guid = FAMILY,
                                          .region = "westus",
                                          .source_disk = "os",
                                          .collection_id = COPIES,
                                          .container = "f-1",
                                          .live_blob = "disk-1",
                                          .blob_count = 1};
    const struct catalog_collection copies = {.id = COPIES,
                                              .location = "westus",
                                              .source_id = CATALOG_CASE_COLLECTION,
                                              .source_kind = CATALOG_SOURCE_COLLECTION,
                                              .state = CATALOG_SUCCEEDED,
                                              .created_ns = 1};
    const struct catalog_point point = {.id = copy_id,
                                        .collection_id = COPIES,
                                        .state = CATALOG_SUCCEEDED,
                                        .created_ns = 1,
                                        .generation = 1};

    HERE(catalog_begin(k.files.catalog, &e));
    HERE(catalog_collection_put(k.files.catalog, &copies, &e));
    HERE(catalog_family_put(k.files.catalog, &family, &e));
    HERE(catalog_point_put(k.files.catalog, &point, &e));
    HERE(catalog_commit(k.files.catalog, &e));
    retention_case_id(&k, source_name, source);
    snprintf(disk, sizeof disk, "%s/diskRestorePoints/os", source);
    retention_case_put_disk(&k, copy_id, false, disk, FAMILY);
}

/* The copy that it holds is gone already, or was never this catalog's. */
static void hold(const char *source_name)
{
    char source[ARM_ID_MAX_BYTES], disk[ARM_ID_MAX_BYTES + 32];
    const struct catalog_held held = {.disk_point_id = "/gone", .source_id = disk};

    retention_case_id(&k, source_name, source);
    snprintf(disk, sizeof disk, "%s/diskRestorePoints/os", source);
    HERE(catalog_begin(k.files.catalog, &e));
    HERE(catalog_family_set_held(k.files.catalog, FAMILY, &held, &e));
    HERE(catalog_commit(k.files.catalog, &e));
}

Test(retention_prune, what_the_next_delta_of_a_copy_starts_from_stays_until_the_chain_has_gone_on)
{
    k.machine.keep.last = 1;
    put("base", DAY_NS);
    put("other", 2 * DAY_NS);
    put_copy("base", COPIES "/restorePoints/copy");
    hold("base");
    start();
    retention_case_run(&k, 30 * MINUTE_NS);
    cr_expect(retention_case_has(&k, "base"));
    cr_expect(!retention_case_has(&k, "other"));
    hold("newer");
    retention_case_run(&k, 11 * MINUTE_NS);
    cr_expect(!retention_case_has(&k, "base"));
    cr_expect_eq(k.said, 0, "%s", k.last_said);
}

Test(retention_prune, many_go_some_at_a_time_the_oldest_first)
{
    char name[32];

    k.machine.keep.last = 1;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "old%02u", i);
        put(name, (int64_t)(40 - i) * DAY_NS);
    }
    retention_case_put(&k, "newest", RETENTION_START_NS - MINUTE_NS, CATALOG_ORIGIN_SCHEDULE,
                       CATALOG_SUCCEEDED);
    retention_case_start(&k);
    retention_case_run(&k, 5 * (int64_t)NS_PER_S);
    cr_expect_eq(retention_case_count(&k), 41 - RETENTION_AT_ONCE);
    cr_expect(!retention_case_has(&k, "old15") && retention_case_has(&k, "old16"));
    retention_case_run(&k, MINUTE_NS);
    cr_expect_eq(retention_case_count(&k), 1);
    cr_expect(retention_case_has(&k, "newest"));
}
