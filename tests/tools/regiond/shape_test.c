/* shape_test.c - limits of a connection, a blob and an account, on a clock that the test moves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tools/regiond/shape.h"
#include "tools/regiond/token_bucket.h"

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)
#define T0 (5 * S)

static const struct shape_facts one = {1, "acct", "c", "disk"};
static const struct shape_facts two = {2, "acct", "c", "other"};
static const struct shape_facts elsewhere = {3, "acct2", "c", "disk"};

static struct traffic_shape *shape_of(const char *json)
{
    struct shape_config config;
    char why[200];

    cr_assert(shape_config_parse(json, strlen(json), &config, why, sizeof why), "%s", why);
    return shape_new(&config);
}

static uint64_t delay(struct traffic_shape *shape, const struct shape_facts *facts, uint64_t bytes,
                      uint64_t now_ns)
{
    struct shape_verdict verdict = shape_arrived(shape, facts, bytes, now_ns);

    cr_assert_not(verdict.busy);
    return verdict.delay_ns;
}

Test(shape, latency_delays_every_request_alike)
{
    struct traffic_shape *shape = shape_of("{\"latencyMs\":40}");

    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(delay(shape, &one, 1 << 22, T0), 40 * MS);
    shape_free(shape);
}

Test(shape, requests_above_the_rate_queue_up_behind_each_other)
{
    struct traffic_shape *shape = shape_of("{\"burstMs\":0,\"blob\":{\"requestsPerSecond\":10}}");

    for (unsigned i = 1; i <= 5; i++)
        cr_assert_eq(delay(shape, &one, 0, T0), i * 100 * MS);
    cr_assert_eq(delay(shape, &two, 0, T0), 100 * MS); /* another blob has its own limit */
    cr_assert_eq(delay(shape, &one, 0, T0 + 10 * S), 100 * MS);
    shape_free(shape);
}

Test(shape, a_pause_saves_up_no_more_than_the_burst)
{
    struct traffic_shape *shape = shape_of("{\"burstMs\":300,\"blob\":{\"requestsPerSecond\":10}}");

    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(delay(shape, &one, 0, T0), 0);
    cr_assert_eq(delay(shape, &one, 0, T0), 100 * MS);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(delay(shape, &one, 0, T0 + 100 * S), 0);
    cr_assert_eq(delay(shape, &one, 0, T0 + 100 * S), 100 * MS);
    shape_free(shape);
}

Test(shape, bytes_of_both_ways_share_one_limit_and_keep_its_rate)
{
    struct traffic_shape *shape =
        shape_of("{\"burstMs\":0,\"account\":{\"bytesPerSecond\":1000000}}");
    uint64_t now = T0;
    uint64_t sent = 0;

    while (sent < 20000000) {
        now += delay(shape, sent % 300000 ? &one : &two, 100000, now);
        now += shape_leaving(shape, &one, 100000, now).end_ns;
        sent += 200000;
    }
    cr_assert_eq(now, T0 + 20 * S);
    cr_assert_eq(delay(shape, &elsewhere, 1000, T0), 1 * MS);
    shape_free(shape);
}

Test(shape, the_slowest_limit_decides)
{
    struct traffic_shape *shape = shape_of(
        "{\"burstMs\":0,\"latencyMs\":5,\"connection\":{\"bytesPerSecond\":1000000},"
        "\"blob\":{\"bytesPerSecond\":500000},\"account\":{\"bytesPerSecond\":100000000}}");

    cr_assert_eq(delay(shape, &one, 1000000, T0), 2005 * MS);
    shape_free(shape);
}

