/* endpoint_pageblob_test.c - one end of a copy on a real region. */
#include "io/endpoint_pageblob.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/blob_bench.h"

#define MIB (1u << 20)

static const struct endpoint_pageblob_options plain;

static struct marker marker_of(const char *uuid, enum marker_state state)
{
    struct marker m = {.state = state, .size_bytes = 8 * MIB};

    snprintf(m.copy_uuid, sizeof m.copy_uuid, "%s", uuid);
    snprintf(m.source, sizeof m.source, "https://h/c/source.vhd");
    return m;
}

#define STALE_ROOT "sha256:" DIGITS_16 DIGITS_16 DIGITS_16 DIGITS_16
#define DIGITS_16  "0123456789abcdef"
#define UUID_A     "11111111-1111-4111-8111-111111111111"
#define UUID_B     "22222222-2222-4222-8222-222222222222"

static struct endpoint *open_rw(struct blob_bench *b)
{
    return blob_bench_open(b, blob_bench_url(b, BENCH_ACCOUNT, NULL, "racw", NULL), plain);
}

static struct err create(struct blob_bench *b, struct endpoint *ep, uint64_t size_bytes,
                         const struct marker *marker)
{
    struct setup_req req = {.verb = SETUP_CREATE, .size_bytes = size_bytes, .marker = marker};

    return blob_bench_setup(b, ep, &req);
}

static struct err mark(struct blob_bench *b, struct endpoint *ep, const struct marker *marker)
{
    struct setup_req req = {.verb = SETUP_MARK, .marker = marker};

    return blob_bench_setup(b, ep, &req);
}

