/* event_http_test.c - events posted to a control plane that answers well, badly, late or never. */
#include "engine/event_http.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/script_server.h"
#include "tests/support/upstream.h"

Test(event_http, posts_lines_in_order_and_says_who_it_is)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, false);
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 10);
    upstream_until(&up, 10);
    upstream_tell_numbered(h, EVENT_PROGRESS, 10, 5000);
    upstream_until(&up, 5010);
    upstream_tell_numbered(h, EVENT_END, 5010, 1);
    upstream_finish(&up, h, 60000);
    upstream_expect_numbered(&up, 0, 5011);
    cr_assert_str_eq(up.content_type, "application/x-ndjson");
    cr_assert_str_eq(up.authorization, "Bearer " UPSTREAM_TOKEN);
    cr_assert_str_eq(up.query, "qu3rysecret");
    cr_assert_str_eq(up.posts[0].numbers, "1-10");
    cr_assert_eq(strlen(up.posts[0].stream), 32);
    cr_assert_eq(up.repeated_lines, 0);
    cr_assert_str_eq(up.said, "");
    cr_assert_eq(upstream_files(&up), 0, "the spool was left behind");
    for (unsigned i = 0; i < up.posts_count; i++)
        cr_assert_leq(up.posts[i].bytes, EVENT_HTTP_BATCH_MAX_BYTES);
    upstream_end(&up);
}

Test(event_http, waits_for_more_lines_before_it_posts)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, true);
    h = upstream_reporter_of(&up, (struct event_http_setup){.spool_folder = up.folder,
                                                            .interval_ms = 2000});
    for (unsigned i = 0; i < 10; i++) {
        upstream_tell_numbered(h, EVENT_STATE, i, 1);
        upstream_pass(&up, 100);
    }
    cr_assert_eq(up.posts_count, 0);
    upstream_until(&up, 10);
    cr_assert_eq(up.posts_count, 1);
    upstream_finish(&up, h, 60000);
    upstream_end(&up);
}

static int fails_for_a_while(struct upstream *up, const struct upstream_post *post,
                             const char *body)
{
    static const int statuses[] = {500, 502, 503, 408};

    (void)post;
    (void)body;
    return up->answers_left ? statuses[up->answers_left-- % 4] : 204;
}

Test(event_http, tries_again_with_growing_pauses_and_says_so)
{
    struct upstream up;
    struct event_http *h;
    struct event_http_counts counts;
    uint64_t pause_ns, last_ns = 0;

    upstream_begin(&up, true);
    up.answer = fails_for_a_while;
    up.answers_left = 8;
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 20);
    upstream_until_said(&up, "does not take events (it answers ");
    upstream_until(&up, 20);
    cr_assert(strstr(up.said, ".spool until it does"), "%s", up.said);
    upstream_until_said(&up, "takes events again");
    counts = event_http_count(h);
    cr_assert_eq(counts.failed_posts, 8);
    cr_assert_eq(counts.posted_lines, 20);
    cr_assert_eq(counts.waiting_lines, 0);
    for (unsigned i = 2; i < 8; i++) {
        pause_ns = up.posts[i].at_ns - up.posts[i - 1].at_ns;
        cr_assert_geq(pause_ns * 5, last_ns * 3 / 2, "pause %u is shorter than jitter allows", i);
        last_ns = pause_ns;
    }
    cr_assert_geq(up.posts[8].at_ns - up.posts[0].at_ns, 15 * NS_PER_S);
    upstream_finish(&up, h, 60000);
    upstream_expect_numbered(&up, 0, 20);
    upstream_expect_no_secret(&up);
    upstream_end(&up);
}

static int throttles_once(struct upstream *up, const struct upstream_post *post, const char *body)
{
    (void)post;
    (void)body;
    up->retry_after = up->answers_left ? "17" : NULL;
    return up->answers_left ? (up->answers_left--, 429) : 200;
}

Test(event_http, waits_as_long_as_upstream_asks)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, true);
    up.answer = throttles_once;
    up.answers_left = 1;
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 3);
    upstream_until_posts(&up, 1);
    upstream_pass(&up, 200);
    upstream_finish(&up, h, 60000); /* hurries nothing that upstream asked for */
    cr_assert_eq(up.posts_count, 2);
    cr_assert_geq(up.posts[1].at_ns - up.posts[0].at_ns, 17 * NS_PER_S);
    upstream_expect_numbered(&up, 0, 3);
    upstream_end(&up);
}

static int takes_little(struct upstream *up, const struct upstream_post *post, const char *body)
{
    (void)up;
    (void)body;
    return post->bytes > 3000 ? 413 : 200;
}

