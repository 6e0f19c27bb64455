/* store_verbs_test.c - what each verb on a blob does, keeps and refuses. */
#include "tests/support/store_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store_properties look(struct store_case *c, const char *snapshot)
{
    struct store_key key = store_case_snapshot(c, snapshot);
    struct store_properties properties;

    cr_assert_eq(store_blob_get(c->store, &key, NULL, &properties), STORE_OK);
    return properties;
}

static struct store_stamp stamp_of(struct store_case *c)
{
    struct store_properties properties = look(c, NULL);
    struct store_stamp stamp = properties.stamp;

    store_properties_fini(&properties);
    return stamp;
}

static enum store_result write_when(struct store_case *c, const struct store_conditions *when)
{
    unsigned char page[512] = {1};

    return store_pages_write(c->store, &c->key, when, 0, page, sizeof page, NULL);
}

static enum store_result change(struct store_case *c, enum store_sequence_action action,
                                uint64_t number)
{
    struct store_change what = {.sequence_action = action, .sequence_number = number};

    return store_blob_change(c->store, &c->key, NULL, &what, NULL);
}

Test(store_verbs, a_blob_keeps_what_it_was_put_with_across_a_restart)
{
    struct store_case c = {0};
    struct store_pairs metadata = {0}, headers = {0};
    struct store_new_blob blob = {
        .size_bytes = 1 << 20, .sequence_number = 7, .metadata = &metadata, .headers = &headers};
    struct store_properties p;

    store_case_open(&c);
    cr_assert(store_pairs_add(&metadata, "Snapferry_State", "copying"));
    cr_assert(store_pairs_add(&headers, "Content-Type", "application/octet-stream"));
    cr_assert_eq(store_blob_put(c.store, &c.key, NULL, &blob, NULL), STORE_OK);
    for (unsigned i = 0; i < 2; i++) {
        p = look(&c, NULL);
        cr_assert_eq(p.size_bytes, 1 << 20);
        cr_assert_eq(p.stamp.sequence_number, 7);
        cr_assert_eq(p.kind, STORE_PAGE_BLOB);
        cr_assert_str_eq(p.snapshot, "");
        cr_assert_str_eq(store_pairs_get(&p.metadata, "snapferry_state"), "copying");
        cr_assert_str_eq(p.metadata.items[0].name, "Snapferry_State"); /* case kept */
        cr_assert_str_eq(store_pairs_get(&p.headers, "content-type"), "application/octet-stream");
        cr_assert_eq(p.created_s, p.stamp.last_modified_s);
        store_properties_fini(&p);
        store_case_reopen(&c);
    }
    store_pairs_fini(&metadata);
    store_pairs_fini(&headers);
    store_case_close(&c);
}

Test(store_verbs, every_change_has_a_new_etag_and_a_snapshot_has_none)
{
    char etags[8][STORE_ETAG_BYTES], snapshot[STORE_SNAPSHOT_BYTES];
    struct store_change resize = {.resize = true, .size_bytes = 8192};
    struct store_pairs none = {0};
    struct store_case c = {0};
    struct store_properties p;

    store_case_open(&c);
    store_case_create(&c, 4096);
    memcpy(etags[0], stamp_of(&c).etag, STORE_ETAG_BYTES);
    store_case_write(&c, 0, 512, 1);
    memcpy(etags[1], stamp_of(&c).etag, STORE_ETAG_BYTES);
    store_case_write(&c, 0, 512, 1);
    memcpy(etags[2], stamp_of(&c).etag, STORE_ETAG_BYTES);
    store_case_clear(&c, 0, 512);
    memcpy(etags[3], stamp_of(&c).etag, STORE_ETAG_BYTES);
    cr_assert_eq(store_blob_set_metadata(c.store, &c.key, NULL, &none, NULL), STORE_OK);
    memcpy(etags[4], stamp_of(&c).etag, STORE_ETAG_BYTES);
    cr_assert_eq(store_blob_change(c.store, &c.key, NULL, &resize, NULL), STORE_OK);
    memcpy(etags[5], stamp_of(&c).etag, STORE_ETAG_BYTES);
    cr_assert_eq(change(&c, STORE_SEQUENCE_INCREMENT, 0), STORE_OK);
    memcpy(etags[6], stamp_of(&c).etag, STORE_ETAG_BYTES);
    store_case_create(&c, 8192);
    memcpy(etags[7], stamp_of(&c).etag, STORE_ETAG_BYTES);
    for (unsigned i = 0; i < 8; i++)
        for (unsigned j = i + 1; j < 8; j++)
            cr_assert_str_neq(etags[i], etags[j]);
    store_case_take_snapshot(&c, snapshot);
    cr_assert_str_eq(stamp_of(&c).etag, etags[7]);
    p = look(&c, snapshot);
    cr_assert_str_eq(p.stamp.etag, etags[7]);
    cr_assert_str_eq(p.snapshot, snapshot);
    store_properties_fini(&p);
    cr_assert_eq(strlen(snapshot), 28);
    store_case_close(&c);
}

