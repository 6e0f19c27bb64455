/* share_test.c - whose turn it is: fairness by bytes, weights, units, pools smaller than the disks,
 * disks whose host does not answer. Caps are in share_caps_test.c. Time is simulated. */
#include "engine/share.h"

#include <criterion/criterion.h>

#include "tests/support/share_case.h"

#define MIB 1048576ull

static struct share_case c;

static void end(void)
{
    share_case_close(&c);
}

TestSuite(share, .fini = end);

static void begin(uint32_t buffers)
{
    struct job_limits none = {0};

    share_case_open(&c, buffers, &none);
}

static void add_many(uint32_t count, uint64_t bytes)
{
    for (uint32_t i = 0; i < count; i++)
        (void)share_case_add(&c, 0, 1, NULL, NULL, bytes);
}

static void expect_share(const struct share_disk *disk, uint64_t done, uint64_t percent)
{
    uint64_t has = disk->done_bytes * 100 / done;

    cr_expect(has + 4 >= percent && has <= percent + 4, "%llu %% instead of %llu",
              (unsigned long long)has, (unsigned long long)percent);
}

static uint64_t all_done(void)
{
    uint64_t done = 0;

    for (uint32_t i = 0; i < c.disks_count; i++)
        done += c.disks[i].done_bytes;
    return done;
}

Test(share, equal_disks_finish_together_where_buffers_are_fewer_than_disks)
{
    uint64_t first_ns = UINT64_MAX, last_ns = 0, began_ns;

    begin(16);
    add_many(512, 64 * MIB);
    for (uint32_t i = 0; i < c.disks_count; i++) {
        c.disks[i].fails_permille = 20;
        c.disks[i].latency_ns = (5 + i % 40) * NS_PER_MS;
    }
    began_ns = reactor_now_ns(c.rig.r);
    share_case_begin_all(&c);
    share_case_finish(&c);
    for (uint32_t i = 0; i < c.disks_count; i++) {
        uint64_t took_ns = c.disks[i].ended_ns - began_ns;

        first_ns = took_ns < first_ns ? took_ns : first_ns;
        last_ns = took_ns > last_ns ? took_ns : last_ns;
    }
    cr_expect_leq(last_ns * 10, first_ns * 15, "%llu to %llu ms",
                  (unsigned long long)(first_ns / NS_PER_MS),
                  (unsigned long long)(last_ns / NS_PER_MS));
}

Test(share, a_fast_disk_gets_no_more_than_a_slow_one_that_could_use_it)
{
    begin(4);
    add_many(2, 100000 * MIB);
    c.disks[0].latency_ns = 2 * NS_PER_MS;
    c.disks[1].latency_ns = 20 * NS_PER_MS;
    share_case_begin_all(&c);
    share_case_for(&c, 60 * NS_PER_S);
    /* the slow one is held by its own latency: two of four buffers at least are its own */
    cr_expect_geq(c.disks[1].done_bytes, 60 * 1000 / 40 * 2 * 4 * MIB * 9 / 10);
    cr_expect_gt(c.disks[0].done_bytes, c.disks[1].done_bytes / 2);
}

Test(share, weights_divide_a_restore_point)
{
    static const uint32_t weights[] = {1, 2, 5, 12};

    begin(2);
    for (uint32_t i = 0; i < 4; i++)
        (void)share_case_add(&c, 0, weights[i], NULL, NULL, 1000000 * MIB);
    share_case_begin_all(&c);
    share_case_for(&c, 60 * NS_PER_S);
    for (uint32_t i = 0; i < 4; i++)
        expect_share(&c.disks[i], all_done(), weights[i] * 5);
}

Test(share, a_weight_that_changes_counts_from_then_on)
{
    uint64_t first, second;

    begin(2);
    add_many(2, 1000000 * MIB);
    share_case_begin_all(&c);
    share_case_for(&c, 20 * NS_PER_S);
    expect_share(&c.disks[0], all_done(), 50);
    first = c.disks[0].done_bytes;
    second = c.disks[1].done_bytes;
    share_seat_set_weight(c.disks[0].seat, 4);
    share_case_for(&c, 20 * NS_PER_S);
    first = c.disks[0].done_bytes - first;
    second = c.disks[1].done_bytes - second;
    cr_expect_geq(first * 10, second * 36);
    cr_expect_leq(first * 10, second * 44);
}

