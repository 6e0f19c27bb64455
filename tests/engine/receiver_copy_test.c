/* receiver_copy_test.c - whole copies through a relay: sender's endpoint, HTTP, receiver, and a disk. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "io/compress_level.h"
#include "io/endpoint_relay.h"
#include "tests/support/copy_case.h"
#include "tests/support/receiver_bench.h"

#define NAME   "client/disk"
#define SECOND "client/second"
#define SIZE   (24 * COPY_CASE_MIB)

struct relay_case {
    struct copy_case c;
    struct receiver_bench b;
    struct workers *workers;
};

static struct endpoint *sender_of(struct relay_case *r, const char *name, unsigned number)
{
    struct endpoint_relay_options options = {.level = COMPRESS_AUTO};
    char uuid[MARKER_UUID_MAX_BYTES], text[512];
    struct secret_url url = {0};
    struct err e = {0};
    struct endpoint *ep;

    receiver_bench_uuid(uuid, number, 9);
    options.sender = uuid;
    snprintf(text, sizeof text, "http://127.0.0.1:%u/%s", http_server_port(r->b.server), name);
    cr_assert(secret_url_parse(text, &url, &e), "%s", e.text);
    ep = endpoint_relay_new(r->b.http, r->workers, &url, &options, &e);
    cr_assert(ep, "%s", e.text);
    return ep;
}

/* Another run of a sender, to another name perhaps. */
static void send_to(struct relay_case *r, const char *name, unsigned number)
{
    endpoint_close(r->c.target);
    r->c.target = sender_of(r, name, number);
    r->c.options.random_seed = number; /* copies are told apart by what is drawn from it */
}

static void relay_open(struct relay_case *r)
{
    struct err e = {0};

    copy_case_open_real(&r->c);
    receiver_bench_begin_on(&r->b, &r->c.rig);
    r->workers = workers_new(r->c.rig.r, 2, &e);
    cr_assert(r->workers, "%s", e.text);
    r->c.source = copy_case_random_disk(&r->c, SIZE, 11);
    copy_case_put_footer(r->c.source);
}

static void relay_close(struct relay_case *r)
{
    endpoint_close(r->c.target);
    r->c.target = NULL;
    receiver_bench_end(&r->b);
    workers_free(r->workers);
    copy_case_close(&r->c);
}

static uint64_t wire_bytes(const struct relay_case *r)
{
    return http_count(r->b.http)->sent_bytes;
}

Test(receiver_copy, a_copy_arrives_whole_and_marked)
{
    struct relay_case r;
    struct endpoint *disk;

    relay_open(&r);
    disk = receiver_bench_mem(&r.b, NAME, 0);
    send_to(&r, NAME, 1);
    copy_case_run_ok(&r.c);
    copy_case_expect_same(r.c.source, disk, SIZE);
    cr_assert_eq(endpoint_mem_marker(disk)->state, MARKER_COMPLETE);
    cr_assert_eq(receiver_count(r.b.receiver)->retries, 0);
    relay_close(&r);
}

Test(receiver_copy, the_same_disk_again_costs_next_to_nothing)
{
    struct relay_case r;
    struct endpoint *first, *second;
    uint64_t once, twice;

    relay_open(&r);
    first = receiver_bench_mem(&r.b, NAME, 0);
    second = receiver_bench_mem(&r.b, SECOND, 0);
    copy_case_fill(r.c.source, (struct extent){0, SIZE - 512}, 12); /* all of it whole blocks */
    send_to(&r, NAME, 1);
    copy_case_run_ok(&r.c);
    once = wire_bytes(&r);
    send_to(&r, SECOND, 2);
    copy_case_run_ok(&r.c);
    twice = wire_bytes(&r) - once;
    copy_case_expect_same(first, second, SIZE);
    cr_assert_gt(receiver_count(r.b.receiver)->copied_bytes, 0);
    cr_assert_lt(twice * 20, once, "%llu, then %llu", (unsigned long long)once,
                 (unsigned long long)twice);
    relay_close(&r);
}

/* The index still says that the first disk holds it all: every reference is looked at, and resent. */
Test(receiver_copy, what_was_overwritten_meanwhile_is_sent_again)
{
    struct relay_case r;
    struct endpoint *first, *second;

    relay_open(&r);
    first = receiver_bench_mem(&r.b, NAME, 0);
    second = receiver_bench_mem(&r.b, SECOND, 0);
    send_to(&r, NAME, 1);
    copy_case_run_ok(&r.c);
    copy_case_fill(first, (struct extent){0, SIZE / 2}, 99);
    send_to(&r, SECOND, 2);
    copy_case_run_ok(&r.c);
    copy_case_expect_same(r.c.source, second, SIZE);
    cr_assert_gt(receiver_count(r.b.receiver)->missing, 0);
    cr_assert_gt(endpoint_relay_count(r.c.target)->resent_bytes, 0);
    relay_close(&r);
}