Test(shape, over_503_refuses_names_the_limit_and_costs_nothing)
{
    struct traffic_shape *shape =
        shape_of("{\"burstMs\":200,\"over\":\"503\",\"retryAfterSeconds\":2,\"latencyMs\":5,"
                 "\"account\":{\"requestsPerSecond\":10}}");
    struct shape_verdict verdict;

    /* Two were saved up; the third is let in on credit. */
    for (unsigned i = 0; i < 3; i++)
        cr_assert_leq(delay(shape, &one, 0, T0), 105 * MS);
    for (unsigned i = 0; i < 1000; i++) {
        verdict = shape_arrived(shape, &two, 0, T0 + 50 * MS);
        cr_assert(verdict.busy);
        cr_assert(strstr(verdict.busy_text, "Operations per second"));
        cr_assert_eq(verdict.retry_after_s, 2);
    }
    cr_assert_leq(delay(shape, &one, 0, T0 + 100 * MS), 105 * MS);
    shape_free(shape);
}

Test(shape, over_503_refuses_when_bytes_are_too_far_in_debt)
{
    struct traffic_shape *shape = shape_of(
        "{\"burstMs\":0,\"over\":\"503\",\"queueMs\":500,\"blob\":{\"bytesPerSecond\":1000000}}");

    cr_assert_eq(delay(shape, &one, 400000, T0), 400 * MS);
    cr_assert_eq(delay(shape, &one, 400000, T0), 800 * MS);
    cr_assert(shape_arrived(shape, &one, 1, T0).busy);
    cr_assert_not(shape_arrived(shape, &one, 1, T0 + 300 * MS).busy);
    shape_free(shape);
}

Test(shape, a_body_leaves_at_an_even_pace_after_what_was_before_it)
{
    struct traffic_shape *shape =
        shape_of("{\"burstMs\":0,\"connection\":{\"bytesPerSecond\":1000000}}");
    struct shape_pace first = shape_leaving(shape, &one, 1000000, T0);
    struct shape_pace second = shape_leaving(shape, &one, 1000000, T0);

    cr_assert_eq(first.begin_ns, 0);
    cr_assert_eq(first.end_ns, S);
    cr_assert_eq(second.begin_ns, S);
    cr_assert_eq(second.end_ns, 2 * S);
    cr_assert_eq(shape_pace_bytes(&second, 1000000, S), 0);
    cr_assert_eq(shape_pace_bytes(&second, 1000000, S + S / 4), 250000);
    cr_assert_eq(shape_pace_bytes(&second, 1000000, 3 * S), 1000000);
    for (uint64_t at = 1; at < 1000000; at += 99991)
        cr_assert_geq(shape_pace_bytes(&second, 1000000, shape_pace_due_ns(&second, 1000000, at)),
                      at);
    shape_free(shape);
}

Test(shape, forgets_idle_connections_and_stays_bounded)
{
    struct traffic_shape *shape = shape_of("{\"connection\":{\"requestsPerSecond\":1000}}");
    struct shape_facts facts = one;

    for (uint64_t i = 0; i < 3 * SHAPE_KEPT_MAX_COUNT; i++) {
        facts.connection_id = i;
        shape_arrived(shape, &facts, 0, T0 + i * MS);
    }
    cr_assert_eq(delay(shape, &facts, 0, T0 + 1000 * S), 0);
    shape_free(shape);
}

Test(shape, a_huge_amount_does_not_overflow)
{
    struct token_bucket bucket = {.per_second = 1};

    cr_assert_gt(token_bucket_take_ns(&bucket, UINT64_MAX, T0), 1000000 * S);
    cr_assert_gt(token_bucket_take_ns(&bucket, UINT64_MAX, T0), 1000000 * S);
}

Test(shape, refuses_a_file_it_does_not_understand)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{\"latencyMs\":-1}",
        "{\"latencyMs\":\"40\"}",
        "{\"latencyMs\":70000}",
        "{\"latency_ms\":40}",
        "{\"over\":\"drop\"}",
        "{\"blob\":5}",
        "{\"blob\":{\"bytesPerMinute\":5}}",
        "{\"blob\":{\"bytesPerSecond\":1.5}}",
        "{\"latencyMs\":1,\"latencyMs\":2}",
    };
    struct shape_config config;
    char why[200];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        why[0] = '\0';
        cr_assert_not(shape_config_parse(wrong[i], strlen(wrong[i]), &config, why, sizeof why),
                      "%s", wrong[i]);
        cr_assert_str_not_empty(why);
    }
}
