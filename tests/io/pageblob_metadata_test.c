/* pageblob_metadata_test.c - names compare ignoring case, and all of it has a maximum. */
#include "io/pageblob_metadata.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(pageblob_metadata, sets_replaces_and_drops_ignoring_case)
{
    struct pageblob_metadata m = {0};
    struct err e = {0};

    cr_assert(pageblob_metadata_set(&m, "Owner", "a", &e));
    cr_assert(pageblob_metadata_set(&m, "other", "b", &e));
    cr_assert(pageblob_metadata_set(&m, "OWNER", "longer", &e));
    cr_assert_eq(m.count, 2);
    cr_assert_eq(m.bytes, strlen("OWNER"
                                 "longer"
                                 "other"
                                 "b"));
    cr_assert_str_eq(pageblob_metadata_get(&m, "owner"), "longer");
    pageblob_metadata_drop(&m, "Other");
    pageblob_metadata_drop(&m, "never there");
    cr_assert_null(pageblob_metadata_get(&m, "other"));
    cr_assert_eq(m.count, 1);
    pageblob_metadata_fini(&m);
    cr_assert_eq(m.count, 0);
}

Test(pageblob_metadata, refuses_one_name_too_many)
{
    struct pageblob_metadata m = {0};
    struct err e = {0};

    for (unsigned i = 0; i < PAGEBLOB_METADATA_COUNT_MAX; i++) {
        char name[16];

        snprintf(name, sizeof name, "n%u", i);
        cr_assert(pageblob_metadata_set(&m, name, "v", &e));
    }
    cr_assert(pageblob_metadata_set(&m, "n7", "w", &e)); /* a replacement still fits */
    cr_assert(!pageblob_metadata_set(&m, "more", "v", &e));
    cr_assert_eq(e.kind, ERR_LIMIT);
    pageblob_metadata_fini(&m);
}

Test(pageblob_metadata, refuses_one_byte_too_many)
{
    struct pageblob_metadata m = {0};
    struct err e = {0};
    char *value = malloc(PAGEBLOB_METADATA_MAX_BYTES + 1);

    memset(value, 'v', PAGEBLOB_METADATA_MAX_BYTES);
    value[PAGEBLOB_METADATA_MAX_BYTES] = 0;
    cr_assert(!pageblob_metadata_set(&m, "n", value, &e));
    cr_assert_eq(e.kind, ERR_LIMIT);
    cr_assert_eq(m.count, 0);
    cr_assert(pageblob_metadata_set(&m, "n", value + 1, &(struct err){.kind = ERR_NONE}));
    pageblob_metadata_fini(&m);
    free(value);
}
