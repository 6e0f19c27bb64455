/* endpoint_shared_test.c - one source, several readers: what is read once, who waits for whom and how long,
 * and whose bytes are whose. */
#include "io/endpoint_shared.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_fault.h"
#include "io/endpoint_mem.h"
#include "tests/support/await.h"

#define PIECE      (64u << 10)
#define DISK_BYTES (2u << 20)
#define HANDLES    3u
#define CALLS_MAX  64u

struct call {
    struct block_req req; /* first */
    bool ended;
};

static struct rig rig;
static struct bufpool *pool;
static struct endpoint *source;
static struct endpoint_shared *shared;
static struct endpoint *handles[HANDLES];
static struct call calls[CALLS_MAX];
static size_t calls_count;

static void fill(struct endpoint *disk, int seed)
{
    unsigned char *bytes = malloc(DISK_BYTES);

    for (size_t i = 0; i < DISK_BYTES; i++)
        bytes[i] = (unsigned char)(i / 512 * 7 + (size_t)seed + i % 251);
    endpoint_mem_poke(disk, 0, bytes, DISK_BYTES);
    free(bytes);
}

static void share(uint64_t kept_bytes)
{
    struct err e = {0};

    shared = endpoint_shared_new(source, kept_bytes, &e);
    cr_assert(shared, "%s", e.text);
    for (size_t i = 0; i < HANDLES; i++) {
        handles[i] = endpoint_shared_join(shared, &e);
        cr_assert(handles[i], "%s", e.text);
        cr_assert(await_stat(&rig, handles[i]).exists);
    }
}

/* A snapshot: it has no marker of its own and tells what changed. */
static void begin(void)
{
    struct err e = {0};

    rig_open_simulated(&rig, REACTOR_EPOLL);
    pool = bufpool_new(rig.r, BUF_BYTES, CALLS_MAX * (uint64_t)BUF_BYTES, &e);
    source = endpoint_mem_new(rig.r, DISK_BYTES, &e);
    cr_assert(pool && source, "%s", e.text);
    source->capabilities &= ~(unsigned)ENDPOINT_CAN_MARK;
    fill(source, 0);
    calls_count = 0;
}

static void end(void)
{
    rig_until_idle(&rig);
    for (size_t i = 0; i < calls_count; i++) {
        cr_assert(calls[i].ended);
        bufpool_release(pool, calls[i].req.buf);
    }
    for (size_t i = 0; i < HANDLES; i++)
        endpoint_close(handles[i]);
    endpoint_shared_free(shared);
    endpoint_close(source);
    bufpool_free(pool);
    rig_close(&rig);
}

TestSuite(endpoint_shared, .init = begin, .fini = end);

static void call_done(struct block_req *req)
{
    ((struct call *)req)->ended = true;
}

static struct call *ask(size_t handle, uint64_t offset, uint64_t length)
{
    struct call *call = &calls[calls_count++];
    struct buf *buf;

    cr_assert_lt(calls_count, CALLS_MAX);
    if (!(buf = bufpool_borrow(pool)))
        cr_assert(bufpool_grow(pool) && (buf = bufpool_borrow(pool)));
    memset(buf->memory, 0xEE, BUF_BYTES);
    *call =
        (struct call){.req = {.offset = offset, .length = length, .buf = buf, .done = call_done}};
    endpoint_read(handles[handle], &call->req);
    return call;
}

static const struct endpoint *disk_of(const struct endpoint *ep)
{
    return strcmp(ep->ops->name, "fault") == 0 ? endpoint_fault_inner((struct endpoint *)ep) : ep;
}

static void expect_right(const struct call *call)
{
    cr_assert(call->ended);
    cr_assert_not(err_is_set(&call->req.err), "%s", call->req.err.text);
    cr_assert_arr_eq(call->req.buf->memory, endpoint_mem_bytes(disk_of(source)) + call->req.offset,
                     call->req.length);
}

static void expect_all_right(void)
{
    for (size_t i = 0; i < calls_count; i++)
        expect_right(&calls[i]);
}

static void pass(uint64_t ns)
{
    clock_advance(&rig.clock, ns);
    rig_peek(&rig);
    rig_peek(&rig);
    rig_peek(&rig);
}

