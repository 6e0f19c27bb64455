/* endpoint_pageblob_fault_test.c - what a real region does wrong to order is reported, each by its kind. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "io/endpoint_pageblob.h"
#include "tests/support/blob_bench.h"

#define KIB 1024u

static const struct endpoint_pageblob_options plain;

/* The first read of 64 KiB meets the fault and fails with this; the second succeeds. */
static void expect_read_fault(const char *fault, enum err_kind kind, enum err_retry retry)
{
    char faults[400];
    struct blob_bench b;
    struct endpoint *ep;

    snprintf(faults, sizeof faults,
             "{\"seed\":1,\"rules\":[{\"name\":\"f\",\"match\":{\"verb\":\"Get Blob\"},"
             "\"times\":1,%s}]}",
             fault);
    blob_bench_begin(&b, faults);
    blob_bench_make(&b, BENCH_ACCOUNT, 128 * KIB);
    blob_bench_fill(&b, BENCH_ACCOUNT, 0, 128 * KIB, 'x');
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "r", NULL), plain);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    blob_bench_failed(blob_bench_block(&b, ep, BENCH_READ, 0, 64 * KIB, 'x'), kind, retry);
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_READ, 0, 64 * KIB, 'x'));
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob_fault, a_wrong_bit_is_found_by_the_checksum)
{
    expect_read_fault("\"fault\":\"corruptBody\"", ERR_CORRUPT, RETRY_LATER);
}

Test(endpoint_pageblob_fault, another_range_is_not_taken)
{
    expect_read_fault("\"fault\":\"wrongContentRange\"", ERR_CORRUPT, RETRY_LATER);
}

Test(endpoint_pageblob_fault, a_short_body_is_not_taken)
{
    expect_read_fault("\"fault\":\"shortBody\",\"afterBytes\":512", ERR_NET, RETRY_LATER);
}

Test(endpoint_pageblob_fault, a_reset_in_the_body_is_worth_another_try)
{
    expect_read_fault("\"fault\":\"resetBody\",\"afterBytes\":1000", ERR_NET, RETRY_LATER);
}

Test(endpoint_pageblob_fault, a_closed_body_is_worth_another_try)
{
    expect_read_fault("\"fault\":\"closeBody\",\"afterBytes\":1000", ERR_NET, RETRY_LATER);
}

Test(endpoint_pageblob_fault, throttling_is_told_from_failure)
{
    expect_read_fault("\"fault\":\"status\",\"status\":503,\"retryAfter\":3", ERR_THROTTLED,
                      RETRY_LATER);
    expect_read_fault("\"fault\":\"status\",\"status\":500", ERR_NET, RETRY_LATER);
}

Test(endpoint_pageblob_fault, a_vanished_range_calls_for_another_plan)
{
    expect_read_fault("\"fault\":\"status\",\"status\":404", ERR_GONE, RETRY_REPLAN);
}

Test(endpoint_pageblob_fault, the_hosts_wish_to_wait_arrives)
{
    static const char faults[] = "{\"seed\":1,\"rules\":[{\"name\":\"f\",\"fault\":\"status\","
                                 "\"match\":{\"comp\":\"page\"},\"status\":503,\"retryAfter\":3}]}";
    struct blob_bench b;
    struct endpoint *ep;
    struct err e;

    blob_bench_begin(&b, faults);
    blob_bench_make(&b, BENCH_ACCOUNT, 128 * KIB);
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "rw", NULL), plain);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    e = blob_bench_block(&b, ep, BENCH_WRITE, 0, 512, 'x');
    blob_bench_failed(e, ERR_THROTTLED, RETRY_LATER);
    cr_assert_eq(e.retry_after_ms, 3000);
    cr_assert_eq(e.http_status, 503);
    cr_assert_str_not_empty(e.request_id);
    endpoint_close(ep);
    blob_bench_end(&b);
}

/* A clear or write whose answer is lost has an unknown outcome: it is not sent a second time behind our
 * back. */
