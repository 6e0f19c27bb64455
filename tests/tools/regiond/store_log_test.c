/* store_log_test.c - a log with a torn tail, a damaged one, a long one made short. */
#include "tests/support/store_case.h"

#include "io/crc64.h"
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

/* ---- Records whose CRC is right and whose content is not ---- */

static uint32_t le32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Changes one byte of one record, its type or payload, and makes the CRC right again. */
static void damage(unsigned char *log, size_t bytes, uint64_t random)
{
    size_t at = 0, chosen = 0, count = 0, payload, where;
    uint64_t crc;

    for (; at < bytes; at += LOG_HEADER_BYTES + le32(log + at))
        count++;
    for (at = 0; chosen < random % count; chosen++)
        at += LOG_HEADER_BYTES + le32(log + at);
    payload = le32(log + at);
    where = random / count % (payload + 1);
    log[where == payload ? at + 4 : at + LOG_HEADER_BYTES + where] =
        (unsigned char)(random / 1000003);
    crc = crc64_update(crc64_update(0, log + at, 8), log + at + LOG_HEADER_BYTES, payload);
    for (unsigned i = 0; i < 8; i++)
        log[at + 8 + i] = (unsigned char)(crc >> (8 * i));
}

/* A wrong container id makes the blob nobody's, and it is removed. */
static void mkdir_again(const struct store_case *c)
{
    char path[400];

    snprintf(path, sizeof path, "%s/blobs/0000000000000001", c->folder);
    mkdir(path, 0700);
    strcat(path, "/log");
    close(open(path, O_RDWR | O_CREAT, 0600));
}

/* Whatever the log says, it is refused or made the best of: nothing crashes, nothing asserts. */
static bool open_damaged(struct store_case *c)
{
    struct store_config config = {.folder = c->folder};
    struct store_blob_query query = {.count_max = 10, .snapshots = true};
    struct store_blob_page page;
    unsigned char bytes[4096];
    struct store_reader *reader;
    char text[200];

    c->store = store_open(&config, text, sizeof text);
    if (!c->store)
        return false;
    if (store_blob_list(c->store, "acct", "cont", &query, &page) == STORE_OK)
        store_blob_page_fini(&page);
    if (store_reader_open(c->store, &c->key, NULL, NULL, &reader) == STORE_OK) {
        store_reader_bytes(reader, 0, bytes, sizeof bytes);
        store_reader_close(reader);
    }
    store_blob_delete(c->store, &c->key, NULL, STORE_DELETE_ONLY_SNAPSHOTS);
    store_pages_write(c->store, &c->key, NULL, 4096, bytes, 512, NULL);
    store_close(c->store);
    c->store = NULL;
    return true;
}

Test(store_log, wrong_content_under_a_right_crc_is_refused_or_survived)
{
    char snapshot[STORE_SNAPSHOT_BYTES];
    unsigned char log[8192], copy[8192];
    unsigned refused = 0, opened = 0;
    struct store_case c = {0};
    uint64_t random = 0x9E3779B97F4A7C15u;
    ssize_t bytes;
    int fd;

    store_case_open(&c);
    store_case_create(&c, 1 << 20);
    for (unsigned i = 0; i < 3; i++) {
        store_case_write(&c, i * 4096, 8192, 1);
        store_case_clear(&c, i * 4096 + 512, 512);
        store_case_take_snapshot(&c, snapshot);
    }
    store_case_write(&c, 0, 65536, 3);
    store_close(c.store);
    fd = open_log(&c);
    bytes = read(fd, log, sizeof log);
    close(fd);
    cr_assert(bytes > 0 && (size_t)bytes < sizeof log);
    for (unsigned i = 0; i < 1500; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        memcpy(copy, log, sizeof log);
        damage(copy, (size_t)bytes, random);
        fd = open_log(&c);
        cr_assert_eq(ftruncate(fd, 0), 0);
        cr_assert_eq(write(fd, copy, (size_t)bytes), bytes);
        close(fd);
        if (open_damaged(&c))
            opened++;
        else
            refused++;
        mkdir_again(&c);
    }
    cr_assert_gt(refused, 100);
    cr_assert_gt(opened, 100);
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
