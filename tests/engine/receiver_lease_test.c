/* receiver_lease_test.c - of two that would write the same target one is refused: leases, senders,
 * generations, fences, markers, and all of it across a restart of the receiver. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_fault.h"
#include "tests/support/copy_case.h"
#include "tests/support/receiver_bench.h"

#define NAME "client/disk"
#define SIZE (4u << 20)

static struct receiver_bench b;
static struct bench_batch batch;
static unsigned char page[512];

static void begin(void)
{
    receiver_bench_begin(&b, REACTOR_AUTO);
    bench_batch_begin(&batch);
    memset(page, 7, sizeof page);
}

static void end(void)
{
    bench_batch_end(&batch);
    receiver_bench_end(&b);
}

/* One page at the front; the status, and what a refusal says. */
static int write_page(const struct bench_sender *sender, struct err *out_refusal)
{
    bench_batch_data(&batch, 0, page, sizeof page);
    return bench_batch_write(&b, sender, NAME, &batch, NULL, out_refusal);
}

static void expect_refused(const struct bench_sender *sender, const char *code)
{
    struct err e = {0};

    cr_assert_eq(write_page(sender, &e), 409);
    cr_assert_eq(e.kind, ERR_CONFLICT, "%s", e.text);
    cr_assert_str_eq(e.code, code, "%s", e.text);
}

static int lease(struct bench_sender *sender, enum setup_verb verb, struct err *out_refusal)
{
    struct setup_req req = {.verb = verb, .lease_id = sender->lease};

    return receiver_bench_setup(&b, sender, NAME, &req, out_refusal);
}

static int fence(struct bench_sender *sender)
{
    struct setup_req req = {.verb = SETUP_FENCE};

    return receiver_bench_setup(&b, sender, NAME, &req, NULL);
}

/* ---- Leases ---- */

Test(receiver_lease, of_two_senders_the_second_is_refused)
{
    struct bench_sender one = receiver_bench_sender(1), two = receiver_bench_sender(2);
    struct err e = {0};

    begin();
    receiver_bench_mem(&b, NAME, SIZE);
    receiver_bench_open(&b, &one, NAME, 1);
    receiver_bench_uuid(two.lease, 2, 2);
    two.size_bytes = SIZE;
    cr_assert_eq(lease(&two, SETUP_LEASE, &e), 409);
    cr_assert_eq(e.kind, ERR_CONFLICT);
    cr_assert_str_eq(e.code, "LeaseAlreadyPresent");
    expect_refused(&two, "LeaseIdMismatchWithBlobOperation");
    two.lease[0] = '\0';
    expect_refused(&two, "LeaseIdMissing");
    cr_assert_eq(write_page(&one, NULL), 200);
    end();
}

Test(receiver_lease, one_that_was_given_back_is_good_for_nothing)
{
    struct bench_sender one = receiver_bench_sender(1), two = receiver_bench_sender(2);

    begin();
    receiver_bench_mem(&b, NAME, SIZE);
    receiver_bench_open(&b, &one, NAME, 1);
    cr_assert_eq(lease(&one, SETUP_UNLEASE, NULL), 200);
    expect_refused(&one, "LeaseNotPresentWithBlobOperation");
    receiver_bench_open(&b, &two, NAME, 2);
    expect_refused(&one, "SenderReplaced");
    receiver_bench_uuid(one.uuid, 3, 1); /* the same copy, in another run */
    expect_refused(&one, "LeaseIdMismatchWithBlobOperation");
    cr_assert_eq(write_page(&two, NULL), 200);
    end();
}

Test(receiver_lease, a_target_that_has_leases_holds_one_too)
{
    struct bench_sender one = receiver_bench_sender(1);
    struct endpoint *ep;

    begin();
    ep = receiver_bench_mem(&b, NAME, SIZE);
    endpoint_mem_give_leases(ep);
    receiver_bench_open(&b, &one, NAME, 1);
    cr_assert_str_eq(endpoint_mem_leased(ep), one.lease);
    cr_assert_eq(write_page(&one, NULL), 200);
    cr_assert_eq(lease(&one, SETUP_UNLEASE, NULL), 200);
    cr_assert_str_eq(endpoint_mem_leased(ep), "");
    end();
}

Test(receiver_lease, another_hand_at_the_target_is_told_to_the_sender)
{
    struct bench_sender one = receiver_bench_sender(1);
    struct endpoint *ep;
    struct err e = {0};

    begin();
    ep = receiver_bench_mem(&b, NAME, SIZE);
    endpoint_mem_give_leases(ep);
    endpoint_mem_poke_lease(ep, "99999999-0000-4000-8000-000000000000", 60 * NS_PER_S);
    receiver_bench_uuid(one.lease, 1, 2);
    cr_assert_eq(lease(&one, SETUP_LEASE, &e), 409);
    cr_assert_str_eq(e.code, "LeaseAlreadyPresent");
    end();
}

