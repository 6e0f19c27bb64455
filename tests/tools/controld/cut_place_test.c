/* cut_place_test.c - both spellings of where a cut lies, and what is neither. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/controld/cut_place.h"

Test(cut_place, a_path_is_a_file)
{
    struct cut_place place;

    cr_assert(cut_place_read("/srv/cuts/blob:a@b", &place));
    cr_expect_str_eq(place.file, "/srv/cuts/blob:a@b");
    cr_expect_null(place.region);
    cut_place_fini(&place);
}

Test(cut_place, a_blob_is_read_as_it_was_written)
{
    const char *const blobs[] = {"disk-1", "folder/with@sign/disk.vhd", "@"};
    const char *time = "2026-11-21T18:22:07.6658568Z";
    struct cut_place place;

    for (size_t i = 0; i < sizeof blobs / sizeof blobs[0]; i++) {
        char *text = cut_place_of_blob("westus", "vhds", blobs[i], time);

        cr_assert_not_null(text);
        cr_assert(cut_place_read(text, &place), "%s", text);
        cr_expect_null(place.file);
        cr_expect_str_eq(place.region, "westus");
        cr_expect_str_eq(place.container, "vhds");
        cr_expect_str_eq(place.blob, blobs[i]);
        cr_expect_str_eq(place.snapshot, time);
        cut_place_fini(&place);
        free(text);
    }
}

Test(cut_place, refuses_what_is_neither)
{
    const char *const texts[] = {"",
                                 "cuts/a",
                                 "blob:",
                                 "blob:westus",
                                 "blob:a/b",
                                 "blob:a/b/c",
                                 "blob:a/b/@time",
                                 "blob:a/b/c@",
                                 "blob:/b/c@t",
                                 "blob:a//c@t",
                                 "Blob:a/b/c@t"};
    struct cut_place place;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_expect_not(cut_place_read(texts[i], &place), "%s", texts[i]);
        cr_expect_null(place.file);
        cr_expect_null(place.region);
        cut_place_fini(&place);
    }
}
