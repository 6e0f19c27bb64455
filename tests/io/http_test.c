/* http_test.c - one exchange with a server that answers as it should. */
#include "io/http.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/crc64.h"
#include "tests/support/http_bench.h"

#define OK(length)          HTTP_BENCH_OK(length)
#define PART(range, length) HTTP_BENCH_PART(range, length)

Test(http, fills_memory_exactly_and_computes_its_crc)
{
    static const struct script_answer answers[] = {{.bytes = PART("100-108/999", "9") "123456789"}};
    unsigned char memory[9];
    struct http_bench b;
    struct http_call call = {.req = {.memory = memory,
                                     .memory_bytes = 9,
                                     .exact = true,
                                     .crc64 = true,
                                     .expect_range = true,
                                     .range_first = 100}};

    http_bench_setup(&b, answers, 1);
    http_bench_exchange(&b, &call);
    cr_assert(!err_is_set(&call.req.err), "%s", call.req.err.text);
    cr_assert_eq(call.req.answer.status, 206);
    cr_assert(call.req.answer.crc64_known);
    cr_assert_eq(call.req.answer.crc64, 0xAE8B14860A799888ull);
    cr_assert_arr_eq(memory, "123456789", 9);
    http_bench_finish(&b);
}

struct landing {
    struct http_call call; /* first */
    size_t landed_bytes;
    unsigned count;
};

static void on_landed(struct http_req *req, size_t count)
{
    struct landing *landing = (struct landing *)req;

    cr_assert_gt(count, landing->landed_bytes);
    cr_assert_leq(count, req->memory_bytes);
    cr_assert_eq(landing->call.done_count, 0);
    cr_assert_eq(req->memory[count - 1], 'x');
    cr_assert_eq(req->memory[landing->landed_bytes], 'x');
    landing->landed_bytes = count;
    landing->count++;
}

Test(http, tells_of_what_came_into_memory_up_to_its_last_byte)
{
    enum { BODY_BYTES = 300001 };
    static char answer[BODY_BYTES + 200];
    static unsigned char memory[BODY_BYTES];
    struct script_answer answers[2] = {{.bytes = answer},
                                       {.bytes = "HTTP/1.1 403 No\r\n"
                                                 "Content-Length: 1\r\n\r\nx"}};
    struct landing landing = {.call.req = {.memory = memory,
                                           .memory_bytes = BODY_BYTES,
                                           .exact = true,
                                           .crc64 = true,
                                           .landed = on_landed}};
    struct http_bench b;
    int head = sprintf(answer, OK("%d"), BODY_BYTES);

    memset(answer + head, 'x', BODY_BYTES);
    answers[0].count = (size_t)head + BODY_BYTES;
    http_bench_setup(&b, answers, 2);
    http_bench_exchange(&b, &landing.call);
    cr_assert(!err_is_set(&landing.call.req.err), "%s", landing.call.req.err.text);
    cr_assert_eq(landing.landed_bytes, BODY_BYTES);
    cr_assert_gt(landing.count, 1u);
    cr_assert_lt(landing.count, 7u);
    cr_assert_eq(landing.call.req.answer.crc64, crc64_update(0, memory, BODY_BYTES));
    landing.landed_bytes = landing.count = landing.call.done_count = 0;
    http_bench_exchange(&b, &landing.call);
    cr_assert_eq(landing.call.req.answer.status, 403);
    cr_assert_eq(landing.count, 0u, "a refusal is not data");
    http_bench_finish(&b);
}

