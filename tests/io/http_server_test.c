/* http_server_test.c - the server on the reactor, over plain HTTP. */
#include "io/http_server.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/server_bench.h"

#define MIB (1u << 20)

static void *filled(size_t bytes)
{
    void *memory = malloc(bytes);

    memset(memory, 1, bytes);
    return memory;
}

TEST_BOTH(http_server, answers_what_was_asked)
{
    static const struct http_header headers[] = {{"x-test", "seen"}};
    struct bench_request request = {.req = {.headers = headers, .header_count = 1}};
    struct server_bench b;

    server_bench_begin(&b, backend, NULL, NULL);
    cr_assert_eq(server_bench_exchange(&b, &request, "/v1/a%2Fb%20c?b=1&a=x%26y&flag"), 200);
    cr_assert_str_eq(b.path, "/v1/a/b c");
    cr_assert_str_eq(b.query_a, "x&y");
    cr_assert_str_eq(b.header_x, "seen");
    cr_assert_str_eq(request.answer, "{\"status\":200}");
    cr_assert_eq(b.peer.name[0], 0);
    cr_assert(http_server_idle(b.server));
    server_bench_end(&b);
}

TEST_BOTH(http_server, takes_bodies_whole_and_keeps_the_connection)
{
    size_t bytes = HTTP_SERVER_BODY_MAX_BYTES;
    void *body = filled(bytes);
    struct server_bench b;

    server_bench_begin(&b, backend, NULL, NULL);
    for (unsigned i = 0; i < 4; i++) {
        struct bench_request request = {
            .req = {.method = i % 2 ? HTTP_PUT : HTTP_POST, .body = body, .body_bytes = bytes - i}};

        cr_assert_eq(server_bench_exchange(&b, &request, "/x"), 200);
        cr_assert_eq(b.body_bytes, bytes - i);
        cr_assert_eq(b.body_sum, bytes - i);
    }
    cr_assert_eq(http_count(b.http)->connections, 1);
    free(body);
    server_bench_end(&b);
}

TEST_BOTH(http_server, an_empty_post_and_a_delete_are_calls_too)
{
    struct server_bench b;
    struct bench_request post = {.req = {.method = HTTP_POST}};
    struct bench_request delete = {.req = {.method = HTTP_DELETE}};

    server_bench_begin(&b, backend, NULL, NULL);
    cr_assert_eq(server_bench_exchange(&b, &post, "/x"), 200);
    cr_assert_eq(server_bench_exchange(&b, &delete, "/x"), 200);
    cr_assert_eq(b.ready_count, 2);
    cr_assert_eq(http_count(b.http)->connections, 1);
    server_bench_end(&b);
}

/* The answer comes in a later turn, and other calls are answered meanwhile. */
TEST_BOTH(http_server, waits_for_an_answer_without_holding_up_others)
{
    struct bench_request slow = {.req = {.method = HTTP_PUT, .body = "abc", .body_bytes = 3}};
    struct bench_request quick = {0};
    struct server_bench b;

    server_bench_begin(&b, backend, NULL, NULL);
    b.hold = true;
    server_bench_send(&b, &slow, "/slow");
    server_bench_until(&b, &b.held_count, 1);
    b.hold = false;
    cr_assert_eq(server_bench_exchange(&b, &quick, "/quick"), 200);
    cr_assert(!slow.done);
    cr_assert(!http_server_idle(b.server));
    server_bench_answer(&b, 207);
    rig_until(&b.rig, &slow.done);
    cr_assert_eq(slow.req.answer.status, 207);
    server_bench_fini(&slow);
    server_bench_end(&b);
}

/* ---- Memory ---- */

/* Room for one body: the second is not read before the first was answered, and they go in order. */
TEST_BOTH(http_server, bodies_wait_for_memory_in_the_order_they_came)
{
    const struct http_server_options options = {.memory_budget_bytes = HTTP_SERVER_BODY_MAX_BYTES};
    size_t bytes = HTTP_SERVER_BODY_MAX_BYTES;
    void *body = filled(bytes);
    struct bench_request requests[5];
    struct server_bench b;

    memset(requests, 0, sizeof requests);
    server_bench_begin(&b, backend, &options, NULL);
    b.hold = true;
    for (unsigned i = 0; i < 5; i++) {
        requests[i].req = (struct http_req){.method = HTTP_PUT, .body = body, .body_bytes = bytes};
        server_bench_send(&b, &requests[i], "/x");
        server_bench_until(&b, &b.begun_count, i + 1); /* so that their order is known */
    }
    server_bench_until(&b, &b.held_count, 1);
    for (unsigned i = 0; i < 50; i++)
        rig_peek(&b.rig);
    cr_assert_eq(b.ready_count, 1);
    for (unsigned i = 0; i < 5; i++) {
        server_bench_until(&b, &b.held_count, 1);
        server_bench_answer(&b, (int)(200 + i));
    }
    for (unsigned i = 0; i < 5; i++) {
        rig_until(&b.rig, &requests[i].done);
        cr_assert(!err_is_set(&requests[i].req.err), "%s", requests[i].req.err.text);
        cr_assert_eq(requests[i].req.answer.status, (int)(200 + i));
        server_bench_fini(&requests[i]);
    }
    free(body);
    server_bench_end(&b);
}