Test(store_verbs, etags_and_times_hold_writes_back)
{
    struct store_case c = {.now_ticks = 638000000000000000};
    struct store_conditions when = {0};
    struct store_properties p;
    struct store_stamp stamp;
    char list[100];

    store_case_open(&c);
    store_case_create(&c, 4096);
    stamp = stamp_of(&c);
    when.if_match = "\"0x1\"";
    cr_assert_eq(write_when(&c, &when), STORE_CONDITION_NOT_MET);
    cr_assert_eq(store_blob_get(c.store, &c.key, &when, &p), STORE_CONDITION_NOT_MET);
    when.if_match = stamp.etag;
    cr_assert_eq(write_when(&c, &when), STORE_OK);
    cr_assert_eq(write_when(&c, &when), STORE_CONDITION_NOT_MET); /* it has changed */
    stamp = stamp_of(&c);
    snprintf(list, sizeof list, "\"0x1\", %s", stamp.etag);
    when.if_match = list;
    cr_assert_eq(write_when(&c, &when), STORE_OK);
    when.if_match = "*";
    cr_assert_eq(write_when(&c, &when), STORE_OK);

    memset(&when, 0, sizeof when);
    stamp = stamp_of(&c);
    when.if_none_match = stamp.etag;
    cr_assert_eq(store_blob_get(c.store, &c.key, &when, &p), STORE_NOT_MODIFIED);
    cr_assert_eq(write_when(&c, &when), STORE_CONDITION_NOT_MET);
    when.if_none_match = "\"0x1\"";
    cr_assert_eq(write_when(&c, &when), STORE_OK);

    memset(&when, 0, sizeof when);
    when.if_modified_since_s = stamp.last_modified_s;
    cr_assert_eq(store_blob_get(c.store, &c.key, &when, &p), STORE_NOT_MODIFIED);
    when.if_modified_since_s = stamp.last_modified_s - 1;
    cr_assert_eq(write_when(&c, &when), STORE_OK);
    memset(&when, 0, sizeof when);
    when.if_unmodified_since_s = stamp.last_modified_s - 1;
    cr_assert_eq(write_when(&c, &when), STORE_CONDITION_NOT_MET);
    when.if_unmodified_since_s = stamp.last_modified_s;
    cr_assert_eq(write_when(&c, &when), STORE_OK);
    store_case_close(&c);
}