Test(share, restore_points_share_equally_however_many_disks_they_have)
{
    uint64_t of_one = 0;

    begin(2);
    (void)share_case_add(&c, 0, 1, NULL, NULL, 1000000 * MIB);
    for (uint32_t i = 0; i < 9; i++)
        (void)share_case_add(&c, 1, 7, NULL, NULL, 1000000 * MIB);
    share_case_begin_all(&c);
    share_case_for(&c, 60 * NS_PER_S);
    of_one = c.disks[0].done_bytes;
    cr_expect_geq(of_one * 2, all_done() * 94 / 100);
    cr_expect_leq(of_one * 2, all_done() * 106 / 100);
}

Test(share, what_nobody_else_wants_is_had_by_one)
{
    begin(8);
    add_many(2, 100000 * MIB);
    c.disks[0].window = 8;
    share_case_begin(&c.disks[0]);
    share_case_for(&c, 10 * NS_PER_S);
    /* but for the one that is kept for the other */
    cr_expect_geq(c.disks[0].done_bytes, 10 * 50 * 7 * 4 * MIB * 95 / 100);
}

Test(share, one_disk_alone_has_the_whole_pool)
{
    begin(8);
    add_many(1, 100000 * MIB);
    c.disks[0].window = 8;
    share_case_begin_all(&c);
    share_case_for(&c, 10 * NS_PER_S);
    cr_expect_geq(c.disks[0].done_bytes, 10 * 50 * 8 * 4 * MIB * 95 / 100);
}

Test(share, what_a_disk_did_not_use_is_not_owed_to_it)
{
    uint64_t first, second;

    begin(2);
    add_many(2, 1000000 * MIB);
    share_case_begin(&c.disks[0]);
    share_case_for(&c, 30 * NS_PER_S);
    share_case_begin(&c.disks[1]);
    first = c.disks[0].done_bytes;
    share_case_for(&c, 10 * NS_PER_S);
    first = c.disks[0].done_bytes - first;
    second = c.disks[1].done_bytes;
    cr_expect_geq(first * 100, second * 90);
    cr_expect_leq(first * 100, second * 110);
}

Test(share, every_pool_serves_every_disk)
{
    for (uint32_t buffers = 1; buffers <= 4; buffers++) {
        if (buffers > 1)
            end();
        begin(buffers);
        add_many(64, 16 * MIB);
        for (uint32_t i = 0; i < c.disks_count; i++)
            c.disks[i].clears = i % 8 == 7;
        share_case_begin_all(&c);
        share_case_finish(&c);
        cr_expect_leq(bufpool_held_bytes(c.pool), buffers * (uint64_t)BUF_BYTES);
        cr_expect_eq(bufpool_borrowed_count(c.pool), 0u);
    }
}

Test(share, disks_that_do_not_answer_do_not_hold_the_whole_pool)
{
    begin(16);
    add_many(4, 10000 * MIB);
    for (uint32_t i = 0; i < 3; i++) {
        c.disks[i].latency_ns = 1000000 * NS_PER_S;
        c.disks[i].window = 8;
        share_case_begin(&c.disks[i]);
    }
    share_case_for(&c, NS_PER_S);
    share_case_begin(&c.disks[3]);
    share_case_for(&c, 10 * NS_PER_S);
    cr_expect_geq(c.disks[3].done_bytes, 1000 * MIB);
}

Test(share, more_disks_than_buffers_that_do_not_answer_hold_nobody_up_where_memory_is_left)
{
    uint64_t done;

    begin(128);
    add_many(24, 1000000 * MIB);
    for (uint32_t i = 0; i < 20; i++)
        c.disks[i].latency_ns = 1000000 * NS_PER_S;
    share_case_begin_all(&c);
    share_case_for(&c, 10 * NS_PER_S);
    done = all_done();
    share_case_for(&c, 10 * NS_PER_S);
    cr_expect_geq(all_done() - done, 10 * 50 * 4 * 4 * MIB);
}

Test(share, disks_that_stop_answering_leave_the_others_what_they_had)
{
    uint64_t done;

    begin(12);
    add_many(3, 1000000 * MIB);
    for (uint32_t i = 0; i < 3; i++)
        c.disks[i].window = 8;
    share_case_begin_all(&c);
    share_case_for(&c, NS_PER_S);
    c.disks[0].latency_ns = c.disks[1].latency_ns = 1000000 * NS_PER_S;
    share_case_for(&c, NS_PER_S);
    done = c.disks[2].done_bytes;
    share_case_for(&c, 10 * NS_PER_S);
    cr_expect_geq(c.disks[2].done_bytes - done, 10 * 50 * 2 * 4 * MIB);
}

