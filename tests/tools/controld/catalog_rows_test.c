/* catalog_rows_test.c - what is put into the catalog's tables comes back, whole, and only where it belongs.
 * Must not know: SQL. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/catalog_case.h"
#include "tools/controld/catalog_accesses.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_disks.h"
#include "tools/controld/catalog_families.h"
#include "tools/controld/catalog_machines.h"
#include "tools/controld/catalog_operations.h"

static struct catalog_case k;
static struct err e;
static const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};

static void rows_begin(void)
{
    catalog_case_begin(&k);
    catalog_case_open(&k);
    catalog_case_ok(catalog_begin(k.catalog, &e), &e);
}

static void rows_end(void)
{
    catalog_case_end(&k);
}

/* Durable, and read by another that opened the file. */
static void rows_again(void)
{
    catalog_case_ok(catalog_commit(k.catalog, &e), &e);
    catalog_case_close(&k);
    catalog_case_open(&k);
    catalog_case_ok(catalog_begin(k.catalog, &e), &e);
}

#define HERE(call)        catalog_case_ok((call), &e)
#define SAME_TEXT(a, b)   cr_expect_str_eq((a), (b))
#define SAME_NUMBER(a, b) cr_expect_eq((int64_t)(a), (int64_t)(b), "%s", #a)
#define POINT_1           CATALOG_CASE_COLLECTION "/restorePoints/one"
#define DISK_POINT_1      POINT_1 "/diskRestorePoints/os_1"
#define DISK_1            CATALOG_CASE_GROUP "/providers/Microsoft.Compute/disks/os"

TestSuite(catalog_rows, .init = rows_begin, .fini = rows_end, .timeout = 120);

Test(catalog_rows, a_collection_comes_back_whole)
{
    struct catalog_collection row = {.id = CATALOG_CASE_COLLECTION,
                                     .location = "eastus",
                                     .tags = "{\"owner\":\"Zo\xc3\xab\"}",
                                     .source_id = CATALOG_CASE_VM,
                                     .source_kind = CATALOG_SOURCE_COLLECTION,
                                     .source_location = "westus",
                                     .guid = "g1",
                                     .state = CATALOG_DELETING,
                                     .created_ns = 1700000000123456789};
    struct catalog_collection found = {.id = NULL};
    struct catalog_collection_list list = {.rows = NULL};

    HERE(catalog_collection_put(k.catalog, &row, &e));
    rows_again();
    HERE(catalog_collection_get(k.catalog, row.id, &found, &e));
    SAME_TEXT(found.id, row.id);
    SAME_TEXT(found.location, row.location);
    SAME_TEXT(found.tags, row.tags);
    SAME_TEXT(found.source_id, row.source_id);
    SAME_NUMBER(found.source_kind, row.source_kind);
    SAME_TEXT(found.source_location, row.source_location);
    SAME_TEXT(found.guid, row.guid);
    SAME_NUMBER(found.state, row.state);
    SAME_NUMBER(found.created_ns, row.created_ns);
    catalog_collection_fini(&found);
    cr_expect_null(found.id);
    HERE(catalog_collection_set_tags(k.catalog, row.id, NULL, &e));
    HERE(catalog_collection_set_state(k.catalog, row.id, CATALOG_SUCCEEDED, &e));
    HERE(catalog_collection_list_of_source(k.catalog, CATALOG_CASE_VM, &all, &list, &e));
    cr_assert_eq(list.count, 1);
    cr_expect_null(list.rows[0].tags);
    SAME_NUMBER(list.rows[0].state, CATALOG_SUCCEEDED);
    catalog_collection_list_fini(&list);
}

static void put_point(struct catalog_point *row)
{
    *row = (struct catalog_point){.id = POINT_1,
                                  .collection_id = CATALOG_CASE_COLLECTION,
                                  .state = CATALOG_CREATING,
                                  .created_ns = 5,
                                  .consistency = CATALOG_APPLICATION_CONSISTENT,
                                  .origin = CATALOG_ORIGIN_SCHEDULE,
                                  .asked = "{\"a\":1}",
                                  .exclude = "[\"d\"]",
                                  .source_point_id = "/source/Point",
                                  .metadata = "{\"vmId\":\"v\"}",
                                  .failure_code = "Conflict",
                                  .failure_message = "because",
                                  .hook_status = "0",
                                  .hook_message = "thawed",
                                  .used_bytes = INT64_MAX,
                                  .deadline_ns = 77,
                                  .generation = 3};
    HERE(catalog_point_put(k.catalog, row, &e));
}