TEST_BOTH(http_server, a_call_without_a_body_passes_those_that_wait)
{
    size_t bytes = HTTP_SERVER_BODY_MAX_BYTES;
    void *body = filled(bytes);
    struct bench_request requests[3], get = {0};
    struct server_bench b;

    memset(requests, 0, sizeof requests);
    server_bench_begin(&b, backend, NULL, NULL);
    b.hold = true;
    for (unsigned i = 0; i < 3; i++) {
        requests[i].req = (struct http_req){.method = HTTP_PUT, .body = body, .body_bytes = bytes};
        server_bench_send(&b, &requests[i], "/x");
    }
    server_bench_until(&b, &b.begun_count, 3);
    server_bench_until(&b, &b.held_count, 2);
    b.hold = false;
    cr_assert_eq(server_bench_exchange(&b, &get, "/x"), 200);
    while (b.held_count)
        server_bench_answer(&b, 200);
    for (unsigned i = 0; i < 3; i++) {
        rig_until(&b.rig, &requests[i].done);
        server_bench_fini(&requests[i]);
    }
    free(body);
    server_bench_end(&b);
}

/* ---- Refusals ---- */

/* The handler says no at the head: the body never takes memory, the answer arrives, the connection lives. */
TEST_BOTH(http_server, a_refusal_at_the_head_needs_no_memory_and_reaches_the_client)
{
    size_t bytes = HTTP_SERVER_BODY_MAX_BYTES;
    void *body = filled(bytes);
    struct server_bench b;

    server_bench_begin(&b, backend, NULL, NULL);
    b.refuse_status = 409;
    for (unsigned i = 0; i < 3; i++) {
        struct bench_request request = {
            .req = {.method = HTTP_PUT, .body = body, .body_bytes = bytes}};

        cr_assert_eq(server_bench_exchange(&b, &request, "/x"), 409, "%s", request.req.err.text);
        cr_assert_str_eq(request.answer, "{\"status\":409}");
    }
    cr_assert_eq(b.ready_count, 0);
    cr_assert_eq(http_count(b.http)->connections, 1);
    free(body);
    server_bench_end(&b);
}

TEST_BOTH(http_server, who_asks_before_sending_is_told_no_before_sending)
{
    struct server_bench b;
    const char *came;

    server_bench_begin(&b, backend, NULL, NULL);
    b.refuse_status = 403;
    came = server_bench_raw(&b,
                            "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n"
                            "Expect: 100-continue\r\n\r\n",
                            NULL);
    cr_assert_eq(strncmp(came, "HTTP/1.1 403", 12), 0, "%s", came);
    server_bench_end(&b);
}

struct malformed {
    const char *bytes, *answer;
};

static void check_malformed(enum reactor_backend backend, const struct malformed *cases,
                            size_t count)
{
    struct bench_request after = {0};
    struct server_bench b;

    server_bench_begin(&b, backend, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        const char *came = server_bench_raw(&b, cases[i].bytes, NULL);

        cr_assert_eq(strncmp(came, "HTTP/1.1 ", 9), 0, "%s: %s", cases[i].bytes, came);
        cr_assert_eq(strncmp(came + 9, cases[i].answer, 3), 0, "%s: %s", cases[i].bytes, came);
    }
    cr_assert_eq(b.begun_count, 0);
    cr_assert_eq(server_bench_exchange(&b, &after, "/x"), 200);
    server_bench_end(&b);
}

TEST_BOTH(http_server, a_request_that_can_be_read_in_two_ways_is_refused)
{
    static const struct malformed cases[] = {
        {"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400"},
        {"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
         "400"},
        {"PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
         "411"},
        {"PUT /x HTTP/1.1\r\nHost: h\r\n\r\n", "411"},
        {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "400"},
        {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5242881\r\n\r\n", "413"},
        {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", "413"},
        {"GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "400"},
        {"GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET /a%zz HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET /a%1 HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET /a?x=%0a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"PATCH /x HTTP/1.1\r\nHost: h\r\n\r\n", "405"},
        {"GET /x?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17 HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
    };

    check_malformed(backend, cases, sizeof cases / sizeof cases[0]);
}

TEST_BOTH(http_server, what_is_too_long_is_refused)
{
    static char path[HTTP_SERVER_PATH_MAX_BYTES + 100], target[8000], header[20000], head[70000];
    struct malformed cases[] = {{path, "414"}, {target, "414"}, {header, "431"}, {head, "431"}};

    snprintf(path, sizeof path, "GET /%0*d HTTP/1.1\r\nHost: h\r\n\r\n",
             (int)HTTP_SERVER_PATH_MAX_BYTES, 1);
    snprintf(target, sizeof target, "GET /x?a=%05000d HTTP/1.1\r\nHost: h\r\n\r\n", 1);
    snprintf(header, sizeof header, "GET /x HTTP/1.1\r\nHost: h\r\nx-a: %018000d\r\n\r\n", 1);
    snprintf(head, sizeof head, "GET /x HTTP/1.1\r\nHost: h\r\nx-a: %069000d\r\n\r\n", 1);
    check_malformed(backend, cases, sizeof cases / sizeof cases[0]);
}