Test(event_http, posts_less_at_once_where_it_was_too_much)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, true);
    up.answer = takes_little;
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 400);
    upstream_until(&up, 400);
    upstream_expect_numbered(&up, 0, 400);
    cr_assert_lt(event_http_count(h).failed_posts, 12, "it does not learn");
    upstream_finish(&up, h, 60000);
    upstream_end(&up);
}

static int hates_seven(struct upstream *up, const struct upstream_post *post, const char *body)
{
    (void)up;
    (void)post;
    return strstr(body, "\"n\":77,") ? 400 : 200;
}

Test(event_http, sets_a_line_aside_that_is_refused_for_ever)
{
    struct upstream up;
    struct event_http *h;
    char *rest;

    upstream_begin(&up, true);
    up.answer = hates_seven;
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 200);
    upstream_until(&up, 199);
    upstream_until_said(&up, "refuses event 78 (it answers 400): it is set aside in ");
    upstream_pass(&up, 1000);
    cr_assert_eq(event_http_count(h).aside_lines, 1);
    cr_assert_eq(event_http_count(h).waiting_lines, 0);
    upstream_finish(&up, h, 60000);
    rest = strstr(up.text, "{\"n\":78,");
    cr_assert(rest);
    cr_assert_null(strstr(up.text, "{\"n\":77,"));
    cr_assert_eq(upstream_files(&up), 1, "the line is not there");
    upstream_expect_no_secret(&up);
    upstream_end(&up);
}

static int refuses_all(struct upstream *up, const struct upstream_post *post, const char *body)
{
    (void)post;
    (void)body;
    return up->answers_left ? (int)up->answers_left : 200;
}

Test(event_http, keeps_nearly_all_where_everything_is_refused)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, true);
    up.answer = refuses_all;
    up.answers_left = 400;
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 100);
    upstream_pass(&up, 600000);
    cr_assert_eq(event_http_count(h).aside_lines, EVENT_HTTP_ASIDE_MAX);
    cr_assert_eq(event_http_count(h).waiting_lines, 100 - EVENT_HTTP_ASIDE_MAX);
    up.answers_left = 0;
    upstream_until(&up, 100 - EVENT_HTTP_ASIDE_MAX);
    upstream_expect_numbered(&up, EVENT_HTTP_ASIDE_MAX, 100 - EVENT_HTTP_ASIDE_MAX);
    upstream_finish(&up, h, 60000);
    upstream_end(&up);
}

Test(event_http, a_refusal_of_the_caller_is_tried_slowly_and_said_once)
{
    struct upstream up;
    struct event_http *h;
    char *said;

    upstream_begin(&up, true);
    up.answer = refuses_all;
    up.answers_left = 403;
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 5);
    upstream_pass(&up, 200000);
    cr_assert_leq(up.posts_count, 7);
    cr_assert_geq(up.posts_count, 3);
    said = strstr(up.said, "does not take events (it answers 403)");
    cr_assert(said, "%s", up.said);
    cr_assert_null(strstr(said + 40, "it answers 403"), "%s", up.said);
    up.answers_left = 0;
    upstream_until(&up, 5);
    upstream_until_said(&up, "takes events again");
    upstream_finish(&up, h, 60000);
    upstream_end(&up);
}

/* Stored, but the answer was lost: the lines come again under the same numbers. */
Test(event_http, a_batch_that_came_twice_has_the_same_numbers)
{
    static const struct script_answer answers[] = {
        {.bytes = NULL, .then = SCRIPT_CLOSE},
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Le", .then = SCRIPT_RESET},
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12", .then = SCRIPT_CLOSE},
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .then = SCRIPT_KEEP}};
    struct script_server *server = script_server_start(answers, 4);
    struct upstream up;
    struct event_http *h;
    char numbers[64], stream[64];

    upstream_begin(&up, true);
    snprintf(up.url, sizeof up.url, "http://127.0.0.1:%u/report", script_server_port(server));
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 7);
    while (event_http_count(h).posted_lines < 7)
        upstream_pass(&up, 20);
    for (size_t i = 0; i < 4; i++) {
        const char *head = script_server_request(server, i);

        cr_assert(strstr(head, "X-Snapferry-Lines: 1-7\r\n"), "%s", head);
        snprintf(numbers, sizeof numbers, "%.50s", strstr(head, "X-Snapferry-Stream: "));
        cr_assert(i == 0 || strcmp(numbers, stream) == 0);
        memcpy(stream, numbers, sizeof stream);
    }
    upstream_finish(&up, h, 60000);
    script_server_stop(server);
    upstream_end(&up);
}

static int holds(struct upstream *up, const struct upstream_post *post, const char *body)
{
    (void)up;
    (void)post;
    (void)body;
    return UPSTREAM_HOLD;
}

