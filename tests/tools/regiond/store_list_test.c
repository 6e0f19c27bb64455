/* store_list_test.c - containers and their blobs: created, described, listed page by page. */
#include "tests/support/store_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct store_case *c, const char *name)
{
    struct store_new_blob blob = {.size_bytes = 512};
    struct store_key key = c->key;

    key.blob = name;
    cr_assert_eq(store_blob_put(c->store, &key, NULL, &blob, NULL), STORE_OK);
}

/* All items as one text, "name" or "name@snapshot" or "prefix*", by commas; pages of count_max. */
static void list(struct store_case *c, struct store_blob_query query, char *out, size_t room)
{
    struct store_blob_page page;
    char *marker = NULL;
    size_t used = 0;

    out[0] = '\0';
    do {
        query.marker = marker;
        cr_assert_eq(store_blob_list(c->store, "acct", "cont", &query, &page), STORE_OK);
        cr_assert_leq(page.count, query.count_max);
        for (size_t i = 0; i < page.count; i++) {
            const struct store_blob_item *item = &page.items[i];

            used += (size_t)snprintf(out + used, room - used, "%s%s%s%s", used ? "," : "",
                                     item->name, item->is_prefix ? "*" : "",
                                     item->properties.snapshot[0] ? "@" : "");
            cr_assert_lt(used, room);
        }
        free(marker);
        marker = page.next ? strdup(page.next) : NULL;
        store_blob_page_fini(&page);
    } while (marker);
}

Test(store_list, blobs_come_in_order_whatever_the_page_size)
{
    static const char *const names[] = {"b", "a/2", "a/1", "a", "c d", "a/x/1", "\xc3\xa9"};
    struct store_case c = {0};
    char text[400];

    store_case_open(&c);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put(&c, names[i]);
    for (size_t max = 1; max < 9; max++) {
        list(&c, (struct store_blob_query){.count_max = max}, text, sizeof text);
        cr_assert_str_eq(text, "a,a/1,a/2,a/x/1,b,c d,\xc3\xa9");
        list(&c, (struct store_blob_query){.count_max = max, .prefix = "a/"}, text, sizeof text);
        cr_assert_str_eq(text, "a/1,a/2,a/x/1");
        list(&c, (struct store_blob_query){.count_max = max, .delimiter = "/"}, text, sizeof text);
        cr_assert_str_eq(text, "a,a/*,b,c d,\xc3\xa9");
        list(&c, (struct store_blob_query){.count_max = max, .prefix = "a/", .delimiter = "/"},
             text, sizeof text);
        cr_assert_str_eq(text, "a/1,a/2,a/x/*");
        list(&c, (struct store_blob_query){.count_max = max, .prefix = "zz"}, text, sizeof text);
        cr_assert_str_eq(text, "");
    }
    store_case_close(&c);
}

Test(store_list, snapshots_come_before_their_blob_and_pages_may_cut_anywhere)
{
    struct store_case c = {0};
    char text[400], snapshot[STORE_SNAPSHOT_BYTES];

    store_case_open(&c);
    put(&c, "a");
    put(&c, "disk");
    put(&c, "e");
    for (unsigned i = 0; i < 3; i++)
        store_case_take_snapshot(&c, snapshot);
    for (size_t max = 1; max < 8; max++) {
        list(&c, (struct store_blob_query){.count_max = max, .snapshots = true}, text, sizeof text);
        cr_assert_str_eq(text, "a,disk@,disk@,disk@,disk,e");
        list(&c, (struct store_blob_query){.count_max = max}, text, sizeof text);
        cr_assert_str_eq(text, "a,disk,e");
    }
    store_case_close(&c);
}

Test(store_list, a_marker_outlives_the_item_it_names)
{
    struct store_blob_query query = {.count_max = 1};
    struct store_blob_page page, next;
    struct store_case c = {0};
    struct store_key key;

    store_case_open(&c);
    put(&c, "a");
    put(&c, "b");
    put(&c, "c");
    cr_assert_eq(store_blob_list(c.store, "acct", "cont", &query, &page), STORE_OK);
    key = c.key;
    key.blob = "b";
    cr_assert_eq(store_blob_delete(c.store, &key, NULL, STORE_DELETE_BASE), STORE_OK);
    query.marker = page.next;
    cr_assert_eq(store_blob_list(c.store, "acct", "cont", &query, &next), STORE_OK);
    cr_assert_eq(next.count, 1);
    cr_assert_str_eq(next.items[0].name, "c");
    cr_assert_null(next.next);
    store_blob_page_fini(&page);
    store_blob_page_fini(&next);
    query.marker = "nonsense";
    cr_assert_eq(store_blob_list(c.store, "acct", "cont", &query, &page), STORE_INVALID_VALUE);
    store_case_close(&c);
}