Test(catalog_rows, a_restore_point_comes_back_whole)
{
    struct catalog_point row, found = {.id = NULL};

    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    put_point(&row);
    rows_again();
    HERE(catalog_point_get(k.catalog, row.id, &found, &e));
    SAME_TEXT(found.collection_id, row.collection_id);
    SAME_NUMBER(found.state, row.state);
    SAME_NUMBER(found.created_ns, row.created_ns);
    SAME_NUMBER(found.consistency, row.consistency);
    SAME_NUMBER(found.origin, row.origin);
    SAME_TEXT(found.asked, row.asked);
    SAME_TEXT(found.exclude, row.exclude);
    SAME_TEXT(found.source_point_id, row.source_point_id);
    SAME_TEXT(found.metadata, row.metadata);
    SAME_TEXT(found.failure_code, row.failure_code);
    SAME_TEXT(found.failure_message, row.failure_message);
    SAME_TEXT(found.hook_status, row.hook_status);
    SAME_TEXT(found.hook_message, row.hook_message);
    SAME_NUMBER(found.used_bytes, row.used_bytes);
    SAME_NUMBER(found.deadline_ns, row.deadline_ns);
    SAME_NUMBER(found.generation, row.generation);
    catalog_point_fini(&found);
}

Test(catalog_rows, parts_of_a_restore_point_change_alone)
{
    struct catalog_point row, found = {.id = NULL};
    struct catalog_point_list list = {.rows = NULL};
    uint64_t count = 0;

    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    put_point(&row);
    HERE(catalog_point_set_state(k.catalog, POINT_1, CATALOG_FAILED, "X", "why", &e));
    HERE(catalog_point_set_hook(k.catalog, POINT_1, "9", NULL, &e));
    HERE(catalog_point_list_in_state(k.catalog, CATALOG_CREATING, &all, &list, &e));
    cr_expect_eq(list.count, 0);
    HERE(catalog_point_list_in_state(k.catalog, CATALOG_FAILED, &all, &list, &e));
    cr_assert_eq(list.count, 1);
    SAME_TEXT(list.rows[0].failure_code, "X");
    SAME_TEXT(list.rows[0].failure_message, "why");
    SAME_TEXT(list.rows[0].hook_status, "9");
    cr_expect_null(list.rows[0].hook_message);
    SAME_TEXT(list.rows[0].metadata, row.metadata);
    catalog_point_list_fini(&list);
    HERE(catalog_point_list_of_source(k.catalog, "/SOURCE/point", &all, &list, &e));
    cr_expect_eq(list.count, 1);
    catalog_point_list_fini(&list);
    HERE(catalog_point_count(k.catalog, CATALOG_CASE_COLLECTION, &count, &e));
    cr_expect_eq(count, 1);
    HERE(catalog_point_delete(k.catalog, POINT_1, &e));
    HERE(catalog_point_count(k.catalog, CATALOG_CASE_COLLECTION, &count, &e));
    cr_expect_eq(count, 0);
    HERE(catalog_point_get(k.catalog, POINT_1, &found, &e));
    cr_expect_null(found.id);
}

static void put_family(void)
{
    struct catalog_family row = {.guid = "F1",
                                 .region = "east",
                                 .source_disk = DISK_1,
                                 .container = "f-1",
                                 .live_blob = "disk-2",
                                 .blob_count = 2,
                                 .held_disk_point_id = DISK_POINT_1,
                                 .held_source_id = "/s",
                                 .held_place = "blob:west/c/b@T0"};

    HERE(catalog_family_put(k.catalog, &row, &e));
}

static void put_disk_point(struct catalog_disk_point *row)
{
    struct catalog_point point;

    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    put_point(&point);
    put_family();
    *row = (struct catalog_disk_point){.id = DISK_POINT_1,
                                       .point_id = POINT_1,
                                       .name = "os",
                                       .disk_id = DISK_1,
                                       .role = CATALOG_ROLE_DATA,
                                       .lun = 7,
                                       .facts = "{\"osType\":\"Linux\"}",
                                       .family = "F1",
                                       .location = "westus",
                                       .source_location = "eastus",
                                       .region = "east",
                                       .container = "f-1",
                                       .blob = "disk-2",
                                       .snapshot = NULL,
                                       .cut_path = "/cuts/1",
                                       .size_bytes = 1ll << 45,
                                       .code = "ReplicationState/inProgress",
                                       .percent = 12.5,
                                       .level = CATALOG_WARNING,
                                       .message = "slow",
                                       .source_disk_point_id = "/s",
                                       .base_disk_point_id = "/b",
                                       .base_source_id = "/bs",
                                       .base_place = "blob:west/c/b@T0",
                                       .encryption_type = "PMK",
                                       .encryption_set_id = "/set",
                                       .root = "sha256:0",
                                       .verified = "{\"outcome\":\"equal\"}",
                                       .changed_bytes = 11,
                                       .wire_bytes = 12,
                                       .created_ns = 13,
                                       .begun_ns = 14,
                                       .ended_ns = 0};
    HERE(catalog_disk_point_put(k.catalog, row, &e));
}

