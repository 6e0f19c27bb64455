/* access_test.c - when a URL is asked for, who waits, what is final; on a simulated clock. */
#include "engine/access.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/access_case.h"
#include "tests/support/test_reactor.h"

static struct rig rig;
static struct access_case a;
static struct access *own; /* of tests that need another setup */

#define IN_USE "; the host refused the one in use (HTTP 403 AuthenticationFailed, request 77c4f4c1)"

static const struct err refused = {.kind = ERR_AUTH,
                                   .retry = RETRY_AFTER_RENEWAL,
                                   .http_status = 403,
                                   .code = "AuthenticationFailed",
                                   .request_id = "77c4f4c1",
                                   .text = "the SAS is expired"};

static struct seen {
    struct access_waiter waiter;
    bool woken;
    struct err why;
} first, second;

static void begin(void)
{
    rig_open_simulated(&rig, REACTOR_EPOLL);
}

static void end(void)
{
    access_case_close(&a);
    access_free(own);
    rig_close(&rig);
}

TestSuite(access, .init = begin, .fini = end);

static uint64_t wall_s(void)
{
    return reactor_wall_ns(rig.r) / NS_PER_S;
}

static void open_with(uint64_t life_s)
{
    access_case_open(&a, rig.r, ACCESS_SOURCE, life_s ? wall_s() + life_s : 0);
}

static void pass_s(uint64_t seconds)
{
    uint64_t end_ns = reactor_now_ns(rig.r) + seconds * NS_PER_S;

    while (reactor_now_ns(rig.r) < end_ns) {
        struct err e = {0};

        if (!reactor_busy(rig.r)) {
            clock_advance(&rig.clock, end_ns - reactor_now_ns(rig.r));
            rig_peek(&rig);
            return;
        }
        cr_assert(reactor_turn(rig.r, end_ns - reactor_now_ns(rig.r), &e), "%s", e.text);
    }
}

static void on_woken(struct access_waiter *waiter, const struct err *why)
{
    struct seen *seen = (struct seen *)waiter;

    cr_assert_not(seen->woken, "woken twice");
    seen->woken = true;
    if (why)
        seen->why = *why;
}

static void wait_for(struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    access_wait(a.access, &seen->waiter, on_woken);
}

/* ---- Ahead of time ---- */

Test(access, is_asked_for_when_a_fifth_of_its_life_is_left)
{
    uint64_t start_s = wall_s();

    open_with(100 * 3600);
    a.life_s = 100 * 3600;
    pass_s(80 * 3600 - 2);
    cr_assert_eq(a.asked_count, 0u);
    pass_s(4);
    cr_expect_eq(a.asked_count, 1u);
    cr_expect_eq(a.asked_wall_ns / NS_PER_S - start_s, 80u * 3600);
    cr_expect_eq(a.swapped_count, 1u);
    cr_expect_eq(a.news_count[ACCESS_EXPIRING], 1u);
    cr_expect_eq(a.news_count[ACCESS_WAITING], 0u, "nobody had to wait");
    pass_s(80 * 3600 + 2);
    cr_expect_eq(a.asked_count, 2u, "the new one ends, too");
    cr_expect_eq(access_generation(a.access), 2u);
}

Test(access, minutes_are_left_where_a_fifth_would_be_seconds)
{
    open_with(1000);
    pass_s(699);
    cr_assert_eq(a.asked_count, 0u);
    pass_s(2);
    cr_expect_eq(a.asked_count, 1u);
}

Test(access, a_life_too_short_for_minutes_is_halved)
{
    open_with(10);
    pass_s(4);
    cr_assert_eq(a.asked_count, 0u);
    pass_s(2);
    cr_expect_eq(a.asked_count, 1u);
}

Test(access, an_unknown_or_past_end_asks_for_nothing)
{
    open_with(0);
    pass_s(90 * 86400);
    cr_expect_eq(a.asked_count, 0u);
    access_case_close(&a);
    access_case_open(&a, rig.r, ACCESS_BASE, wall_s() - 10);
    pass_s(3600);
    cr_expect_eq(a.asked_count, 0u, "our clock may be wrong: a refusal will tell");
}

Test(access, the_clock_on_the_wall_decides_not_the_time_that_passed)
{
    open_with(10 * 3600);
    rig.clock.wall_ns += 9ull * 3600 * NS_PER_S; /* a suspend, or somebody set it */
    pass_s(601);
    cr_expect_eq(a.asked_count, 1u);
}