Test(store_list, containers_of_an_account_only)
{
    struct store_container_page page;
    struct store_case c = {0};
    char *marker = NULL, text[200] = "";

    store_case_open(&c);
    cr_assert_eq(store_container_create(c.store, "acct", "alpha", NULL, NULL), STORE_OK);
    cr_assert_eq(store_container_create(c.store, "acct", "beta", NULL, NULL), STORE_OK);
    cr_assert_eq(store_container_create(c.store, "other", "alpha", NULL, NULL), STORE_OK);
    cr_assert_eq(store_container_create(c.store, "acct", "beta", NULL, NULL),
                 STORE_CONTAINER_EXISTS);
    do {
        cr_assert_eq(store_container_list(c.store, "acct", NULL, marker, 1, &page), STORE_OK);
        cr_assert_eq(page.count, 1);
        strcat(strcat(text, page.items[0].name), ",");
        free(marker);
        marker = page.next ? strdup(page.next) : NULL;
        store_container_page_fini(&page);
    } while (marker);
    cr_assert_str_eq(text, "alpha,beta,cont,");
    cr_assert_eq(store_container_list(c.store, "acct", "b", NULL, 10, &page), STORE_OK);
    cr_assert_eq(page.count, 1);
    cr_assert_null(page.next);
    store_container_page_fini(&page);
    store_case_close(&c);
}

Test(store_list, a_container_keeps_its_metadata_and_five_policies)
{
    struct store_pairs metadata = {0}, policies = {0};
    struct store_conditions when = {.if_match = "\"0x1\""};
    struct store_container found;
    struct store_stamp stamp;
    struct store_case c = {0};
    char id[2] = "a";

    store_case_open(&c);
    cr_assert(store_pairs_add(&metadata, "owner", "me"));
    cr_assert_eq(store_container_set_metadata(c.store, "acct", "cont", &when, &metadata, &stamp),
                 STORE_CONDITION_NOT_MET);
    cr_assert_eq(store_container_set_metadata(c.store, "acct", "cont", NULL, &metadata, &stamp),
                 STORE_OK);
    for (; id[0] < 'f'; id[0]++)
        cr_assert(store_pairs_add(&policies, id, "<AccessPolicy/>"));
    cr_assert_eq(store_container_set_policies(c.store, "acct", "cont", NULL, &policies, &stamp),
                 STORE_OK);
    cr_assert(store_pairs_add(&policies, "f", ""));
    cr_assert_eq(store_container_set_policies(c.store, "acct", "cont", NULL, &policies, &stamp),
                 STORE_POLICY_LIMIT);
    store_case_reopen(&c);
    cr_assert_eq(store_container_get(c.store, "acct", "cont", &found), STORE_OK);
    cr_assert_str_eq(found.stamp.etag, stamp.etag);
    cr_assert_eq(found.policies.count, 5);
    cr_assert_str_eq(store_pairs_get(&found.policies, "e"), "<AccessPolicy/>");
    cr_assert_str_eq(store_pairs_get(&found.metadata, "owner"), "me");
    store_container_fini(&found);
    cr_assert_eq(store_container_get(c.store, "acct", "none", &found), STORE_CONTAINER_NOT_FOUND);
    store_pairs_fini(&metadata);
    store_pairs_fini(&policies);
    store_case_close(&c);
}

Test(store_list, a_deleted_container_takes_its_blobs_and_a_new_one_is_empty)
{
    struct store_case c = {0};
    struct store_properties p;
    char text[100];

    store_case_open(&c);
    put(&c, "disk");
    cr_assert_eq(store_container_delete(c.store, "acct", "cont", NULL), STORE_OK);
    cr_assert_eq(store_container_delete(c.store, "acct", "cont", NULL), STORE_CONTAINER_NOT_FOUND);
    cr_assert_eq(store_blob_get(c.store, &c.key, NULL, &p), STORE_CONTAINER_NOT_FOUND);
    cr_assert_eq(store_container_create(c.store, "acct", "cont", NULL, NULL), STORE_OK);
    store_case_reopen(&c);
    list(&c, (struct store_blob_query){.count_max = 10}, text, sizeof text);
    cr_assert_str_eq(text, "");
    store_case_close(&c);
}