Test(http, sends_query_additions_and_headers_verbatim)
{
    static const struct script_answer answers[] = {{.bytes = OK("0")}};
    static const struct http_header headers[] = {{"x-ms-version", "2021-12-02"},
                                                 {"x-ms-meta-empty", ""}};
    struct http_bench b;
    struct http_call call = {
        .req = {.additions = "comp=page", .headers = headers, .header_count = 2}};
    const char *head;

    http_bench_setup(&b, answers, 1);
    http_bench_exchange(&b, &call);
    head = script_server_request(b.server, 0);
    cr_assert_eq(strncmp(head, "GET /c/disk.vhd?sv=1&sig=topsecret&comp=page HTTP/1.1\r\n", 55), 0,
                 "%s", head);
    cr_assert(strstr(head, "\r\nx-ms-version: 2021-12-02\r\n"));
    cr_assert(strstr(head, "\r\nx-ms-meta-empty:\r\n"), "%s", head);
    cr_assert_null(strstr(head, "Expect"));
    http_bench_finish(&b);
}

Test(http, puts_a_large_body_without_waiting_for_leave)
{
    static const struct script_answer answers[] = {
        {.bytes = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nx-ms-request-id: r-1\r\n\r\n"}};
    size_t bytes = 4u << 20;
    struct http_bench b;
    struct http_call call = {
        .req = {.method = HTTP_PUT, .body = malloc(bytes), .body_bytes = bytes}};

    memset((void *)(uintptr_t)call.req.body, 'x', bytes);
    http_bench_setup(&b, answers, 1);
    http_bench_exchange(&b, &call);
    cr_assert(!err_is_set(&call.req.err), "%s", call.req.err.text);
    cr_assert_eq(call.req.answer.status, 201);
    cr_assert_str_eq(call.req.answer.request_id, "r-1");
    cr_assert_eq(script_server_body_bytes(b.server, 0), bytes);
    cr_assert_null(strstr(script_server_request(b.server, 0), "Expect"));
    cr_assert_eq(http_count(b.http)->sent_bytes, bytes);
    free((void *)(uintptr_t)call.req.body);
    http_bench_finish(&b);
}

Test(http, an_empty_put_says_its_length)
{
    static const struct script_answer answers[] = {{.bytes = OK("0")}};
    struct http_bench b;
    struct http_call call = {.req = {.method = HTTP_PUT}};

    http_bench_setup(&b, answers, 1);
    http_bench_exchange(&b, &call);
    cr_assert(strstr(script_server_request(b.server, 0), "\r\nContent-Length: 0\r\n"));
    http_bench_finish(&b);
}

Test(http, methods_do_not_leak_into_the_next_request)
{
    static const struct script_answer answers[] = {
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
        {.bytes = OK("0")},
        {.bytes = OK("0")},
        {.bytes = OK("2") "ok"}};
    static const char *const begins[] = {"HEAD /", "DELETE /", "PUT /", "GET /"};
    static const enum http_method methods[] = {HTTP_HEAD, HTTP_DELETE, HTTP_PUT, HTTP_GET};
    struct http_bench b;

    http_bench_setup(&b, answers, 4);
    for (size_t i = 0; i < 4; i++) {
        unsigned char memory[2];
        struct http_call call = {
            .req = {.method = methods[i], .memory = memory, .memory_bytes = 2}};

        http_bench_exchange(&b, &call);
        cr_assert(!err_is_set(&call.req.err), "%zu: %s", i, call.req.err.text);
        cr_assert_eq(strncmp(script_server_request(b.server, i), begins[i], strlen(begins[i])), 0);
    }
    cr_assert_eq(script_server_connection_count(b.server), 1);
    http_bench_finish(&b);
}

Test(http, a_refusal_is_an_answer_and_its_body_is_kept_up_to_a_maximum)
{
    static char bytes[HTTP_ERROR_BODY_MAX_BYTES + 2000];
    struct script_answer answer = {.bytes = bytes};
    unsigned char memory[4] = "abc";
    struct http_bench b;
    struct http_call call = {.req = {.memory = memory, .memory_bytes = 4, .exact = true}};
    int head = snprintf(bytes, sizeof bytes,
                        "HTTP/1.1 403 No\r\nx-ms-error-code: AuthenticationFailed\r\n"
                        "Content-Length: %u\r\n\r\n",
                        HTTP_ERROR_BODY_MAX_BYTES + 1000);

    memset(bytes + head, 'y', HTTP_ERROR_BODY_MAX_BYTES + 1000);
    http_bench_setup(&b, &answer, 1);
    http_bench_exchange(&b, &call);
    cr_assert(!err_is_set(&call.req.err), "%s", call.req.err.text);
    cr_assert_eq(call.req.answer.status, 403);
    cr_assert_str_eq(call.req.answer.code, "AuthenticationFailed");
    cr_assert_eq(call.req.answer.error_body_bytes, HTTP_ERROR_BODY_MAX_BYTES);
    cr_assert_eq(call.body[HTTP_ERROR_BODY_MAX_BYTES - 1], 'y');
    cr_assert_str_eq((char *)memory, "abc");
    http_bench_finish(&b);
}

/* ---- The host's wish to wait ---- */

static uint32_t wish(const char *headers)
{
    static char bytes[300];
    struct script_answer answer = {.bytes = bytes};
    struct http_bench b;
    struct http_call call = {.req = {0}};

    snprintf(bytes, sizeof bytes, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n%s\r\n", headers);
    http_bench_setup(&b, &answer, 1);
    http_bench_exchange(&b, &call);
    http_bench_finish(&b);
    return call.req.answer.retry_after_ms;
}

Test(http, understands_every_form_of_retry_after)
{
    char line[100], date[40];
    time_t soon = time(NULL) + 100;
    uint32_t ms;

    cr_assert_eq(wish(""), 0);
    cr_assert_eq(wish("Retry-After: 7\r\n"), 7000);
    cr_assert_eq(wish("x-ms-retry-after-ms: 250\r\n"), 250);
    cr_assert_eq(wish("Retry-After: 7\r\nx-ms-retry-after-ms: 250\r\n"), 250);
    cr_assert_eq(wish("Retry-After: 99999999999999999999\r\n"), UINT32_MAX);
    cr_assert_eq(wish("Retry-After: soon\r\n"), 0);
    cr_assert_eq(wish("Retry-After: Fri, 01 Mar 2019 00:00:00 GMT\r\n"), 0);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&soon));
    snprintf(line, sizeof line, "Retry-After: %s\r\n", date);
    ms = wish(line);
    cr_assert(ms > 90000 && ms <= 101000, "%u", ms);
}

/* ---- Order and limits ---- */

Test(http, more_requests_than_connections_wait_their_turn)
{
    static const struct script_answer answers[] = {{.bytes = OK("1") "x"}};
    enum { CALLS = 30 };
    struct http_bench b;
    static struct http_call calls[CALLS];
    static unsigned char memory[CALLS];

    http_bench_setup(&b, answers, 1);
    for (size_t i = 0; i < CALLS; i++) {
        calls[i].req.memory = &memory[i];
        calls[i].req.memory_bytes = 1;
        calls[i].req.exact = true;
        http_bench_send(&b, &calls[i]);
    }
    for (size_t i = 0; i < CALLS; i++)
        http_bench_run(&b, &calls[i]);
    for (size_t i = 0; i < CALLS; i++)
        cr_assert(!err_is_set(&calls[i].req.err) && memory[i] == 'x');
    cr_assert(script_server_connection_count(b.server) <= 4);
    cr_assert_eq(http_count(b.http)->received_bytes, CALLS);
    http_bench_finish(&b);
}

Test(http, an_urgent_request_waits_for_no_other)
{
    enum { CALLS = 8 }; /* twice as many as there are connections */
    static const struct script_answer answers[] = {{.then = SCRIPT_HOLD}, {.then = SCRIPT_HOLD},
                                                   {.then = SCRIPT_HOLD}, {.then = SCRIPT_HOLD},
                                                   {.bytes = OK("0")},    {.then = SCRIPT_HOLD}};
    struct http_call urgent = {.req = {.method = HTTP_PUT, .urgent = true}};
    static struct http_call calls[CALLS];
    struct http_bench b;
    struct err e = {0};

    http_bench_setup(&b, answers, 6);
    for (size_t i = 0; i < CALLS; i++)
        http_bench_send(&b, &calls[i]);
    while (script_server_request_count(b.server) < 4)
        cr_assert(reactor_turn(b.reactor, NS_PER_MS, &e));
    http_bench_exchange(&b, &urgent);
    cr_assert_eq(urgent.req.answer.status, 200, "%s", urgent.req.err.text);
    cr_assert_eq(script_server_request_count(b.server), 5);
    http_cancel_all(b.http);
    for (size_t i = 0; i < CALLS; i++)
        http_bench_run(&b, &calls[i]);
    http_bench_finish(&b);
}

Test(http, canceling_ends_every_request_once)
{
    static const struct script_answer answers[] = {{.then = SCRIPT_HOLD}};
    enum { CALLS = 8 };
    struct http_bench b;
    static struct http_call calls[CALLS];

    http_bench_setup(&b, answers, 1);
    for (size_t i = 0; i < CALLS; i++)
        http_bench_send(&b, &calls[i]);
    while (script_server_request_count(b.server) == 0) {
        struct err e = {0};

        cr_assert(reactor_turn(b.reactor, NS_PER_MS, &e));
    }
    http_cancel_all(b.http);
    for (size_t i = 0; i < CALLS; i++) {
        http_bench_run(&b, &calls[i]);
        cr_assert_eq(calls[i].req.err.kind, ERR_CANCELED);
    }
    http_bench_finish(&b);
}

Test(http, plain_http_goes_no_further_than_this_machine)
{
    static const struct script_answer answers[] = {{.bytes = OK("0")}};
    struct http_bench b;
    struct http_call call = {.req = {0}};
    struct err e = {0};

    http_bench_setup(&b, answers, 1);
    secret_url_fini(&b.url);
    cr_assert(secret_url_parse("http://192.0.2.1/c/b?sig=topsecret", &b.url, &e));
    http_bench_exchange(&b, &call);
    cr_assert_eq(call.req.err.kind, ERR_USAGE);
    cr_assert(strstr(call.req.err.text, "https://"));
    http_bench_finish(&b);
}

Test(http, refuses_a_header_that_would_smuggle_a_line)
{
    static const struct script_answer answers[] = {{.bytes = OK("0")}};
    static const struct http_header headers[] = {{"x-ms-meta-a", "b\r\nx-ms-evil: 1"}};
    struct http_bench b;
    struct http_call call = {.req = {.headers = headers, .header_count = 1}};

    http_bench_setup(&b, answers, 1);
    http_bench_exchange(&b, &call);
    cr_assert_eq(call.req.err.kind, ERR_USAGE);
    cr_assert_eq(script_server_request_count(b.server), 0);
    http_bench_finish(&b);
}

static bool push_and_stop(struct http_req *req, const void *bytes, size_t count, struct err *e)
{
    (void)req, (void)bytes, (void)count;
    return err_set(e, ERR_CORRUPT, RETRY_NEVER, "the list is bad");
}

Test(http, an_error_of_the_receiver_ends_the_exchange)
{
    static const struct script_answer answers[] = {{.bytes = OK("3") "abc"}};
    struct http_bench b;
    struct http_call call = {.req = {.push = push_and_stop}};

    http_bench_setup(&b, answers, 1);
    http_bench_exchange(&b, &call);
    cr_assert_eq(call.req.err.kind, ERR_CORRUPT);
    cr_assert(strstr(call.req.err.text, "the list is bad"));
    http_bench_finish(&b);
}

Test(http, default_deadlines_grow_with_the_data)
{
    cr_assert_eq(http_total_ms(0), 60000);
    cr_assert_eq(http_total_ms(1), 180000);
    cr_assert_eq(http_total_ms(4u << 20), 540000);
    cr_assert_eq(http_total_ms(UINT64_MAX), UINT32_MAX);
}
