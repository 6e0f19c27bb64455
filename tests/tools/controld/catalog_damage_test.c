/* catalog_damage_test.c - a damaged catalog is refused with a sentence, or answers with errors; whatever is
 * flipped in it, nothing crashes and no row comes without its id. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/durable.h"
#include "tests/support/catalog_case.h"
#include "tools/controld/catalog_collections.h"

#define FLIPPED_FILES 150u
#define FLIPS_MAX     64u
#define SEED          6u

static struct catalog_case k;
static struct err e;
static const struct catalog_page all = {.limit = CATALOG_PAGE_MAX};

static void damage_begin(void)
{
    catalog_case_begin(&k);
}

static void damage_end(void)
{
    catalog_case_end(&k);
}

TestSuite(catalog_damage, .init = damage_begin, .fini = damage_end, .timeout = 240);

static void make_catalog(unsigned points)
{
    char id[CATALOG_CASE_ID_BYTES], disk[CATALOG_CASE_ID_BYTES];

    catalog_case_open(&k);
    catalog_case_ok(catalog_begin(k.catalog, &e), &e);
    catalog_case_put_collection(k.catalog, CATALOG_CASE_COLLECTION);
    for (unsigned i = 0; i < points; i++) {
        catalog_case_point_id(id, CATALOG_CASE_COLLECTION, i);
        catalog_case_disk_point_id(disk, id, i);
        catalog_case_put_point(k.catalog, CATALOG_CASE_COLLECTION, id);
        catalog_case_put_disk_point(k.catalog, id, disk);
    }
    catalog_case_ok(catalog_commit(k.catalog, &e), &e);
    catalog_case_close(&k);
}

static off_t file_bytes(void)
{
    struct stat about;

    cr_assert_eq(stat(k.path, &about), 0);
    return about.st_size;
}

static void expect_refused(void)
{
    cr_expect_null(catalog_open(k.folder, &e));
    cr_expect_eq(e.kind, ERR_CORRUPT);
    cr_expect(strstr(e.text, "damaged"), "%s", e.text);
    err_clear(&e);
}

Test(catalog_damage, a_page_of_junk_is_found_when_it_is_opened)
{
    char junk[4096];
    int fd;

    make_catalog(1000);
    cr_assert_gt(file_bytes(), 400 << 10);
    memset(junk, 0x5a, sizeof junk);
    fd = open(k.path, O_RDWR);
    cr_assert(fd >= 0);
    cr_assert_eq(pwrite(fd, junk, sizeof junk, file_bytes() / 8192 * 4096), (ssize_t)sizeof junk);
    close(fd);
    expect_refused();
}

Test(catalog_damage, a_file_cut_short_is_found_when_it_is_opened)
{
    make_catalog(1000);
    cr_assert_eq(truncate(k.path, file_bytes() / 2), 0);
    expect_refused();
}

Test(catalog_damage, a_word_that_is_none_of_ours_is_told)
{
    struct catalog_point found = {.id = NULL};
    struct catalog_point_list list = {.rows = NULL};
    char id[CATALOG_CASE_ID_BYTES];
    sqlite3 *db = NULL;

    make_catalog(3);
    cr_assert_eq(sqlite3_open(k.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "UPDATE points SET state = 'Odd' WHERE id LIKE '%rp00001'", NULL,
                              NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(db);
    catalog_case_open(&k);
    catalog_case_point_id(id, CATALOG_CASE_COLLECTION, 1);
    cr_expect_not(catalog_point_get(k.catalog, id, &found, &e));
    cr_expect_eq(e.kind, ERR_CORRUPT);
    cr_expect_null(found.id);
    err_clear(&e);
    cr_expect_not(catalog_point_list(k.catalog, CATALOG_CASE_COLLECTION, &all, &list, &e));
    cr_expect_eq(e.kind, ERR_CORRUPT);
    cr_expect_null(list.rows, "what was read before the bad row is freed");
    err_clear(&e);
    catalog_case_point_id(id, CATALOG_CASE_COLLECTION, 2);
    catalog_case_ok(catalog_point_get(k.catalog, id, &found, &e), &e);
    catalog_point_fini(&found);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Reads what there is and changes some of it; any answer will do. */
static void use_catalog(struct catalog *c)
{
    struct catalog_disk_point_list disks = {.rows = NULL};
    struct catalog_collection collection = {.id = NULL};
    struct catalog_point_list points = {.rows = NULL};
    struct err any = {ERR_NONE};

    if (catalog_point_list_in_state(c, CATALOG_CREATING, &all, &points, &any))
        for (size_t i = 0; i < points.count; i++)
            cr_expect_not_null(points.rows[i].id);
    err_clear(&any);
    if (catalog_disk_point_list_unended(c, &all, &disks, &any))
        for (size_t i = 0; i < disks.count; i++)
            cr_expect_not_null(disks.rows[i].id);
    err_clear(&any);
    catalog_collection_get(c, CATALOG_CASE_COLLECTION, &collection, &any);
    err_clear(&any);
    if (catalog_begin(c, &any)) {
        if (catalog_collection_set_tags(c, CATALOG_CASE_COLLECTION, "{}", &any))
            catalog_commit(c, &any);
        else
            catalog_rollback(c);
    }
    catalog_collection_fini(&collection);
    catalog_disk_point_list_fini(&disks);
    catalog_point_list_fini(&points);
}

Test(catalog_damage, whatever_is_flipped_nothing_crashes)
{
    uint64_t random = SEED;
    size_t count = 0, refused = 0;
    char *good = NULL, *bad;

    make_catalog(100);
    cr_assert(durable_read(k.path, 16 << 20, &good, &count, &e));
    bad = malloc(count);
    cr_assert_not_null(bad);
    for (unsigned file = 0; file < FLIPPED_FILES; file++) {
        struct catalog *c;

        memcpy(bad, good, count);
        for (uint64_t flips = 1 + next_random(&random) % FLIPS_MAX; flips > 0; flips--)
            bad[next_random(&random) % count] ^= (char)(1 << next_random(&random) % 8);
        cr_assert(durable_write(k.path, bad, count, &e));
        c = catalog_open(k.folder, &e);
        refused += c == NULL;
        cr_expect(c || e.kind == ERR_CORRUPT || e.kind == ERR_USAGE, "%s", e.text);
        err_clear(&e);
        if (c)
            use_catalog(c);
        catalog_close(c);
    }
    cr_expect_gt(refused, FLIPPED_FILES / 2, "%zu", refused);
    free(bad);
    free(good);
}