static void expect_lost(enum bench_block what)
{
    static const char faults[] = "{\"seed\":1,\"rules\":[{\"name\":\"f\",\"fault\":\"lostAnswer\","
                                 "\"match\":{\"comp\":\"page\"},\"nth\":2}]}";
    int after = what == BENCH_ZERO ? 0 : 'y';
    struct blob_bench b;
    struct endpoint *ep;

    blob_bench_begin(&b, faults);
    blob_bench_make(&b, BENCH_ACCOUNT, 128 * KIB);
    blob_bench_fill(&b, BENCH_ACCOUNT, 0, 512, 'x');
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "rw", NULL), plain);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    blob_bench_failed(blob_bench_block(&b, ep, what, 0, 512, after), ERR_NET, RETRY_LATER);
    blob_bench_ok(blob_bench_block(&b, ep, BENCH_READ, 0, 512, after)); /* it had been done */
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob_fault, a_clear_or_write_with_a_lost_answer_is_reported_and_not_repeated)
{
    expect_lost(BENCH_ZERO);
    expect_lost(BENCH_WRITE);
}

static struct err mark(struct blob_bench *b, struct endpoint *ep, const char *copy_uuid)
{
    struct marker marker = {.state = MARKER_COPYING, .source = "s", .size_bytes = 128 * KIB};
    struct setup_req req = {.verb = SETUP_MARK, .marker = &marker};

    snprintf(marker.copy_uuid, sizeof marker.copy_uuid, "%s", copy_uuid);
    return blob_bench_setup(b, ep, &req);
}

/* The marker of a try whose answer was lost is ours, not another copy's. */
Test(endpoint_pageblob_fault, a_mark_with_a_lost_answer_can_be_tried_again)
{
    static const char faults[] = "{\"seed\":1,\"rules\":[{\"name\":\"f\",\"fault\":\"lostAnswer\","
                                 "\"match\":{\"comp\":\"metadata\"},\"nth\":2}]}";
    struct blob_bench b;
    struct endpoint *ep;
    struct err e;

    blob_bench_begin(&b, faults);
    blob_bench_make(&b, BENCH_ACCOUNT, 128 * KIB);
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "rw", NULL), plain);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    blob_bench_ok(mark(&b, ep, "11111111-2222-4333-8444-555555555555"));
    e = mark(&b, ep, "66666666-2222-4333-8444-555555555555");
    if (e.kind == ERR_NET) /* or libcurl saw the connection die and sent it anew by itself */
        e = mark(&b, ep, "66666666-2222-4333-8444-555555555555");
    blob_bench_ok(e);
    endpoint_close(ep);
    blob_bench_end(&b);
}

static void expect_list_fault(const char *fault)
{
    char faults[200];
    struct blob_bench b;
    struct endpoint *ep;
    struct extent_set data = {0};
    struct list_req req = {.within = {0, 128 * KIB}, .out_data = &data};

    snprintf(faults, sizeof faults,
             "{\"seed\":1,\"rules\":[{\"name\":\"f\",\"match\":{\"comp\":\"pagelist\"},"
             "\"fault\":\"%s\"}]}",
             fault);
    blob_bench_begin(&b, faults);
    blob_bench_make(&b, BENCH_ACCOUNT, 128 * KIB);
    for (uint64_t i = 0; i < 8; i++)
        blob_bench_fill(&b, BENCH_ACCOUNT, i * 4 * KIB, 512, 'x');
    ep = blob_bench_open(&b, blob_bench_url(&b, BENCH_ACCOUNT, NULL, "r", NULL), plain);
    blob_bench_ok(blob_bench_stat(&b, ep).err);
    cr_assert_eq(blob_bench_list(&b, ep, &req).kind, ERR_CORRUPT, "%s", fault);
    cr_assert_eq(data.count, 0);
    endpoint_close(ep);
    blob_bench_end(&b);
}

Test(endpoint_pageblob_fault, a_list_that_is_not_valid_is_never_planned_from)
{
    static const char *const faults[] = {"listDuplicate", "listReorder", "listBeyondEnd",
                                         "listTruncate", "listSameMarker"};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        expect_list_fault(faults[i]);
}