Test(endpoint_shared, a_look_at_the_footer_passes_nothing_by)
{
    share(ENDPOINT_SHARED_KEPT_BYTES);
    for (size_t i = 0; i < HANDLES; i++)
        ask(i, DISK_BYTES - ENDPOINT_PAGE_BYTES, ENDPOINT_PAGE_BYTES);
    rig_until_idle(&rig);
    for (size_t i = 0; i < HANDLES; i++) { /* each prepares its target for a while */
        for (uint64_t at = 0; at < 4 * PIECE; at += PIECE)
            ask(i, at, PIECE);
        if (i == 1)
            ask(1, DISK_BYTES - ENDPOINT_PAGE_BYTES, ENDPOINT_PAGE_BYTES);
        rig_until_idle(&rig);
    }
    expect_all_right();
    cr_expect_leq(endpoint_shared_count(shared)->read_bytes,
                  4 * PIECE + 2 * (uint64_t)ENDPOINT_PAGE_BYTES);
}

Test(endpoint_shared, what_all_ask_is_read_once)
{
    share(ENDPOINT_SHARED_KEPT_BYTES);
    for (uint64_t at = 0; at < 16 * PIECE; at += PIECE) {
        ask(0, at, PIECE);
        ask(1, at, PIECE);
        if (at % (2 * PIECE))
            rig_until_idle(&rig); /* some are joined on their way, some taken when they are there */
        ask(2, at, PIECE);
    }
    rig_until_idle(&rig);
    expect_all_right();
    cr_expect_eq(endpoint_mem_traffic(source)->read_bytes, 16u * PIECE);
    cr_expect_eq(endpoint_shared_count(shared)->given_bytes, 32u * PIECE);
}

Test(endpoint_shared, a_part_of_what_is_kept_is_given)
{
    share(ENDPOINT_SHARED_KEPT_BYTES);
    ask(0, 0, 4 * PIECE);
    rig_until_idle(&rig);
    ask(1, PIECE, 512);
    ask(2, 3 * PIECE + 512, PIECE - 512);
    rig_until_idle(&rig);
    expect_all_right();
    cr_expect_eq(endpoint_mem_traffic(source)->reads_count, 1u);
}

Test(endpoint_shared, what_does_not_lie_in_one_piece_is_read_by_itself)
{
    share(ENDPOINT_SHARED_KEPT_BYTES);
    ask(0, 0, PIECE);
    rig_until_idle(&rig);
    ask(1, 512, PIECE);
    rig_until_idle(&rig);
    expect_all_right();
    cr_expect_eq(endpoint_mem_traffic(source)->reads_count, 2u);
}

Test(endpoint_shared, nothing_is_kept_for_who_passed_by_or_left)
{
    share(BUF_BYTES); /* one piece at a time */
    ask(1, 8 * PIECE, PIECE);
    rig_until_idle(&rig); /* kept for 0 and 2 */
    endpoint_shared_leave(handles[2]);
    ask(0, 9 * PIECE, PIECE); /* 0 passes by: memory is free at once */
    rig_until_idle(&rig);
    ask(1, 9 * PIECE, PIECE);
    rig_until_idle(&rig);
    expect_all_right();
    cr_expect_eq(endpoint_mem_traffic(source)->reads_count, 2u);
    cr_expect_eq(endpoint_shared_count(shared)->behind_count, 0u);
}

Test(endpoint_shared, the_fast_wait_for_the_slow_and_no_longer_than_that)
{
    struct call *second, *slow;

    share(2 * BUF_BYTES);
    endpoint_shared_leave(handles[2]);
    ask(0, 0, PIECE);
    ask(0, PIECE, PIECE);
    rig_peek(&rig);
    rig_peek(&rig);
    second = ask(0, 2 * PIECE, PIECE);
    pass(NS_PER_S);
    cr_assert_not(second->ended, "memory is full of what handle 1 still wants");
    pass(ENDPOINT_SHARED_PATIENCE_NS / 2);
    cr_assert_not(second->ended);
    pass(ENDPOINT_SHARED_PATIENCE_NS);
    rig_until(&rig, &second->ended);
    cr_expect_eq(endpoint_shared_count(shared)->behind_count, 1u);
    slow = ask(1, 0, PIECE);
    rig_until(&rig, &slow->ended);
    cr_expect_eq(endpoint_shared_count(shared)->again_bytes, PIECE);
    expect_all_right();
}

Test(endpoint_shared, the_slow_one_frees_the_fast_by_taking)
{
    struct call *waits;

    share(BUF_BYTES);
    endpoint_shared_leave(handles[2]);
    ask(0, 0, PIECE);
    rig_until_idle(&rig);
    waits = ask(0, PIECE, PIECE);
    pass(NS_PER_S);
    cr_assert_not(waits->ended);
    ask(1, 0, PIECE);
    rig_until(&rig, &waits->ended);
    ask(1, PIECE, PIECE);
    rig_until_idle(&rig);
    expect_all_right();
    cr_expect_eq(endpoint_mem_traffic(source)->reads_count, 2u);
    cr_expect_eq(endpoint_shared_count(shared)->behind_count, 0u);
}