Test(endpoint_pageblob, what_is_written_is_read_and_what_is_cleared_is_zero)
{
    struct blob_bench b;
    struct endpoint *ep;

    blob_bench_begin(&b, NULL);
    ep = open_rw(&b);
    blob_bench_ok(create(&b, ep, 8 * MIB, NULL));
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_WRITE, 512, 4 * MIB, 'x'));
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_READ, 512, 4 * MIB, 'x'));
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_READ, 0, 512, 0));
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_ZERO, 0, 8 * MIB, 0));
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_FLUSH, 0, 0, 0));
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_READ, 4 * MIB, 4 * MIB, 0));
    cr_assert_eq(ep->requests_count, 6);
    cr_assert_eq(ep->wire_read_bytes, 8 * MIB + 512);
    cr_assert_eq(ep->wire_written_bytes, 4 * MIB);
    cr_assert(!ep->warned_no_checksum);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, absence_is_no_error_and_creation_never_overwrites)
{
    struct blob_bench b;
    struct endpoint *ep;
    struct stat_req stat;
    struct marker marker = marker_of(UUID_A, MARKER_COPYING);

    blob_bench_begin(&b, NULL);
    ep = open_rw(&b);
    stat = blob_bench_stat(&b, ep);
    blob_bench_ok(stat.err);
    cr_assert(!stat.exists);
    cr_expect_eq(stat.absence.http_status, 404);
    cr_expect_neq(stat.absence.request_id[0], 0, "what its operators ask for");
    blob_bench_ok(create(&b, ep, 8 * MIB, &marker));
    blob_bench_failed(create(&b, ep, 8 * MIB, NULL), ERR_CONFLICT, RETRY_NEVER);
    stat = blob_bench_stat(&b, ep);
    blob_bench_ok(stat.err);
    cr_assert(stat.exists);
    cr_assert_eq(stat.size_bytes, 8 * MIB);
    cr_assert_eq(stat.marker.state, MARKER_COPYING);
    cr_assert_str_eq(stat.marker.copy_uuid, UUID_A);
    cr_assert_str_eq(stat.marker.source, "https://h/c/source.vhd");
    cr_assert_str_not_empty(stat.etag);
    cr_assert_str_not_empty(stat.last_modified);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, sizes_have_limits_and_never_shrink)
{
    struct blob_bench b;
    struct endpoint *ep;
    struct setup_req grow = {.verb = SETUP_RESIZE, .size_bytes = 2 * MIB};
    struct setup_req shrink = {.verb = SETUP_RESIZE, .size_bytes = MIB};

    blob_bench_begin(&b, NULL);
    ep = open_rw(&b);
    blob_bench_failed(create(&b, ep, PAGEBLOB_SIZE_MAX_BYTES + 512, NULL), ERR_USAGE, RETRY_NEVER);
    blob_bench_ok(create(&b, ep, MIB, NULL));
    blob_bench_ok(blob_bench_setup(&b, ep, &grow));
    cr_assert_eq(blob_bench_stat(&b, ep).size_bytes, 2 * MIB);
    blob_bench_failed(blob_bench_setup(&b, ep, &shrink), ERR_USAGE, RETRY_NEVER);
    cr_assert_eq(blob_bench_stat(&b, ep).size_bytes, 2 * MIB);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, a_marker_leaves_the_metadata_of_others)
{
    struct blob_bench b;
    struct endpoint *ep;
    struct marker copying = marker_of(UUID_A, MARKER_COPYING);
    struct marker complete = marker_of(UUID_A, MARKER_COMPLETE);
    struct stat_req stat;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 8 * MIB);
    blob_bench_owner(&b, 200, BENCH_ACCOUNT, "PUT", "/" BENCH_BLOB "?comp=metadata",
                     "x-ms-meta-Owner: somebody else\r\nx-ms-meta-snapferry_root: " STALE_ROOT
                     "\r\n",
                     NULL, 0, "");
    ep = open_rw(&b);
    blob_bench_ok(mark(&b, ep, &copying));
    cr_assert_str_eq(blob_bench_owner(&b, 200, BENCH_ACCOUNT, "HEAD", "/" BENCH_BLOB, NULL, NULL, 0,
                                      "x-ms-meta-Owner"),
                     "somebody else");
    cr_assert_str_eq(blob_bench_owner(&b, 200, BENCH_ACCOUNT, "HEAD", "/" BENCH_BLOB, NULL, NULL, 0,
                                      "x-ms-meta-snapferry_root"),
                     "");
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_FLUSH, 0, 0, 0));
    blob_bench_ok(mark(&b, ep, &complete));
    stat = blob_bench_stat(&b, ep);
    cr_assert_eq(stat.marker.state, MARKER_COMPLETE);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, a_marker_of_another_copy_is_not_overwritten)
{
    struct blob_bench b;
    struct endpoint *mine, *other;
    struct marker a = marker_of(UUID_A, MARKER_COPYING), c = marker_of(UUID_B, MARKER_COPYING);
    struct marker done = marker_of(UUID_A, MARKER_COMPLETE);
    struct stat_req stat;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 8 * MIB);
    mine = open_rw(&b);
    other = open_rw(&b);
    blob_bench_ok(blob_bench_stat(&b, mine).err);
    blob_bench_ok(mark(&b, mine, &a));
    blob_bench_failed(mark(&b, other, &c), ERR_CONFLICT, RETRY_NEVER); /* it never looked */
    blob_bench_ok(blob_bench_stat(&b, other).err);
    blob_bench_ok(mark(&b, other, &c)); /* it looked, and decided to take over */
    blob_bench_ok(blob_bench_stat(&b, mine).err);
    blob_bench_failed(mark(&b, mine, &done), ERR_CONFLICT, RETRY_NEVER);
    stat = blob_bench_stat(&b, other);
    cr_assert_str_eq(stat.marker.copy_uuid, UUID_B);
    endpoint_close(mine);
    endpoint_close(other);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, a_marker_is_merged_anew_when_somebody_wrote_between)
{
    static const char faults[] =
        "{\"seed\":1,\"rules\":[{\"name\":\"between\",\"match\":{\"comp\":\"metadata\"},\"times\":"
        "2,"
        "\"fault\":\"status\",\"status\":412,\"code\":\"ConditionNotMet\"}]}";
    struct blob_bench b;
    struct endpoint *ep;
    struct marker a = marker_of(UUID_A, MARKER_COPYING);

    blob_bench_begin(&b, faults);
    blob_bench_make(&b, BENCH_ACCOUNT, 8 * MIB);
    ep = open_rw(&b);
    blob_bench_ok(mark(&b, ep, &a));
    cr_assert_eq(ep->requests_count, 6);
    endpoint_close(ep);
    blob_bench_end(&b);
}

