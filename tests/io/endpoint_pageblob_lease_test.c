/* endpoint_pageblob_lease_test.c - the lease of a page blob on a real region: who has it may change the
 * blob, nobody else; every change carries its name, and a release ends that.
 */
#include <criterion/criterion.h>

#include "io/endpoint_pageblob.h"
#include "tests/support/blob_bench.h"

#define MIB    (1u << 20)
#define OURS   "11111111-1111-4111-8111-111111111111"
#define OTHERS "22222222-2222-4222-8222-222222222222"
#define COPY_A "33333333-3333-4333-8333-333333333333"

static const struct endpoint_pageblob_options plain;

static struct endpoint *open_rw(struct blob_bench *b)
{
    struct endpoint *ep =
        blob_bench_open(b, blob_bench_url(b, BENCH_ACCOUNT, NULL, "racw", NULL), plain);

    blob_bench_ok(blob_bench_stat(b, ep).err);
    return ep;
}

static struct err ask(struct blob_bench *b, struct endpoint *ep, enum setup_verb verb,
                      const char *id)
{
    struct setup_req req = {.verb = verb, .lease_id = id};

    return blob_bench_setup(b, ep, &req);
}

static const char *lease_state(struct blob_bench *b)
{
    return blob_bench_owner(b, 200, BENCH_ACCOUNT, "HEAD", "/" BENCH_BLOB, NULL, NULL, 0,
                            "x-ms-lease-state");
}

static void break_lease(struct blob_bench *b)
{
    blob_bench_owner(b, 202, BENCH_ACCOUNT, "PUT", "/" BENCH_BLOB "?comp=lease",
                     "x-ms-lease-action: break\r\nx-ms-lease-break-period: 0\r\n", NULL, 0, "");
}

static void expect_code(struct err e, const char *code, enum err_retry retry)
{
    cr_assert_str_eq(e.code, code, "%s", e.text);
    blob_bench_failed(e, ERR_CONFLICT, retry);
}

/* Every kind of change there is. */
static void expect_changes(struct blob_bench *b, struct endpoint *ep)
{
    struct marker marker = {
        .state = MARKER_COPYING, .copy_uuid = COPY_A, .source = "s", .size_bytes = 8 * MIB};
    struct setup_req mark = {.verb = SETUP_MARK, .marker = &marker};
    struct setup_req fence = {.verb = SETUP_FENCE}, snapshot = {.verb = SETUP_SNAPSHOT};
    struct setup_req grow = {.verb = SETUP_RESIZE, .size_bytes = 8 * MIB};

    blob_bench_ok(blob_bench_block(b, ep, BENCH_WRITE, 0, 512, 'x'));
    blob_bench_ok(blob_bench_block(b, ep, BENCH_ZERO, 512, 512, 0));
    blob_bench_ok(blob_bench_setup(b, ep, &mark));
    blob_bench_ok(blob_bench_setup(b, ep, &fence));
    blob_bench_ok(blob_bench_setup(b, ep, &grow));
    blob_bench_ok(blob_bench_setup(b, ep, &snapshot));
    blob_bench_ok(blob_bench_block(b, ep, BENCH_READ, 0, 512, 'x'));
}

Test(endpoint_pageblob_lease, lets_its_holder_change_everything_and_nobody_else)
{
    struct blob_bench b;
    struct endpoint *mine, *other;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 4 * MIB);
    mine = open_rw(&b);
    other = open_rw(&b);
    cr_assert(mine->capabilities & ENDPOINT_CAN_LEASE);
    blob_bench_ok(ask(&b, mine, SETUP_LEASE, OURS));
    cr_assert_str_eq(lease_state(&b), "leased");
    expect_changes(&b, mine);
    expect_code(blob_bench_block(&b, other, BENCH_WRITE, 0, 512, 'y'), "LeaseIdMissing",
                RETRY_NEVER);
    expect_code(ask(&b, other, SETUP_LEASE, OTHERS), "LeaseAlreadyPresent", RETRY_NEVER);
    blob_bench_ok(blob_bench_block(&b, other, BENCH_READ, 0, 512, 'x'));
    blob_bench_ok(ask(&b, mine, SETUP_UNLEASE, OURS));
    cr_assert_str_eq(lease_state(&b), "available");
    expect_changes(&b, mine); /* without a name again */
    blob_bench_ok(ask(&b, other, SETUP_LEASE, OTHERS));
    endpoint_close(mine);
    endpoint_close(other);
    blob_bench_end(&b);
}

