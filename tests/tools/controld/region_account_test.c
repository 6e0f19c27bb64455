/* region_account_test.c - the owner's verbs against a real region: what they do, and what they make of
 * faults. */
#include "tools/controld/region_account.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/account_case.h"
#include "tests/support/fault_case.h"

#define FAULT(verb, rest)                                                                          \
    "{\"seed\":1,\"rules\":[{\"name\":\"it\",\"match\":{\"verb\":\"" verb "\"}," rest "}]}"

static void expect_kind(const struct region_op *op, enum err_kind kind, const char *words)
{
    cr_assert_eq(op->err.kind, kind, "%s: %s", err_kind_name(op->err.kind), op->err.text);
    cr_assert(strstr(op->err.text, words), "\"%s\" lacks \"%s\"", op->err.text, words);
}

Test(region_account, makes_and_deletes_containers_and_says_what_was_so_already)
{
    struct account_case c;
    struct region_op op = {.container = "made-here"};

    account_case_open(&c, NULL);
    account_case_good(&c, region_account_create_container, &op);
    cr_expect_not(op.as_it_was);
    account_case_good(&c, region_account_create_container, &op);
    cr_expect(op.as_it_was);
    account_case_good(&c, region_account_delete_container, &op);
    cr_expect_not(op.as_it_was);
    account_case_good(&c, region_account_delete_container, &op);
    cr_expect(op.as_it_was);
    account_case_close(&c);
}

static void put_blob(struct account_case *c, const char *target)
{
    struct raw_answer answer =
        case_ok(&c->region, 201, "PUT", target, NULL, 0, "%s",
                "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 512\r\n");

    raw_answer_fini(&answer);
}

static void set_metadata(struct pageblob_metadata *m, const char *name, const char *value)
{
    struct err e = {0};

    cr_assert(pageblob_metadata_set(m, name, value, &e), "%s", e.text);
}

Test(region_account, a_snapshot_carries_the_metadata_it_was_given)
{
    struct account_case c;
    struct pageblob_metadata given = {0}, found = {0};
    struct region_op op = {.blob = "disk.vhd", .metadata = &given};
    struct region_op look = {.blob = "disk.vhd", .out_metadata = &found};

    account_case_open(&c, NULL);
    set_metadata(&given, "snapferry_point", "/a/Point-1");
    set_metadata(&given, "other", "two words");
    account_case_good(&c, region_account_snapshot, &op);
    cr_expect_eq(strlen(op.head.snapshot), strlen("2022-04-07T13:48:01.2760327Z"));
    cr_expect_not(op.unsure);
    look.snapshot = op.head.snapshot;
    account_case_good(&c, region_account_properties, &look);
    cr_expect_eq(look.head.content_bytes, 1u << 20);
    cr_expect_str_eq(look.head.blob_type, "PageBlob");
    cr_expect_str_eq(pageblob_metadata_get(&found, "SNAPFERRY_POINT"), "/a/Point-1");
    cr_expect_str_eq(pageblob_metadata_get(&found, "other"), "two words");
    look.snapshot = NULL;
    account_case_good(&c, region_account_properties, &look);
    cr_expect_eq(found.count, 0, "the blob itself stays as it was");
    pageblob_metadata_fini(&given);
    account_case_close(&c);
}

Test(region_account, deletes_a_snapshot_and_a_blob_only_as_it_is_told)
{
    struct account_case c;
    struct region_op op = {.blob = "disk.vhd"};
    char time[REGION_SNAPSHOT_MAX_BYTES];

    account_case_open(&c, NULL);
    account_case_good(&c, region_account_snapshot, &op);
    strcpy(time, op.head.snapshot);
    account_case_run(&c, region_account_delete, &op);
    expect_kind(&op, ERR_CONFLICT, "has snapshots");
    op.snapshot = time;
    account_case_good(&c, region_account_delete, &op);
    cr_expect_not(op.as_it_was);
    account_case_good(&c, region_account_delete, &op);
    cr_expect(op.as_it_was);
    op.snapshot = NULL;
    account_case_good(&c, region_account_snapshot, &op);
    op.what = REGION_DELETE_WITH_SNAPSHOTS;
    account_case_good(&c, region_account_delete, &op);
    account_case_run(&c, region_account_properties, &op);
    expect_kind(&op, ERR_GONE, "no such blob");
    account_case_close(&c);
}