/* Deleted and created while a copy runs: what was written before is lost, so it must not be completed. */
Test(endpoint_pageblob, a_blob_made_anew_is_not_completed)
{
    struct blob_bench b;
    struct endpoint *ep;
    struct marker a = marker_of(UUID_A, MARKER_COPYING), done = marker_of(UUID_A, MARKER_COMPLETE);

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 8 * MIB);
    ep = open_rw(&b);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    blob_bench_ok(mark(&b, ep, &a));
    blob_bench_make(&b, BENCH_ACCOUNT, 8 * MIB);
    blob_bench_failed(mark(&b, ep, &done), ERR_CONFLICT, RETRY_NEVER);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, a_mark_expects_the_blob_that_was_looked_at)
{
    struct blob_bench b;
    struct endpoint *ep;
    struct marker a = marker_of(UUID_A, MARKER_COPYING);
    struct stat_req stat;
    struct setup_req req = {.verb = SETUP_MARK, .marker = &a, .expect_etag = stat.etag};

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 8 * MIB);
    ep = open_rw(&b);
    stat = blob_bench_stat(&b, ep);
    blob_bench_fill(&b, BENCH_ACCOUNT, 0, 512, 'x');
    blob_bench_failed(blob_bench_setup(&b, ep, &req), ERR_CONFLICT, RETRY_REPLAN);
    stat = blob_bench_stat(&b, ep);
    err_clear(&req.err);
    blob_bench_ok(blob_bench_setup(&b, ep, &req));
    blob_bench_ok(blob_bench_setup(&b, ep, &req)); /* as when the answer was lost: it is ours */
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, a_fence_stops_the_writes_of_who_came_before)
{
    struct blob_bench b;
    struct endpoint *old, *new;
    struct setup_req fence = {.verb = SETUP_FENCE};

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, 8 * MIB);
    old = open_rw(&b);
    new = open_rw(&b);
    blob_bench_ok(blob_bench_stat(&b, old).err);
    blob_bench_ok(blob_bench_stat(&b, new).err);
    blob_bench_ok(blob_bench_block(&b, old, BENCH_WRITE, 0, 512, 'o'));
    blob_bench_ok(blob_bench_setup(&b, new, &fence));
    blob_bench_failed(blob_bench_block(&b, old, BENCH_ZERO, 0, 512, 0), ERR_CONFLICT, RETRY_NEVER);
    blob_bench_failed(blob_bench_block(&b, old, BENCH_WRITE, 0, 512, 'o'), ERR_CONFLICT,
                      RETRY_NEVER);
    blob_bench_ok(blob_bench_block(&b, new, BENCH_WRITE, 0, 512, 'n'));
    blob_bench_ok(blob_bench_block(&b, new, BENCH_READ, 0, 512, 'n'));
    endpoint_close(old);
    endpoint_close(new);
    blob_bench_end(&b);
}

/* ---- Reading what may change ---- */

Test(endpoint_pageblob, a_guarded_read_notices_that_the_source_changed)
{
    struct blob_bench b;
    struct endpoint *guarded, *open;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, MIB);
    blob_bench_fill(&b, BENCH_ACCOUNT, 0, 512, 'a');
    guarded = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "r", NULL),
                              (struct endpoint_pageblob_options){.guard_reads = true});
    open = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "r", NULL), plain);
    blob_bench_ok(blob_bench_stat(&b, guarded).err);
    blob_bench_ok(blob_bench_stat(&b, open).err);
    blob_bench_ok(blob_bench_block(&b, guarded, BENCH_READ, 0, 512, 'a'));
    blob_bench_fill(&b, BENCH_ACCOUNT, 0, 512, 'b');
    blob_bench_failed(blob_bench_block(&b, guarded, BENCH_READ, 0, 512, 'a'), ERR_GONE,
                      RETRY_REPLAN);
    blob_bench_ok(blob_bench_block(&b, open, BENCH_READ, 0, 512, 'b'));
    endpoint_close(guarded);
    endpoint_close(open);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, a_snapshot_stays_and_cannot_be_written)
{
    struct blob_bench b;
    struct endpoint *ep, *snapshot;
    struct setup_req take = {.verb = SETUP_SNAPSHOT};

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, MIB);
    blob_bench_fill(&b, BENCH_ACCOUNT, 0, 512, 'a');
    ep = open_rw(&b);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    blob_bench_ok(blob_bench_setup(&b, ep, &take));
    cr_assert_eq(strlen(take.out_snapshot), 28, "%s", take.out_snapshot);
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_WRITE, 0, 512, 'b'));
    snapshot = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, take.out_snapshot, "r", NULL),
                               (struct endpoint_pageblob_options){.guard_reads = true});
    blob_bench_ok(blob_bench_stat(&b, snapshot).err);
    blob_bench_ok(blob_bench_block(&b, snapshot, BENCH_READ, 0, 512, 'a'));
    cr_assert(!(snapshot->capabilities & (ENDPOINT_CAN_MARK | ENDPOINT_CAN_CREATE)));
    cr_assert(strstr(snapshot->identity, "?snapshot="));
    cr_assert_null(strstr(snapshot->identity, "sig"));
    endpoint_close(ep);
    endpoint_close(snapshot);
    blob_bench_end(&b);
}

/* ---- Access ---- */