Test(event_http, an_upstream_that_never_answers_costs_one_post_at_a_time)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, true);
    up.answer = holds;
    h = upstream_reporter(&up);
    for (unsigned i = 0; i < 100; i++) {
        upstream_tell_numbered(h, EVENT_STATE, i * 10, 10);
        upstream_pass(&up, 200);
    }
    cr_assert_eq(up.posts_count, 1);
    upstream_until_said(&up, "not done after 30.0 s");
    upstream_finish(&up, h, 5000);
    cr_assert(strstr(up.said, "1000 events were not taken by 127.0.0.1: they are kept in"), "%s",
              up.said);
    cr_assert_eq(upstream_files(&up), 1);
    upstream_expect_no_secret(&up);
    upstream_end(&up);
}

Test(event_http, an_end_does_not_wait_for_a_try_that_would_come_too_late)
{
    struct upstream up;
    struct event_http *h;
    uint64_t begun_ns;

    upstream_begin(&up, true);
    up.answer = refuses_all;
    up.answers_left = 403;
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 5);
    upstream_until_posts(&up, 1);
    upstream_pass(&up, 1000);
    begun_ns = clock_now_ns(&up.rig.clock);
    upstream_finish(&up, h, 20000);
    cr_assert_lt(clock_now_ns(&up.rig.clock) - begun_ns, 15 * NS_PER_S);
    cr_assert_eq(up.posts_count, 2, "it was not tried once more");
    upstream_end(&up);
}

static unsigned draw(struct upstream *up, unsigned below)
{
    up->answers_left = up->answers_left * 1103515245u + 12345u;
    return (up->answers_left >> 16) % below;
}

static int storms(struct upstream *up, const struct upstream_post *post, const char *body)
{
    static const int bad[] = {500, 503, 429, 408, 400, 403, UPSTREAM_HOLD};

    (void)body;
    if (post->bytes > 20000)
        return 413;
    return draw(up, 3) ? 200 : bad[draw(up, sizeof bad / sizeof bad[0])];
}

/* Runs that end whenever they do, an upstream that answers anything: every line once, in order. */
Test(event_http, a_storm_of_bad_answers_and_short_runs_loses_and_repeats_nothing)
{
    struct upstream up;
    unsigned told = 0;

    upstream_begin(&up, true);
    up.answers_left = 4711;
    for (unsigned i = 0; i < 12; i++) {
        struct event_http *h = upstream_reporter(&up);

        up.answer = storms;
        for (unsigned rounds = draw(&up, 8); rounds > 0; rounds--) {
            unsigned count = 1 + draw(&up, 300);

            upstream_tell_numbered(h, EVENT_STATE, told, count);
            told += count;
            upstream_pass(&up, 40 + draw(&up, 3000));
        }
        upstream_finish(&up, h, draw(&up, 2000));
    }
    up.answer = NULL;
    upstream_finish(&up, upstream_reporter(&up), 60000);
    upstream_expect_numbered(&up, 0, told);
    cr_assert_eq(upstream_files(&up), 0);
    upstream_end(&up);
}

Test(event_http, a_token_does_not_go_in_clear_to_another_machine)
{
    struct upstream up;
    struct event_http *h;

    upstream_begin(&up, true);
    strcpy(up.url, "http://control.example/report?" UPSTREAM_QUERY);
    h = upstream_reporter(&up);
    upstream_tell_numbered(h, EVENT_STATE, 0, 1);
    upstream_until_said(&up, "control.example does not take events");
    cr_assert(strstr(up.said, "without TLS"), "%s", up.said);
    upstream_pass(&up, 100000);
    cr_assert_leq(event_http_count(h).failed_posts, 4);
    upstream_finish(&up, h, 1000);
    upstream_expect_no_secret(&up);
    upstream_end(&up);
}

Test(event_http, a_token_or_url_that_cannot_be_is_refused)
{
    struct event_http_setup setup = {.url = "https://control.example/report?code=s3cret",
                                     .token = "two\r\nX-Injected: lines"};
    struct rig rig;
    struct err e = {0};

    rig_open(&rig, REACTOR_AUTO);
    setup.reactor = rig.r;
    cr_assert_null(event_http_new(&setup, &e));
    cr_assert_eq(e.kind, ERR_USAGE);
    cr_assert_null(strstr(e.text, "Injected"));
    err_clear(&e);
    setup.token = NULL;
    setup.url = "ftp://control.example/report?code=s3cret";
    cr_assert_null(event_http_new(&setup, &e));
    cr_assert_null(strstr(e.text, "s3cret"));
    rig_close(&rig);
}
