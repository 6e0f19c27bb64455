/* orphans_test.c - snapshots that nobody needs go, and no other does: a real catalog and a real region. */
#include "tools/controld/orphans.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/account_case.h"
#include "tests/support/catalog_case.h"
#include "tools/controld/catalog_bases.h"
#include "tools/controld/catalog_families.h"

#define POINT CATALOG_CASE_COLLECTION "/restorePoints/p"

struct orphans_case {
    struct account_case a;
    struct catalog_case k;
    struct orphans *orphans;
    unsigned looks;
    uint32_t deleted;
    bool looked, stopped;
    struct err error;
};

static struct region_account *account(void *arg, const char *region)
{
    struct orphans_case *c = arg;

    c->looks++;
    return strcmp(region, "east") == 0 ? c->a.account : NULL;
}

static void told(void *arg, const char *region, const char *container, uint32_t deleted,
                 const struct err *error)
{
    struct orphans_case *c = arg;

    cr_expect_str_eq(region, "east");
    cr_expect_str_eq(container, "cont");
    c->deleted += deleted;
    c->error = *error;
    c->looked = true;
}

static void put_family(struct orphans_case *c, const char *guid, const char *region,
                       const char *disk)
{
    const struct catalog_family row = {.guid = guid,
                                       .region = region,
                                       .source_disk = disk,
                                       .container = "cont",
                                       .live_blob = "disk.vhd"};
    struct err e = {0};

    catalog_case_ok(catalog_family_put(c->k.catalog, &row, &e), &e);
}

static void begin(struct orphans_case *c, const char *faults)
{
    struct err e = {0};

    memset(c, 0, sizeof *c);
    account_case_open(&c->a, faults);
    catalog_case_begin(&c->k);
    catalog_case_open(&c->k);
    catalog_case_ok(catalog_begin(c->k.catalog, &e), &e);
    catalog_case_put_collection(c->k.catalog, CATALOG_CASE_COLLECTION);
    catalog_case_put_point(c->k.catalog, CATALOG_CASE_COLLECTION, POINT);
    put_family(c, "a", "east", "/disks/1");
    put_family(c, "b", "gone", "/disks/2");
    put_family(c, "c", "east", "/disks/3");
    catalog_case_ok(catalog_commit(c->k.catalog, &e), &e);
}

/* A snapshot that names this disk point. */
static void leave(struct orphans_case *c, const char *disk_point, char out_time[40])
{
    struct pageblob_metadata metadata = {0};
    struct region_op op = {.blob = "disk.vhd", .metadata = &metadata};
    struct err e = {0};

    cr_assert(pageblob_metadata_set(&metadata, REGION_SNAPSHOT_POINT, disk_point, &e));
    account_case_good(&c->a, region_account_snapshot, &op);
    if (out_time)
        strcpy(out_time, op.head.snapshot);
    pageblob_metadata_fini(&metadata);
}

static void put_disk(struct orphans_case *c, const char *id, const char *snapshot,
                     enum catalog_state state)
{
    struct catalog_disk_point row = {0};
    struct err e = {0};

    catalog_case_ok(catalog_begin(c->k.catalog, &e), &e);
    catalog_case_put_disk_point(c->k.catalog, POINT, id);
    catalog_case_ok(catalog_disk_point_get(c->k.catalog, id, &row, &e), &e);
    {
        struct catalog_disk_point with = row;

        with.region = "east";
        with.container = "cont";
        with.blob = "disk.vhd";
        with.snapshot = snapshot;
        with.source_disk_point_id = NULL;
        catalog_case_ok(catalog_disk_point_put(c->k.catalog, &with, &e), &e);
    }
    catalog_disk_point_fini(&row);
    catalog_case_ok(catalog_point_set_state(c->k.catalog, POINT, state,
                                            state == CATALOG_FAILED ? "Failed" : NULL,
                                            state == CATALOG_FAILED ? "no" : NULL, &e),
                    &e);
    catalog_case_ok(catalog_commit(c->k.catalog, &e), &e);
}

static void on_stopped(void *arg)
{
    ((struct orphans_case *)arg)->stopped = true;
}

