/* catalog_bases_test.c - who needs a base, and which are spare: rows alone. */
#include "tools/controld/catalog_bases.h"

#include <criterion/criterion.h>

#include "tests/support/catalog_case.h"
#include "tools/controld/catalog_families.h"

#define PLACE      "blob:west/vhds/os@2026-01-01T00:00:00.0000000Z"
#define OTHER      "blob:west/vhds/os@2026-01-02T00:00:00.0000000Z"
#define POINT      CATALOG_CASE_COLLECTION "/restorePoints/p"
#define DISK_POINT POINT "/diskRestorePoints/os"

static struct catalog_case k;
static struct err e;

static void begin(void)
{
    const struct catalog_base rows[] = {{PLACE, "/old"}, {OTHER, "/older"}};
    const struct catalog_family family = {
        .guid = "f1", .region = "east", .source_disk = "/disks/os", .container = "f-1"};

    catalog_case_begin(&k);
    catalog_case_open(&k);
    catalog_case_ok(catalog_begin(k.catalog, &e), &e);
    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    catalog_case_put_point(k.catalog, CATALOG_CASE_COLLECTION, POINT);
    catalog_case_ok(catalog_family_put(k.catalog, &family, &e), &e);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        catalog_case_ok(catalog_base_put(k.catalog, &rows[i], &e), &e);
}

static void end(void)
{
    catalog_case_ok(catalog_commit(k.catalog, &e), &e);
    catalog_case_end(&k);
}

TestSuite(catalog_bases, .init = begin, .fini = end, .timeout = 60);

static void spare_are(size_t count, const char *first)
{
    const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};
    struct catalog_base_list list = {0};

    catalog_case_ok(catalog_base_list_spare(k.catalog, &all, &list, &e), &e);
    cr_assert_eq(list.count, count);
    if (first)
        cr_expect_str_eq(list.rows[0].place, first);
    catalog_base_list_fini(&list);
}

static bool is_needed(const char *place)
{
    bool needed;

    catalog_case_ok(catalog_base_is_needed(k.catalog, place, &needed, &e), &e);
    return needed;
}

static bool is_kept(const char *place)
{
    bool kept;

    catalog_case_ok(catalog_base_is_kept(k.catalog, place, &kept, &e), &e);
    return kept;
}

Test(catalog_bases, one_is_needed_while_a_live_blob_holds_it)
{
    const struct catalog_held held = {.disk_point_id = "/d", .source_id = "/s", .place = PLACE};

    spare_are(2, PLACE);
    catalog_case_ok(catalog_family_set_held(k.catalog, "f1", &held, &e), &e);
    cr_expect(is_needed(PLACE));
    cr_expect(!is_needed(OTHER));
    spare_are(1, OTHER);
    catalog_case_ok(catalog_family_set_held(k.catalog, "f1", NULL, &e), &e);
    spare_are(2, PLACE);
}

Test(catalog_bases, one_is_needed_until_the_delta_of_it_is_complete)
{
    struct catalog_disk_point read = {0}, row;

    catalog_case_put_disk_point(k.catalog, POINT, DISK_POINT);
    catalog_case_ok(catalog_disk_point_get(k.catalog, DISK_POINT, &read, &e), &e);
    row = read;
    row.base_place = PLACE;
    row.snapshot = NULL;
    row.ended_ns = 1; /* also when it failed: it may be put again */
    catalog_case_ok(catalog_disk_point_put(k.catalog, &row, &e), &e);
    cr_expect(is_needed(PLACE));
    spare_are(1, OTHER);
    row.snapshot = "2026-01-03T00:00:00.0000000Z";
    catalog_case_ok(catalog_disk_point_put(k.catalog, &row, &e), &e);
    catalog_disk_point_fini(&read);
    cr_expect(!is_needed(PLACE));
    spare_are(2, PLACE);
}

Test(catalog_bases, one_that_is_deleted_is_not_kept)
{
    cr_expect(is_kept(PLACE));
    catalog_case_ok(catalog_base_delete(k.catalog, PLACE, &e), &e);
    cr_expect(!is_kept(PLACE));
    spare_are(1, OTHER);
}