Test(endpoint_shared, who_is_kept_for_never_waits_for_himself)
{
    struct call *behind;

    share(BUF_BYTES);
    endpoint_shared_leave(handles[2]);
    ask(0, 4 * PIECE, PIECE); /* kept for 1 */
    rig_until_idle(&rig);
    behind = ask(1, 0, PIECE); /* not that, and there is no memory */
    rig_until_idle(&rig);
    cr_expect(behind->ended);
    expect_all_right();
}

static void wrap(const struct fault_rule *rule)
{
    struct fault_options options = {.seed = 1, .rules = rule, .rules_count = 1};
    struct err e = {0};

    source = endpoint_fault_new(source, &options, &e);
    cr_assert(source, "%s", e.text);
}

Test(endpoint_shared, an_error_is_everybodys_and_the_next_try_reads_once)
{
    const struct fault_rule rule = {
        .ops = FAULT_BIT(FAULT_READ), .kind = FAULT_NET_BEFORE, .permille = 1000, .hits_max = 1};

    wrap(&rule);
    share(ENDPOINT_SHARED_KEPT_BYTES);
    for (size_t i = 0; i < HANDLES; i++)
        ask(i, 0, PIECE);
    rig_until_idle(&rig);
    for (size_t i = 0; i < HANDLES; i++)
        cr_assert(err_is_set(&calls[i].req.err));
    for (size_t i = 0; i < HANDLES; i++)
        ask(i, 0, PIECE);
    rig_until_idle(&rig);
    for (size_t i = HANDLES; i < calls_count; i++)
        expect_right(&calls[i]);
    cr_expect_eq(endpoint_mem_traffic(disk_of(source))->reads_count, 1u);
}

Test(endpoint_shared, a_url_that_ended_is_the_askers_alone)
{
    const struct fault_rule rule = {
        .ops = FAULT_BIT(FAULT_READ), .kind = FAULT_AUTH, .permille = 1000, .hits_max = 1};

    wrap(&rule);
    share(ENDPOINT_SHARED_KEPT_BYTES);
    ask(0, 0, PIECE);
    ask(1, 0, PIECE);
    endpoint_fault_renew(source); /* a new one is there before the old one's refusal comes back */
    rig_until_idle(&rig);
    cr_expect_eq(calls[0].req.err.kind, ERR_AUTH);
    expect_right(&calls[1]);
}

Test(endpoint_shared, bytes_from_before_a_look_are_given_to_nobody_who_looked_later)
{
    source->capabilities |= ENDPOINT_CAN_MARK; /* it may change */
    share(ENDPOINT_SHARED_KEPT_BYTES);
    ask(0, 0, PIECE);
    ask(0, PIECE, PIECE);
    rig_until_idle(&rig);
    expect_all_right();
    ask(1, PIECE, PIECE);
    rig_until_idle(&rig);
    cr_expect_eq(endpoint_mem_traffic(source)->reads_count, 2u, "1 looked before it was read");
    fill(source, 99);
    await_stat(&rig, handles[2]);
    ask(2, 0, PIECE);
    rig_until_idle(&rig);
    expect_right(&calls[calls_count - 1]);
}

static void expect_list(size_t handle)
{
    struct extent_set data = {0};
    struct extent all = {0, DISK_BYTES};

    await_good(await_list(&rig, handles[handle], all, &data).err);
    cr_expect(extent_set_equal(&data, endpoint_mem_allocated(disk_of(source))));
    extent_set_fini(&data);
}

Test(endpoint_shared, a_snapshot_is_listed_once)
{
    share(ENDPOINT_SHARED_KEPT_BYTES);
    for (size_t i = 0; i < HANDLES; i++)
        expect_list(i);
    cr_expect_eq(endpoint_mem_traffic(source)->lists_count, 1u);
}

Test(endpoint_shared, what_may_change_is_listed_for_each)
{
    source->capabilities |= ENDPOINT_CAN_MARK;
    share(ENDPOINT_SHARED_KEPT_BYTES);
    expect_list(0);
    endpoint_mem_poke_clear(source, (struct extent){0, PIECE});
    expect_list(1);
    cr_expect_eq(endpoint_mem_traffic(source)->lists_count, 2u);
}
