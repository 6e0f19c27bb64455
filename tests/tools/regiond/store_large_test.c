/* store_large_test.c - a disk of 32 TiB, sparse, on the file system that is there. */
#include "tests/support/store_case.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIB             (UINT64_C(1) << 40)
#define DISK_BYTES      (32767ull * 1024 * 1024 * 1024 + 512) /* the largest upload */
#define PAGE_COUNT_MAX  10000u
#define SCATTERED_COUNT 30000u

static void open_large(struct store_case *c)
{
    struct store_config config = {.folder = c->folder};
    char text[200] = "";

    c->store = store_open(&config, text, sizeof text);
    cr_assert_not_null(c->store, "%s", text);
}

/* A store with segments of the usual size. */
static void begin(struct store_case *c)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(c->folder, sizeof c->folder, "%s/store.XXXXXX", tmp ? tmp : "/tmp");
    cr_assert_not_null(mkdtemp(c->folder));
    c->key = (struct store_key){.account = "acct", .container = "cont", .blob = "disk"};
    open_large(c);
    cr_assert_eq(store_container_create(c->store, "acct", "cont", NULL, NULL), STORE_OK);
}

static uint64_t scattered(uint64_t i)
{
    return (i * 0x9E3779B97F4A7C15u >> 8) % (DISK_BYTES / 4096) * 4096;
}

static void read_back(struct store_case *c, const char *snapshot, uint64_t offset, uint8_t seed)
{
    struct store_key key = store_case_snapshot(c, snapshot);
    unsigned char found[4096], expected[4096];
    struct store_reader *reader;

    cr_assert_eq(store_reader_open(c->store, &key, NULL, NULL, &reader), STORE_OK);
    cr_assert_eq(store_reader_bytes(reader, offset, found, sizeof found), STORE_OK);
    store_case_fill(expected, offset, sizeof expected, seed);
    if (seed == 0)
        memset(expected, 0, sizeof expected);
    cr_assert_eq(memcmp(found, expected, sizeof found), 0);
    store_reader_close(reader);
}

static unsigned segment_count(const struct store_case *c)
{
    char path[400];
    unsigned count = 0;
    DIR *folder;

    snprintf(path, sizeof path, "%s/blobs/%016x", c->folder, 1);
    folder = opendir(path);
    cr_assert_not_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

Test(store_large, a_disk_beyond_any_file_is_written_at_both_ends_and_cleared_at_once)
{
    char s1[STORE_SNAPSHOT_BYTES];
    struct store_range *items;
    struct store_case c = {0};
    size_t count;

    begin(&c);
    store_case_create(&c, DISK_BYTES);
    store_case_write(&c, DISK_BYTES - 512, 512, 1); /* the footer */
    store_case_write(&c, 0, 4096, 1);
    store_case_write(&c, 16 * TIB - 2048, 4096, 1);
    store_case_write(&c, 31 * TIB, 4096, 1);
    read_back(&c, NULL, 16 * TIB - 2048, 1);
    read_back(&c, NULL, 20 * TIB, 0);
    cr_assert_leq(segment_count(&c), 5 + 3); /* segments, log, . and .. */
    store_case_take_snapshot(&c, s1);
    store_case_clear(&c, 0, DISK_BYTES - 512);
    items = store_case_ranges(&c, NULL, NULL, 10, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(items[0].start, DISK_BYTES - 512);
    free(items);
    open_large((store_close(c.store), &c));
    items = store_case_ranges(&c, NULL, s1, 10, &count);
    cr_assert_eq(count, 3);
    cr_assert(items[2].clear && items[2].start == 31 * TIB && items[2].end == 31 * TIB + 4096);
    free(items);
    read_back(&c, s1, 31 * TIB, 1);
    read_back(&c, NULL, 31 * TIB, 0);
    store_case_close(&c);
}

Test(store_large, scattered_ranges_are_listed_page_by_page)
{
    struct store_case c = {0};
    struct store_range *items;
    char s1[STORE_SNAPSHOT_BYTES];
    size_t count, diff_count;

    begin(&c);
    store_case_create(&c, DISK_BYTES);
    for (uint64_t i = 0; i < SCATTERED_COUNT / 2; i++)
        store_case_write(&c, scattered(i), 512, (uint8_t)(1 + i % 200));
    store_case_take_snapshot(&c, s1);
    for (uint64_t i = SCATTERED_COUNT / 2; i < SCATTERED_COUNT; i++)
        store_case_write(&c, scattered(i), 512, (uint8_t)(1 + i % 200));
    for (unsigned again = 0; again < 2; again++) {
        items = store_case_ranges(&c, NULL, NULL, PAGE_COUNT_MAX, &count);
        cr_assert(count > SCATTERED_COUNT * 99 / 100 && count <= SCATTERED_COUNT);
        for (size_t i = 1; i < count; i++)
            cr_assert_lt(items[i - 1].end, items[i].start);
        free(items);
        items = store_case_ranges(&c, NULL, s1, PAGE_COUNT_MAX, &diff_count);
        cr_assert(diff_count > SCATTERED_COUNT / 2 * 99 / 100 && diff_count <= SCATTERED_COUNT / 2);
        free(items);
        open_large((store_close(c.store), &c));
    }
    store_case_close(&c);
}
