/* catalog_case.c - see catalog_case.h. */
#include "tests/support/catalog_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/controld/catalog_collections.h"

void catalog_case_begin(struct catalog_case *k)
{
    const char *tmp = getenv("TMPDIR");

    memset(k, 0, sizeof *k);
    snprintf(k->folder, sizeof k->folder, "%s/catalog.XXXXXX", tmp ? tmp : "/tmp");
    cr_assert_not_null(mkdtemp(k->folder));
    snprintf(k->path, sizeof k->path, "%s/catalog.db", k->folder);
}

void catalog_case_open(struct catalog_case *k)
{
    struct err e = {ERR_NONE};

    k->catalog = catalog_open(k->folder, &e);
    cr_assert_not_null(k->catalog, "%s", e.text);
}

void catalog_case_close(struct catalog_case *k)
{
    catalog_close(k->catalog);
    k->catalog = NULL;
}

void catalog_case_end(struct catalog_case *k)
{
    static const char *const files[] = {"catalog.db", "catalog.db-wal", "catalog.db-shm",
                                        "catalog.lock"};
    char path[300];

    catalog_case_close(k);
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", k->folder, files[i]);
        unlink(path);
    }
    cr_expect_eq(rmdir(k->folder), 0, "the catalog left other files in %s", k->folder);
}

void catalog_case_ok(bool ok, const struct err *e)
{
    cr_assert(ok, "%s", e->text);
}

void catalog_case_point_id(char out_id[CATALOG_CASE_ID_BYTES], const char *collection_id,
                           unsigned n)
{
    snprintf(out_id, CATALOG_CASE_ID_BYTES, "%s/restorePoints/rp%05u", collection_id, n);
}

void catalog_case_disk_point_id(char out_id[CATALOG_CASE_ID_BYTES], const char *point_id,
                                unsigned n)
{
    snprintf(out_id, CATALOG_CASE_ID_BYTES, "%s/diskRestorePoints/disk%u", point_id, n);
}

void catalog_case_put_collection(struct catalog *c, const char *id)
{
    struct catalog_collection row = {.id = id,
                                     .location = "eastus",
                                     .source_id = CATALOG_CASE_VM,
                                     .guid = "6b1b7f0e-4c2f-4f8e-9c55-0d3b6b1f2a10",
                                     .state = CATALOG_SUCCEEDED,
                                     .created_ns = 1};
    struct err e = {ERR_NONE};

    catalog_case_ok(catalog_collection_put(c, &row, &e), &e);
}

void catalog_case_put_point(struct catalog *c, const char *collection_id, const char *id)
{
    struct catalog_point row = {.id = id,
                                .collection_id = collection_id,
                                .state = CATALOG_CREATING,
                                .created_ns = 1,
                                .asked = "{}",
                                .generation = 1};
    struct err e = {ERR_NONE};

    catalog_case_ok(catalog_point_put(c, &row, &e), &e);
}

void catalog_case_put_disk_point(struct catalog *c, const char *point_id, const char *id)
{
    struct catalog_disk_point row = {.id = id,
                                     .point_id = point_id,
                                     .name = "disk",
                                     .role = CATALOG_ROLE_DATA,
                                     .code = "ReplicationState/pending",
                                     .created_ns = 1};
    struct err e = {ERR_NONE};

    catalog_case_ok(catalog_disk_point_put(c, &row, &e), &e);
}