Test(endpoint_pageblob_lease, is_renewed_and_taken_up_by_another_process_that_knows_its_name)
{
    struct blob_bench b;
    struct endpoint *mine, *heir;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 8 * MIB);
    mine = open_rw(&b);
    heir = open_rw(&b);
    blob_bench_ok(ask(&b, mine, SETUP_LEASE, OURS));
    blob_bench_ok(ask(&b, mine, SETUP_LEASE, OURS));
    blob_bench_ok(ask(&b, heir, SETUP_LEASE, OURS));
    expect_changes(&b, heir);
    endpoint_close(mine);
    endpoint_close(heir);
    blob_bench_end(&b);
}

Test(endpoint_pageblob_lease, that_was_broken_is_neither_renewed_nor_written_past)
{
    struct blob_bench b;
    struct endpoint *mine;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 8 * MIB);
    mine = open_rw(&b);
    blob_bench_ok(ask(&b, mine, SETUP_LEASE, OURS));
    break_lease(&b);
    cr_assert_str_eq(lease_state(&b), "broken");
    expect_code(ask(&b, mine, SETUP_LEASE, OURS), "LeaseIsBrokenAndCannotBeRenewed", RETRY_NEVER);
    /* The host does not tell it from one that ended: what the renewal says is final. */
    expect_code(blob_bench_block(&b, mine, BENCH_WRITE, 0, 512, 'y'), "LeaseLost", RETRY_LATER);
    endpoint_close(mine);
    blob_bench_end(&b);
}

Test(endpoint_pageblob_lease, that_another_took_and_gave_back_is_not_renewed)
{
    struct blob_bench b;
    struct endpoint *mine, *other;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 8 * MIB);
    mine = open_rw(&b);
    other = open_rw(&b);
    blob_bench_ok(ask(&b, mine, SETUP_LEASE, OURS));
    break_lease(&b);
    blob_bench_ok(ask(&b, other, SETUP_LEASE, OTHERS));
    expect_code(ask(&b, mine, SETUP_LEASE, OURS), "LeaseIdMismatchWithLeaseOperation", RETRY_NEVER);
    blob_bench_ok(ask(&b, other, SETUP_UNLEASE, OTHERS));
    expect_code(ask(&b, mine, SETUP_LEASE, OURS), "LeaseNotPresentWithLeaseOperation", RETRY_NEVER);
    expect_code(blob_bench_block(&b, mine, BENCH_WRITE, 0, 512, 'y'),
                "LeaseNotPresentWithBlobOperation", RETRY_NEVER);
    endpoint_close(mine);
    endpoint_close(other);
    blob_bench_end(&b);
}

Test(endpoint_pageblob_lease, is_nothing_a_managed_disk_or_a_snapshot_has)
{
    struct blob_bench b;
    struct endpoint *ep;
    const char *const hosts[] = {BENCH_MANAGED, BENCH_UPLOAD};

    blob_bench_begin(&b, NULL);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct endpoint_pageblob_options how = {.host = i ? PAGEBLOB_HOST_UPLOAD
                                                          : PAGEBLOB_HOST_MANAGED};

        ep = blob_bench_open(&b, blob_bench_url(&b, hosts[i], NULL, "r", NULL), how);
        cr_assert_not(ep->capabilities & ENDPOINT_CAN_LEASE);
        endpoint_close(ep);
    }
    ep = blob_bench_open(
        &b, blob_bench_url(&b, BENCH_ACCOUNT, "2026-01-01T00:00:00.0000000Z", "r", NULL), plain);
    cr_assert_not(ep->capabilities & ENDPOINT_CAN_LEASE);
    endpoint_close(ep);
    blob_bench_end(&b);
}