/* ---- After a restart of the receiver ---- */

Test(receiver_lease, a_sender_goes_on_after_a_restart)
{
    struct bench_sender one = receiver_bench_sender(1), two = receiver_bench_sender(2);
    struct endpoint *ep;

    begin();
    ep = receiver_bench_mem(&b, NAME, SIZE);
    endpoint_mem_give_leases(ep);
    receiver_bench_open(&b, &one, NAME, 1);
    cr_assert_eq(write_page(&one, NULL), 200);
    receiver_bench_restart(&b);
    cr_assert_eq(write_page(&one, NULL), 200);
    cr_assert_str_eq(endpoint_mem_leased(ep), one.lease);
    /* What the receiver before had under way may still land: it was fenced, once. */
    cr_assert_eq(receiver_count(b.receiver)->fences, 1);
    cr_assert_eq(write_page(&one, NULL), 200);
    cr_assert_eq(receiver_count(b.receiver)->fences, 1);
    receiver_bench_uuid(two.lease, 2, 2);
    cr_assert_eq(lease(&two, SETUP_LEASE, NULL), 409);
    end();
}

Test(receiver_lease, after_a_restart_one_whose_copy_is_not_there_any_more_is_refused)
{
    struct bench_sender one = receiver_bench_sender(1), two = receiver_bench_sender(2);
    struct setup_req mark = {.verb = SETUP_MARK};
    struct marker marker;

    begin();
    receiver_bench_mem(&b, NAME, SIZE);
    receiver_bench_open(&b, &one, NAME, 1);
    cr_assert_eq(lease(&one, SETUP_UNLEASE, NULL), 200); /* as if it had run out */
    receiver_bench_open(&b, &two, NAME, 2);
    receiver_bench_restart(&b);
    expect_refused(&one, "LeaseNotPresentWithBlobOperation");
    cr_assert_eq(write_page(&two, NULL), 200);
    marker = receiver_bench_marker(&two, MARKER_COMPLETE);
    mark.marker = &marker;
    cr_assert_eq(receiver_bench_setup(&b, &two, NAME, &mark, NULL), 200);
    receiver_bench_restart(&b);
    expect_refused(&two, "LeaseNotPresentWithBlobOperation"); /* it is complete */
    expect_refused(&one, "LeaseNotPresentWithBlobOperation");
    end();
}

Test(receiver_lease, a_copy_completes_only_its_own_marker)
{
    struct bench_sender one = receiver_bench_sender(1), two = receiver_bench_sender(2);
    struct setup_req mark = {.verb = SETUP_MARK};
    struct marker marker;
    struct err e = {0};
    struct endpoint *ep;

    begin();
    ep = receiver_bench_mem(&b, NAME, SIZE);
    receiver_bench_open(&b, &two, NAME, 2);
    receiver_bench_restart(&b);
    one.size_bytes = SIZE;
    receiver_bench_uuid(one.lease, 1, 2);
    receiver_bench_uuid(one.copy, 1, 3);
    cr_assert_eq(lease(&one, SETUP_LEASE, NULL), 200); /* nobody spoke up yet */
    expect_refused(&one, "CopyMismatch");
    marker = receiver_bench_marker(&one, MARKER_COMPLETE);
    mark.marker = &marker;
    cr_assert_eq(receiver_bench_setup(&b, &one, NAME, &mark, &e), 409);
    cr_assert_str_eq(e.code, "CopyMismatch");
    cr_assert_eq(endpoint_mem_marker(ep)->state, MARKER_COPYING);
    cr_assert_str_eq(endpoint_mem_marker(ep)->copy_uuid, two.copy);
    end();
}

/* ---- Senders and generations ---- */

Test(receiver_lease, a_run_that_was_followed_by_another_is_heard_no_more)
{
    struct bench_sender one = receiver_bench_sender(1), two;

    begin();
    receiver_bench_mem(&b, NAME, SIZE);
    receiver_bench_open(&b, &one, NAME, 1);
    two = one; /* the same copy, resumed: lease and marker are its own */
    receiver_bench_uuid(two.uuid, 2, 1);
    cr_assert_eq(write_page(&two, NULL), 200);
    expect_refused(&one, "SenderReplaced");
    cr_assert_eq(write_page(&two, NULL), 200);
    end();
}

