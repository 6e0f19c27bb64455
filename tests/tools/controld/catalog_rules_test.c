/* catalog_rules_test.c - what holds for every table: case, pages, references, what is not there.
 * Must not know: SQL. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/catalog_case.h"
#include "tools/controld/catalog_collections.h"
#include "tools/controld/catalog_families.h"

#define UPPER_COLLECTION                                                                           \
    "/SUBSCRIPTIONS/S1/RESOURCEGROUPS/PROD/PROVIDERS/MICROSOFT.COMPUTE/RESTOREPOINTCOLLECTIONS/"   \
    "DAILY"

static struct catalog_case k;
static struct err e;
static const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};

#define HERE(call) catalog_case_ok((call), &e)

static void rules_begin(void)
{
    catalog_case_begin(&k);
    catalog_case_open(&k);
    HERE(catalog_begin(k.catalog, &e));
}

static void rules_end(void)
{
    catalog_case_end(&k);
}

TestSuite(catalog_rules, .init = rules_begin, .fini = rules_end, .timeout = 120);

Test(catalog_rules, ids_are_one_in_any_case_and_keep_their_first_spelling)
{
    struct catalog_collection found = {.id = NULL};
    struct catalog_collection_list list = {.rows = NULL};
    struct catalog_point_list points = {.rows = NULL};

    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    catalog_case_put_collection(k.catalog, UPPER_COLLECTION);
    HERE(catalog_collection_get(k.catalog, UPPER_COLLECTION, &found, &e));
    cr_expect_str_eq(found.id, CATALOG_CASE_COLLECTION);
    catalog_collection_fini(&found);
    HERE(catalog_collection_list(k.catalog, "/Subscriptions/S1", &all, &list, &e));
    cr_expect_eq(list.count, 1);
    catalog_collection_list_fini(&list);
    catalog_case_put_point(k.catalog, UPPER_COLLECTION, CATALOG_CASE_COLLECTION "/restorePoints/a");
    catalog_case_put_point(k.catalog, CATALOG_CASE_COLLECTION, UPPER_COLLECTION "/RESTOREPOINTS/A");
    HERE(catalog_point_list(k.catalog, CATALOG_CASE_COLLECTION, &all, &points, &e));
    cr_assert_eq(points.count, 1);
    cr_expect_str_eq(points.rows[0].id, CATALOG_CASE_COLLECTION "/restorePoints/a");
    catalog_point_list_fini(&points);
    HERE(catalog_point_delete(k.catalog, UPPER_COLLECTION "/RestorePoints/A", &e));
    HERE(catalog_collection_delete(k.catalog, UPPER_COLLECTION, &e));
}

Test(catalog_rules, what_is_not_there_is_no_error_but_cannot_be_changed)
{
    struct catalog_point found = {.id = NULL};
    struct catalog_point_list list = {.rows = NULL};

    HERE(catalog_point_get(k.catalog, "/none", &found, &e));
    cr_expect_null(found.id);
    HERE(catalog_point_get(k.catalog, NULL, &found, &e));
    cr_expect_null(found.id, "what refers to nothing finds nothing");
    HERE(catalog_point_delete(k.catalog, "/none", &e));
    HERE(catalog_point_list(k.catalog, "/none", &all, &list, &e));
    cr_expect_eq(list.count, 0);
    cr_expect_not(list.more);
    catalog_point_list_fini(&list);
    cr_expect_not(catalog_point_set_state(k.catalog, "/none", CATALOG_FAILED, NULL, NULL, &e));
    cr_expect_eq(e.kind, ERR_GONE);
    err_clear(&e);
    cr_expect_not(catalog_point_set_hook(k.catalog, NULL, "0", NULL, &e));
    cr_expect_eq(e.kind, ERR_GONE);
    err_clear(&e);
    HERE(catalog_commit(k.catalog, &e));
}

Test(catalog_rules, a_row_that_was_read_is_not_read_over, .signal = SIGABRT)
{
    struct catalog_collection found = {.id = NULL};

    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    HERE(catalog_collection_get(k.catalog, CATALOG_CASE_COLLECTION, &found, &e));
    HERE(catalog_collection_get(k.catalog, CATALOG_CASE_COLLECTION, &found, &e));
}

static void expect_kept(bool deleted)
{
    cr_expect_not(deleted);
    cr_expect_eq(e.kind, ERR_CONFLICT, "%s", e.text);
    cr_expect_eq(e.retry, RETRY_NEVER);
    err_clear(&e);
    catalog_rollback(k.catalog);
    HERE(catalog_begin(k.catalog, &e));
}

Test(catalog_rules, what_others_refer_to_is_not_deleted_and_nothing_refers_to_none)
{
    char point[CATALOG_CASE_ID_BYTES], disk[CATALOG_CASE_ID_BYTES];
    struct catalog_family family = {
        .guid = "f", .region = "r", .source_disk = "d", .container = "c"};
    struct catalog_disk_point row = {.point_id = point, .id = disk, .family = "F"};

    catalog_case_point_id(point, CATALOG_CASE_COLLECTION, 1);
    catalog_case_disk_point_id(disk, point, 1);
    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    catalog_case_put_point(k.catalog, CATALOG_CASE_COLLECTION, point);
    HERE(catalog_family_put(k.catalog, &family, &e));
    HERE(catalog_disk_point_put(k.catalog, &row, &e));
    HERE(catalog_commit(k.catalog, &e));
    HERE(catalog_begin(k.catalog, &e));
    expect_kept(catalog_collection_delete(k.catalog, CATALOG_CASE_COLLECTION, &e));
    expect_kept(catalog_point_delete(k.catalog, point, &e));
    expect_kept(catalog_family_delete(k.catalog, "f", &e));
    row.family = "no such family";
    expect_kept(catalog_disk_point_put(k.catalog, &row, &e));
    row.family = NULL;
    row.point_id = "/no/such/point";
    expect_kept(catalog_disk_point_put(k.catalog, &row, &e));
    HERE(catalog_disk_point_delete(k.catalog, disk, &e));
    HERE(catalog_family_delete(k.catalog, "f", &e));
    HERE(catalog_point_delete(k.catalog, point, &e));
    HERE(catalog_collection_delete(k.catalog, CATALOG_CASE_COLLECTION, &e));
    HERE(catalog_commit(k.catalog, &e));
}

Test(catalog_rules, pages_join_to_the_whole_list)
{
    char id[CATALOG_CASE_ID_BYTES], after[CATALOG_CASE_ID_BYTES] = "";
    struct catalog_page page = {.after = NULL, .limit = 10};
    unsigned seen = 0, pages = 0;
    bool more = true;

    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    for (unsigned i = 40; i-- > 0;) {
        catalog_case_point_id(id, CATALOG_CASE_COLLECTION, i);
        catalog_case_put_point(k.catalog, CATALOG_CASE_COLLECTION, id);
    }
    while (more) {
        struct catalog_point_list list = {.rows = NULL};

        HERE(catalog_point_list(k.catalog, CATALOG_CASE_COLLECTION, &page, &list, &e));
        cr_assert_eq(list.count, 10, "the last page is full, and known to be the last");
        for (size_t i = 0; i < list.count; i++) {
            catalog_case_point_id(id, CATALOG_CASE_COLLECTION, seen++);
            cr_expect_str_eq(list.rows[i].id, id);
        }
        more = list.more;
        pages++;
        strcpy(after, list.rows[list.count - 1].id);
        page.after = after;
        catalog_point_list_fini(&list);
    }
    cr_expect_eq(seen, 40);
    cr_expect_eq(pages, 4);
}

Test(catalog_rules, a_page_goes_on_behind_a_row_that_was_deleted)
{
    char ids[3][CATALOG_CASE_ID_BYTES];
    struct catalog_page page = {.after = ids[0], .limit = 1};
    struct catalog_point_list list = {.rows = NULL};

    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    for (unsigned i = 0; i < 3; i++) {
        catalog_case_point_id(ids[i], CATALOG_CASE_COLLECTION, i);
        catalog_case_put_point(k.catalog, CATALOG_CASE_COLLECTION, ids[i]);
    }
    HERE(catalog_point_delete(k.catalog, ids[0], &e));
    HERE(catalog_point_list(k.catalog, CATALOG_CASE_COLLECTION, &page, &list, &e));
    cr_assert_eq(list.count, 1);
    cr_expect_str_eq(list.rows[0].id, ids[1]);
    cr_expect(list.more);
    catalog_point_list_fini(&list);
}

Test(catalog_rules, a_group_is_not_another_whose_name_begins_the_same)
{
    static const char *const groups[] = {"prod", "prod-2", "Prod.x", "prod0", "prodige", "Other"};
    char id[CATALOG_CASE_ID_BYTES];
    struct catalog_collection_list list = {.rows = NULL};

    for (unsigned i = 0; i < sizeof groups / sizeof *groups; i++) {
        snprintf(id, sizeof id, "/subscriptions/s1/resourceGroups/%s/providers/x/y", groups[i]);
        catalog_case_put_collection(k.catalog, id);
    }
    HERE(catalog_collection_list(k.catalog, "/subscriptions/S1/resourcegroups/PROD", &all, &list,
                                 &e));
    cr_expect_eq(list.count, 1);
    catalog_collection_list_fini(&list);
    HERE(catalog_collection_list(k.catalog, "/subscriptions/s1", &all, &list, &e));
    cr_expect_eq(list.count, 6);
    catalog_collection_list_fini(&list);
    HERE(catalog_collection_list(k.catalog, "/subscriptions/s", &all, &list, &e));
    cr_expect_eq(list.count, 0);
    catalog_collection_list_fini(&list);
    HERE(catalog_collection_list(k.catalog, NULL, &all, &list, &e));
    cr_expect_eq(list.count, 6);
    catalog_collection_list_fini(&list);
}

Test(catalog_rules, what_is_rolled_back_or_left_open_is_not_there)
{
    struct catalog_collection found = {.id = NULL};

    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    catalog_rollback(k.catalog);
    cr_expect_not(catalog_in_transaction(k.catalog));
    HERE(catalog_collection_get(k.catalog, CATALOG_CASE_COLLECTION, &found, &e));
    cr_expect_null(found.id);
    HERE(catalog_begin(k.catalog, &e));
    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    catalog_case_close(&k);
    catalog_case_open(&k);
    HERE(catalog_collection_get(k.catalog, CATALOG_CASE_COLLECTION, &found, &e));
    cr_expect_null(found.id);
}

Test(catalog_rules, a_change_outside_a_transaction_is_a_mistake_of_ours, .signal = SIGABRT)
{
    catalog_rollback(k.catalog);
    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
}