Test(store_verbs, sequence_numbers_move_and_hold_late_writes_back)
{
    struct store_conditions when = {0};
    struct store_case c = {0};
    unsigned char *bytes;
    uint64_t size;

    store_case_open(&c);
    store_case_create(&c, 4096);
    cr_assert_eq(change(&c, STORE_SEQUENCE_UPDATE, 10), STORE_OK);
    cr_assert_eq(change(&c, STORE_SEQUENCE_MAX, 5), STORE_OK);
    cr_assert_eq(stamp_of(&c).sequence_number, 10);
    cr_assert_eq(change(&c, STORE_SEQUENCE_MAX, 15), STORE_OK);
    cr_assert_eq(change(&c, STORE_SEQUENCE_INCREMENT, 0), STORE_OK);
    cr_assert_eq(stamp_of(&c).sequence_number, 16);
    when.sequence_le = (struct store_sequence_limit){.set = true, .value = 15};
    cr_assert_eq(write_when(&c, &when), STORE_SEQUENCE_NOT_MET);
    when.sequence_le.value = 16;
    cr_assert_eq(write_when(&c, &when), STORE_OK);
    when = (struct store_conditions){.sequence_lt = {.set = true, .value = 16}};
    cr_assert_eq(write_when(&c, &when), STORE_SEQUENCE_NOT_MET);
    when.sequence_lt.value = 17;
    cr_assert_eq(write_when(&c, &when), STORE_OK);
    when = (struct store_conditions){.sequence_eq = {.set = true, .value = 17}};
    cr_assert_eq(store_pages_clear(c.store, &c.key, &when, 0, 512, NULL), STORE_SEQUENCE_NOT_MET);
    bytes = store_case_read(&c, NULL, false, &size);
    cr_assert_eq(bytes[0], 1); /* the refused clear did nothing */
    free(bytes);
    when.sequence_eq.value = 16;
    cr_assert_eq(store_pages_clear(c.store, &c.key, &when, 0, 512, NULL), STORE_OK);
    cr_assert_eq(change(&c, STORE_SEQUENCE_UPDATE, (UINT64_C(1) << 63) - 1), STORE_OK);
    cr_assert_eq(change(&c, STORE_SEQUENCE_INCREMENT, 0), STORE_SEQUENCE_TOO_LARGE);
    cr_assert_eq(change(&c, STORE_SEQUENCE_UPDATE, UINT64_C(1) << 63), STORE_INVALID_VALUE);
    store_case_close(&c);
}

Test(store_verbs, page_ranges_must_be_whole_pages_inside_the_blob)
{
    static const struct {
        uint64_t offset, length;
    } wrong[] = {{0, 0}, {0, 511}, {1, 512}, {4096, 512}, {3584, 1024}, {UINT64_MAX - 511, 512}};
    struct store_case c = {0};
    unsigned char bytes[4096] = {1};

    store_case_open(&c);
    store_case_create(&c, 4096);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(store_pages_write(c.store, &c.key, NULL, wrong[i].offset, bytes,
                                       wrong[i].length, NULL),
                     STORE_INVALID_PAGE_RANGE);
        cr_assert_eq(store_pages_clear(c.store, &c.key, NULL, wrong[i].offset, wrong[i].length,
                                       NULL),
                     STORE_INVALID_PAGE_RANGE);
    }
    store_case_close(&c);
}

Test(store_verbs, creation_can_be_made_conditional_on_absence)
{
    struct store_conditions absent = {.if_none_match = "*"}, present = {.if_match = "*"};
    struct store_new_blob blob = {.size_bytes = 4096};
    struct store_case c = {0};

    store_case_open(&c);
    cr_assert_eq(store_blob_put(c.store, &c.key, &present, &blob, NULL), STORE_CONDITION_NOT_MET);
    cr_assert_eq(store_blob_put(c.store, &c.key, &absent, &blob, NULL), STORE_OK);
    cr_assert_eq(store_blob_put(c.store, &c.key, &absent, &blob, NULL), STORE_BLOB_EXISTS);
    cr_assert_eq(store_blob_put(c.store, &c.key, &present, &blob, NULL), STORE_OK);
    blob.size_bytes = 4097;
    cr_assert_eq(store_blob_put(c.store, &c.key, NULL, &blob, NULL), STORE_INVALID_SIZE);
    blob.size_bytes = STORE_BLOB_BYTES_MAX + 512;
    cr_assert_eq(store_blob_put(c.store, &c.key, NULL, &blob, NULL), STORE_INVALID_SIZE);
    c.key.container = "nowhere";
    blob.size_bytes = 4096;
    cr_assert_eq(store_blob_put(c.store, &c.key, NULL, &blob, NULL), STORE_CONTAINER_NOT_FOUND);
    store_case_close(&c);
}