Test(region_account, lists_blobs_and_snapshots_over_several_pages)
{
    struct account_case c;
    struct region_list list = {0};
    struct region_op op = {.list = &list};
    struct pageblob_metadata given = {0};
    struct region_op snapshot = {.blob = "disk.vhd", .metadata = &given};
    char target[64];
    size_t snapshots = 0;

    account_case_open(&c, NULL);
    for (unsigned i = 0; i < REGION_LIST_PAGE_COUNT + 20; i++) {
        snprintf(target, sizeof target, CASE_CONTAINER "/b-%04u", i);
        put_blob(&c, target);
    }
    set_metadata(&given, "snapferry_point", "x & <y>");
    account_case_good(&c, region_account_snapshot, &snapshot);
    account_case_good(&c, region_account_list, &op);
    cr_assert_eq(list.count, REGION_LIST_PAGE_COUNT + 22);
    for (size_t i = 0; i < list.count; i++) {
        const struct region_list_item *item = &list.items[i];

        if (!item->snapshot)
            continue;
        snapshots++;
        cr_expect_str_eq(item->blob, "disk.vhd");
        cr_expect_str_eq(item->snapshot, snapshot.head.snapshot);
        cr_expect_eq(item->size_bytes, 1u << 20);
        cr_expect_str_eq(region_list_metadata(item, "Snapferry_Point"), "x & <y>");
    }
    cr_expect_eq(snapshots, 1);
    op.blob = "b-00";
    account_case_good(&c, region_account_list, &op);
    cr_expect_eq(list.count, 100, "those that begin so");
    region_list_fini(&list);
    pageblob_metadata_fini(&given);
    account_case_close(&c);
}

Test(region_account, keeps_policies_as_they_were_set)
{
    struct account_case c;
    struct region_acl set = {0}, got = {0};
    struct region_op op = {.acl = &set};

    account_case_open(&c, NULL);
    strcpy(region_acl_add(&set, "snapferry-one")->expiry, "2031-01-01T00:00:00Z");
    strcpy(set.items[0].permissions, "r");
    region_acl_add(&set, "two & three");
    account_case_good(&c, region_account_set_acl, &op);
    op.acl = &got;
    account_case_good(&c, region_account_get_acl, &op);
    cr_assert_eq(got.count, 2);
    cr_expect_str_eq(got.items[0].id, "snapferry-one");
    cr_expect_eq(strncmp(got.items[0].expiry, "2031-01-01T00:00:00", 19), 0);
    cr_expect_str_eq(got.items[0].permissions, "r");
    cr_expect_str_eq(got.items[1].id, "two & three");
    account_case_close(&c);
}

Test(region_account, survives_a_busy_host)
{
    struct account_case c;
    struct region_op op = {.blob = "disk.vhd"};

    account_case_open(&c,
                      FAULT("Snapshot Blob", "\"times\":2,\"fault\":\"status\",\"status\":503"));
    account_case_good(&c, region_account_snapshot, &op);
    cr_expect_not(op.unsure, "a 503 has done nothing");
    cr_expect_eq(account_case_snapshots(&c), 1);
    account_case_close(&c);
}

Test(region_account, says_when_a_lost_answer_may_have_left_a_second_snapshot)
{
    struct account_case c;
    struct region_op op = {.blob = "disk.vhd"};

    account_case_open(&c, FAULT("Snapshot Blob", "\"times\":1,\"fault\":\"lostAnswer\""));
    account_case_good(&c, region_account_snapshot, &op);
    cr_expect(op.unsure);
    cr_expect_eq(account_case_snapshots(&c), 2);
    account_case_close(&c);
}

Test(region_account, asks_for_a_page_of_a_list_again)
{
    struct account_case c;
    struct region_list list = {0};
    struct region_op op = {.list = &list};

    account_case_open(&c, FAULT("List Blobs",
                                "\"times\":2,\"fault\":\"resetBody\",\"afterBytes\":300"));
    account_case_good(&c, region_account_list, &op);
    cr_expect_eq(list.count, 1);
    region_list_fini(&list);
    account_case_close(&c);
}

