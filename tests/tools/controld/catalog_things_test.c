/* catalog_things_test.c - rows of disks, machines, accesses and operations: what is put comes back, and
 * lists hold what they say. Must not know: SQL. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/catalog_case.h"
#include "tools/controld/catalog_accesses.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_machines.h"
#include "tools/controld/catalog_operations.h"

static struct catalog_case k;
static struct err e;
static const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};

static void things_begin(void)
{
    catalog_case_begin(&k);
    catalog_case_open(&k);
    catalog_case_ok(catalog_begin(k.catalog, &e), &e);
}

static void things_end(void)
{
    catalog_case_end(&k);
}

#define HERE(call)        catalog_case_ok((call), &e)
#define SAME_TEXT(a, b)   cr_expect_str_eq((a), (b))
#define SAME_NUMBER(a, b) cr_expect_eq((int64_t)(a), (int64_t)(b), "%s", #a)
#define DISKS             CATALOG_CASE_GROUP "/providers/Microsoft.Compute/disks/"

TestSuite(catalog_things, .init = things_begin, .fini = things_end, .timeout = 120);

static void put_disk(struct catalog_disk *row)
{
    *row = (struct catalog_disk){.id = DISKS "restored",
                                 .guid = "u1",
                                 .location = "westus",
                                 .doc = "{\"sku\":{}}",
                                 .backing = "{\"file\":\"/x\"}",
                                 .size_bytes = 512,
                                 .source_id = "/Point/Disk",
                                 .state = CATALOG_CREATING,
                                 .code = "ReplicationState/pending",
                                 .percent = 1.5,
                                 .level = CATALOG_WARNING,
                                 .message = "waits",
                                 .created_ns = 4,
                                 .ended_ns = 0};
    HERE(catalog_disk_put(k.catalog, row, &e));
}

Test(catalog_things, a_disk_comes_back_whole)
{
    struct catalog_disk row, found = {.id = NULL};

    put_disk(&row);
    HERE(catalog_disk_get(k.catalog, row.id, &found, &e));
    SAME_TEXT(found.id, row.id);
    SAME_TEXT(found.guid, row.guid);
    SAME_TEXT(found.location, row.location);
    SAME_TEXT(found.doc, row.doc);
    SAME_TEXT(found.backing, row.backing);
    SAME_NUMBER(found.size_bytes, row.size_bytes);
    SAME_TEXT(found.source_id, row.source_id);
    SAME_NUMBER(found.state, row.state);
    SAME_TEXT(found.code, row.code);
    cr_expect_eq(found.percent, row.percent);
    SAME_NUMBER(found.level, row.level);
    SAME_TEXT(found.message, row.message);
    SAME_NUMBER(found.created_ns, row.created_ns);
    SAME_NUMBER(found.ended_ns, row.ended_ns);
    catalog_disk_fini(&found);
}

Test(catalog_things, parts_of_a_disk_change_alone)
{
    struct catalog_disk row;
    struct catalog_disk_list list = {.rows = NULL};

    put_disk(&row);
    HERE(catalog_disk_list_in_state(k.catalog, CATALOG_CREATING, &all, &list, &e));
    cr_expect_eq(list.count, 1);
    catalog_disk_list_fini(&list);
    HERE(catalog_disk_set_progress(k.catalog, row.id, "c", 80, CATALOG_INFO, NULL, &e));
    HERE(catalog_disk_set_progress(k.catalog, row.id, "d", 20, CATALOG_INFO, NULL, &e));
    HERE(catalog_disk_set_state(k.catalog, row.id, CATALOG_SUCCEEDED, 1234, &e));
    HERE(catalog_disk_list_in_state(k.catalog, CATALOG_CREATING, &all, &list, &e));
    cr_expect_eq(list.count, 0);
    HERE(catalog_disk_list_of_source(k.catalog, "/point/disk", &all, &list, &e));
    cr_assert_eq(list.count, 1);
    cr_expect_eq(list.rows[0].percent, 80);
    SAME_TEXT(list.rows[0].code, "d");
    SAME_NUMBER(list.rows[0].state, CATALOG_SUCCEEDED);
    SAME_NUMBER(list.rows[0].ended_ns, 1234);
    SAME_TEXT(list.rows[0].doc, row.doc);
    catalog_disk_list_fini(&list);
}

Test(catalog_things, a_machine_comes_back_whole)
{
    struct catalog_machine found = {.id = NULL};
    struct catalog_machine row = {.id = CATALOG_CASE_VM,
                                  .guid = "v1",
                                  .location = "eastus",
                                  .doc = "{}",
                                  .state = CATALOG_UPDATING,
                                  .created_ns = 6};

    HERE(catalog_machine_put(k.catalog, &row, &e));
    HERE(catalog_machine_get(k.catalog, row.id, &found, &e));
    SAME_TEXT(found.id, row.id);
    SAME_TEXT(found.guid, row.guid);
    SAME_TEXT(found.location, row.location);
    SAME_TEXT(found.doc, row.doc);
    SAME_NUMBER(found.state, row.state);
    SAME_NUMBER(found.created_ns, row.created_ns);
    catalog_machine_fini(&found);
    HERE(catalog_machine_delete(k.catalog, row.id, &e));
    HERE(catalog_machine_get(k.catalog, row.id, &found, &e));
    cr_expect_null(found.id);
}

static void put_access(const char *resource_id, const char *container, const char *policy,
                       int64_t expires_ns)
{
    struct catalog_access row = {.resource_id = resource_id,
                                 .region = "east",
                                 .container = container,
                                 .blob = "disk-1",
                                 .snapshot = "T1",
                                 .policy = policy,
                                 .permissions = "r",
                                 .begun_ns = 1,
                                 .expires_ns = expires_ns};

    HERE(catalog_access_put(k.catalog, &row, &e));
}

Test(catalog_things, an_access_is_extended_under_the_same_policy)
{
    struct catalog_access found = {.resource_id = NULL};

    put_access("/c/p/d1", "f-1", "p1", 100);
    HERE(catalog_access_set_expiry(k.catalog, "/C/P/D1", 200, &e));
    HERE(catalog_access_get(k.catalog, "/c/p/d1", &found, &e));
    SAME_TEXT(found.region, "east");
    SAME_TEXT(found.container, "f-1");
    SAME_TEXT(found.blob, "disk-1");
    SAME_TEXT(found.snapshot, "T1");
    SAME_TEXT(found.policy, "p1");
    SAME_TEXT(found.permissions, "r");
    SAME_NUMBER(found.begun_ns, 1);
    SAME_NUMBER(found.expires_ns, 200);
    catalog_access_fini(&found);
}

static size_t accesses_found(bool ok, struct catalog_access_list *list)
{
    size_t count = list->count;

    catalog_case_ok(ok, &e);
    catalog_access_list_fini(list);
    return count;
}

Test(catalog_things, accesses_are_found_by_container_time_and_owner)
{
    struct catalog_access_list list = {.rows = NULL};
    struct catalog *c = k.catalog;

    put_access("/c/p/d1", "f-1", "p1", 100);
    put_access("/c/p/d2", "f-1", "p2", 200);
    put_access("/c/q/d1", "f-2", "p1", 300);
#define FOUND(call) accesses_found((call), &list)
    cr_expect_eq(FOUND(catalog_access_list_of_container(c, "east", "f-1", &all, &list, &e)), 2);
    cr_expect_eq(FOUND(catalog_access_list_of_container(c, "west", "f-1", &all, &list, &e)), 0);
    cr_expect_eq(FOUND(catalog_access_list_expired(c, 99, &all, &list, &e)), 0);
    cr_expect_eq(FOUND(catalog_access_list_expired(c, 200, &all, &list, &e)), 2);
    cr_expect_eq(FOUND(catalog_access_list(c, "/c/p", &all, &list, &e)), 2);
    cr_expect_eq(FOUND(catalog_access_list(c, "/c", &all, &list, &e)), 3);
    cr_expect_eq(FOUND(catalog_access_list(c, NULL, &all, &list, &e)), 3);
    HERE(catalog_access_delete(c, "/c/p/d1", &e));
    cr_expect_eq(FOUND(catalog_access_list(c, NULL, &all, &list, &e)), 2);
#undef FOUND
}

static void put_operation(const char *guid, const char *resource_id, int64_t end_ns)
{
    struct catalog_operation row = {.guid = guid,
                                    .kind = "create",
                                    .subscription = "s1",
                                    .location = "eastus",
                                    .resource_id = resource_id,
                                    .status =
                                        end_ns ? CATALOG_OPERATION_CANCELED : CATALOG_IN_PROGRESS,
                                    .remake = 1,
                                    .start_ns = 3,
                                    .end_ns = end_ns};

    HERE(catalog_operation_put(k.catalog, &row, &e));
}

Test(catalog_things, an_operation_ends_once)
{
    struct catalog_operation found = {.guid = NULL};

    put_operation("G1", "/r", 0);
    HERE(catalog_operation_end(k.catalog, "g1", CATALOG_OPERATION_FAILED, "{\"code\":1}", "{}", 9,
                               &e));
    HERE(catalog_operation_get(k.catalog, "g1", &found, &e));
    SAME_TEXT(found.guid, "G1");
    SAME_TEXT(found.kind, "create");
    SAME_TEXT(found.subscription, "s1");
    SAME_TEXT(found.location, "eastus");
    SAME_TEXT(found.resource_id, "/r");
    SAME_NUMBER(found.status, CATALOG_OPERATION_FAILED);
    SAME_TEXT(found.error, "{\"code\":1}");
    SAME_TEXT(found.result, "{}");
    SAME_NUMBER(found.remake, 1);
    SAME_NUMBER(found.start_ns, 3);
    SAME_NUMBER(found.end_ns, 9);
    catalog_operation_fini(&found);
    cr_expect_not(
        catalog_operation_end(k.catalog, "G1", CATALOG_OPERATION_SUCCEEDED, NULL, NULL, 10, &e));
    cr_expect_eq(e.kind, ERR_GONE);
}

Test(catalog_things, operations_that_ended_long_ago_are_forgotten)
{
    struct catalog_operation_list list = {.rows = NULL};
    uint64_t forgotten = 0;

    put_operation("g1", "/r", 0);
    put_operation("g2", "/r", 10);
    put_operation("g3", "/r", 20);
    put_operation("g4", "/s", 30);
    put_operation("g5", "/s", 0);
    HERE(catalog_operation_list_in_progress(k.catalog, &all, &list, &e));
    cr_expect_eq(list.count, 2);
    catalog_operation_list_fini(&list);
    HERE(catalog_operation_list_of_resource(k.catalog, "/R", &all, &list, &e));
    cr_assert_eq(list.count, 1);
    SAME_TEXT(list.rows[0].guid, "g1");
    catalog_operation_list_fini(&list);
    HERE(catalog_operation_forget(k.catalog, 20, 1, &forgotten, &e));
    cr_expect_eq(forgotten, 1);
    HERE(catalog_operation_forget(k.catalog, 20, 100, &forgotten, &e));
    cr_expect_eq(forgotten, 1);
    HERE(catalog_operation_forget(k.catalog, 20, 100, &forgotten, &e));
    cr_expect_eq(forgotten, 0, "what is in progress, or ended later, stays");
    HERE(catalog_operation_delete(k.catalog, "g4", &e));
}
