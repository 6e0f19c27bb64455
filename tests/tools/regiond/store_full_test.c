/* store_full_test.c - the disk under the store refuses to grow a file: said by name, no trace left,
 * and business goes on when there is room again. A limit on file sizes plays the full disk. */
#include "tests/support/store_case.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define LIMIT_BYTES (80u << 10) /* above a segment, so that it is the log that cannot grow */
#define BLOB_BYTES  (64u << 10)

static void limit_files(rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void expect_both(struct store_case *c, const unsigned char *expected)
{
    for (unsigned spans = 0; spans < 2; spans++) {
        uint64_t size;
        unsigned char *found = store_case_read(c, NULL, spans != 0, &size);

        cr_assert_eq(size, BLOB_BYTES);
        cr_assert_eq(memcmp(found, expected, size), 0);
        free(found);
    }
}

Test(store_full, a_log_that_cannot_grow_refuses_the_write_and_hides_its_bytes)
{
    unsigned char expected[BLOB_BYTES] = {0}, page[512];
    enum store_result result = STORE_OK;
    struct store_case c = {0};
    struct store_stamp stamp;
    unsigned i;

    store_case_open(&c);
    store_case_create(&c, BLOB_BYTES);
    limit_files(LIMIT_BYTES);
    memset(page, 0x77, sizeof page);
    for (i = 0; result == STORE_OK && i < 10000; i++) { /* page 9 is written and cleared in turn */
        if (i % 2 == 0)
            result = store_pages_write(c.store, &c.key, NULL, 9 * 512, page, 512, &stamp);
        else
            result = store_pages_clear(c.store, &c.key, NULL, 9 * 512, 512, &stamp);
    }
    cr_assert_eq(result, STORE_FULL);
    cr_assert_gt(i, 1000);
    memcpy(expected + 9 * 512, page, i % 2 == 0 ? 512 : 0); /* the last answered was a write */
    expect_both(&c, expected);
    cr_assert_eq(store_pages_write(c.store, &c.key, NULL, 100 * 512, page, 512, &stamp),
                 STORE_FULL);
    expect_both(&c, expected); /* never written, so never met */

    limit_files(RLIM_INFINITY);
    cr_assert_eq(store_pages_write(c.store, &c.key, NULL, 101 * 512, page, 512, &stamp), STORE_OK);
    memcpy(expected + 101 * 512, page, 512);
    expect_both(&c, expected);
    store_case_reopen(&c);
    expect_both(&c, expected);
    store_case_close(&c);
}

Test(store_full, a_segment_that_cannot_be_made_is_a_full_disk)
{
    unsigned char expected[BLOB_BYTES] = {0}, page[512] = {1};
    struct store_case c = {0};

    store_case_open(&c);
    store_case_create(&c, BLOB_BYTES);
    limit_files(STORE_CASE_SEGMENT_BYTES - 4096);
    cr_assert_eq(store_pages_write(c.store, &c.key, NULL, 0, page, 512, NULL), STORE_FULL);
    expect_both(&c, expected);
    limit_files(RLIM_INFINITY);
    store_case_write(&c, 0, 512, 1);
    store_case_close(&c);
}

Test(store_full, a_folder_for_a_new_blob_that_cannot_be_filled_leaves_nothing)
{
    struct store_new_blob blob = {.size_bytes = BLOB_BYTES};
    struct store_properties properties;
    struct store_case c = {0};

    store_case_open(&c);
    limit_files(10);
    cr_assert_eq(store_blob_put(c.store, &c.key, NULL, &blob, NULL), STORE_FULL);
    limit_files(RLIM_INFINITY);
    cr_assert_eq(store_blob_get(c.store, &c.key, NULL, &properties), STORE_BLOB_NOT_FOUND);
    store_case_create(&c, BLOB_BYTES);
    store_case_close(&c);
}