Test(endpoint_pageblob, an_expired_url_asks_for_renewal_and_a_new_one_works)
{
    struct blob_bench b;
    struct endpoint *ep;
    struct secret_url renewed;
    struct err e = {0};

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_ACCOUNT, MIB);
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "r", "2020-01-01T00:00:00Z"),
                         plain);
    blob_bench_failed(blob_bench_stat(&b, ep).err, ERR_AUTH, RETRY_AFTER_RENEWAL);
    cr_assert(secret_url_parse(blob_bench_url(&b, BENCH_ACCOUNT, NULL, "r", NULL), &renewed, &e));
    endpoint_pageblob_set_url(ep, &renewed);
    cr_assert_null(renewed.address);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_READ, 0, 512, 0));
    blob_bench_failed(blob_bench_block(&b, ep, BENCH_WRITE, 0, 512, 'x'), ERR_AUTH, RETRY_NEVER);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, what_is_no_usable_url_is_refused_at_open)
{
    static const char *const urls[] = {"https://acct.blob.core.windows.net/c/b",
                                       "https://acct.blob.core.windows.net/c/b?sv=1",
                                       "https://acct.blob.core.windows.net/c?sig=x",
                                       "http://127.0.0.1:1/acct/c?sig=x"};
    struct blob_bench b;

    blob_bench_begin(&b, NULL);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct secret_url url;
        struct err e = {0}, parsed = {0};

        cr_assert(secret_url_parse(urls[i], &url, &parsed));
        cr_assert_null(endpoint_pageblob_open(b.reactor, b.http, &url, &plain, &e), "row %zu", i);
        cr_assert_eq(e.kind, ERR_USAGE);
        cr_assert_null(url.address);
    }
    blob_bench_end(&b);
}

Test(endpoint_pageblob, a_block_blob_is_refused)
{
    struct blob_bench b;
    struct endpoint *ep;
    struct stat_req stat;

    blob_bench_begin(&b, NULL);
    blob_bench_owner(&b, 201, BENCH_ACCOUNT, "PUT", "/" BENCH_BLOB, "x-ms-blob-type: BlockBlob\r\n",
                     "hello", 5, "");
    ep = open_rw(&b);
    stat = blob_bench_stat(&b, ep);
    blob_bench_failed(stat.err, ERR_USAGE, RETRY_NEVER);
    cr_assert(strstr(stat.err.text, "BlockBlob"), "%s", stat.err.text);
    endpoint_close(ep);
    blob_bench_end(&b);
}

/* ---- Managed disks ---- */

Test(endpoint_pageblob, a_managed_disk_is_read_without_conditions)
{
    struct blob_bench b;
    struct endpoint *ep;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_MANAGED, MIB);
    blob_bench_fill(&b, BENCH_MANAGED, 0, 512, 'a');
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_MANAGED, NULL, "r", NULL),
                         (struct endpoint_pageblob_options){.guard_reads = true});
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_READ, 0, 512, 'a'));
    cr_assert_eq(ep->capabilities & ENDPOINT_CAN_CREATE, 0);
    cr_assert(ep->capabilities & ENDPOINT_CAN_DIFF);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, an_upload_disk_takes_pages_and_nothing_else)
{
    struct blob_bench b;
    struct endpoint *ep;

    blob_bench_begin(&b, NULL);
    blob_bench_make(&b, BENCH_UPLOAD, MIB);
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_UPLOAD, NULL, "rw", NULL), plain);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_WRITE, 512, 1024, 'u'));
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_ZERO, 1024, 512, 0));
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_READ, 512, 512, 'u'));
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_READ, 1024, 512, 0));
    cr_assert_eq(ep->capabilities, ENDPOINT_CAN_LIST | ENDPOINT_LIMITS_REQUESTS |
                                       ENDPOINT_CHECKS_CRC64 | ENDPOINT_CAN_PULL);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob, only_what_a_copy_made_itself_is_removed_for_it)
{
    struct blob_bench b;
    struct endpoint *ep;
    struct marker mine = marker_of(UUID_A, MARKER_COPYING),
                  other = marker_of(UUID_B, MARKER_COPYING);
    struct setup_req create = {.verb = SETUP_CREATE, .size_bytes = 8 * MIB, .marker = &mine};
    struct setup_req theirs = {.verb = SETUP_REMOVE, .marker = &other};
    struct setup_req ours = {.verb = SETUP_REMOVE, .marker = &mine};
    struct setup_req again = ours;

    blob_bench_begin(&b, NULL);
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "rwd", NULL),
                         (struct endpoint_pageblob_options){0});
    blob_bench_ok(blob_bench_setup(&b, ep, &create));
    cr_assert_eq(blob_bench_setup(&b, ep, &theirs).kind, ERR_CONFLICT);
    cr_assert(blob_bench_stat(&b, ep).exists);
    blob_bench_ok(blob_bench_setup(&b, ep, &ours));
    cr_assert_not(blob_bench_stat(&b, ep).exists);
    cr_assert_eq(blob_bench_setup(&b, ep, &again).kind, ERR_GONE);
    endpoint_close(ep);
    blob_bench_end(&b);
}
