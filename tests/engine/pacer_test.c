/* pacer_test.c - windows against servers of arithmetic: growth where it pays, its end where it does
 * not, back-off, the wish of a server, recovery. No time of the real machine is in it. */
#include "engine/pacer.h"

#include <criterion/criterion.h>

#include "tests/support/sim_server.h"

#define MS         SIM_SERVER_MS
#define S          SIM_SERVER_S
#define MIB        (1ull << 20)
#define WINDOW_MAX 256u

static struct sim_server server;
static struct pacer pacer;

static void begin(void)
{
    sim_server_init(&server);
    pacer_init(&pacer, PACER_WINDOW_START, WINDOW_MAX);
}

TestSuite(pacer, .init = begin);

Test(pacer, starts_small_and_within_its_limits)
{
    cr_expect_eq(pacer.window, PACER_WINDOW_START);
    cr_expect(pacer_may_start(&pacer, PACER_WINDOW_START - 1, S));
    cr_expect_not(pacer_may_start(&pacer, PACER_WINDOW_START, S));
    pacer_init(&pacer, 64, 2);
    cr_expect_eq(pacer.window, 2u);
    pacer_init(&pacer, 0, 8);
    cr_expect_eq(pacer.window, PACER_WINDOW_MIN);
}

Test(pacer, grows_to_the_limit_where_only_latency_limits)
{
    server.latency_ns = 100 * MS;
    server.jitter_ns = 30 * MS;
    sim_server_run(&server, &pacer, 10 * S);
    cr_expect_eq(pacer.window, WINDOW_MAX);
    cr_expect_leq(server.inflight_most, WINDOW_MAX);
    cr_expect_geq(sim_server_rate(&server, &pacer, S), 7000 * MIB);
}

Test(pacer, stops_growing_where_the_bandwidth_is_used_up)
{
    static const uint64_t latencies_ms[] = {1, 20, 100, 250};

    for (size_t i = 0; i < sizeof latencies_ms / sizeof latencies_ms[0]; i++) {
        uint64_t in_the_pipe; /* requests that fill bandwidth times latency */

        begin();
        server.latency_ns = latencies_ms[i] * MS;
        server.bytes_per_second = 1024 * MIB;
        sim_server_run(&server, &pacer, 12 * S);
        cr_expect_geq(sim_server_rate(&server, &pacer, 2 * S), 970 * MIB, "%lu ms: too slow",
                      (unsigned long)latencies_ms[i]);
        in_the_pipe = 1024 * latencies_ms[i] / 1000 / 4 + 1;
        cr_expect_leq(pacer.window, 4 + 3 * in_the_pipe, "%lu ms: a window of %u",
                      (unsigned long)latencies_ms[i], pacer.window);
        cr_expect_leq(server.inflight_most, 8 + 4 * in_the_pipe);
    }
}

Test(pacer, clears_without_bytes_grow_the_window_too)
{
    server.latency_ns = 20 * MS;
    server.request_bytes = 0;
    sim_server_run(&server, &pacer, 4 * S);
    cr_expect_eq(pacer.window, WINDOW_MAX);
}

Test(pacer, work_that_does_not_fill_the_window_does_not_grow_it)
{
    server.latency_ns = 10 * MS;
    for (uint32_t i = 0; i < 1000; i++) {
        server.requests_left = 2;
        sim_server_run(&server, &pacer, 20 * MS);
    }
    cr_expect_leq(pacer.window, PACER_WINDOW_START);
    cr_expect_eq(server.inflight_most, 2u);
}

Test(pacer, throttles_cut_the_window_once_a_round_trip)
{
    uint32_t before;

    server.latency_ns = 100 * MS;
    sim_server_run(&server, &pacer, 10 * S);
    before = pacer.window;
    for (uint32_t i = 0; i < 3; i++)
        pacer_note_trouble(&pacer, PACER_THROTTLED, 0, server.now_ns + i * MS);
    cr_expect_eq(pacer.window, before, "a few are borne");
    for (uint32_t i = 3; i < 50; i++) /* a whole window is refused */
        pacer_note_trouble(&pacer, PACER_THROTTLED, 0, server.now_ns + i * MS);
    cr_expect_eq(pacer.window, before - before / 4);
    cr_expect_eq(pacer.backoffs_count, 1u);
    before = pacer.window;
    for (uint32_t i = 0; i < 3; i++)
        pacer_note_trouble(&pacer, PACER_THROTTLED, 0, server.now_ns + S + i * MS);
    cr_expect_eq(pacer.window, before / 2, "it goes on");
}

static void expect_full(uint64_t latency_ms, bool failing, uint64_t seed)
{
    begin();
    server.latency_ns = latency_ms * MS;
    server.jitter_ns = server.latency_ns / 10;
    server.bytes_per_second = 60 * MIB;
    server.refuses_one_in = 100;
    server.fails_instead = failing;
    server.seed = seed;
    sim_server_run(&server, &pacer, 5 * S);
    cr_expect_geq(sim_server_rate(&server, &pacer, 600 * S), 60 * MIB / 100 * 97,
                  "%lu ms, seed %lu", (unsigned long)latency_ms, (unsigned long)seed);
    cr_expect_gt(server.refused_count, 50u);
}

Test(pacer, a_refusal_in_a_hundred_does_not_empty_a_long_way)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        expect_full(20, false, seed);
        expect_full(80, true, seed);
        expect_full(80, false, seed);
        expect_full(250, false, seed);
    }
}

/* A range is read and written: two requests, either of which may be refused. Chance alone may cut a window
 * that just sufficed, but seldom: 1 copy of 100 here, of half a minute each, where 1 of 20 was slow when
 * ranges paid for what requests cost. */
