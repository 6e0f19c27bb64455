/* endpoint_contract_test.c - the wrappers stop a caller who breaks the contract, before the endpoint. */
#include <criterion/criterion.h>
#include <signal.h>

#include "io/endpoint.h"
#include "io/endpoint_mem.h"
#include "tests/support/await.h"

#define DISK_BYTES (16u << 20)

struct desk {
    struct rig rig;
    struct bufpool *pool;
    struct buf *buf;
    struct endpoint *ep;
};

static void desk_open(struct desk *d)
{
    struct err e = {0};

    rig_open(&d->rig, REACTOR_EPOLL);
    d->pool = bufpool_new(d->rig.r, BUF_BYTES, BUF_BYTES, &e);
    cr_assert(d->pool, "%s", e.text);
    d->buf = bufpool_borrow(d->pool);
    d->ep = endpoint_mem_new(d->rig.r, DISK_BYTES, &e);
    cr_assert(d->ep, "%s", e.text);
}

static void submit_write(uint64_t offset, uint64_t length, uint32_t buf_offset)
{
    struct desk d;
    struct block_req req;

    desk_open(&d);
    req = await_none((struct extent){offset, length}, d.buf, buf_offset);
    endpoint_write(d.ep, &req);
    rig_until_idle(&d.rig);
    cr_assert(!err_is_set(&req.err));
    bufpool_release(d.pool, d.buf);
    bufpool_free(d.pool);
    endpoint_close(d.ep);
    rig_close(&d.rig);
}

Test(endpoint_contract, what_keeps_it_is_let_through)
{
    submit_write(DISK_BYTES - BUF_BYTES, BUF_BYTES, 0);
    submit_write(512, 512, BUF_BYTES - 512);
}

Test(endpoint_contract, an_offset_inside_a_page_aborts, .signal = SIGABRT)
{
    submit_write(100, 512, 0);
}

Test(endpoint_contract, a_length_of_no_whole_pages_aborts, .signal = SIGABRT)
{
    submit_write(0, 100, 0);
}

Test(endpoint_contract, a_length_of_nothing_aborts, .signal = SIGABRT)
{
    submit_write(0, 0, 0);
}

Test(endpoint_contract, a_range_past_the_end_aborts, .signal = SIGABRT)
{
    submit_write(DISK_BYTES - 512, 1024, 0);
}

Test(endpoint_contract, a_range_that_wraps_around_aborts, .signal = SIGABRT)
{
    submit_write(UINT64_MAX - 511, 1024, 0);
}

Test(endpoint_contract, bytes_beyond_the_buffer_abort, .signal = SIGABRT)
{
    submit_write(0, 1024, BUF_BYTES - 512);
}

Test(endpoint_contract, a_request_larger_than_a_buffer_aborts, .signal = SIGABRT)
{
    submit_write(0, BUF_BYTES + 512, 0);
}

Test(endpoint_contract, a_verb_the_endpoint_cannot_do_aborts, .signal = SIGABRT)
{
    struct desk d;
    struct err e = {0};

    desk_open(&d);
    await_setup(&d.rig, endpoint_pattern_new(d.rig.r, DISK_BYTES, 1, 0, &e), SETUP_RESIZE,
                2 * DISK_BYTES, NULL);
}

Test(endpoint_contract, closing_with_a_request_in_flight_aborts, .signal = SIGABRT)
{
    struct desk d;
    struct block_req req;

    desk_open(&d);
    req = await_none((struct extent){0, 512}, d.buf, 0);
    endpoint_read(d.ep, &req);
    endpoint_close(d.ep);
}
