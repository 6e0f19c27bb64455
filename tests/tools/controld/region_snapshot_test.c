/* region_snapshot_test.c - snapshots that name their point: none is lost and none is left, whatever
 * happens to answers. */
#include "tools/controld/region_snapshot.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/account_case.h"

#define POINT "/subscriptions/S/resourceGroups/G/restorePoints/one/diskRestorePoints/d"
#define FAULT(rest)                                                                                \
    "{\"seed\":1,\"rules\":[{\"name\":\"it\",\"match\":{\"verb\":\"Snapshot Blob\"}," rest "}]}"

static void on_done(struct region_snapshot *s)
{
    *(bool *)s->arg = true;
}

static void run(struct account_case *c, struct region_snapshot *s,
                void (*verb)(struct region_snapshot *))
{
    bool done = false;

    s->account = c->account;
    s->container = "cont";
    s->blob = "disk.vhd";
    s->done = on_done;
    s->arg = &done;
    verb(s);
    cr_assert_not(done);
    rig_until(&c->rig, &done);
}

static void good(struct account_case *c, struct region_snapshot *s,
                 void (*verb)(struct region_snapshot *))
{
    run(c, s, verb);
    cr_assert_not(err_is_set(&s->err), "%s", s->err.text);
}

Test(region_snapshot, keeps_the_metadata_of_its_blob_and_names_its_point)
{
    struct account_case c;
    struct region_snapshot s = {.point = POINT};
    struct pageblob_metadata found = {0};
    struct region_op look = {.blob = "disk.vhd", .out_metadata = &found};
    struct raw_answer answer;

    account_case_open(&c, NULL);
    answer = case_ok(&c.region, 200, "PUT", CASE_BLOB "?comp=metadata", NULL, 0, "%s",
                     "x-ms-meta-snapferry_state: copying\r\nx-ms-meta-Mine: 1\r\n");
    raw_answer_fini(&answer);
    good(&c, &s, region_snapshot_prepare);
    cr_expect_eq(s.size_bytes, 1u << 20);
    good(&c, &s, region_snapshot_take);
    cr_expect_not(s.unsure);
    look.snapshot = s.snapshot;
    account_case_good(&c, region_account_properties, &look);
    cr_expect_str_eq(pageblob_metadata_get(&found, "snapferry_state"), "copying");
    cr_expect_str_eq(pageblob_metadata_get(&found, "mine"), "1");
    cr_expect_str_eq(pageblob_metadata_get(&found, REGION_SNAPSHOT_POINT), POINT);
    pageblob_metadata_fini(&found);
    region_snapshot_fini(&s);
    account_case_close(&c);
}

Test(region_snapshot, a_lost_answer_leaves_one_after_it_was_tidied)
{
    struct account_case c;
    struct region_snapshot s = {.point = POINT}, other = {.point = "another"};

    account_case_open(&c, FAULT("\"nth\":[2,3],\"fault\":\"lostAnswer\""));
    good(&c, &other, region_snapshot_prepare);
    good(&c, &other, region_snapshot_take);
    good(&c, &s, region_snapshot_prepare);
    good(&c, &s, region_snapshot_take);
    cr_expect(s.unsure);
    cr_expect_eq(account_case_snapshots(&c), 4);
    good(&c, &s, region_snapshot_tidy);
    cr_expect_eq(s.tidied, 2);
    cr_expect_eq(account_case_snapshots(&c), 2, "ours, and the other point's");
    other.snapshot[0] = 0;
    good(&c, &other, region_snapshot_find);
    cr_expect_neq(other.snapshot[0], 0);
    region_snapshot_fini(&s);
    region_snapshot_fini(&other);
    account_case_close(&c);
}

Test(region_snapshot, one_that_was_given_up_is_found_or_removed)
{
    struct account_case c;
    struct region_snapshot s = {.point = POINT};

    account_case_open(&c, FAULT("\"fault\":\"lostAnswer\""));
    good(&c, &s, region_snapshot_prepare);
    s.due_ns = reactor_now_ns(c.rig.r) + NS_PER_S / 5;
    run(&c, &s, region_snapshot_take);
    cr_expect_eq(s.err.kind, ERR_NET, "%s", s.err.text);
    cr_expect(s.unsure);
    cr_expect_str_empty(s.snapshot);
    s.due_ns = 0;
    good(&c, &s, region_snapshot_find);
    cr_expect_neq(s.snapshot[0], 0, "after a restart it can be adopted");
    s.snapshot[0] = 0;
    good(&c, &s, region_snapshot_tidy);
    cr_expect_geq(s.tidied, 1);
    cr_expect_eq(account_case_snapshots(&c), 0);
    good(&c, &s, region_snapshot_find);
    cr_expect_str_empty(s.snapshot);
    region_snapshot_fini(&s);
    account_case_close(&c);
}

struct swept {
    const char *known;
    bool done;
};

static bool keep_known(void *arg, const char *blob, const char *snapshot, const char *point)
{
    const struct swept *swept = arg;

    cr_expect_str_eq(blob, "disk.vhd");
    cr_expect_neq(snapshot[0], 0);
    return strcmp(point, swept->known) == 0;
}

static void on_swept(struct region_sweep *sweep)
{
    ((struct swept *)sweep->arg)->done = true;
}

static struct region_sweep sweep(struct account_case *c, const char *container, const char *known)
{
    struct swept swept = {.known = known};
    struct region_sweep s = {.account = c->account,
                             .container = container,
                             .keep = keep_known,
                             .done = on_swept,
                             .arg = &swept};

    region_sweep_start(&s);
    rig_until(&c->rig, &swept.done);
    cr_assert_not(err_is_set(&s.err), "%s", s.err.text);
    return s;
}

Test(region_snapshot, a_sweep_removes_what_names_an_unknown_point_and_nothing_else)
{
    struct account_case c;
    struct region_snapshot a = {.point = "a"}, b = {.point = "b"};
    struct region_op foreign = {.blob = "disk.vhd"};

    account_case_open(&c, "{\"seed\":1,\"rules\":[{\"name\":\"busy\",\"match\":{\"verb\":\"Delete "
                          "Blob\"},\"times\":1,\"fault\":\"status\",\"status\":503}]}");
    good(&c, &a, region_snapshot_prepare);
    good(&c, &a, region_snapshot_take);
    good(&c, &b, region_snapshot_prepare);
    good(&c, &b, region_snapshot_take);
    account_case_good(&c, region_account_snapshot, &foreign);
    cr_expect_eq(sweep(&c, "cont", "b").deleted, 1);
    cr_expect_eq(account_case_snapshots(&c), 2);
    cr_expect_eq(sweep(&c, "cont", "b").deleted, 0);
    cr_expect_eq(sweep(&c, "not-there", "b").deleted, 0);
    region_snapshot_fini(&a);
    region_snapshot_fini(&b);
    account_case_close(&c);
}

Test(region_snapshot, a_blob_that_is_gone_is_an_error_before_anything_is_taken)
{
    struct account_case c;
    struct region_snapshot s = {.point = POINT};
    struct raw_answer answer;

    account_case_open(&c, NULL);
    answer = case_ok(&c.region, 202, "DELETE", CASE_BLOB, NULL, 0, "%s", "");
    raw_answer_fini(&answer);
    run(&c, &s, region_snapshot_prepare);
    cr_expect_eq(s.err.kind, ERR_GONE, "%s", s.err.text);
    region_snapshot_fini(&s);
    account_case_close(&c);
}
