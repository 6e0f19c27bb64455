/* metrics_test.c - what is counted of requests and events. */
#include "engine/metrics.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"

static uint32_t verb_at(const char *name)
{
    uint32_t verb = 0;

    while (strcmp(metrics_verb_name(verb), name) != 0)
        cr_assert_lt(++verb, METRICS_VERBS_COUNT, "%s", name);
    return verb;
}

static uint32_t status_at(const char *name)
{
    uint32_t status = 0;

    while (strcmp(metrics_status_name(status), name) != 0)
        cr_assert_lt(++status, METRICS_STATUSES_COUNT, "%s", name);
    return status;
}

static uint64_t count_of(const struct metrics *m, const char *verb, const char *status)
{
    return m->verbs[verb_at(verb)].by_status[status_at(status)];
}

static void see(struct metrics *m, const char *verb, int status, uint64_t elapsed_ns)
{
    struct http_seen seen = {.verb = verb,
                             .status = status,
                             .kind = status ? ERR_NONE : ERR_NET,
                             .sendings = 1,
                             .sent_bytes = 2,
                             .received_bytes = 3,
                             .elapsed_ns = elapsed_ns};

    m->observer.seen(&m->observer, &seen);
}

Test(metrics, requests_are_counted_by_verb_and_status)
{
    struct metrics m;
    char copied[] = "get_range"; /* the text counts, not where it stands */

    metrics_init(&m);
    see(&m, "get_range", 206, 1);
    see(&m, copied, 206, 1);
    see(&m, "get_range", 503, 1);
    see(&m, "put_page", 429, 1);
    see(&m, "put_page", 0, 1);
    cr_assert_eq(count_of(&m, "get_range", "206"), 2);
    cr_assert_eq(count_of(&m, "get_range", "503"), 1);
    cr_assert_eq(count_of(&m, "put_page", "429"), 1);
    cr_assert_eq(count_of(&m, "put_page", "error"), 1);
    cr_assert_eq(m.throttles_count, 2);
    cr_assert_eq(m.error_kinds[ERR_NET], 1);
    cr_assert_eq(m.sent_bytes, 10);
    cr_assert_eq(m.received_bytes, 15);
    cr_assert_eq(m.resendings_count, 0);
}

Test(metrics, what_is_unknown_is_other_and_grows_nothing)
{
    struct metrics m;

    metrics_init(&m);
    see(&m, NULL, 200, 1);
    see(&m, "a_verb_from_afar", 200, 1);
    for (int status = 100; status < 1000; status++)
        see(&m, "head", status, 1);
    cr_assert_eq(count_of(&m, "other", "200"), 2);
    cr_assert_eq(count_of(&m, "head", "200"), 1);
    cr_assert_eq(count_of(&m, "head", "other"), 900 - (METRICS_STATUSES_COUNT - 2));
    cr_assert_eq(m.verbs[verb_at("head")].latency.count, 900);
}

Test(metrics, a_latency_is_in_the_bucket_whose_edge_it_does_not_pass)
{
    struct metrics m;
    const struct metrics_latency *latency = &m.verbs[verb_at("lease")].latency;
    uint64_t sum_ns = 0;

    metrics_init(&m);
    for (uint32_t i = 0; i < METRICS_BUCKETS_COUNT; i++) {
        see(&m, "lease", 200, metrics_bucket_ns(i));
        see(&m, "lease", 200, metrics_bucket_ns(i) + 1);
        sum_ns += 2 * metrics_bucket_ns(i) + 1;
    }
    cr_assert_eq(latency->within_count[0], 1);
    for (uint32_t i = 1; i < METRICS_BUCKETS_COUNT; i++)
        cr_assert_eq(latency->within_count[i], 2, "bucket %u", i);
    cr_assert_eq(latency->count, 2 * METRICS_BUCKETS_COUNT);
    cr_assert_eq(latency->sum_ns, sum_ns);
}

Test(metrics, edges_rise)
{
    for (uint32_t i = 1; i < METRICS_BUCKETS_COUNT; i++)
        cr_assert_gt(metrics_bucket_ns(i), metrics_bucket_ns(i - 1));
    cr_assert_eq(metrics_bucket_ns(METRICS_BUCKETS_COUNT - 1), 60 * NS_PER_S);
}

Test(metrics, sendings_by_libcurl_itself_are_resends)
{
    struct http_seen seen = {.verb = "head", .status = 200, .sendings = 3};
    struct metrics m;

    metrics_init(&m);
    m.observer.seen(&m.observer, &seen);
    seen.sendings = 0; /* it never got that far */
    m.observer.seen(&m.observer, &seen);
    cr_assert_eq(m.resendings_count, 2);
    cr_assert_eq(count_of(&m, "head", "200"), 2);
}

Test(metrics, failures_of_disks_are_counted_once_by_kind)
{
    struct err why = {.kind = ERR_AUTH};
    struct event events[] = {
        {.kind = EVENT_STATE, .disk = "d", .code = EVENT_FAILED, .error = &why},
        {.kind = EVENT_SUMMARY, .disk = "d", .code = EVENT_FAILED, .error = &why},
        {.kind = EVENT_SUMMARY, .point = "p", .code = EVENT_FAILED, .error = &why},
        {.kind = EVENT_SUMMARY, .disk = "e", .code = EVENT_SUCCEEDED},
        {.kind = EVENT_END}};
    struct metrics m;

    metrics_init(&m);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        m.sink.take(&m.sink, &events[i], "{}", 2);
    cr_assert_eq(m.failure_kinds[ERR_AUTH], 1);
    cr_assert_eq(m.event_kinds[EVENT_SUMMARY], 3);
    cr_assert_eq(m.event_kinds[EVENT_STATE], 1);
    cr_assert_eq(m.event_kinds[EVENT_END], 1);
}