Test(catalog_rows, a_disk_restore_point_comes_back_whole)
{
    struct catalog_disk_point row, found = {.id = NULL};

    put_disk_point(&row);
    rows_again();
    HERE(catalog_disk_point_get(k.catalog, row.id, &found, &e));
    SAME_TEXT(found.point_id, row.point_id);
    SAME_TEXT(found.name, row.name);
    SAME_TEXT(found.disk_id, row.disk_id);
    SAME_NUMBER(found.role, row.role);
    SAME_NUMBER(found.lun, row.lun);
    SAME_TEXT(found.facts, row.facts);
    SAME_TEXT(found.family, row.family);
    SAME_TEXT(found.location, row.location);
    SAME_TEXT(found.source_location, row.source_location);
    SAME_TEXT(found.region, row.region);
    SAME_TEXT(found.container, row.container);
    SAME_TEXT(found.blob, row.blob);
    cr_expect_null(found.snapshot);
    SAME_TEXT(found.cut_path, row.cut_path);
    SAME_NUMBER(found.size_bytes, row.size_bytes);
    SAME_TEXT(found.code, row.code);
    cr_expect_eq(found.percent, row.percent);
    SAME_NUMBER(found.level, row.level);
    SAME_TEXT(found.message, row.message);
    SAME_TEXT(found.source_disk_point_id, row.source_disk_point_id);
    SAME_TEXT(found.base_disk_point_id, row.base_disk_point_id);
    SAME_TEXT(found.base_source_id, row.base_source_id);
    SAME_TEXT(found.base_place, row.base_place);
    SAME_TEXT(found.encryption_type, row.encryption_type);
    SAME_TEXT(found.encryption_set_id, row.encryption_set_id);
    SAME_TEXT(found.root, row.root);
    SAME_TEXT(found.verified, row.verified);
    SAME_NUMBER(found.changed_bytes, row.changed_bytes);
    SAME_NUMBER(found.wire_bytes, row.wire_bytes);
    SAME_NUMBER(found.created_ns, row.created_ns);
    SAME_NUMBER(found.begun_ns, row.begun_ns);
    SAME_NUMBER(found.ended_ns, row.ended_ns);
    catalog_disk_point_fini(&found);
}

Test(catalog_rows, a_verification_is_kept_and_a_root_that_is_known_stays)
{
    struct catalog_disk_point row, found = {.id = NULL};

    put_disk_point(&row);
    HERE(catalog_disk_point_set_snapshot(k.catalog, row.id, "T1", NULL, 99, &e));
    HERE(catalog_disk_point_get(k.catalog, row.id, &found, &e));
    cr_expect_null(found.verified, "of a new snapshot nothing is known");
    catalog_disk_point_fini(&found);
    HERE(catalog_disk_point_set_verified(k.catalog, row.id, "{}", NULL, &e));
    HERE(catalog_disk_point_set_verified(k.catalog, row.id, "{}", "sha256:first", &e));
    HERE(catalog_disk_point_set_verified(k.catalog, row.id, "{\"n\":3}", "sha256:second", &e));
    HERE(catalog_disk_point_get(k.catalog, row.id, &found, &e));
    SAME_TEXT(found.root, "sha256:first");
    SAME_TEXT(found.verified, "{\"n\":3}");
    catalog_disk_point_fini(&found);
}

Test(catalog_rows, progress_never_goes_back)
{
    struct catalog_disk_point row, found = {.id = NULL};

    put_disk_point(&row);
    HERE(catalog_disk_point_set_progress(k.catalog, row.id, "c1", 40.25, CATALOG_INFO, NULL, &e));
    HERE(catalog_disk_point_set_progress(k.catalog, row.id, "c2", 3, CATALOG_ERROR, "again", &e));
    HERE(catalog_disk_point_get(k.catalog, row.id, &found, &e));
    cr_expect_eq(found.percent, 40.25);
    SAME_TEXT(found.code, "c2");
    SAME_TEXT(found.message, "again");
    SAME_NUMBER(found.level, CATALOG_ERROR);
    catalog_disk_point_fini(&found);
}

static size_t disk_points_found(bool ok, struct catalog_disk_point_list *list)
{
    size_t count = list->count;

    catalog_case_ok(ok, &e);
    for (size_t i = 0; i < count; i++)
        SAME_TEXT(list->rows[i].id, DISK_POINT_1);
    catalog_disk_point_list_fini(list);
    return count;
}