Test(region_account, ends_when_its_time_is_over)
{
    struct account_case c;
    struct region_op op = {.blob = "disk.vhd"};
    uint64_t begun_ns;

    account_case_open(&c, FAULT("Snapshot Blob", "\"fault\":\"delay\",\"ms\":3000000"));
    begun_ns = reactor_now_ns(c.rig.r);
    op.due_ns = begun_ns + NS_PER_S / 2;
    account_case_run(&c, region_account_snapshot, &op);
    cr_expect_eq(op.err.kind, ERR_NET, "%s", op.err.text);
    cr_expect(op.unsure);
    cr_expect_lt(reactor_now_ns(c.rig.r) - begun_ns, 20 * NS_PER_S);
    account_case_close(&c);
}

Test(region_account, gives_up_at_once_on_what_will_not_change)
{
    struct account_case c;
    struct region_op op = {.blob = "nothing"};

    account_case_open(&c, NULL);
    account_case_run(&c, region_account_snapshot, &op);
    expect_kind(&op, ERR_GONE, "taking a snapshot of http://127.0.0.1");
    account_case_use(&c, "d3Jvbmc=", NULL);
    op.blob = "disk.vhd";
    account_case_run(&c, region_account_snapshot, &op);
    expect_kind(&op, ERR_AUTH, "refuses its key");
    cr_expect_eq(op.err.retry, RETRY_NEVER);
    cr_expect_eq(op.err.http_status, 403);
    account_case_close(&c);
}

Test(region_account, refuses_names_before_it_sends_them)
{
    static const char *const blobs[] = {"a/../b", "..", "a//b", "a/", "/a", "."};
    static const char *const containers[] = {"a", "UP", "a/b", "a?b", ""};
    struct account_case c;
    struct region_op op = {0};

    account_case_open(&c, NULL);
    for (size_t i = 0; i < sizeof blobs / sizeof blobs[0]; i++) {
        op = (struct region_op){.blob = blobs[i]};
        account_case_run(&c, region_account_properties, &op);
        expect_kind(&op, ERR_USAGE, "no name");
    }
    for (size_t i = 0; i < sizeof containers / sizeof containers[0]; i++) {
        op = (struct region_op){.container = containers[i]};
        account_case_run(&c, region_account_create_container, &op);
        expect_kind(&op, ERR_USAGE, "no name");
    }
    op = (struct region_op){.blob = "with space/and%2Fsign?.vhd"};
    put_blob(&c, CASE_CONTAINER "/with%20space/and%252Fsign%3F.vhd");
    account_case_good(&c, region_account_properties, &op);
    cr_expect_eq(op.head.content_bytes, 512);
    account_case_close(&c);
}

Test(region_account, knows_how_much_of_a_blob_holds_data_over_several_pages)
{
    struct account_case c;
    struct region_op op = {.blob = "disk.vhd"}, snapshot = {.blob = "disk.vhd"};

    account_case_open(
        &c, "{\"seed\":1,\"rules\":[{\"name\":\"short\",\"match\":{\"comp\":\"pagelist\"},"
            "\"times\":2,\"fault\":\"listShortPage\",\"entries\":1}]}");
    case_clear(&c.region, CASE_BLOB, 0, 1u << 20);
    for (unsigned i = 0; i < 4; i++)
        case_write(&c.region, CASE_BLOB, i * 65536u, 4096, 'x');
    account_case_good(&c, region_account_snapshot, &snapshot);
    case_write(&c.region, CASE_BLOB, 900000u / 512 * 512, 512, 'y');
    account_case_good(&c, region_account_used, &op);
    cr_expect_eq(op.used_bytes, 4 * 4096 + 512);
    op.snapshot = snapshot.head.snapshot;
    account_case_good(&c, region_account_used, &op);
    cr_expect_eq(op.used_bytes, 4 * 4096);
    cr_expect(fault_case_log_has(&c.region, "short"), "no page was short");
    account_case_close(&c);
}