Test(receiver_lease, what_was_sent_before_a_fence_is_refused_after_it)
{
    struct bench_sender one = receiver_bench_sender(1), old;
    struct err e = {0};

    begin();
    receiver_bench_mem(&b, NAME, SIZE);
    receiver_bench_open(&b, &one, NAME, 1);
    old = one;
    one.generation = 1;
    cr_assert_eq(fence(&one), 200);
    cr_assert_eq(write_page(&old, &e), 409);
    cr_assert_str_eq(e.code, "GenerationPassed");
    cr_assert_eq(e.retry, RETRY_LATER);
    cr_assert_eq(write_page(&one, NULL), 200);
    end();
}

static struct endpoint *slow_disk(const struct fault_rule *rules, size_t count, uint64_t delay_ns)
{
    const struct fault_options options = {.seed = 1,
                                          .rules = rules,
                                          .rules_count = count,
                                          .delay_min_ns = delay_ns,
                                          .delay_max_ns = delay_ns};
    struct err e = {0};
    struct endpoint *disk = endpoint_mem_new(b.rig->r, SIZE, &e);
    struct endpoint *ep = endpoint_fault_new(disk, &options, &e);

    cr_assert(ep, "%s", e.text);
    receiver_bench_add(&b, NAME, ep);
    return disk;
}

Test(receiver_lease, a_fence_waits_for_what_is_under_way)
{
    struct bench_sender one = receiver_bench_sender(1);
    struct bench_ask slow;
    struct endpoint *disk;

    begin();
    disk = slow_disk(NULL, 0, 50 * NS_PER_MS);
    receiver_bench_open(&b, &one, NAME, 1);
    bench_batch_data(&batch, 0, page, sizeof page);
    receiver_bench_send(&b, &one, &slow, RELAY_WRITE, NAME, NULL, batch.bytes, batch.used);
    while (endpoint_mem_traffic(disk)->writes_count == 0 && !slow.done)
        rig_turn(b.rig);
    one.generation = 1;
    cr_assert_eq(fence(&one), 200);
    cr_assert_eq(memcmp(endpoint_mem_bytes(disk), page, sizeof page), 0, "it ended before");
    cr_assert_eq(receiver_bench_wait(&b, &slow), 503);
    cr_assert_eq(slow.refusal.kind, ERR_CANCELED); /* its sender has given it up */
    receiver_bench_fini(&slow);
    end();
}

Test(receiver_lease, a_fence_ends_what_is_tried_again_and_again)
{
    const struct fault_rule rules[] = {
        {FAULT_BIT(FAULT_WRITE), FAULT_THROTTLED, 1000, .retry_after_ms = 20000}};
    struct bench_sender one = receiver_bench_sender(1);
    struct bench_ask stuck;
    uint64_t begun_ns;

    begin();
    slow_disk(rules, 1, 0);
    receiver_bench_open(&b, &one, NAME, 1);
    bench_batch_data(&batch, 0, page, sizeof page);
    receiver_bench_send(&b, &one, &stuck, RELAY_WRITE, NAME, NULL, batch.bytes, batch.used);
    while (receiver_count(b.receiver)->retries == 0)
        rig_turn(b.rig);
    begun_ns = reactor_now_ns(b.rig->r);
    one.generation = 1;
    cr_assert_eq(fence(&one), 200);
    cr_assert_lt(reactor_now_ns(b.rig->r) - begun_ns, 5 * NS_PER_S);
    cr_assert_eq(receiver_bench_wait(&b, &stuck), 503);
    cr_assert_eq(stuck.refusal.kind, ERR_CANCELED);
    receiver_bench_fini(&stuck);
    end();
}

/* A write whose answer was lost lands 400 ms later; what goes to the same place waits for a fence. */
Test(receiver_lease, nothing_is_written_over_what_may_still_land)
{
    const struct fault_rule rules[] = {
        {FAULT_BIT(FAULT_WRITE), FAULT_NET_LATE, 1000, .hits_max = 1, .late_ns = 400 * NS_PER_MS}};
    struct bench_sender one = receiver_bench_sender(1);
    unsigned char other[512];
    struct endpoint *disk;
    uint64_t until_ns;

    begin();
    memset(other, 9, sizeof other);
    disk = slow_disk(rules, 1, 0);
    receiver_bench_open(&b, &one, NAME, 1);
    cr_assert_eq(write_page(&one, NULL), 200);
    cr_assert_eq(receiver_count(b.receiver)->retries, 1);
    cr_assert_eq(receiver_count(b.receiver)->fences, 0);
    bench_batch_data(&batch, 8192, other, sizeof other); /* elsewhere: no fence */
    cr_assert_eq(bench_batch_write(&b, &one, NAME, &batch, NULL, NULL), 200);
    cr_assert_eq(receiver_count(b.receiver)->fences, 0);
    bench_batch_data(&batch, 0, other, sizeof other);
    cr_assert_eq(bench_batch_write(&b, &one, NAME, &batch, NULL, NULL), 200);
    cr_assert_eq(receiver_count(b.receiver)->fences, 1);
    until_ns = reactor_now_ns(b.rig->r) + 600 * NS_PER_MS;
    while (reactor_now_ns(b.rig->r) < until_ns) {
        struct err e = {0};

        cr_assert(reactor_turn(b.rig->r, 20 * NS_PER_MS, &e));
    }
    cr_assert_eq(memcmp(endpoint_mem_bytes(disk), other, sizeof other), 0);
    end();
}