Test(access, a_renewal_that_fails_ahead_of_time_is_said_and_tried_again)
{
    open_with(10 * 3600);
    a.answer = ACCESS_CASE_FAILS;
    pass_s(8 * 3600 + 60);
    cr_expect_geq(a.asked_count, 5u);
    cr_expect_leq(a.asked_count, 7u, "1, 2, 4, 8, 16 and 32 s");
    cr_expect_eq(a.news_count[ACCESS_NOT_RENEWED], a.asked_count);
    cr_expect_eq(a.news_count[ACCESS_EXPIRING], 1u, "said once");
    cr_expect(strstr(a.said, "No new URL of the source: the office is closed; trying again\n"));
    cr_expect_eq(a.news_count[ACCESS_GIVEN_UP], 0u);
    a.answer = ACCESS_CASE_GOOD;
    pass_s(310);
    cr_expect_eq(a.swapped_count, 1u);
}

Test(access, what_does_not_say_its_end_is_taken_to_live_as_long_as_the_first)
{
    open_with(10 * 3600);
    pass_s(8 * 3600 + 1);
    cr_assert_eq(a.swapped_count, 1u);
    cr_expect_leq(access_expires_s(a.access), wall_s() + 10 * 3600);
    cr_expect_geq(access_expires_s(a.access), wall_s() + 10 * 3600 - 2);
}

/* ---- Refusals ---- */

Test(access, many_refusals_ask_once_and_all_wait)
{
    open_with(0);
    a.after_ns = 5 * NS_PER_S;
    for (int i = 0; i < 100; i++)
        cr_assert_eq(access_refused(a.access, 0, &refused), ACCESS_WAIT);
    wait_for(&first);
    wait_for(&second);
    cr_expect_eq(a.asked_count, 1u);
    cr_expect_eq(a.news_count[ACCESS_WAITING], 1u);
    cr_expect(access_is_awaited(a.access));
    rig_until(&rig, &first.woken);
    cr_expect(second.woken);
    cr_expect_not(err_is_set(&first.why));
    cr_expect_not(access_is_awaited(a.access));
    cr_expect_eq(access_refused(a.access, 0, &refused), ACCESS_AGAIN,
                 "it was sent with the old one");
    cr_expect_eq(a.asked_count, 1u);
    cr_expect_str_eq(a.query, "sig=new1");
}

Test(access, a_refusal_while_it_is_asked_ahead_waits_for_that_answer)
{
    open_with(10 * 3600);
    a.after_ns = 3 * 3600 * NS_PER_S;
    pass_s(9 * 3600);
    cr_assert_eq(a.asked_count, 1u);
    cr_assert_eq(access_refused(a.access, 0, &refused), ACCESS_WAIT);
    wait_for(&first);
    rig_until(&rig, &first.woken);
    cr_expect_eq(a.asked_count, 1u);
}

Test(access, a_refusal_does_not_wait_for_the_pause_after_a_failure)
{
    open_with(10 * 3600);
    a.answer = ACCESS_CASE_FAILS;
    pass_s(9 * 3600);
    a.answer = ACCESS_CASE_GOOD;
    cr_assert_eq(access_refused(a.access, 0, &refused), ACCESS_WAIT);
    wait_for(&first);
    pass_s(1);
    cr_expect(first.woken);
}

Test(access, a_fresh_url_that_is_refused_is_final)
{
    open_with(0);
    cr_assert_eq(access_refused(a.access, 0, &refused), ACCESS_WAIT);
    wait_for(&first);
    rig_until(&rig, &first.woken);
    cr_expect_eq(access_refused(a.access, 1, &refused), ACCESS_FINAL);
    cr_expect_eq(access_error(a.access)->retry, RETRY_AFTER_RENEWAL);
    cr_expect_str_eq(access_error(a.access)->text, "the new URL of the source was refused too");
    cr_expect_str_eq(access_error(a.access)->request_id, "77c4f4c1");
    cr_expect_eq(access_refused(a.access, 1, &refused), ACCESS_FINAL);
    cr_expect_eq(access_refused(a.access, 0, &refused), ACCESS_FINAL);
    cr_expect_eq(a.asked_count, 1u);
}

Test(access, a_url_that_served_may_end_and_be_renewed_again_and_again)
{
    open_with(0);
    for (uint64_t generation = 0; generation < 20; generation++) {
        cr_assert_eq(access_refused(a.access, generation, &refused), ACCESS_WAIT);
        wait_for(&first);
        rig_until(&rig, &first.woken);
        access_accepted(a.access,
                        generation); /* late news of the old one says nothing of the new */
        access_accepted(a.access, generation + 1);
    }
    cr_expect_eq(a.swapped_count, 20u);
}

