/* endpoint_fault_test.c - each kind of fault looks as it should from above, and did to the disk below
 * what it says; a run replays by its seed. The clock is simulated: delays cost nothing. */
#include "io/endpoint_fault.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "io/endpoint_mem.h"
#include "tests/support/await.h"

#define DISK_BYTES (16u << 20)

struct desk {
    struct rig rig;
    struct bufpool *pool;
    struct buf *buf;
    struct endpoint *ep;
};

static void desk_open(struct desk *d, const struct fault_options *options)
{
    struct err e = {0};
    struct endpoint *inner;

    rig_open_simulated(&d->rig, REACTOR_EPOLL);
    d->pool = bufpool_new(d->rig.r, BUF_BYTES, BUF_BYTES, &e);
    cr_assert(d->pool, "%s", e.text);
    d->buf = bufpool_borrow(d->pool);
    memset(d->buf->memory, 7, BUF_BYTES);
    inner = endpoint_mem_new(d->rig.r, DISK_BYTES, &e);
    cr_assert(inner, "%s", e.text);
    d->ep = endpoint_fault_new(inner, options, &e);
    cr_assert(d->ep, "%s", e.text);
}

static void desk_close(struct desk *d)
{
    rig_until_idle(&d->rig);
    endpoint_close(d->ep);
    bufpool_release(d->pool, d->buf);
    bufpool_free(d->pool);
    rig_close(&d->rig);
}

static unsigned char byte_below(struct desk *d, uint64_t offset)
{
    return endpoint_mem_bytes(endpoint_fault_inner(d->ep))[offset];
}

static struct block_req write_at(struct desk *d, uint64_t offset, uint64_t length)
{
    return await_block(&d->rig, d->ep, AWAIT_WRITE, (struct extent){offset, length}, d->buf);
}

/* One write of 8 pages that meets the kind; says how many of its pages were applied. */
static unsigned applied_pages(enum fault_kind kind, struct err *out_error)
{
    struct fault_rule rule = {.ops = FAULT_BIT(FAULT_WRITE),
                              .kind = kind,
                              .permille = 1000,
                              .hits_max = 1,
                              .retry_after_ms = 1500};
    struct fault_options options = {.rules = &rule, .rules_count = 1};
    struct desk d;
    unsigned pages = 0;

    desk_open(&d, &options);
    *out_error = write_at(&d, 0, 8 * 512).err;
    cr_assert_eq(endpoint_fault_count(d.ep, FAULT_WRITE, kind), 1, "it really happened");
    cr_assert_eq(endpoint_fault_count_kind(d.ep, kind), 1);
    for (unsigned page = 0; page < 8; page++)
        pages += byte_below(&d, page * 512) == 7;
    endpoint_fault_renew(d.ep);
    await_good(write_at(&d, 0, 8 * 512).err);
    desk_close(&d);
    return pages;
}