Test(share, what_a_restore_point_did_not_use_is_not_owed_to_it)
{
    uint64_t done;

    begin(2);
    (void)share_case_add(&c, 0, 1, NULL, NULL, 10000000 * MIB);
    (void)share_case_add(&c, 1, 1, NULL, NULL, 10000000 * MIB);
    share_case_begin(&c.disks[0]);
    share_case_for(&c, 60 * NS_PER_S);
    share_case_begin(&c.disks[1]);
    done = c.disks[0].done_bytes;
    share_case_for(&c, 10 * NS_PER_S);
    done = c.disks[0].done_bytes - done;
    cr_expect_geq(done * 5, c.disks[1].done_bytes * 4);
    cr_expect_leq(done * 4, c.disks[1].done_bytes * 5);
}

Test(share, a_second_buffer_is_none_of_those_that_others_lack)
{
    struct buf *held[16] = {NULL};
    uint32_t count = 0;
    struct buf *last;

    begin(16);
    add_many(2, MIB);
    while (count < 16 && (held[count] = share_borrow(c.disks[0].seat)))
        count++;
    cr_expect_eq(count, 15u);
    last = share_borrow(c.disks[1].seat);
    cr_expect(last);
    if (last)
        share_give_back(c.disks[1].seat, last);
    while (count)
        share_give_back(c.disks[0].seat, held[--count]);
}

Test(share, a_pool_made_smaller_is_kept_to_and_one_made_larger_is_used)
{
    const uint64_t beside_bytes =
        16 * (uint64_t)SHARE_SEAT_REST_BYTES; /* what the disks take themselves */
    struct job_limits limits = {.memory_bytes = 4 * (uint64_t)BUF_BYTES + beside_bytes};

    begin(32);
    add_many(16, 10000000 * MIB);
    for (uint32_t i = 0; i < 16; i++)
        c.disks[i].jitter_ns = 5 * NS_PER_MS;
    share_case_begin_all(&c);
    share_case_for(&c, 10 * NS_PER_S);
    cr_expect_geq(bufpool_borrowed_count(c.pool), 28u, "it pays, so it is used");
    share_set_limits(c.share, &limits);
    share_case_for(&c, NS_PER_S);
    cr_expect_eq(bufpool_borrowed_count(c.pool), 4u);
    cr_expect_eq(bufpool_held_bytes(c.pool), 4 * (uint64_t)BUF_BYTES);
    limits.memory_bytes = 2 * beside_bytes - 4096;
    share_set_limits(c.share, &limits);
    cr_expect_eq(bufpool_count_max(c.pool), 1u, "half is for buffers, whatever the disks take");
    limits.memory_bytes = 48 * (uint64_t)BUF_BYTES + beside_bytes;
    share_set_limits(c.share, &limits);
    share_case_for(&c, 20 * NS_PER_S);
    cr_expect_geq(bufpool_borrowed_count(c.pool), 40u);
}

Test(share, memory_that_makes_nothing_faster_is_not_used)
{
    begin(128);
    add_many(200, 10000000 * MIB);
    c.link_per_s = 400 * MIB;
    share_case_begin_all(&c);
    share_case_for(&c, 60 * NS_PER_S);
    cr_expect_leq(bufpool_held_bytes(c.pool), 36 * (uint64_t)BUF_BYTES);
    cr_expect_geq(all_done(), 60 * 200 * MIB * 95 / 100);
}

Test(share, memory_that_a_long_way_needs_is_used)
{
    begin(128);
    add_many(40, 10000000 * MIB);
    for (uint32_t i = 0; i < 40; i++) {
        c.disks[i].latency_ns = 200 * NS_PER_MS;
        c.disks[i].jitter_ns = 100 * NS_PER_MS;
    }
    share_case_begin_all(&c);
    share_case_for(&c, 20 * NS_PER_S);
    cr_expect_geq(bufpool_borrowed_count(c.pool), 120u);
}

static bool borrowed_one;

static void borrow_one(struct buf_waiter *waiter)
{
    struct buf *buf = bufpool_borrow(c.pool);

    if (!buf && bufpool_grow(c.pool))
        buf = bufpool_borrow(c.pool);
    if (!buf) {
        bufpool_wait(c.pool, waiter, borrow_one);
        return;
    }
    borrowed_one = true;
    bufpool_release(c.pool, buf);
}

Test(share, who_wants_a_buffer_for_a_moment_comes_before_those_who_want_many)
{
    struct buf_waiter waiter = {0};

    begin(1);
    add_many(50, 10000 * MIB);
    share_case_begin_all(&c);
    share_case_for(&c, NS_PER_S);
    bufpool_wait(c.pool, &waiter, borrow_one);
    share_case_for(&c, 100 * NS_PER_MS);
    cr_expect(borrowed_one);
}
