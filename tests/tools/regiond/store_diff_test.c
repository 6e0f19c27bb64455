/* store_diff_test.c - differences said plainly, case by case (the model test has the rest). */
#include "tests/support/store_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "d0-512 c512-1024": starts and ends in bytes. */
static void diff(struct store_case *c, const char *previous, const char *snapshot, char *out,
                 size_t room)
{
    size_t count, used = 0;
    struct store_range *items = store_case_ranges(c, snapshot, previous, 3, &count);

    out[0] = '\0';
    for (size_t i = 0; i < count && used < room; i++)
        used += (size_t)snprintf(out + used, room - used, "%s%c%llu-%llu", used ? " " : "",
                                 items[i].clear ? 'c' : 'd', (unsigned long long)items[i].start,
                                 (unsigned long long)items[i].end);
    free(items);
}

static enum store_result diff_result(struct store_case *c, const char *previous,
                                     const char *snapshot)
{
    struct store_key key = store_case_snapshot(c, snapshot);
    struct store_range_query query = {.previous = previous, .to = UINT64_MAX};
    struct store_range_page page;
    struct store_range item;
    enum store_result result = store_ranges(c->store, &key, NULL, &query, &item, 1, &page);

    if (result == STORE_OK)
        store_properties_fini(&page.properties);
    return result;
}

Test(store_diff, written_and_cleared_pages_alternate_in_order)
{
    struct store_case c = {0};
    char s1[STORE_SNAPSHOT_BYTES], s2[STORE_SNAPSHOT_BYTES], text[200];

    store_case_open(&c);
    store_case_create(&c, 1 << 20);
    store_case_write(&c, 0, 4096, 1);
    store_case_take_snapshot(&c, s1);
    diff(&c, s1, NULL, text, sizeof text);
    cr_assert_str_eq(text, "");
    store_case_write(&c, 0, 512, 2);
    store_case_clear(&c, 512, 512);
    store_case_write(&c, 1024, 512, 2);
    store_case_write(&c, 8192, 512, 2);
    store_case_clear(&c, 16384, 512); /* was a hole: no difference */
    store_case_write(&c, 20480, 512, 2);
    store_case_clear(&c, 20480, 512); /* written and cleared again: no difference */
    store_case_write(&c, 2048, 512, 2);
    store_case_clear(&c, 2048, 512); /* but here the older one had data */
    diff(&c, s1, NULL, text, sizeof text);
    cr_assert_str_eq(text, "d0-512 c512-1024 d1024-1536 c2048-2560 d8192-8704");
    store_case_take_snapshot(&c, s2);
    store_case_write(&c, 4096, 512, 3);
    diff(&c, s1, s2, text, sizeof text);
    cr_assert_str_eq(text, "d0-512 c512-1024 d1024-1536 c2048-2560 d8192-8704");
    diff(&c, s2, NULL, text, sizeof text);
    cr_assert_str_eq(text, "d4096-4608");
    diff(&c, s1, s1, text, sizeof text);
    cr_assert_str_eq(text, "");
    store_case_close(&c);
}

Test(store_diff, rewriting_the_same_bytes_is_a_difference_of_pages)
{
    struct store_case c = {0};
    char s1[STORE_SNAPSHOT_BYTES], text[100];

    store_case_open(&c);
    store_case_create(&c, 4096);
    store_case_write(&c, 0, 4096, 1);
    store_case_take_snapshot(&c, s1);
    store_case_write(&c, 512, 512, 1);
    diff(&c, s1, NULL, text, sizeof text);
    cr_assert_str_eq(text, "d512-1024");
    store_case_close(&c);
}