Test(access, late_success_of_the_old_url_does_not_make_the_new_one_good)
{
    open_with(0);
    cr_assert_eq(access_refused(a.access, 0, &refused), ACCESS_WAIT);
    wait_for(&first);
    rig_until(&rig, &first.woken);
    access_accepted(a.access, 0);
    cr_expect_eq(access_refused(a.access, 1, &refused), ACCESS_FINAL);
}

Test(access, while_somebody_waits_failures_are_counted)
{
    uint64_t began_ns = reactor_now_ns(rig.r);

    open_with(0);
    a.answer = ACCESS_CASE_FAILS;
    cr_assert_eq(access_refused(a.access, 0, &refused), ACCESS_WAIT);
    wait_for(&first);
    rig_until(&rig, &first.woken);
    cr_expect_eq(first.why.kind, ERR_AUTH);
    cr_expect_eq(first.why.retry, RETRY_AFTER_RENEWAL);
    cr_expect_str_eq(first.why.text, "no new URL of the source: the office is closed" IN_USE);
    cr_expect_eq(first.why.http_status, 403);
    cr_expect_str_eq(first.why.request_id, "77c4f4c1");
    cr_expect_eq(a.asked_count, ACCESS_FAILURES_MAX);
    cr_expect_leq(reactor_now_ns(rig.r) - began_ns, 180 * NS_PER_S);
    cr_expect_eq(a.news_count[ACCESS_GIVEN_UP], 1u);
}

/* ---- Leaving, unasked answers, nobody ---- */

static void on_silent_ask(void *arg, struct access *access)
{
    (void)access;
    ++*(uint32_t *)arg;
}

static void on_plain_swap(void *arg, struct access *access, struct secret_url *take)
{
    (void)arg;
    (void)access;
    secret_url_fini(take);
}

static void open_own(uint32_t *asked, uint64_t wait_max_ns, bool nobody)
{
    struct access_setup setup = {.reactor = rig.r,
                                 .side = ACCESS_TARGET,
                                 .wait_max_ns = wait_max_ns,
                                 .ask = nobody ? NULL : on_silent_ask,
                                 .swap = on_plain_swap,
                                 .arg = asked};
    struct err e = {0};

    own = access_new(&setup, &e);
    cr_assert_not_null(own, "%s", e.text);
}

Test(access, patience_ends)
{
    uint32_t asked = 0;

    open_own(&asked, 60 * NS_PER_S, false);
    cr_assert_eq(access_refused(own, 0, &refused), ACCESS_WAIT);
    access_wait(own, &first.waiter, on_woken);
    pass_s(59);
    cr_assert_not(first.woken);
    pass_s(2);
    cr_assert(first.woken);
    cr_expect_str_eq(first.why.text, "no new URL of the target came within 60 s" IN_USE);
    cr_expect_eq(asked, 1u);
}

/* Who is told nothing but the end must still learn what was wrong with the command. */
Test(access, patience_ends_with_what_was_wrong_last)
{
    uint32_t asked = 0;
    struct err why = {0};

    open_own(&asked, 60 * NS_PER_S, false);
    cr_assert_eq(access_refused(own, 0, &refused), ACCESS_WAIT);
    access_wait(own, &first.waiter, on_woken);
    pass_s(1);
    err_set(&why, ERR_USAGE, RETRY_LATER, "the command printed nothing");
    access_failed(own, &why);
    pass_s(60);
    cr_assert(first.woken);
    cr_expect_str_eq(first.why.text,
                     "no new URL of the target came within 60 s: the command printed "
                     "nothing" IN_USE);
}

static void on_slow_check(void *arg, struct access *access, const struct secret_url *candidate)
{
    (void)arg;
    cr_assert_str_eq(candidate->query, "sig=new3");
    cr_assert(access_is_awaited(access));
}