Test(store_verbs, deletion_asks_about_snapshots)
{
    char first[STORE_SNAPSHOT_BYTES], second[STORE_SNAPSHOT_BYTES];
    struct store_properties p;
    struct store_case c = {0};
    struct store_key key;

    store_case_open(&c);
    store_case_create(&c, 4096);
    store_case_take_snapshot(&c, first);
    store_case_take_snapshot(&c, second);
    cr_assert_gt(strcmp(second, first), 0);
    cr_assert_eq(store_blob_delete(c.store, &c.key, NULL, STORE_DELETE_BASE),
                 STORE_SNAPSHOTS_PRESENT);
    key = store_case_snapshot(&c, first);
    cr_assert_eq(store_blob_delete(c.store, &key, NULL, STORE_DELETE_BASE), STORE_OK);
    cr_assert_eq(store_blob_delete(c.store, &key, NULL, STORE_DELETE_BASE),
                 STORE_SNAPSHOT_NOT_FOUND);
    cr_assert_eq(store_blob_get(c.store, &key, NULL, &p), STORE_SNAPSHOT_NOT_FOUND);
    cr_assert_eq(store_blob_delete(c.store, &c.key, NULL, STORE_DELETE_ONLY_SNAPSHOTS), STORE_OK);
    store_case_take_snapshot(&c, first);
    cr_assert_eq(store_blob_delete(c.store, &c.key, NULL, STORE_DELETE_INCLUDE), STORE_OK);
    cr_assert_eq(store_blob_get(c.store, &c.key, NULL, &p), STORE_BLOB_NOT_FOUND);
    cr_assert_eq(store_blob_delete(c.store, &c.key, NULL, STORE_DELETE_BASE), STORE_BLOB_NOT_FOUND);
    store_case_create(&c, 8192); /* and nothing of the old one is left in the new */
    store_case_reopen(&c);
    p = look(&c, NULL);
    cr_assert_eq(p.size_bytes, 8192);
    store_properties_fini(&p);
    key = store_case_snapshot(&c, first);
    cr_assert_eq(store_blob_get(c.store, &key, NULL, &p), STORE_SNAPSHOT_NOT_FOUND);
    store_case_close(&c);
}

Test(store_verbs, a_snapshot_has_the_metadata_of_its_base_or_its_own)
{
    struct store_pairs base = {0}, own = {0};
    char copied[STORE_SNAPSHOT_BYTES], given[STORE_SNAPSHOT_BYTES];
    struct store_case c = {0};
    struct store_properties p;

    store_case_open(&c);
    store_case_create(&c, 4096);
    cr_assert(store_pairs_add(&base, "a", "1") && store_pairs_add(&own, "b", "2"));
    cr_assert_eq(store_blob_set_metadata(c.store, &c.key, NULL, &base, NULL), STORE_OK);
    store_case_take_snapshot(&c, copied);
    cr_assert_eq(store_blob_snapshot(c.store, &c.key, NULL, &own, given, NULL), STORE_OK);
    store_case_reopen(&c);
    p = look(&c, copied);
    cr_assert_str_eq(store_pairs_get(&p.metadata, "a"), "1");
    store_properties_fini(&p);
    p = look(&c, given);
    cr_assert_null(store_pairs_get(&p.metadata, "a"));
    cr_assert_str_eq(store_pairs_get(&p.metadata, "b"), "2");
    store_properties_fini(&p);
    store_pairs_fini(&base);
    store_pairs_fini(&own);
    store_case_close(&c);
}