Test(store_diff, a_grown_blob_lists_what_is_past_the_older_end_and_a_shrunk_one_does_not)
{
    struct store_change grow = {.resize = true, .size_bytes = 16384};
    struct store_change shrink = {.resize = true, .size_bytes = 2048};
    char s1[STORE_SNAPSHOT_BYTES], text[100];
    struct store_case c = {0};

    store_case_open(&c);
    store_case_create(&c, 4096);
    store_case_write(&c, 0, 4096, 1);
    store_case_take_snapshot(&c, s1);
    cr_assert_eq(store_blob_change(c.store, &c.key, NULL, &grow, NULL), STORE_OK);
    store_case_write(&c, 8192, 512, 1);
    diff(&c, s1, NULL, text, sizeof text);
    cr_assert_str_eq(text, "d8192-8704");
    cr_assert_eq(store_blob_change(c.store, &c.key, NULL, &shrink, NULL), STORE_OK);
    diff(&c, s1, NULL, text, sizeof text);
    cr_assert_str_eq(text, "");
    cr_assert_eq(store_blob_change(c.store, &c.key, NULL, &grow, NULL), STORE_OK);
    diff(&c, s1, NULL, text, sizeof text);
    cr_assert_str_eq(text, "c2048-4096"); /* grown back, but the pages are gone */
    store_case_close(&c);
}

Test(store_diff, refuses_by_name_what_cannot_be_compared)
{
    char s1[STORE_SNAPSHOT_BYTES], s2[STORE_SNAPSHOT_BYTES], s3[STORE_SNAPSHOT_BYTES];
    struct store_case c = {0};
    struct store_key key;

    store_case_open(&c);
    store_case_create(&c, 4096);
    store_case_take_snapshot(&c, s1);
    store_case_take_snapshot(&c, s2);
    cr_assert_eq(diff_result(&c, s2, s1), STORE_PREVIOUS_NEWER);
    cr_assert_eq(diff_result(&c, "2001-01-01T00:00:00.0000000Z", NULL), STORE_PREVIOUS_NOT_FOUND);
    cr_assert_eq(diff_result(&c, "yesterday", NULL), STORE_PREVIOUS_NOT_FOUND);
    cr_assert_eq(diff_result(&c, s1, "2001-01-01T00:00:00.0000000Z"), STORE_SNAPSHOT_NOT_FOUND);
    store_case_create(&c, 4096); /* Put Blob */
    store_case_take_snapshot(&c, s3);
    cr_assert_eq(diff_result(&c, s1, NULL), STORE_OVERWRITTEN);
    cr_assert_eq(diff_result(&c, s2, s3), STORE_OVERWRITTEN);
    cr_assert_eq(diff_result(&c, s1, s2), STORE_OK);
    cr_assert_eq(diff_result(&c, s3, NULL), STORE_OK);
    key = store_case_snapshot(&c, s1);
    cr_assert_eq(store_blob_delete(c.store, &key, NULL, STORE_DELETE_BASE), STORE_OK);
    cr_assert_eq(diff_result(&c, s1, s2), STORE_PREVIOUS_NOT_FOUND);
    store_case_reopen(&c);
    cr_assert_eq(diff_result(&c, s2, NULL), STORE_OVERWRITTEN);
    cr_assert_eq(diff_result(&c, s3, NULL), STORE_OK);
    store_case_close(&c);
}

Test(store_diff, a_window_cuts_ranges_at_its_edges)
{
    struct store_range_query query = {.from = 1024, .to = 6144};
    struct store_range items[4];
    struct store_range_page page;
    struct store_case c = {0};

    store_case_open(&c);
    store_case_create(&c, 16384);
    store_case_write(&c, 0, 2048, 1);
    store_case_write(&c, 4096, 8192, 1);
    cr_assert_eq(store_ranges(c.store, &c.key, NULL, &query, items, 4, &page), STORE_OK);
    cr_assert_eq(page.count, 2);
    cr_assert_not(page.more);
    cr_assert(items[0].start == 1024 && items[0].end == 2048);
    cr_assert(items[1].start == 4096 && items[1].end == 6144);
    cr_assert_eq(page.properties.size_bytes, 16384);
    store_properties_fini(&page.properties);
    query.from = 16384;
    query.to = UINT64_MAX;
    cr_assert_eq(store_ranges(c.store, &c.key, NULL, &query, items, 4, &page), STORE_OK);
    cr_assert_eq(page.count, 0);
    store_properties_fini(&page.properties);
    store_case_close(&c);
}
