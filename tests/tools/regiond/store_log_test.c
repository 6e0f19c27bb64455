/* store_log_test.c - a log with a torn tail, a damaged one, a long one made short. */
#include "tests/support/store_case.h"

#include "tools/regiond/blob_log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_log(const struct store_case *c)
{
    char path[400];
    int fd;

    snprintf(path, sizeof path, "%s/blobs/0000000000000001/log", c->folder);
    fd = open(path, O_RDWR);
    cr_assert_geq(fd, 0);
    return fd;
}

static off_t log_bytes(const struct store_case *c)
{
    struct stat info;
    int fd = open_log(c);

    cr_assert_eq(fstat(fd, &info), 0);
    close(fd);
    return info.st_size;
}

static size_t range_count(struct store_case *c)
{
    size_t count;

    free(store_case_ranges(c, NULL, NULL, 100, &count));
    return count;
}

Test(store_log, a_tail_torn_anywhere_costs_only_the_torn_record)
{
    struct store_case c = {0};
    off_t before, after;

    store_case_open(&c);
    store_case_create(&c, 1 << 20);
    store_case_write(&c, 0, 512, 1);
    before = log_bytes(&c);
    store_case_write(&c, 4096, 512, 2);
    after = log_bytes(&c);
    cr_assert_gt(after, before);
    for (off_t cut = after - 1; cut > before; cut--) {
        int fd;

        store_close(c.store);
        fd = open_log(&c);
        cr_assert_eq(ftruncate(fd, cut), 0);
        close(fd);
        store_case_connect(&c);
        cr_assert_eq(range_count(&c), 1);
        cr_assert_eq(log_bytes(&c), before);
        store_case_write(&c, 4096, 512, 2); /* and it goes on from there */
        cr_assert_eq(range_count(&c), 2);
        cr_assert_eq(log_bytes(&c), after);
    }
    store_case_close(&c);
}

Test(store_log, a_torn_record_with_wrong_bytes_is_cut_off)
{
    struct store_case c = {0};
    off_t after;
    int fd;

    store_case_open(&c);
    store_case_create(&c, 1 << 20);
    store_case_write(&c, 0, 512, 1);
    store_case_write(&c, 4096, 512, 2);
    after = log_bytes(&c);
    store_close(c.store);
    fd = open_log(&c);
    cr_assert_eq(pwrite(fd, "\xff\xff", 2, after - 2), 2);
    close(fd);
    store_case_connect(&c);
    cr_assert_eq(range_count(&c), 1);
    store_case_close(&c);
}

Test(store_log, damage_before_the_tail_is_refused_not_skipped)
{
    struct store_config config = {0};
    struct store_case c = {0};
    char text[200];
    off_t middle;
    int fd;

    store_case_open(&c);
    store_case_create(&c, 1 << 20);
    store_case_write(&c, 0, 512, 1);
    middle = log_bytes(&c);
    store_case_write(&c, 4096, 512, 2);
    store_close(c.store);
    fd = open_log(&c);
    cr_assert_eq(pwrite(fd, "\xff", 1, middle - 3), 1);
    close(fd);
    config.folder = c.folder;
    cr_assert_null(store_open(&config, text, sizeof text));
    cr_assert_not_null(strstr(text, "damaged"));
    c.store = NULL;
    store_case_close(&c);
}

