/* bufpool_test.c - borrowing, growing, running dry, and memory that is touched only when used. */
#include "io/bufpool.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

static uint64_t resident_bytes(void)
{
    unsigned long long total, resident;
    FILE *f = fopen("/proc/self/statm", "re");

    cr_assert(f && fscanf(f, "%llu %llu", &total, &resident) == 2);
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

TEST_BOTH(bufpool, runs_dry_grows_to_its_limit_and_no_further)
{
    struct rig rig;
    struct err e = {0};
    struct bufpool *pool;
    struct buf *bufs[3];

    rig_open(&rig, backend);
    pool = bufpool_new(rig.r, 2 * BUF_BYTES, 3 * BUF_BYTES + 1000, &e);
    cr_assert(pool, "%s", e.text);
    bufs[0] = bufpool_borrow(pool);
    bufs[1] = bufpool_borrow(pool);
    cr_assert(bufs[0] && bufs[1] && bufs[0] != bufs[1]);
    cr_assert_null(bufpool_borrow(pool), "two is all");
    cr_assert(bufpool_grow(pool));
    bufs[2] = bufpool_borrow(pool);
    cr_assert(bufs[2]);
    cr_assert(!bufpool_grow(pool));
    cr_assert_null(bufpool_borrow(pool));
    cr_assert(bufpool_count(pool) == 3 && bufpool_count_max(pool) == 3);
    cr_assert_eq(bufpool_borrowed_count(pool), 3);
    bufpool_release(pool, bufs[1]);
    cr_assert_eq(bufpool_borrow(pool), bufs[1], "what came back is lent again");
    for (int i = 0; i < 3; i++)
        bufpool_release(pool, bufs[i]);
    cr_assert_eq(bufpool_borrowed_count(pool), 0);
    bufpool_free(pool);
    rig_close(&rig);
}

TEST_BOTH(bufpool, buffers_are_aligned_whole_and_apart)
{
    enum { COUNT = 4 };
    struct rig rig;
    struct err e = {0};
    struct bufpool *pool;
    struct buf *bufs[COUNT];

    rig_open(&rig, backend);
    pool = bufpool_new(rig.r, COUNT * (uint64_t)BUF_BYTES, COUNT * (uint64_t)BUF_BYTES, &e);
    for (int i = 0; i < COUNT; i++) {
        bufs[i] = bufpool_borrow(pool);
        cr_assert_eq((uintptr_t)bufs[i]->memory % BUF_ALIGN_BYTES, 0);
        memset(bufs[i]->memory, i + 1, BUF_BYTES);
    }
    for (int i = 0; i < COUNT; i++) {
        cr_assert(bufs[i]->memory[0] == i + 1 && bufs[i]->memory[BUF_BYTES - 1] == i + 1);
        cr_assert(bufs[i]->registered < 0 || bufpool_registered(pool));
        cr_assert(bufs[i]->registered < 0 || backend == REACTOR_URING);
        bufpool_release(pool, bufs[i]);
    }
    cr_assert(backend == REACTOR_URING || !bufpool_registered(pool));
    bufpool_free(pool);
    rig_close(&rig);
}

TEST_BOTH(bufpool, a_large_pool_costs_nothing_until_it_is_used)
{
    struct rig rig;
    struct err e = {0};
    struct bufpool *pool;
    uint64_t before;

    rig_open(&rig, backend);
    before = resident_bytes();
    pool = bufpool_new(rig.r, BUFPOOL_MAX_BYTES, UINT64_MAX, &e);
    cr_assert(pool, "%s", e.text);
    cr_assert_eq(bufpool_count(pool), BUFPOOL_MAX_BYTES / BUF_BYTES);
    cr_assert(resident_bytes() - before < (8u << 20));
    bufpool_free(pool);
    rig_close(&rig);
}

TEST_BOTH(bufpool, the_smallest_pool_has_one_buffer)
{
    struct rig rig;
    struct err e = {0};
    struct bufpool *pool;

    rig_open(&rig, backend);
    pool = bufpool_new(rig.r, 1, 1, &e);
    cr_assert_eq(bufpool_count(pool), 1);
    cr_assert(!bufpool_grow(pool));
    bufpool_free(pool);
    bufpool_free(NULL);
    rig_close(&rig);
}

TEST_BOTH(bufpool, a_lower_limit_gives_memory_back_and_a_higher_one_can_be_grown_to)
{
    struct rig rig;
    struct err e = {0};
    struct bufpool *pool;
    struct buf *bufs[8];

    rig_open(&rig, backend);
    pool = bufpool_new(rig.r, 4 * BUF_BYTES, 4 * BUF_BYTES, &e);
    cr_assert(pool, "%s", e.text);
    for (int i = 0; i < 4; i++) {
        bufs[i] = bufpool_borrow(pool);
        cr_assert(bufs[i]);
        memset(bufs[i]->memory, i, BUF_BYTES);
    }
    bufpool_release(pool, bufs[0]);
    bufpool_set_max(pool, BUF_BYTES);
    cr_assert_eq(bufpool_held_bytes(pool), 3 * (uint64_t)BUF_BYTES, "what is free goes at once");
    cr_assert_null(bufpool_borrow(pool));
    bufpool_release(pool, bufs[2]);
    bufpool_release(pool, bufs[1]);
    cr_assert_eq(bufpool_held_bytes(pool), (uint64_t)BUF_BYTES, "what was in use goes later");
    cr_assert_null(bufpool_borrow(pool));
    cr_assert_eq(bufs[3]->memory[BUF_BYTES - 1], 3);
    bufpool_release(pool, bufs[3]);
    cr_assert_eq(bufpool_held_bytes(pool), (uint64_t)BUF_BYTES);
    bufpool_trim(pool);
    cr_assert_eq(bufpool_held_bytes(pool), 0u);
    bufpool_set_max(pool, 8 * BUF_BYTES);
    for (int i = 0; i < 8; i++) {
        bufs[i] = bufpool_borrow(pool);
        if (!bufs[i] && bufpool_grow(pool))
            bufs[i] = bufpool_borrow(pool);
        cr_assert(bufs[i]);
        bufs[i]->memory[0] = 1;
    }
    cr_assert(!bufpool_grow(pool));
    for (int i = 0; i < 8; i++)
        bufpool_release(pool, bufs[i]);
    bufpool_free(pool);
    rig_close(&rig);
}

struct test_waiter {
    struct buf_waiter waiter;
    struct bufpool *pool;
    struct buf *buf;
    uint32_t *turn, had_turn;
};

static void waiter_told(struct buf_waiter *waiter)
{
    struct test_waiter *w = (struct test_waiter *)waiter;

    w->buf = bufpool_borrow(w->pool);
    cr_assert(w->buf, "told without a buffer");
    w->had_turn = ++*w->turn;
}

TEST_BOTH(bufpool, who_waits_is_told_in_order_and_not_inside_the_release)
{
    struct test_waiter waiters[3];
    uint32_t turn = 0;
    struct rig rig;
    struct err e = {0};
    struct bufpool *pool;
    struct buf *buf;

    memset(waiters, 0, sizeof waiters);
    rig_open(&rig, backend);
    pool = bufpool_new(rig.r, BUF_BYTES, BUF_BYTES, &e);
    cr_assert(pool, "%s", e.text);
    buf = bufpool_borrow(pool);
    for (int i = 0; i < 3; i++) {
        waiters[i].pool = pool;
        waiters[i].turn = &turn;
        bufpool_wait(pool, &waiters[i].waiter, waiter_told);
    }
    bufpool_wait(pool, &waiters[0].waiter, waiter_told);
    rig_peek(&rig);
    cr_assert_eq(turn, 0u);
    cr_assert(bufpool_leave(pool, &waiters[1].waiter));
    cr_assert_not(bufpool_leave(pool, &waiters[1].waiter));
    bufpool_release(pool, buf);
    cr_assert_eq(turn, 0u);
    rig_peek(&rig);
    cr_assert_eq(waiters[0].had_turn, 1u);
    cr_assert_eq(bufpool_waiters_count(pool), 1u);
    bufpool_release(pool, waiters[0].buf);
    rig_peek(&rig);
    cr_assert_eq(waiters[2].had_turn, 2u);
    cr_assert_eq(waiters[1].had_turn, 0u);
    bufpool_release(pool, waiters[2].buf);
    bufpool_free(pool);
    rig_close(&rig);
}
