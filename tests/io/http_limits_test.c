/* http_limits_test.c - a host that does not mean well: it sends without an end, points elsewhere, or puts
 * into its answers what must not reach a terminal. No test here may wait for a deadline.
 */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_pageblob.h"
#include "io/http.h"
#include "tests/support/await.h"
#include "tests/support/http_bench.h"

#define MIB      (1u << 20)
#define PATIENCE (10 * NS_PER_S) /* far below every deadline of http.h */

/* Begins with head, goes on with `piece` for so many bytes, and then says nothing more. */
static struct script_answer endless(const char *head, const char *piece, size_t bytes)
{
    struct script_answer answer = {.then = SCRIPT_HOLD};
    char *text = malloc(strlen(head) + bytes + strlen(piece) + 1);
    size_t used = (size_t)sprintf(text, "%s", head);

    while (used < strlen(head) + bytes)
        used += (size_t)sprintf(text + used, "%s", piece);
    answer.bytes = text;
    answer.count = used;
    return answer;
}

static void exchange(const struct script_answer *answer, struct http_call *call)
{
    uint64_t began_ns;
    struct http_bench b;

    http_bench_setup(&b, answer, 1);
    began_ns = clock_now_ns(&b.clock);
    http_bench_exchange(&b, call);
    cr_assert_lt(clock_now_ns(&b.clock) - began_ns, PATIENCE);
    http_bench_finish(&b);
    free((char *)(uintptr_t)answer->bytes);
}

static void expect_refused(const struct http_call *call, enum err_kind kind, const char *words)
{
    cr_assert_eq(call->req.err.kind, kind, "%s", call->req.err.text);
    cr_assert(strstr(call->req.err.text, words), "%s", call->req.err.text);
}

Test(http_limits, headers_without_an_end_are_refused)
{
    struct script_answer answer =
        endless("HTTP/1.1 200 OK\r\n", "X-More: and more\r\n", HTTP_ANSWER_HEADERS_MAX + 20000);
    struct http_call call = {.req = {0}};

    exchange(&answer, &call);
    expect_refused(&call, ERR_LIMIT, "bytes of headers");
}

Test(http_limits, a_header_without_an_end_is_refused)
{
    struct script_answer answer =
        endless("HTTP/1.1 200 OK\r\nX-Long: ", "0123456789", HTTP_ANSWER_HEADERS_MAX + 20000);
    struct http_call call = {.req = {0}};

    exchange(&answer, &call);
    expect_refused(&call, ERR_LIMIT, "a header that does not end");
}

Test(http_limits, interim_answers_without_an_end_are_refused)
{
    struct script_answer answer =
        endless("", "HTTP/1.1 103 Early Hints\r\n\r\n", HTTP_ANSWER_HEADERS_MAX + 20000);
    struct http_call call = {.req = {0}};

    exchange(&answer, &call);
    expect_refused(&call, ERR_LIMIT, "bytes of headers");
}

Test(http_limits, trailers_without_an_end_are_refused)
{
    struct script_answer answer =
        endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
                "X-More: and more\r\n", HTTP_ANSWER_HEADERS_MAX + 20000);
    unsigned char memory[2];
    struct http_call call = {.req = {.memory = memory, .memory_bytes = sizeof memory}};

    exchange(&answer, &call);
    expect_refused(&call, ERR_LIMIT, "bytes of headers");
}

Test(http_limits, a_body_without_an_end_is_refused)
{
    struct script_answer answer = endless("HTTP/1.1 200 OK\r\n\r\n", "0123456789", 2 * MIB);
    unsigned char memory[1024];
    struct http_call call = {.req = {.memory = memory, .memory_bytes = sizeof memory}};

    exchange(&answer, &call);
    expect_refused(&call, ERR_LIMIT, "more than 1024 bytes");
}

Test(http_limits, an_error_body_without_an_end_is_no_hindrance_to_the_error)
{
    struct script_answer answer =
        endless("HTTP/1.1 403 No\r\nx-ms-error-code: AuthenticationFailed\r\n\r\n", "0123456789",
                HTTP_DROPPED_MAX_BYTES + MIB);
    struct http_call call = {.req = {0}};

    exchange(&answer, &call);
    cr_assert_not(err_is_set(&call.req.err), "%s", call.req.err.text);
    cr_assert_eq(call.req.answer.status, 403);
    cr_assert_str_eq(call.req.answer.code, "AuthenticationFailed");
    cr_assert_eq(call.req.answer.error_body_bytes, HTTP_ERROR_BODY_MAX_BYTES);
}