Test(endpoint_fault, each_kind_is_told_as_its_kind_and_applies_as_much_as_it_says)
{
    static const struct {
        enum fault_kind kind;
        enum err_kind error;
        enum err_retry retry;
        unsigned pages;
    } rows[] = {
        {FAULT_THROTTLED, ERR_THROTTLED, RETRY_LATER, 0},
        {FAULT_NET_BEFORE, ERR_NET, RETRY_LATER, 0},
        {FAULT_NET_AFTER, ERR_NET, RETRY_LATER, 8},
        {FAULT_NET_TORN, ERR_NET, RETRY_LATER, 4},
        {FAULT_CORRUPT, ERR_CORRUPT, RETRY_LATER, 0},
        {FAULT_AUTH, ERR_AUTH, RETRY_AFTER_RENEWAL, 0},
        {FAULT_GONE, ERR_GONE, RETRY_REPLAN, 0},
        {FAULT_CHANGED, ERR_GONE, RETRY_REPLAN, 0},
        {FAULT_DISK_FULL, ERR_IO, RETRY_NEVER, 0},
        {FAULT_DISK_BAD, ERR_IO, RETRY_NEVER, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err error;
        unsigned pages = applied_pages(rows[i].kind, &error);

        cr_assert_eq(error.kind, rows[i].error, "row %zu: %s", i, error.text);
        cr_assert_eq(error.retry, rows[i].retry, "row %zu", i);
        cr_assert_eq(pages, rows[i].pages, "row %zu", i);
        cr_assert_eq(error.retry_after_ms, rows[i].kind == FAULT_THROTTLED ? 1500 : 0);
        cr_assert_eq(error.sys_errno, rows[i].kind == FAULT_DISK_FULL  ? ENOSPC
                                      : rows[i].kind == FAULT_DISK_BAD ? EIO
                                                                       : 0);
    }
}

Test(endpoint_fault, an_expired_access_stays_so_until_it_is_renewed)
{
    struct fault_rule rule = {
        .ops = FAULT_BIT(FAULT_READ), .kind = FAULT_AUTH, .permille = 1000, .hits_max = 1};
    struct fault_options options = {.rules = &rule, .rules_count = 1};
    struct desk d;

    desk_open(&d, &options);
    await_good(write_at(&d, 0, 512).err);
    cr_assert_eq(await_block(&d.rig, d.ep, AWAIT_READ, (struct extent){0, 512}, d.buf).err.kind,
                 ERR_AUTH);
    cr_assert_eq(write_at(&d, 0, 512).err.kind, ERR_AUTH, "every request");
    cr_assert_eq(await_stat(&d.rig, d.ep).err.kind, ERR_AUTH);
    endpoint_fault_renew(d.ep);
    await_good(write_at(&d, 0, 512).err);
    desk_close(&d);
}

Test(endpoint_fault, a_flipped_bit_is_one_bit_and_nobody_says_so)
{
    struct fault_rule rule = {
        .ops = FAULT_BIT(FAULT_READ), .kind = FAULT_FLIPPED, .permille = 1000, .hits_max = 1};
    struct fault_options options = {.rules = &rule, .rules_count = 1};
    struct desk d;
    unsigned bits = 0;

    desk_open(&d, &options);
    await_good(await_block(&d.rig, d.ep, AWAIT_READ, (struct extent){0, 65536}, d.buf).err);
    for (size_t i = 0; i < 65536; i++)
        bits += (unsigned)__builtin_popcount(d.buf->memory[i]); /* the disk is all zero */
    cr_assert_eq(bits, 1);
    desk_close(&d);
}

Test(endpoint_fault, a_bit_flipped_in_storage_is_one_bit_and_the_writers_bytes_stay)
{
    struct fault_rule rule = {
        .ops = FAULT_ALL_OPS, .kind = FAULT_FLIPPED, .permille = 1000, .hits_max = 1};
    struct fault_options options = {.rules = &rule, .rules_count = 1};
    struct desk d;
    unsigned bits = 0;

    desk_open(&d, &options);
    await_good(await_stat(&d.rig, d.ep).err); /* no bit to flip there, so none is counted */
    await_good(write_at(&d, 512, 65536).err);
    cr_assert_eq(endpoint_fault_count(d.ep, FAULT_WRITE, FAULT_FLIPPED), 1);
    cr_assert_eq(endpoint_fault_count_kind(d.ep, FAULT_FLIPPED), 1);
    for (unsigned i = 0; i < 65536; i++) {
        bits += (unsigned)__builtin_popcount(byte_below(&d, 512 + i) ^ 7u);
        cr_assert_eq(d.buf->memory[i], 7);
    }
    cr_assert_eq(bits, 1);
    desk_close(&d);
}

static void late_write(bool fence, unsigned char want)
{
    struct fault_rule rule = {.ops = FAULT_BIT(FAULT_WRITE),
                              .kind = FAULT_NET_LATE,
                              .permille = 1000,
                              .hits_max = 1,
                              .late_ns = 60 * NS_PER_S};
    struct fault_options options = {.rules = &rule, .rules_count = 1};
    struct desk d;

    desk_open(&d, &options);
    cr_assert_eq(write_at(&d, 0, 512).err.kind, ERR_NET);
    cr_assert_eq(byte_below(&d, 0), 0, "not yet");
    memset(d.buf->memory, 9, BUF_BYTES); /* the late write has bytes of its own */
    if (fence)
        await_good(await_setup(&d.rig, d.ep, SETUP_FENCE, 0, NULL).err);
    await_good(write_at(&d, 0, 512).err);
    cr_assert_eq(byte_below(&d, 0), 9);
    rig_until_idle(&d.rig);
    cr_assert_eq(byte_below(&d, 0), want);
    desk_close(&d);
}

Test(endpoint_fault, a_late_write_lands_on_top_of_what_was_written_since)
{
    late_write(false, 7);
}

Test(endpoint_fault, a_fence_keeps_a_late_write_out)
{
    late_write(true, 9);
}

Test(endpoint_fault, a_rule_may_wait_be_spent_and_mind_one_place_only)
{
    struct fault_rule rule = {.ops = FAULT_BIT(FAULT_WRITE),
                              .kind = FAULT_NET_BEFORE,
                              .permille = 1000,
                              .skip_count = 1,
                              .hits_max = 2,
                              .within = {4096, 512}};
    struct fault_options options = {.rules = &rule, .rules_count = 1};
    static const bool hit[] = {false, true, true, false};
    struct desk d;

    desk_open(&d, &options);
    for (size_t i = 0; i < 4; i++) {
        await_good(write_at(&d, 0, 4096).err);
        cr_assert_eq(write_at(&d, 0, 4608).err.kind, hit[i] ? ERR_NET : ERR_NONE, "%zu", i);
    }
    desk_close(&d);
}

/* 64 writes at once under delays and random faults; which of them failed, as bits. */
static uint64_t storm(uint64_t seed, uint64_t *out_overtaken, uint64_t *out_ns)
{
    struct fault_rule rule = {.ops = FAULT_BLOCK_OPS, .kind = FAULT_THROTTLED, .permille = 300};
    struct fault_options options = {.seed = seed,
                                    .rules = &rule,
                                    .rules_count = 1,
                                    .delay_min_ns = NS_PER_MS,
                                    .delay_max_ns = 500 * NS_PER_MS};
    static struct block_req reqs[64];
    struct desk d;
    uint64_t failed = 0, start_ns;

    desk_open(&d, &options);
    start_ns = reactor_now_ns(d.rig.r);
    for (unsigned i = 0; i < 64; i++) {
        reqs[i] = await_none((struct extent){i * 512, 512}, d.buf, 0);
        endpoint_write(d.ep, &reqs[i]);
    }
    rig_until_idle(&d.rig);
    for (unsigned i = 0; i < 64; i++)
        failed |= (uint64_t)err_is_set(&reqs[i].err) << i;
    cr_assert_eq(endpoint_fault_count_kind(d.ep, FAULT_THROTTLED),
                 (uint64_t)__builtin_popcountll(failed));
    *out_overtaken = endpoint_fault_overtaken_count(d.ep);
    *out_ns = reactor_now_ns(d.rig.r) - start_ns;
    desk_close(&d);
    return failed;
}

Test(endpoint_fault, a_run_replays_by_its_seed_and_answers_overtake_each_other)
{
    uint64_t overtaken[3], ns[3];
    uint64_t first = storm(1, &overtaken[0], &ns[0]);

    cr_assert(first != 0 && first != UINT64_MAX);
    cr_assert(overtaken[0] > 10);
    cr_assert(ns[0] > 100 * NS_PER_MS && ns[0] <= 500 * NS_PER_MS);
    cr_assert_eq(storm(1, &overtaken[1], &ns[1]), first);
    cr_assert(overtaken[1] == overtaken[0] && ns[1] == ns[0]);
    cr_assert_neq(storm(2, &overtaken[2], &ns[2]), first);
}
