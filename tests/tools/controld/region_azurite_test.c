/* region_azurite_test.c - the owner's verbs at a host that is not ours: Azurite, when AZURITE_URL names one
 * (tests/system/controld_azurite_test.sh does). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/account_case.h"
#include "tools/controld/region_access.h"
#include "tools/controld/region_sas.h"
#include "tools/controld/region_snapshot.h"

struct azurite_case {
    struct account_case a;
    const char *container; /* each test has its own: they run at once */
};

/* With the container and a blob; or the test is skipped. */
static void begin(struct azurite_case *c, const char *container)
{
    char target[128];
    const char *url = getenv("AZURITE_URL");
    struct region_op op = {.container = container};
    struct raw_answer answer;

    if (!url)
        cr_skip_test("no Azurite is named");
    c->container = container;
    account_case_attach(&c->a, (uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
    account_case_good(&c->a, region_account_delete_container, &op);
    account_case_good(&c->a, region_account_create_container, &op);
    account_case_good(&c->a, region_account_create_container, &op);
    cr_expect(op.as_it_was);
    snprintf(target, sizeof target, "/" RAW_ACCOUNT "/%s/disk-1", container);
    answer = case_ok(&c->a.region, 201, "PUT", target, NULL, 0, "%s",
                     "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 4096\r\n"
                     "x-ms-meta-Snapferry_State: complete\r\n");
    raw_answer_fini(&answer);
}

static void finish(struct azurite_case *c)
{
    struct region_op op = {.container = c->container, .blob = "disk-1"};

    account_case_run(&c->a, region_account_delete, &op);
    op.what = REGION_DELETE_WITH_SNAPSHOTS;
    account_case_good(&c->a, region_account_delete, &op);
    account_case_good(&c->a, region_account_delete, &op);
    cr_expect(op.as_it_was);
    account_case_good(&c->a, region_account_delete_container, &op);
    account_case_close(&c->a);
}

static void on_snapshot(struct region_snapshot *s)
{
    *(bool *)s->arg = true;
}

static void snapshot(struct azurite_case *c, struct region_snapshot *s,
                     void (*verb)(struct region_snapshot *))
{
    bool done = false;

    s->account = c->a.account;
    s->container = c->container;
    s->blob = "disk-1";
    s->done = on_snapshot;
    s->arg = &done;
    verb(s);
    rig_until(&c->a.rig, &done);
    cr_assert_not(err_is_set(&s->err), "%s", s->err.text);
}

Test(region_azurite, snapshots_name_their_point_and_are_found_and_removed)
{
    struct azurite_case c;
    struct region_snapshot first = {.point = "/a/one"}, second = {.point = "/a/two"}, found;
    struct pageblob_metadata metadata = {0};
    struct region_op look = {.container = "f-snapshots",
                             .blob = "disk-1",
                             .out_metadata = &metadata};

    begin(&c, "f-snapshots");
    snapshot(&c, &first, region_snapshot_prepare);
    cr_expect_eq(first.size_bytes, 4096);
    snapshot(&c, &first, region_snapshot_take);
    snapshot(&c, &second, region_snapshot_prepare);
    snapshot(&c, &second, region_snapshot_take);
    found = (struct region_snapshot){.point = "/A/ONE"};
    snapshot(&c, &found, region_snapshot_find);
    cr_expect_str_eq(found.snapshot, first.snapshot);
    look.snapshot = first.snapshot;
    account_case_good(&c.a, region_account_properties, &look);
    cr_expect_str_eq(look.head.blob_type, "PageBlob");
    cr_expect_str_eq(pageblob_metadata_get(&metadata, "snapferry_state"), "complete");
    cr_expect_str_eq(pageblob_metadata_get(&metadata, REGION_SNAPSHOT_POINT), "/a/one");
    second.snapshot[0] = 0;
    snapshot(&c, &second, region_snapshot_tidy);
    cr_expect_eq(second.tidied, 1);
    snapshot(&c, &first, region_snapshot_tidy);
    cr_expect_eq(first.tidied, 0);
    pageblob_metadata_fini(&metadata);
    region_snapshot_fini(&first);
    region_snapshot_fini(&second);
    region_snapshot_fini(&found);
    finish(&c);
}

static void on_access(struct region_access_op *op)
{
    *(bool *)op->arg = true;
}

static void access_of(struct azurite_case *c, struct region_access *access, uint64_t seconds)
{
    bool done = false;
    struct region_access_op op = {.container = c->container,
                                  .policy = "snapferry-a",
                                  .permissions = "r",
                                  .expiry_ns = reactor_wall_ns(c->a.rig.r) + seconds * NS_PER_S,
                                  .done = on_access,
                                  .arg = &done};

    if (seconds)
        region_access_grant(access, &op);
    else
        region_access_revoke(access, &op);
    rig_until(&c->a.rig, &done);
    cr_assert_not(err_is_set(&op.err), "%s", op.err.text);
}

static unsigned opens(struct azurite_case *c, struct region_sas sas)
{
    struct err e = {0};
    unsigned status;
    char *url;

    sas.container = c->container;
    sas.blob = "disk-1";
    cr_assert(region_sas_url(c->a.account, &sas, &url, &e), "%s", e.text);
    status = account_case_get(&c->a, url);
    secret_wipe_free(url);
    return status;
}

Test(region_azurite, access_opens_is_extended_and_ends)
{
    struct azurite_case c;
    struct region_access *access;
    struct region_snapshot s = {.point = "p"};
    struct region_sas policy = {.policy = "snapferry-a"}, own = {.permissions = "r"};
    struct err e = {0};

    begin(&c, "f-access");
    access = region_access_new(c.a.account, &e);
    snapshot(&c, &s, region_snapshot_prepare);
    snapshot(&c, &s, region_snapshot_take);
    own.expiry_ns = reactor_wall_ns(c.a.rig.r) + 600 * NS_PER_S;
    cr_expect_eq(opens(&c, own), 200);
    own.snapshot = policy.snapshot = s.snapshot;
    cr_expect_eq(opens(&c, own), 200);
    cr_expect_eq(opens(&c, policy), 403);
    access_of(&c, access, 600);
    cr_expect_eq(opens(&c, policy), 200);
    access_of(&c, access, 6000);
    cr_expect_eq(opens(&c, policy), 200);
    access_of(&c, access, 0);
    cr_expect_eq(opens(&c, policy), 403);
    region_access_free(access);
    region_snapshot_fini(&s);
    finish(&c);
}