Test(store_log, a_long_log_is_made_short_and_says_the_same)
{
    char first[STORE_SNAPSHOT_BYTES], second[STORE_SNAPSHOT_BYTES];
    struct store_lease_request lease = {.action = STORE_LEASE_ACQUIRE,
                                        .proposed_id = "lease-1",
                                        .duration_s = -1};
    struct store_conditions when = {.lease_id = "lease-1"};
    struct store_properties before, after;
    struct store_lease_answer answer;
    struct store_case c = {0};
    off_t long_bytes;

    store_case_open(&c);
    store_case_create(&c, 1 << 20);
    store_case_write(&c, 0, 8192, 1);
    store_case_take_snapshot(&c, first);
    store_case_write(&c, 4096, 8192, 2);
    store_case_clear(&c, 0, 512);
    store_case_take_snapshot(&c, second);
    for (unsigned i = 0; i < 40000; i++)
        store_case_write(&c, 65536 + i % 8 * 1024, 512, 3);
    cr_assert_eq(store_blob_lease(c.store, &c.key, NULL, &lease, &answer), STORE_OK);
    cr_assert_eq(store_blob_get(c.store, &c.key, NULL, &before), STORE_OK);
    long_bytes = log_bytes(&c);
    cr_assert_gt(long_bytes, 40000 * 40);
    store_case_reopen(&c);
    cr_assert_lt(log_bytes(&c), 8192);
    for (unsigned again = 0; again < 2; again++) {
        struct store_range *items;
        size_t count;

        cr_assert_eq(store_blob_get(c.store, &c.key, &when, &after), STORE_OK);
        cr_assert_str_eq(after.stamp.etag, before.stamp.etag);
        cr_assert_eq(after.lease_state, STORE_LEASE_LEASED);
        store_properties_fini(&after);
        items = store_case_ranges(&c, second, first, 10, &count);
        cr_assert_eq(count, 2);
        cr_assert(items[0].clear && items[0].start == 0 && items[0].end == 512);
        cr_assert(!items[1].clear && items[1].start == 4096 && items[1].end == 12288);
        free(items);
        items = store_case_ranges(&c, NULL, second, 10, &count);
        cr_assert_eq(count, 8);
        free(items);
        store_case_reopen(&c); /* the short form, replayed */
    }
    store_properties_fini(&before);
    store_case_close(&c);
}

/* ---- Records by themselves ---- */

static int count_seen(void *context, uint32_t type, struct log_view *view)
{
    unsigned *seen = context;

    cr_assert_eq(type, LOG_WRITE);
    cr_assert_eq(log_view_u64(view), *seen);
    cr_assert(log_view_done(view));
    (*seen)++;
    return 0;
}

Test(blob_log, a_million_records_are_read_back_in_order)
{
    const unsigned count = 1000000;
    struct log_record record = {0};
    const char *tmp = getenv("TMPDIR");
    char path[300];
    uint64_t good_bytes = 0;
    unsigned seen = 0;
    unsigned char *all;
    size_t used = 0;
    int fd;

    snprintf(path, sizeof path, "%s/log.XXXXXX", tmp ? tmp : "/tmp");
    fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    unlink(path);
    all = malloc((size_t)count * (LOG_HEADER_BYTES + 8));
    for (unsigned i = 0; i < count; i++) {
        log_record_begin(&record, LOG_WRITE);
        log_record_u64(&record, i);
        cr_assert(log_record_end(&record));
        memcpy(all + used, record.bytes, record.used);
        used += record.used;
    }
    cr_assert_eq(write(fd, all, used), (ssize_t)used);
    cr_assert_eq(blob_log_replay(fd, count_seen, &seen, &good_bytes), 0);
    cr_assert_eq(seen, count);
    cr_assert_eq(good_bytes, used);
    log_record_fini(&record);
    free(all);
    close(fd);
}

Test(blob_log, a_record_longer_than_the_maximum_cannot_be_made)
{
    struct log_record record = {0};

    log_record_begin(&record, LOG_HEAD);
    for (unsigned i = 0; i < LOG_PAYLOAD_BYTES / 8; i++)
        log_record_u64(&record, i);
    cr_assert(log_record_end(&record));
    log_record_begin(&record, LOG_HEAD);
    for (unsigned i = 0; i < LOG_PAYLOAD_BYTES / 8 + 1; i++)
        log_record_u64(&record, i);
    cr_assert_not(log_record_end(&record));
    log_record_fini(&record);
}

Test(blob_log, a_payload_read_too_far_fails_and_stays_failed)
{
    unsigned char bytes[] = {200, 0, 0, 0, 'x', 'y'};
    struct log_view view = {.at = bytes, .end = bytes + sizeof bytes};

    cr_assert_null(log_view_text(&view));
    cr_assert(view.failed);
    cr_assert_eq(log_view_u32(&view), 0);
    cr_assert_not(log_view_done(&view));
}