Test(region_account, knows_which_parts_changed_since_an_older_snapshot)
{
    struct account_case c;
    struct region_cells cells;
    struct region_op older = {.blob = "disk.vhd"}, newer = {.blob = "disk.vhd"};
    struct region_op op = {.blob = "disk.vhd", .cells = &cells};

    account_case_open(&c, NULL);
    case_clear(&c.region, CASE_BLOB, 0, 1u << 20);
    case_write(&c.region, CASE_BLOB, 0, 8192, 'x');
    account_case_good(&c, region_account_snapshot, &older);
    case_write(&c.region, CASE_BLOB, 512 * 1024, 4096, 'y');
    case_clear(&c.region, CASE_BLOB, 4096, 512);
    account_case_good(&c, region_account_snapshot, &newer);
    op.snapshot = newer.head.snapshot;
    account_case_good(&c, region_account_used, &op);
    cr_expect_eq(op.used_bytes, 8192 - 512 + 4096);
    cr_expect_eq(cells.cell_bytes, 2048);
    cr_expect_eq(cells.count, 512);
    cr_expect_eq(cells.bytes[2], 2048 - 512);
    cr_expect_eq(cells.bytes[4], 0);
    op.since = older.head.snapshot;
    account_case_good(&c, region_account_used, &op);
    cr_expect_eq(op.used_bytes, 512 + 4096);
    cr_expect_eq(cells.bytes[0], 0);
    cr_expect_eq(cells.bytes[2], 512);
    cr_expect_eq(cells.bytes[256] + cells.bytes[257], 4096);
    account_case_close(&c);
}

static void on_stopped(struct region_op *op)
{
    *(bool *)op->arg = true;
}

Test(region_account, waits_no_longer_once_it_is_stopped)
{
    struct account_case c;
    bool done = false;
    struct region_op op = {
        .container = "cont", .blob = "disk.vhd", .done = on_stopped, .arg = &done};

    account_case_open(&c, FAULT("Snapshot Blob",
                                "\"fault\":\"status\",\"status\":503,\"retryAfter\":100"));
    region_account_snapshot(c.account, &op);
    while (!op.pause.slot || op.tries == 0)
        rig_turn(&c.rig);
    region_account_stop(c.account);
    rig_until(&c.rig, &done);
    cr_expect_eq(op.err.kind, ERR_CANCELED);
    account_case_close(&c);
}

Test(region_account, one_that_is_given_up_ends_and_the_others_go_on)
{
    struct account_case c;
    bool done = false;
    struct region_op op = {
        .container = "cont", .blob = "disk.vhd", .done = on_stopped, .arg = &done};
    struct region_op other = {.blob = "disk.vhd"};

    account_case_open(&c, FAULT("Snapshot Blob",
                                "\"fault\":\"status\",\"status\":503,\"retryAfter\":100"));
    region_account_snapshot(c.account, &op);
    while (!op.pause.slot || op.tries == 0)
        rig_turn(&c.rig);
    region_account_give_up(&op);
    cr_assert_not(done, "not from inside");
    rig_until(&c.rig, &done);
    cr_expect_eq(op.err.kind, ERR_CANCELED);
    account_case_good(&c, region_account_properties, &other);
    account_case_close(&c);
}

Test(region_account, refuses_a_setup_that_cannot_be)
{
    static const struct region_account_setup bad[] = {
        {.url = "https://a.example/x", .name = "a"},
        {.url = "https://a.example/x", .name = "a", .key = "not base64!"},
        {.url = "https://a.example/x", .name = "a", .key = RAW_KEY, .sas = "sv=1"},
        {.url = "https://a.example/x?sv=1&sig=s", .name = "a", .key = RAW_KEY},
        {.url = "a.example", .name = "a", .key = RAW_KEY},
    };
    struct account_case c;

    account_case_open(&c, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct region_account_setup setup = bad[i];
        struct err e = {0};

        setup.http = c.http;
        cr_expect_null(region_account_new(&setup, &e));
        cr_expect_eq(e.kind, ERR_USAGE);
        cr_expect_null(strstr(e.text, "base64!"));
        cr_expect_null(strstr(e.text, "sig="));
    }
    account_case_close(&c);
}