Test(receiver_copy, a_delta_lands_on_its_base)
{
    struct relay_case r;
    struct endpoint *disk;
    uint64_t once;

    relay_open(&r);
    disk = receiver_bench_mem(&r.b, NAME, 0);
    copy_case_keep_state(&r.c);
    r.c.options.source_id = "one";
    send_to(&r, NAME, 1);
    copy_case_run_ok(&r.c);
    once = wire_bytes(&r);
    copy_case_new_base(&r.c, "one", "two");
    copy_case_scribble(r.c.source, SIZE - 512, 5, 20);
    send_to(&r, NAME, 2);
    copy_case_run_ok(&r.c);
    cr_assert(r.c.summary.delta, "%s", r.c.said);
    cr_assert_lt(wire_bytes(&r) - once, once);
    copy_case_expect_same(r.c.source, disk, SIZE);
    relay_close(&r);
}

Test(receiver_copy, goes_on_when_the_receiver_is_started_again)
{
    struct relay_case r;
    struct endpoint *disk;
    struct copy *copy;

    relay_open(&r);
    disk = receiver_bench_mem(&r.b, NAME, 0);
    send_to(&r, NAME, 1);
    copy = copy_case_start(&r.c);
    for (unsigned i = 1; i <= 2; i++) {
        while (receiver_count(r.b.receiver)->written_bytes < 3 * COPY_CASE_MIB && !r.c.ended)
            rig_turn(&r.c.rig);
        cr_assert_not(r.c.ended, "the copy is too short for this test");
        receiver_bench_restart(&r.b);
    }
    copy_case_finish(&r.c, copy);
    cr_assert_not(err_is_set(&r.c.err), "%s", r.c.err.text);
    copy_case_expect_same(r.c.source, disk, SIZE);
    cr_assert_eq(endpoint_mem_marker(disk)->state, MARKER_COMPLETE);
    relay_close(&r);
}

/* ---- Faults of the target's service ---- */

static void let_late_ones_land(struct relay_case *r, uint64_t late_ns)
{
    uint64_t until_ns = reactor_now_ns(r->c.rig.r) + late_ns + late_ns / 2;
    struct err e = {0};

    while (reactor_now_ns(r->c.rig.r) < until_ns)
        cr_assert(reactor_turn(r->c.rig.r, 20 * NS_PER_MS, &e), "%s", e.text);
}

static void through_faults(const struct fault_rule *rules, size_t count, uint64_t seed)
{
    const struct fault_options options = {.seed = seed,
                                          .rules = rules,
                                          .rules_count = count,
                                          .delay_min_ns = 1000,
                                          .delay_max_ns = 2 * NS_PER_MS};
    struct relay_case r;
    struct endpoint *disk, *faulty;
    struct err e = {0};

    relay_open(&r);
    disk = endpoint_mem_new(r.c.rig.r, 0, &e);
    copy_case_cut(disk, 256u << 10);
    faulty = endpoint_fault_new(disk, &options, &e);
    cr_assert(faulty, "%s", e.text);
    receiver_bench_add(&r.b, NAME, faulty);
    send_to(&r, NAME, 1);
    copy_case_run_ok(&r.c);
    for (size_t i = 0; i < count; i++)
        cr_assert_gt(endpoint_fault_count_kind(faulty, rules[i].kind), 0);
    cr_assert_gt(receiver_count(r.b.receiver)->retries, 0);
    let_late_ones_land(&r, rules[0].late_ns);
    copy_case_expect_same(r.c.source, disk, SIZE);
    relay_close(&r);
}

Test(receiver_copy, what_a_target_throttles_does_not_cross_twice)
{
    const struct fault_rule rules[] = {
        {FAULT_BIT(FAULT_WRITE) | FAULT_BIT(FAULT_ZERO), FAULT_THROTTLED, 100, .hits_max = 10}};

    through_faults(rules, 1, 3);
}

Test(receiver_copy, survives_answers_that_are_lost_on_the_way_from_the_target)
{
    const struct fault_rule rules[] = {
        {FAULT_BIT(FAULT_WRITE), FAULT_NET_BEFORE, 200, .hits_max = 4},
        {FAULT_BIT(FAULT_WRITE), FAULT_NET_AFTER, 200, .hits_max = 4},
        {FAULT_BIT(FAULT_WRITE), FAULT_NET_TORN, 200, .hits_max = 4},
        {FAULT_BIT(FAULT_WRITE), FAULT_CORRUPT, 200, .hits_max = 2},
    };

    through_faults(rules, 4, 4);
}

Test(receiver_copy, a_late_write_lands_on_nothing_else)
{
    const struct fault_rule rules[] = {{FAULT_BIT(FAULT_WRITE) | FAULT_BIT(FAULT_ZERO),
                                        FAULT_NET_LATE, 80, .hits_max = 6,
                                        .late_ns = 300 * NS_PER_MS}};

    through_faults(rules, 1, 5);
}
