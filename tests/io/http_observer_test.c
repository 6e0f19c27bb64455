/* http_observer_test.c - who looks at the client is told of every exchange, once. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/http_bench.h"

#define SEEN_MAX 8u

struct looker {
    struct http_observer observer;
    struct http_seen seen[SEEN_MAX];
    unsigned count;
};

static void keep(struct http_observer *observer, const struct http_seen *seen)
{
    struct looker *l = (struct looker *)observer;

    cr_assert_lt(l->count, SEEN_MAX);
    l->seen[l->count++] = *seen;
}

static void setup(struct http_bench *b, struct looker *l, unsigned connections,
                  const struct script_answer *answers, size_t count)
{
    struct http_options options = {.connections_max = connections, .observer = &l->observer};
    struct err e = {0};

    memset(l, 0, sizeof *l);
    l->observer.seen = keep;
    http_bench_setup(b, answers, count);
    http_free(b->http);
    b->http = http_new(b->reactor, &options, &e);
    cr_assert(b->http, "%s", e.text);
}

Test(http_observer, is_told_verb_status_bytes_and_time_of_an_answer)
{
    static const struct script_answer answers[] = {
        {.bytes = HTTP_BENCH_OK("9") "123456789"},
        {.bytes = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"}};
    static const char body[] = "body";
    unsigned char memory[9];
    struct http_bench b;
    struct looker l;
    struct http_call get = {.req = {.verb = "get_range", .memory = memory, .memory_bytes = 9}};
    struct http_call put = {
        .req = {.method = HTTP_PUT, .verb = "put_page", .body = body, .body_bytes = 4}};

    setup(&b, &l, 4, answers, 2);
    http_bench_exchange(&b, &get);
    cr_assert_eq(l.count, 1);
    cr_assert_str_eq(l.seen[0].verb, "get_range");
    cr_assert_eq(l.seen[0].method, HTTP_GET);
    cr_assert_eq(l.seen[0].status, 200);
    cr_assert_eq(l.seen[0].kind, ERR_NONE);
    cr_assert_eq(l.seen[0].sendings, 1);
    cr_assert_eq(l.seen[0].sent_bytes, 0);
    cr_assert_eq(l.seen[0].received_bytes, 9);
    cr_assert_gt(l.seen[0].elapsed_ns, 0);
    http_bench_exchange(&b, &put);
    cr_assert_eq(l.count, 2);
    cr_assert_eq(l.seen[1].method, HTTP_PUT);
    cr_assert_eq(l.seen[1].status, 503);
    cr_assert_eq(l.seen[1].sent_bytes, 4);
    cr_assert_eq(l.seen[1].received_bytes, 4);
    http_bench_finish(&b);
}

Test(http_observer, an_answer_that_is_not_whole_has_no_status)
{
    static const struct script_answer answers[] = {
        {.bytes = HTTP_BENCH_OK("9") "1234", .then = SCRIPT_CLOSE}};
    unsigned char memory[9];
    struct http_bench b;
    struct looker l;
    struct http_call call = {.req = {.memory = memory, .memory_bytes = 9, .exact = true}};

    setup(&b, &l, 4, answers, 1);
    http_bench_exchange(&b, &call);
    cr_assert_eq(l.count, 1);
    cr_assert_null(l.seen[0].verb);
    cr_assert_eq(l.seen[0].status, 0);
    cr_assert_eq(l.seen[0].kind, ERR_NET);
    cr_assert_eq(l.seen[0].received_bytes, 4);
    http_bench_finish(&b);
}

Test(http_observer, is_not_told_of_what_was_never_begun)
{
    static const struct script_answer answers[] = {{.bytes = "", .then = SCRIPT_HOLD}};
    struct http_bench b;
    struct looker l;
    struct http_call running = {0}, waiting = {0};

    setup(&b, &l, 1, answers, 1);
    http_bench_send(&b, &running);
    http_bench_send(&b, &waiting);
    http_cancel_all(b.http);
    http_bench_run(&b, &running);
    http_bench_run(&b, &waiting);
    cr_assert_eq(l.count, 1);
    cr_assert_eq(l.seen[0].kind, ERR_CANCELED);
    cr_assert_eq(l.seen[0].status, 0);
    http_bench_finish(&b);
}