Test(pacer, refusals_are_weighed_by_requests_and_not_by_ranges)
{
    unsigned slow_count = 0;

    for (uint64_t seed = 1; seed <= 500; seed++) {
        begin();
        server.latency_ns = 250 * MS;
        server.jitter_ns = 25 * MS;
        server.bytes_per_second = 60 * MIB;
        server.refuses_one_in = 100;
        server.trips = 2;
        server.seed = seed;
        sim_server_run(&server, &pacer, 8 * S);
        slow_count += sim_server_rate(&server, &pacer, 30 * S) < 60 * MIB / 100 * 90;
        cr_expect_gt(server.refused_count, 0u);
    }
    cr_expect_leq(slow_count, 5u, "%u of 500", slow_count);
}

Test(pacer, a_host_that_refuses_every_tenth_is_asked_for_less)
{
    server.latency_ns = 50 * MS;
    sim_server_run(&server, &pacer, 10 * S);
    cr_assert_eq(pacer.window, WINDOW_MAX);
    server.refuses_one_in = 10;
    sim_server_run(&server, &pacer, 10 * S);
    cr_expect_leq(pacer.window, WINDOW_MAX / 32);
}

Test(pacer, never_goes_below_one)
{
    for (uint64_t i = 1; i < 100; i++)
        pacer_note_trouble(&pacer, PACER_FAILED, 0, i * S);
    cr_expect_eq(pacer.window, PACER_WINDOW_MIN);
    cr_expect(pacer_may_start(&pacer, 0, 200 * S));
}

Test(pacer, stays_near_what_a_throttling_host_takes)
{
    uint64_t refused_before;

    server.latency_ns = 50 * MS;
    server.jitter_ns = 20 * MS;
    server.requests_max = 32;
    sim_server_run(&server, &pacer, 10 * S);
    refused_before = server.refused_count;
    /* a full 32 at once would be about 2100 MiB/s */
    cr_expect_geq(sim_server_rate(&server, &pacer, 30 * S), 1200 * MIB);
    cr_expect_leq((server.refused_count - refused_before) * 50, server.done_count,
                  "%lu refused of %lu", (unsigned long)server.refused_count,
                  (unsigned long)server.done_count);
}

Test(pacer, nothing_starts_before_the_time_a_host_asked_for)
{
    pacer_note_trouble(&pacer, PACER_THROTTLED, 7 * S, 10 * S);
    cr_expect_not(pacer_may_start(&pacer, 0, 10 * S));
    cr_expect_not(pacer_may_start(&pacer, 0, 17 * S - 1));
    cr_expect_eq(pacer_wake_ns(&pacer, 10 * S), 17 * S);
    cr_expect(pacer_may_start(&pacer, 0, 17 * S));
    cr_expect_eq(pacer_wake_ns(&pacer, 17 * S), 0u);
    pacer_note_trouble(&pacer, PACER_THROTTLED, S, 11 * S);
    cr_expect_eq(pacer_wake_ns(&pacer, 11 * S), 17 * S, "an earlier, longer wish stands");
}

Test(pacer, a_failure_without_a_name_holds_nothing_back)
{
    pacer_note_trouble(&pacer, PACER_FAILED, 0, 10 * S);
    cr_expect(pacer_may_start(&pacer, 0, 10 * S));
    cr_expect_eq(pacer_wake_ns(&pacer, 10 * S), 0u);
}

Test(pacer, one_early_failure_is_forgotten_within_seconds)
{
    server.latency_ns = 100 * MS;
    pacer_note_trouble(&pacer, PACER_FAILED, 0, server.now_ns);
    sim_server_run(&server, &pacer, 12 * S);
    cr_expect_eq(pacer.window, WINDOW_MAX);
}

Test(pacer, recovers_when_a_host_takes_more_again)
{
    server.latency_ns = 50 * MS;
    server.requests_max = 8;
    sim_server_run(&server, &pacer, 20 * S);
    cr_expect_leq(pacer.window, 16u);
    server.requests_max = 0;
    sim_server_run(&server, &pacer, 120 * S);
    cr_expect_geq(pacer.window, 64u);
}

Test(pacer, finds_new_bandwidth_by_probing)
{
    server.latency_ns = 20 * MS;
    server.bytes_per_second = 200 * MIB;
    sim_server_run(&server, &pacer, 10 * S);
    server.bytes_per_second = 1600 * MIB;
    sim_server_run(&server, &pacer, 60 * S);
    cr_expect_geq(sim_server_rate(&server, &pacer, 2 * S), 1400 * MIB);
}

/* A host that answers ever slower without more bytes throttles without saying so. */
Test(pacer, shrinks_when_answers_become_many_times_slower)
{
    uint32_t before;

    server.latency_ns = 10 * MS;
    sim_server_run(&server, &pacer, 5 * S);
    before = pacer.window;
    cr_assert_eq(before, WINDOW_MAX);
    server.bytes_per_second = 300 * MIB;
    sim_server_run(&server, &pacer, 30 * S);
    cr_expect_lt(pacer.window, before / 2);
    cr_expect_gt(pacer.backoffs_count, 0u);
    cr_expect_geq(sim_server_rate(&server, &pacer, 2 * S), 270 * MIB, "and loses nothing by it");
}

Test(pacer, failing_requests_end_in_progress_all_the_same)
{
    server.latency_ns = 20 * MS;
    server.requests_max = 2;
    server.fails_instead = true;
    sim_server_run(&server, &pacer, 20 * S);
    cr_expect_geq(sim_server_rate(&server, &pacer, 10 * S), 200 * MIB);
}