Test(access, an_answer_still_being_looked_at_when_patience_ends_is_not_used)
{
    struct access_setup setup = {.reactor = rig.r,
                                 .side = ACCESS_TARGET,
                                 .wait_max_ns = 60 * NS_PER_S,
                                 .ask = on_silent_ask,
                                 .check = on_slow_check,
                                 .swap = on_plain_swap,
                                 .arg = &(uint32_t){0}};
    struct secret_url url = {0};
    struct err e = {0};

    own = access_new(&setup, &e);
    cr_assert_not_null(own, "%s", e.text);
    cr_assert_eq(access_refused(own, 0, &refused), ACCESS_WAIT);
    access_wait(own, &first.waiter, on_woken);
    access_case_url(3, &url);
    access_answer(own, &url, 0);
    access_case_url(4, &url); /* thrown away: one is being looked at */
    access_answer(own, &url, 0);
    cr_expect_null(url.query);
    pass_s(61);
    cr_assert(first.woken);
    cr_expect_eq(first.why.retry, RETRY_AFTER_RENEWAL);
    access_checked(own, NULL);
    cr_expect_eq(access_generation(own), 0u);
    cr_expect_eq(access_refused(own, 0, &refused), ACCESS_FINAL);
}

static void on_bad_check(void *arg, struct access *access, const struct secret_url *candidate)
{
    struct err why = {0};

    (void)arg;
    (void)candidate;
    err_set(&why, ERR_AUTH, RETRY_AFTER_RENEWAL, "403");
    access_checked(access, &why);
}

Test(access, a_url_that_lets_nobody_in_is_final_for_who_waits_and_harmless_ahead_of_time)
{
    uint32_t asked = 0;
    struct access_setup setup = {.reactor = rig.r,
                                 .side = ACCESS_TARGET,
                                 .expires_s = wall_s() + 10 * 3600,
                                 .ask = on_silent_ask,
                                 .check = on_bad_check,
                                 .swap = on_plain_swap,
                                 .arg = &asked};
    struct secret_url url = {0};
    struct err e = {0};

    own = access_new(&setup, &e);
    cr_assert_not_null(own, "%s", e.text);
    pass_s(8 * 3600 + 1);
    cr_assert_eq(asked, 1u);
    access_case_url(3, &url);
    access_answer(own, &url, 0);
    cr_expect_not(err_is_set(access_error(own)), "the old one is still good");
    cr_expect_eq(access_generation(own), 0u);
    pass_s(5);
    cr_expect_eq(asked, 2u, "asked again");
    cr_assert_eq(access_refused(own, 0, &refused), ACCESS_WAIT);
    access_wait(own, &first.waiter, on_woken);
    access_case_url(3, &url);
    access_answer(own, &url, 0);
    pass_s(1);
    cr_assert(first.woken);
    cr_expect_str_eq(first.why.text, "the new URL of the target was refused too: 403" IN_USE);
}

Test(access, who_leaves_is_not_woken_and_patience_begins_anew)
{
    uint32_t asked = 0;
    struct secret_url url = {0};

    open_own(&asked, 60 * NS_PER_S, false);
    cr_assert_eq(access_refused(own, 0, &refused), ACCESS_WAIT);
    access_wait(own, &first.waiter, on_woken);
    access_wait(own, &second.waiter, on_woken);
    access_leave(&first.waiter);
    access_leave(&first.waiter);
    access_leave(&second.waiter);
    pass_s(3600);
    cr_expect_not(first.woken || second.woken);
    cr_expect_not(err_is_set(access_error(own)));
    access_case_url(7, &url);
    access_answer(own, &url, 0);
    cr_expect_null(url.query, "taken");
    cr_expect_eq(access_generation(own), 1u);
}

Test(access, an_answer_nobody_asked_for_is_taken)
{
    struct secret_url url = {0};

    open_with(3600);
    access_case_url(7, &url);
    access_answer(a.access, &url, wall_s() + 100 * 3600);
    cr_expect_str_eq(a.query, "sig=new7");
    pass_s(3600);
    cr_expect_eq(a.asked_count, 0u, "the old end does not matter any more");
}

Test(access, where_nobody_can_renew_a_refusal_is_final)
{
    open_own(NULL, 0, true);
    cr_expect_eq(access_refused(own, 0, &refused), ACCESS_FINAL);
    cr_expect_not(err_is_set(access_error(own)), "the refusal itself says it all");
    cr_expect_eq(access_refused(NULL, 0, &refused), ACCESS_FINAL);
    cr_expect_eq(access_generation(NULL), 0u);
    access_accepted(NULL, 0);
    cr_expect_null(access_text(NULL));
    cr_expect_null(access_facts(NULL));
}

Test(access, the_text_of_a_base_follows_its_renewal)
{
    struct secret_url url = {0};

    access_case_open(&a, rig.r, ACCESS_BASE, 0);
    cr_expect_null(access_text(a.access));
    access_case_url(1, &url);
    access_answer(a.access, &url, 0);
    cr_expect_str_eq(access_text(a.access), "https://acct.blob.core.windows.net/c/b?sig=new1");
}
