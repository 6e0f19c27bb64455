/* family_place_test.c - which container is a family's own, and what closing one does. */
#include "tools/controld/family_place.h"

#include <criterion/criterion.h>

#include "tests/support/catalog_case.h"

#define GUID "01234567-89ab-cdef-0123-456789abcdef"
#define DISK CATALOG_CASE_GROUP "/providers/Microsoft.Compute/disks/d"

static struct catalog_family family(const char *container)
{
    return (struct catalog_family){.guid = GUID,
                                   .region = "west",
                                   .source_disk = DISK,
                                   .container = container,
                                   .live_blob = "disk-1",
                                   .blob_count = 1};
}

Test(family_place, tells_its_own_container_from_all_others)
{
    struct catalog_family own = family("f-0123456789abcdef0123456789abcdef");
    struct catalog_family of_machine = family("vhds");
    struct catalog_family of_other = family("f-0123456789abcdef0123456789abcde0");
    struct catalog_family none = {0};

    cr_assert(family_place_is_own(&own));
    cr_assert_not(family_place_is_own(&of_machine));
    cr_assert_not(family_place_is_own(&of_other));
    cr_assert_not(family_place_is_own(&none));
}

Test(family_place, a_closed_family_is_not_found_by_its_disk)
{
    struct catalog_family row = family("vhds"), found = {0};
    struct catalog_case k;
    struct err e = {0};

    catalog_case_begin(&k);
    catalog_case_open(&k);
    cr_assert(catalog_begin(k.catalog, &e));
    cr_assert(catalog_family_put(k.catalog, &row, &e), "%s", e.text);
    cr_assert_not(family_place_is_closed(&row));
    cr_assert(family_place_close(k.catalog, &row, &e), "%s", e.text);
    row.guid =
        "11234567-89ab-cdef-0123-456789abcdef"; /* another of that container, closed as well */
    cr_assert(catalog_family_put(k.catalog, &row, &e), "%s", e.text);
    cr_assert(family_place_close(k.catalog, &row, &e), "%s", e.text);
    cr_assert(catalog_family_find(k.catalog, "west", DISK, NULL, &found, &e), "%s", e.text);
    cr_assert_null(found.guid);
    cr_assert(catalog_family_get(k.catalog, GUID, &found, &e), "%s", e.text);
    cr_assert(family_place_is_closed(&found));
    cr_assert_str_eq(found.container, "vhds");
    catalog_family_fini(&found);
    cr_assert(catalog_commit(k.catalog, &e));
    catalog_case_end(&k);
}