/* One look, to its end. */
static void look(struct orphans_case *c)
{
    struct orphans_setup setup = {.reactor = c->a.rig.r,
                                  .catalog = c->k.catalog,
                                  .account = account,
                                  .told = told,
                                  .arg = c,
                                  .first_ns = 1};
    struct err e = {0};

    c->orphans = orphans_new(&setup, &e);
    cr_assert(c->orphans, "%s", e.text);
    while (c->looks < 2) /* "gone" is asked for between the two of "east", which share a place */
        rig_turn(&c->a.rig);
    orphans_stop(c->orphans, on_stopped, c);
    while (!c->stopped)
        rig_turn(&c->a.rig);
    orphans_free(c->orphans);
}

static void finish(struct orphans_case *c)
{
    catalog_case_end(&c->k);
    account_case_close(&c->a);
}

Test(orphans, doubles_go_and_the_known_and_the_unknown_stay)
{
    struct orphans_case c;
    char known[40], foreign[40];

    begin(&c, NULL);
    leave(&c, POINT "/diskRestorePoints/d", NULL);
    leave(&c, POINT "/diskRestorePoints/D", known);
    leave(&c, POINT "/diskRestorePoints/d", NULL);
    leave(&c, "/somebody/else", foreign);
    put_disk(&c, POINT "/diskRestorePoints/d", known, CATALOG_SUCCEEDED);
    look(&c);
    cr_expect_eq(c.deleted, 2);
    cr_expect_eq(c.looks, 2, "a container of two families is looked at once");
    cr_expect_eq(account_case_snapshots(&c.a), 2);
    finish(&c);
}

/* Of a disk restore point that was cut here for another region, and lies there: its row tells of that one. */
Test(orphans, a_snapshot_that_a_delta_starts_from_stays)
{
    char kept[40], place[128];
    const struct catalog_base base = {place, POINT "/diskRestorePoints/d"};
    struct orphans_case c;
    struct err e = {0};

    begin(&c, NULL);
    leave(&c, POINT "/diskRestorePoints/d", kept);
    leave(&c, POINT "/diskRestorePoints/d", NULL);
    put_disk(&c, POINT "/diskRestorePoints/d", "2026-01-01T00:00:00.0000000Z", CATALOG_SUCCEEDED);
    snprintf(place, sizeof place, "blob:east/cont/disk.vhd@%s", kept);
    catalog_case_ok(catalog_begin(c.k.catalog, &e), &e);
    catalog_case_ok(catalog_base_put(c.k.catalog, &base, &e), &e);
    catalog_case_ok(catalog_commit(c.k.catalog, &e), &e);
    look(&c);
    cr_expect_eq(c.deleted, 1);
    cr_expect_eq(account_case_snapshots(&c.a), 1);
    finish(&c);
}

Test(orphans, what_is_being_created_stays_and_what_failed_goes)
{
    struct orphans_case c;

    begin(&c, NULL);
    leave(&c, POINT "/diskRestorePoints/d", NULL);
    put_disk(&c, POINT "/diskRestorePoints/d", NULL, CATALOG_CREATING);
    look(&c);
    cr_expect_eq(c.deleted, 0);
    cr_expect_eq(account_case_snapshots(&c.a), 1);
    put_disk(&c, POINT "/diskRestorePoints/d", NULL, CATALOG_FAILED);
    c.looks = 0;
    c.stopped = false;
    look(&c);
    cr_expect_eq(c.deleted, 1);
    cr_expect_eq(account_case_snapshots(&c.a), 0);
    finish(&c);
}

Test(orphans, a_container_that_cannot_be_looked_at_is_told_and_holds_up_no_other)
{
    struct orphans_case c;

    begin(&c, "{\"seed\":1,\"rules\":[{\"name\":\"no\",\"match\":{\"verb\":\"List Blobs\"},"
              "\"fault\":\"status\",\"status\":403}]}");
    look(&c);
    cr_expect(c.looked);
    cr_expect_eq(c.error.kind, ERR_AUTH, "%s", c.error.text);
    cr_expect_eq(c.looks, 2);
    finish(&c);
}