Test(store_verbs, a_block_blob_is_kept_whole_and_refuses_page_verbs)
{
    struct store_new_blob block = {.kind = STORE_BLOCK_BLOB, .size_bytes = 100001};
    unsigned char *body = malloc(100001), *found, page[512] = {0};
    struct store_range_query query = {.to = UINT64_MAX};
    struct store_change resize = {.resize = true, .size_bytes = 512};
    char snapshot[STORE_SNAPSHOT_BYTES];
    struct store_range_page ranges;
    struct store_range item;
    struct store_case c = {0};
    uint64_t size;

    store_case_open(&c);
    store_case_fill(body, 0, 100001, 9);
    block.body = body;
    cr_assert_eq(store_blob_put(c.store, &c.key, NULL, &block, NULL), STORE_OK);
    cr_assert_eq(store_blob_snapshot(c.store, &c.key, NULL, NULL, snapshot, NULL), STORE_OK);
    cr_assert_eq(store_pages_write(c.store, &c.key, NULL, 0, page, 512, NULL),
                 STORE_INVALID_BLOB_TYPE);
    cr_assert_eq(store_pages_clear(c.store, &c.key, NULL, 0, 512, NULL), STORE_INVALID_BLOB_TYPE);
    cr_assert_eq(store_ranges(c.store, &c.key, NULL, &query, &item, 1, &ranges),
                 STORE_INVALID_BLOB_TYPE);
    cr_assert_eq(store_blob_change(c.store, &c.key, NULL, &resize, NULL), STORE_INVALID_BLOB_TYPE);
    block.size_bytes = 700;
    cr_assert_eq(store_blob_put(c.store, &c.key, NULL, &block, NULL), STORE_OK);
    for (unsigned i = 0; i < 2; i++) {
        found = store_case_read(&c, NULL, i != 0, &size);
        cr_assert_eq(size, 700);
        cr_assert_eq(memcmp(found, body, size), 0);
        free(found);
        found = store_case_read(&c, snapshot, i != 0, &size);
        cr_assert_eq(size, 100001);
        cr_assert_eq(memcmp(found, body, size), 0);
        free(found);
        store_case_reopen(&c);
    }
    block = (struct store_new_blob){.size_bytes = 512};
    cr_assert_eq(store_blob_put(c.store, &c.key, NULL, &block, NULL), STORE_SNAPSHOTS_PRESENT);
    block.kind = STORE_BLOCK_BLOB;
    block.size_bytes = STORE_BLOCK_BLOB_BYTES_MAX + 1;
    cr_assert_eq(store_blob_put(c.store, &c.key, NULL, &block, NULL), STORE_INVALID_SIZE);
    free(body);
    store_case_close(&c);
}

Test(store_verbs, snapshots_of_a_blob_are_limited_in_number)
{
    char snapshot[STORE_SNAPSHOT_BYTES];
    struct store_case c = {0};
    unsigned char *bytes;
    uint64_t size;

    store_case_open(&c);
    store_case_create(&c, 1 << 20);
    for (unsigned i = 0; i < STORE_SNAPSHOTS_MAX; i++) {
        store_case_write(&c, i * 1024, 512, 1);
        store_case_take_snapshot(&c, snapshot);
    }
    cr_assert_eq(store_blob_snapshot(c.store, &c.key, NULL, NULL, snapshot, NULL),
                 STORE_SNAPSHOT_LIMIT);
    store_case_reopen(&c);
    bytes = store_case_read(&c, snapshot, true, &size); /* the deepest view there can be */
    cr_assert_eq(bytes[0] & 1, 1);
    cr_assert_eq(bytes[512], 0);
    cr_assert_eq(bytes[(STORE_SNAPSHOTS_MAX - 1) * 1024] & 1, 1);
    free(bytes);
    cr_assert_eq(store_blob_delete(c.store, &c.key, NULL, STORE_DELETE_ONLY_SNAPSHOTS), STORE_OK);
    bytes = store_case_read(&c, NULL, true, &size);
    for (unsigned i = 0; i < STORE_SNAPSHOTS_MAX; i++)
        cr_assert(bytes[i * 1024] != 0 && bytes[i * 1024 + 512] == 0);
    free(bytes);
    store_case_close(&c);
}

Test(store_verbs, snapshot_times_are_written_and_read_exactly)
{
    char text[STORE_SNAPSHOT_BYTES];
    uint64_t ticks;

    cr_assert(store_snapshot_parse("2022-04-07T13:48:01.2760327Z", &ticks));
    store_snapshot_format(ticks, text);
    cr_assert_str_eq(text, "2022-04-07T13:48:01.2760327Z");
    cr_assert_eq(ticks % 10000000, 2760327);
    cr_assert_not(store_snapshot_parse("2022-04-07T13:48:01.276032Z", &ticks));
    cr_assert_not(store_snapshot_parse("2022-02-31T13:48:01.2760327Z", &ticks));
    cr_assert_not(store_snapshot_parse("2022-04-07 13:48:01.2760327Z", &ticks));
    cr_assert_not(store_snapshot_parse("2022-04-07T13:48:01.2760327Z ", &ticks));
    cr_assert_not(store_snapshot_parse("", &ticks));
}