Test(catalog_rows, disk_restore_points_are_found_by_what_they_belong_to)
{
    struct catalog_disk_point_list list = {.rows = NULL};
    struct catalog_disk_point row, found = {.id = NULL};
    struct catalog *c = k.catalog;

    put_disk_point(&row);
#define FOUND(call) disk_points_found((call), &list)
    cr_expect_eq(FOUND(catalog_disk_point_list(c, POINT_1, &all, &list, &e)), 1);
    cr_expect_eq(FOUND(catalog_disk_point_list(c, "/other", &all, &list, &e)), 0);
    cr_expect_eq(FOUND(catalog_disk_point_list_of_family(c, "f1", &all, &list, &e)), 1);
    cr_expect_eq(FOUND(catalog_disk_point_list_of_family(c, "f2", &all, &list, &e)), 0);
    cr_expect_eq(FOUND(catalog_disk_point_list_of_source(c, "/S", &all, &list, &e)), 1);
    cr_expect_eq(FOUND(catalog_disk_point_list_of_source(c, "/b", &all, &list, &e)), 0);
    cr_expect_eq(FOUND(catalog_disk_point_list_of_base(c, "/b", &all, &list, &e)), 1);
    cr_expect_eq(FOUND(catalog_disk_point_list_of_base(c, "/s", &all, &list, &e)), 0);
    cr_expect_eq(FOUND(catalog_disk_point_list_unended(c, &all, &list, &e)), 1);
#define IN_BLOB(region, container, blob)                                                           \
    FOUND(catalog_disk_point_list_of_blob(c, region, container, blob, &all, &list, &e))
    cr_expect_eq(IN_BLOB("EAST", "f-1", "disk-2"), 1);
    cr_expect_eq(IN_BLOB("west", "f-1", "disk-2"), 0);
    cr_expect_eq(IN_BLOB("east", "f-1", "disk-1"), 0);
    cr_expect_eq(IN_BLOB("west", "vms", "os"), 0);
    HERE(catalog_disk_point_set_cut(c, row.id, "blob:west/vms/os@T0", &e));
    cr_expect_eq(IN_BLOB("West", "vms", "os"), 1);
    cr_expect_eq(IN_BLOB("west", "vms", "o"), 0);
#undef IN_BLOB
    HERE(catalog_disk_point_set_snapshot(c, row.id, "T1", "sha256:1", 99, &e));
    cr_expect_eq(FOUND(catalog_disk_point_list_unended(c, &all, &list, &e)), 0);
#undef FOUND
    HERE(catalog_disk_point_get(c, row.id, &found, &e));
    SAME_TEXT(found.snapshot, "T1");
    SAME_TEXT(found.root, "sha256:1");
    SAME_NUMBER(found.ended_ns, 99);
    cr_expect_null(found.cut_path);
    catalog_disk_point_fini(&found);
}

Test(catalog_rows, a_family_is_one_of_its_disk_region_and_collection)
{
    struct catalog_family found = {.guid = NULL};
    struct catalog_family_list list = {.rows = NULL};
    struct catalog_family copies = {.guid = "F2",
                                    .region = "east",
                                    .source_disk = DISK_1,
                                    .collection_id = CATALOG_CASE_COLLECTION,
                                    .container = "f-2"};

    put_family();
    HERE(catalog_family_put(k.catalog, &copies, &e));
    HERE(catalog_family_find(k.catalog, "east", DISK_1, NULL, &found, &e));
    SAME_TEXT(found.guid, "F1");
    SAME_TEXT(found.region, "east");
    SAME_TEXT(found.source_disk, DISK_1);
    cr_expect_null(found.collection_id);
    SAME_TEXT(found.container, "f-1");
    SAME_TEXT(found.live_blob, "disk-2");
    SAME_NUMBER(found.blob_count, 2);
    SAME_TEXT(found.held_disk_point_id, DISK_POINT_1);
    SAME_TEXT(found.held_source_id, "/s");
    SAME_TEXT(found.held_place, "blob:west/c/b@T0");
    catalog_family_fini(&found);
    HERE(catalog_family_find(k.catalog, "east", DISK_1, CATALOG_CASE_COLLECTION, &found, &e));
    SAME_TEXT(found.guid, "F2");
    catalog_family_fini(&found);
    HERE(catalog_family_find(k.catalog, "west", DISK_1, NULL, &found, &e));
    cr_expect_null(found.guid);
    HERE(catalog_family_set_held(k.catalog, "f1", NULL, &e));
    HERE(catalog_family_list(k.catalog, &all, &list, &e));
    cr_assert_eq(list.count, 2);
    cr_expect_null(list.rows[0].held_disk_point_id);
    cr_expect_null(list.rows[0].held_source_id);
    cr_expect_null(list.rows[0].held_place);
    catalog_family_list_fini(&list);
    HERE(catalog_family_list_of_collection(k.catalog, CATALOG_CASE_COLLECTION, &all, &list, &e));
    cr_expect_eq(list.count, 1);
    catalog_family_list_fini(&list);
    copies.guid = "F3";
    cr_expect_not(catalog_family_put(k.catalog, &copies, &e));
    cr_expect_eq(e.kind, ERR_CONFLICT);
}
