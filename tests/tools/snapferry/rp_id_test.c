/* rp_id_test.c - ids of restore points in every spelling that documents use. */
#include "tools/snapferry/rp_id.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define COMPUTE "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"

static struct rp_id good(const char *text)
{
    struct err e = {0};
    struct rp_id id;

    cr_assert(rp_id_parse(text, "s", "g", &id, &e), "%s: %s", text, e.text);
    return id;
}

Test(rp_id, takes_every_spelling_of_an_id)
{
    static const char *const spellings[] = {
        COMPUTE "/restorePointCollections/c/restorePoints/p/diskRestorePoints/d",
        "SUBSCRIPTIONS/S/resourcegroups/G/restorePointCollections/C/restorepoints/P/"
        "diskRestorePoints/D/",
        "/subscriptions/s/resourceGroups/g/providers/microsoft.compute/restorePointCollections/c/"
        "restorePoints/p/diskRestorePoints/d",
        "c/p/d",
    };
    char text[RP_ID_MAX_BYTES];
    struct rp_id first = good(spellings[0]);

    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        struct rp_id id = good(spellings[i]);

        cr_expect(rp_id_same(&id, &first), "%s", spellings[i]);
        cr_expect_eq(id.depth, RP_PARTS);
    }
    rp_id_text(&first, text);
    cr_expect_str_eq(text, spellings[0]);
}

Test(rp_id, a_part_of_an_id_is_its_beginning)
{
    struct rp_id disk = good("c/p/d"), point = rp_id_of(&disk, RP_POINT + 1), other = good("c/p");
    char text[RP_ID_MAX_BYTES];

    cr_expect(rp_id_same(&point, &other));
    cr_expect_not(rp_id_same(&point, &disk));
    rp_id_text(&point, text);
    cr_expect_str_eq(text, COMPUTE "/restorePointCollections/c/restorePoints/p");
}

Test(rp_id, a_path_has_its_names_encoded_and_its_query_as_it_is)
{
    struct err e = {0};
    struct rp_id id;
    char *path;

    cr_assert(rp_id_parse("c", "s", "my(group)", &id, &e), "%s", e.text);
    path = rp_id_path(&id, "/x", "a=1&$b=2");
    cr_assert(path);
    cr_expect_str_eq(path,
                     "/subscriptions/s/resourceGroups/my%28group%29/providers/Microsoft.Compute"
                     "/restorePointCollections/c/x?a=1&$b=2");
    free(path);
}

Test(rp_id, refuses_what_could_lead_elsewhere)
{
    static const char *const wrong[] = {
        "c/..",
        "c/p/d/x",
        "c?x",
        "c/p#d",
        "c/%2e%2e",
        "",
        COMPUTE "/restorePointCollections/..",
        COMPUTE "/virtualMachines/v",
        COMPUTE "/restorePointCollections",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/restorePointCollections/c",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct err e = {0};
        struct rp_id id;

        if (*wrong[i])
            cr_expect_not(rp_id_parse(wrong[i], "s", "g", &id, &e), "%s", wrong[i]);
        else
            cr_expect(rp_id_parse(wrong[i], "s", "g", &id, &e) && id.depth == RP_GROUP + 1);
    }
}

Test(rp_id, names_alone_need_to_know_where_they_are)
{
    struct err e = {0};
    struct rp_id id;
    char long_name[2 * RP_NAME_MAX_BYTES];

    cr_expect_not(rp_id_parse("c", NULL, "g", &id, &e));
    err_clear(&e);
    cr_expect_not(rp_id_parse("c", "s", NULL, &id, &e));
    err_clear(&e);
    cr_expect(rp_id_parse(NULL, "s", NULL, &id, &e) && id.depth == 1, "all of a subscription");
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = 0;
    cr_expect_not(rp_id_parse(long_name, "s", "g", &id, &e));
}