Test(http_limits, a_body_nobody_wants_is_not_waited_for)
{
    struct script_answer answer = endless("HTTP/1.1 201 Created\r\nETag: \"1\"\r\n\r\n",
                                          "0123456789", HTTP_DROPPED_MAX_BYTES + MIB);
    struct http_call call = {.req = {.method = HTTP_PUT, .body = "x", .body_bytes = 1}};

    exchange(&answer, &call);
    cr_assert_not(err_is_set(&call.req.err), "%s", call.req.err.text);
    cr_assert_eq(call.req.answer.status, 201);
}

/* ---- Pointing elsewhere ---- */

static void expect_no_redirect(int status, enum http_method method)
{
    static const struct script_answer told = {.bytes = HTTP_BENCH_OK("0")};
    struct script_server *foreign = script_server_start(&told, 1);
    char bytes[300];
    struct script_answer answer = {.bytes = bytes};
    struct http_bench b;
    struct http_call call = {.req = {.method = method, .body = "x", .body_bytes = 1}};

    snprintf(bytes, sizeof bytes,
             "HTTP/1.1 %d Elsewhere\r\nLocation: http://127.0.0.1:%u/c/disk.vhd\r\n"
             "Content-Length: 0\r\n\r\n",
             status, script_server_port(foreign));
    http_bench_setup(&b, &answer, 1);
    http_bench_exchange(&b, &call);
    cr_assert_eq(call.req.answer.status, status);
    cr_assert_eq(script_server_request_count(b.server), 1);
    cr_assert_eq(script_server_connection_count(foreign), 0);
    http_bench_finish(&b);
    script_server_stop(foreign);
}

Test(http_limits, a_redirect_is_not_followed)
{
    static const int statuses[] = {301, 302, 303, 307, 308};

    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        expect_no_redirect(statuses[i], HTTP_GET);
        expect_no_redirect(statuses[i], HTTP_PUT);
    }
}

static struct stat_req stat_of(const char *answer)
{
    const struct script_answer script = {.bytes = answer};
    const struct endpoint_pageblob_options plain = {0};
    struct http_bench b;
    struct endpoint *ep;
    struct stat_req stat;
    struct rig rig;
    struct err e = {0};

    http_bench_setup(&b, &script, 1);
    rig.clock = b.clock;
    rig.r = b.reactor;
    secret_url_fini(&b.url);
    {
        char url[100];

        snprintf(url, sizeof url, "http://127.0.0.1:%u/a/c/disk.vhd?sv=1&sig=topsecret",
                 script_server_port(b.server));
        cr_assert(secret_url_parse(url, &b.url, &e), "%s", e.text);
    }
    ep = endpoint_pageblob_open(b.reactor, b.http, &b.url, &plain, &e);
    cr_assert_not_null(ep, "%s", e.text);
    stat = await_stat(&rig, ep);
    endpoint_close(ep);
    http_bench_finish(&b);
    return stat;
}

Test(http_limits, a_redirect_is_an_error_that_says_why_it_is_not_followed)
{
    struct stat_req stat = stat_of("HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/x\r\n"
                                   "Content-Length: 0\r\n\r\n");

    await_error(&stat.err, ERR_USAGE, "the host points elsewhere; a SAS is not sent there");
}

/* ---- What is shown ---- */

Test(http_limits, code_and_request_id_of_a_host_that_echoes_the_url_show_no_signature)
{
    struct stat_req stat =
        stat_of("HTTP/1.1 409 No\r\nx-ms-error-code: Bad?sv=1&sig=topsecret\r\n"
                "x-ms-request-id: http://h/c?sig=topsecret\r\nContent-Length: 0\r\n\r\n");

    await_error(&stat.err, ERR_CONFLICT, "Bad");
    cr_assert_null(strstr(stat.err.text, "topsecret"), "%s", stat.err.text);
    cr_assert_null(strstr(stat.err.code, "topsecret"), "%s", stat.err.code);
    cr_assert_null(strstr(stat.err.request_id, "topsecret"), "%s", stat.err.request_id);
}

Test(http_limits, control_characters_of_a_host_do_not_reach_a_terminal)
{
    struct stat_req stat = stat_of("HTTP/1.1 200 OK\r\nx-ms-blob-type: \033[2Jblock\r\n"
                                   "Content-Length: 512\r\n\r\n");

    await_error(&stat.err, ERR_USAGE, "is a ?[2Jblock, not a page blob");
}
