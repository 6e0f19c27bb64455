/* receiver_shrunk_test.c - a target that becomes smaller while a request to it waits: whoever looks at it
 * tells the endpoint, and what waits ends with a named error. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_fault.h"
#include "tests/support/copy_case.h"
#include "tests/support/receiver_bench.h"

#define NAME  "client/disk"
#define SIZE  (8u << 20)
#define BLOCK STREAM_BLOCK_BYTES

static struct receiver_bench b;
static struct bench_batch batch;
static struct bench_sender one;
static unsigned char *bytes;
static struct endpoint *disk;
static const struct endpoint_ops *was;

static void shrinking_write(struct endpoint *ep, struct block_req *req)
{
    ep->size_bytes = 0;
    was->write(ep, req);
}

static void shrinking_zero(struct endpoint *ep, struct block_req *req)
{
    ep->size_bytes = 0;
    was->zero(ep, req);
}

static void shrinking_read(struct endpoint *ep, struct block_req *req)
{
    was->read(ep, req);
    ep->size_bytes = 0;
}

/* A target that refuses its first change for a while, and is gone by then. */
static void begin(void)
{
    const struct fault_rule rule = {FAULT_BIT(FAULT_WRITE) | FAULT_BIT(FAULT_ZERO), FAULT_THROTTLED,
                                    1000, .hits_max = 1, .retry_after_ms = 20};
    const struct fault_options options = {.seed = 3, .rules = &rule, .rules_count = 1};
    struct endpoint_ops *lent;
    struct endpoint *ep;
    struct err e = {0};

    receiver_bench_begin(&b, REACTOR_AUTO);
    bench_batch_begin(&batch);
    bytes = malloc(BUF_BYTES);
    cr_assert(bytes);
    endpoint_pattern_fill(5, 0, 0, bytes, BUF_BYTES);
    one = receiver_bench_sender(1);
    disk = endpoint_mem_new(b.rig->r, SIZE, &e);
    ep = endpoint_fault_new(disk, &options, &e);
    cr_assert(ep, "%s", e.text);
    ep->request_max_bytes = BLOCK;
    receiver_bench_add(&b, NAME, ep);
    receiver_bench_open(&b, &one, NAME, 1);
    was = b.targets[0].was;
    lent = &b.targets[0].lent;
    lent->write = shrinking_write;
    lent->zero = shrinking_zero;
    lent->read = shrinking_read;
}

static void end(void)
{
    free(bytes);
    bench_batch_end(&batch);
    receiver_bench_end(&b);
}

TestSuite(receiver_shrunk, .init = begin, .fini = end);

static void expect_gone(void)
{
    struct err e = {0};

    cr_assert_neq(bench_batch_write(&b, &one, NAME, &batch, NULL, &e), 200);
    cr_expect_eq(e.kind, ERR_GONE, "%s", e.text);
    cr_expect_not_null(strstr(e.text, "became smaller"), "%s", e.text);
}

Test(receiver_shrunk, a_write_that_is_tried_again)
{
    bench_batch_data(&batch, 0, bytes, BLOCK);
    expect_gone();
}

Test(receiver_shrunk, writes_that_wait_for_their_turn)
{
    bench_batch_data(&batch, 0, bytes, 8 * BLOCK);
    bench_batch_data(&batch, 4 << 20, bytes, 8 * BLOCK);
    expect_gone();
}

Test(receiver_shrunk, a_clear)
{
    bench_batch_zero(&batch, 0, 4 << 20);
    expect_gone();
}

Test(receiver_shrunk, a_read_of_several_requests)
{
    struct bench_ask ask;

    cr_assert_neq(receiver_bench_ask(&b, &one, &ask, RELAY_READ, NAME, "offset=0&length=262144",
                                     NULL, 0),
                  200);
    cr_expect_eq(ask.refusal.kind, ERR_GONE, "%s", ask.refusal.text);
    receiver_bench_fini(&ask);
}