/* Nobody held it meanwhile: before the same copy goes on there, the target locks others out again. */
Test(receiver_lease, a_target_that_was_let_go_is_fenced_before_its_copy_goes_on)
{
    struct bench_sender one = receiver_bench_sender(1);

    begin();
    receiver_bench_mem(&b, NAME, SIZE);
    receiver_bench_open(&b, &one, NAME, 1);
    cr_assert_eq(write_page(&one, NULL), 200);
    cr_assert_eq(receiver_count(b.receiver)->fences, 0);
    cr_assert_eq(lease(&one, SETUP_UNLEASE, NULL), 200);
    cr_assert_eq(lease(&one, SETUP_LEASE, NULL), 200);
    cr_assert_eq(b.opened, 2);
    cr_assert_eq(write_page(&one, NULL), 200);
    cr_assert_eq(receiver_count(b.receiver)->fences, 1);
    cr_assert_eq(write_page(&one, NULL), 200);
    cr_assert_eq(receiver_count(b.receiver)->fences, 1);
    end();
}

/* Whether the target fenced is not known: nothing is written there, also not elsewhere, until it is. */
Test(receiver_lease, a_fence_that_was_lost_is_put_up_again_before_any_write)
{
    const struct fault_rule rules[] = {
        {FAULT_BIT(FAULT_WRITE), FAULT_NET_AFTER, 1000, .hits_max = 1},
        {FAULT_BIT(FAULT_SETUP), FAULT_NET_AFTER, 1000, .skip_count = 1, .hits_max = 1}};
    struct bench_sender one = receiver_bench_sender(1);

    begin();
    slow_disk(rules, 2, 0);
    receiver_bench_open(&b, &one, NAME, 1);
    cr_assert_eq(write_page(&one, NULL), 200);
    cr_assert_eq(write_page(&one, NULL), 502);
    cr_assert_eq(receiver_count(b.receiver)->fences, 0);
    bench_batch_data(&batch, 8192, page, sizeof page);
    cr_assert_eq(bench_batch_write(&b, &one, NAME, &batch, NULL, NULL), 200);
    cr_assert_eq(receiver_count(b.receiver)->fences, 1);
    end();
}

Test(receiver_lease, a_marker_waits_for_a_fence_too)
{
    const struct fault_rule rules[] = {
        {FAULT_BIT(FAULT_WRITE), FAULT_NET_AFTER, 1000, .hits_max = 1}};
    struct bench_sender one = receiver_bench_sender(1);
    struct setup_req mark = {.verb = SETUP_MARK};
    struct marker marker;

    begin();
    slow_disk(rules, 1, 0);
    receiver_bench_open(&b, &one, NAME, 1);
    cr_assert_eq(write_page(&one, NULL), 200);
    marker = receiver_bench_marker(&one, MARKER_COMPLETE);
    mark.marker = &marker;
    cr_assert_eq(receiver_bench_setup(&b, &one, NAME, &mark, NULL), 200);
    cr_assert_eq(receiver_count(b.receiver)->fences, 1);
    end();
}

/* ---- Removal ---- */

Test(receiver_lease, nothing_but_a_scratch_is_removed_from_afar)
{
    struct bench_sender one = receiver_bench_sender(1);
    struct marker marker;
    struct setup_req req = {.verb = SETUP_REMOVE, .marker = &marker};
    struct endpoint *ep;
    struct err e = {0};

    begin();
    ep = receiver_bench_mem(&b, NAME, SIZE);
    receiver_bench_open(&b, &one, NAME, 1);
    marker = receiver_bench_marker(&one, MARKER_COPYING);
    cr_assert_eq(receiver_bench_setup(&b, &one, NAME, &req, &e), 403);
    cr_assert(strstr(e.text, "is no scratch"), "%s", e.text);
    cr_assert_eq(ep->size_bytes, SIZE);
    cr_assert_eq(write_page(&one, NULL), 200);
    end();
}
