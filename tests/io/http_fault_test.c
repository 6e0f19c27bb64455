/* http_fault_test.c - one exchange with a server that misbehaves to order: each fault is one named error. */
#include "io/http.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/http_bench.h"

#define OK(length)          HTTP_BENCH_OK(length)
#define PART(range, length) HTTP_BENCH_PART(range, length)

static void expect_net_error(const struct http_call *call)
{
    cr_assert_eq(call->req.err.kind, ERR_NET, "%s", call->req.err.text);
    cr_assert_eq(call->req.err.retry, RETRY_LATER);
    cr_assert(strstr(call->req.err.text, "127.0.0.1"), "%s", call->req.err.text);
}

static void expect_fault(struct script_answer answer, enum err_kind kind)
{
    unsigned char memory[9];
    struct http_bench b;
    struct http_call call = {.req = {.memory = memory,
                                     .memory_bytes = 9,
                                     .exact = true,
                                     .crc64 = true,
                                     .expect_range = true,
                                     .range_first = 100,
                                     .deadlines = {.stall_ms = 200, .total_ms = 600}}};

    http_bench_setup(&b, &answer, 1);
    http_bench_exchange(&b, &call);
    cr_assert_eq(call.req.err.kind, kind, "%s", call.req.err.text);
    cr_assert_eq(call.req.err.retry, RETRY_LATER);
    http_bench_finish(&b);
}

Test(http_fault, a_reset_before_the_answer_is_reported)
{
    expect_fault((struct script_answer){.then = SCRIPT_RESET}, ERR_NET);
}

Test(http_fault, a_close_before_the_answer_is_reported)
{
    expect_fault((struct script_answer){.then = SCRIPT_CLOSE}, ERR_NET);
}

Test(http_fault, a_reset_in_the_headers_is_reported)
{
    expect_fault((struct script_answer){.bytes = "HTTP/1.1 206 Part\r\nConte",
                                        .then = SCRIPT_RESET},
                 ERR_NET);
}

Test(http_fault, a_reset_in_the_body_is_reported)
{
    expect_fault((struct script_answer){.bytes = PART("100-108/999", "9") "12345",
                                        .then = SCRIPT_RESET},
                 ERR_NET);
}

Test(http_fault, a_body_cut_short_is_reported)
{
    expect_fault((struct script_answer){.bytes = PART("100-108/999", "9") "12345",
                                        .then = SCRIPT_CLOSE},
                 ERR_NET);
}

Test(http_fault, an_honest_but_shorter_body_is_reported)
{
    expect_fault((struct script_answer){.bytes =
                                            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345"},
                 ERR_NET);
}

Test(http_fault, a_longer_body_is_reported)
{
    expect_fault((struct script_answer){.bytes = PART("100-108/999", "10") "1234567890"},
                 ERR_CORRUPT);
}

Test(http_fault, another_range_is_reported)
{
    expect_fault((struct script_answer){.bytes = PART("101-109/999", "9") "123456789"},
                 ERR_CORRUPT);
}

Test(http_fault, a_part_that_does_not_say_which_is_reported)
{
    expect_fault((struct script_answer){.bytes =
                                            "HTTP/1.1 206 P\r\nContent-Length: 9\r\n\r\n123456789"},
                 ERR_CORRUPT);
}

Test(http_fault, a_host_that_does_not_speak_http_is_reported)
{
    struct script_answer answer = {.bytes = "220 mail.example ESMTP\r\n", .then = SCRIPT_CLOSE};
    struct http_bench b;
    struct http_call call = {.req = {0}};

    http_bench_setup(&b, &answer, 1);
    http_bench_exchange(&b, &call);
    cr_assert_eq(call.req.err.kind, ERR_CORRUPT, "%s", call.req.err.text);
    http_bench_finish(&b);
}

Test(http_fault, a_host_that_says_nothing_meets_the_stall_deadline)
{
    expect_fault((struct script_answer){.then = SCRIPT_HOLD}, ERR_NET);
}

Test(http_fault, a_body_that_stops_meets_the_stall_deadline)
{
    expect_fault((struct script_answer){.bytes = PART("100-108/999", "9") "12345",
                                        .then = SCRIPT_HOLD},
                 ERR_NET);
}

Test(http_fault, a_slow_drip_meets_the_total_deadline)
{
    static const struct script_answer answers[] = {
        {.bytes = PART("100-108/999", "9") "123456789", .drip_ms = 100}};
    unsigned char memory[9];
    struct http_bench b;
    struct http_call call = {.req = {.memory = memory,
                                     .memory_bytes = 9,
                                     .exact = true,
                                     .deadlines = {.stall_ms = 2000, .total_ms = 300}}};

    http_bench_setup(&b, answers, 1);
    http_bench_exchange(&b, &call);
    expect_net_error(&call);
    cr_assert(strstr(call.req.err.text, "not done after 0.3 s"), "%s", call.req.err.text);
    http_bench_finish(&b);
}

Test(http_fault, an_upload_nobody_reads_meets_the_stall_deadline)
{
    static const struct script_answer answers[] = {{.then = SCRIPT_HOLD, .body_ignored = 1}};
    size_t bytes = 16u << 20;
    struct http_bench b;
    struct http_call call = {.req = {.method = HTTP_PUT,
                                     .body = calloc(1, bytes),
                                     .body_bytes = bytes,
                                     .deadlines = {.stall_ms = 200}}};

    http_bench_setup(&b, answers, 1);
    http_bench_exchange(&b, &call);
    expect_net_error(&call);
    cr_assert(strstr(call.req.err.text, "stalled"), "%s", call.req.err.text);
    free((void *)(uintptr_t)call.req.body);
    http_bench_finish(&b);
}

Test(http_fault, nobody_listening_is_reported)
{
    static const struct script_answer answers[] = {{.bytes = OK("0")}};
    struct http_bench b;
    struct http_call call = {.req = {0}};
    struct err e = {0};

    http_bench_setup(&b, answers, 1);
    secret_url_fini(&b.url);
    cr_assert(secret_url_parse("http://127.0.0.1:1/c/b?sig=topsecret", &b.url, &e));
    http_bench_exchange(&b, &call);
    expect_net_error(&call);
    http_bench_finish(&b);
}

Test(http_fault, a_kept_connection_that_died_is_replaced_once)
{
    /* The second answer resets the connection that the first one kept: libcurl sends again. */
    static const struct script_answer answers[] = {{.bytes = OK("0")},
                                                   {.then = SCRIPT_CLOSE},
                                                   {.bytes = OK("0")}};
    struct http_bench b;
    struct http_call first = {.req = {0}}, second = {.req = {0}};

    http_bench_setup(&b, answers, 3);
    http_bench_exchange(&b, &first);
    http_bench_exchange(&b, &second);
    cr_assert(!err_is_set(&second.req.err), "%s", second.req.err.text);
    cr_assert_eq(script_server_request_count(b.server), 3);
    cr_assert_eq(http_count(b.http)->requests, 3);
    http_bench_finish(&b);
}

Test(http_fault, what_must_be_sent_once_is_not_sent_again)
{
    static const struct script_answer answers[] = {{.bytes = OK("0")},
                                                   {.then = SCRIPT_CLOSE},
                                                   {.bytes = OK("0")}};
    struct http_bench b;
    struct http_call first = {.req = {0}},
                     second = {.req = {.method = HTTP_PUT, .send_once = true}};

    http_bench_setup(&b, answers, 3);
    http_bench_exchange(&b, &first);
    http_bench_exchange(&b, &second);
    expect_net_error(&second);
    cr_assert_eq(script_server_request_count(b.server), 2);
    http_bench_finish(&b);
}
