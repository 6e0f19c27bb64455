/* tls_ahead_test.c - answers whose records come together, the last of them behind a silent socket. */
#include "io/tls_ahead.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/crc64.h"
#include "io/http.h"
#include "tests/support/record_server.h"

#define HEAD       "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
#define HEAD_BYTES (sizeof HEAD - 1)
#define BODY       "0123456789"

struct ahead_case {
    struct test_ca ca;
    struct record_server *server;
    struct clock clock;
    struct reactor *reactor;
    struct http *http;
    struct secret_url url;
};

struct ahead_call {
    struct http_req req; /* first */
    unsigned done_count;
};

static void begin_on(struct ahead_case *c, enum reactor_backend backend,
                     const struct record_answer *answers, size_t count)
{
    struct http_options options = {.connections_max = 4};
    struct err e = {0};
    char text[100];

    memset(c, 0, sizeof *c);
    test_ca_make(&c->ca);
    c->server = record_server_start(&c->ca, answers, count);
    clock_init_real(&c->clock);
    c->reactor = reactor_new(backend, &c->clock, &e);
    cr_assert(c->reactor, "%s", e.text);
    options.ca_file = c->ca.ca_file;
    c->http = http_new(c->reactor, &options, &e);
    cr_assert(c->http, "%s", e.text);
    snprintf(text, sizeof text, "https://127.0.0.1:%u/x", record_server_port(c->server));
    cr_assert(secret_url_parse(text, &c->url, &e), "%s", e.text);
}

static void begin(struct ahead_case *c, const struct record_answer *answers, size_t count)
{
    begin_on(c, REACTOR_AUTO, answers, count);
}

static void end(struct ahead_case *c)
{
    http_free(c->http);
    reactor_free(c->reactor);
    record_server_stop(c->server);
    secret_url_fini(&c->url);
}

static void on_done(struct http_req *req)
{
    ((struct ahead_call *)req)->done_count++;
}

static void send_get(struct ahead_case *c, struct ahead_call *call, unsigned char *memory,
                     size_t memory_bytes)
{
    *call = (struct ahead_call){.req = {.url = &c->url,
                                        .done = on_done,
                                        .memory = memory,
                                        .memory_bytes = memory_bytes,
                                        .exact = true,
                                        .crc64 = true,
                                        .deadlines.stall_ms = 10000}};
    http_send(c->http, &call->req);
}

/* Stalled, it would end as an error after the deadline. */
static void finish_get(struct ahead_case *c, struct ahead_call *call)
{
    struct err e = {0};

    while (call->done_count == 0)
        cr_assert(reactor_turn(c->reactor, NS_PER_S, &e), "%s", e.text);
    cr_assert(!err_is_set(&call->req.err), "%s", call->req.err.text);
    cr_assert_eq(call->req.answer.status, 200);
    cr_assert_eq(call->req.answer.crc64, crc64_update(0, call->req.memory, call->req.memory_bytes));
}

static void get(struct ahead_case *c, unsigned char *memory, size_t memory_bytes)
{
    struct ahead_call call;

    send_get(c, &call, memory, memory_bytes);
    finish_get(c, &call);
}

static void get_digits(struct ahead_case *c)
{
    unsigned char memory[10] = {0};

    get(c, memory, sizeof memory);
    cr_assert_arr_eq(memory, BODY, sizeof memory);
}

static size_t count_bytes(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes;
    *(size_t *)user += size * count;
    return size * count;
}

/* libcurl alone, driven as an application does: by its timer, and by what the socket says. */
struct alone {
    struct ahead_case c;
    CURLM *multi;
    CURL *easy;
    curl_socket_t fd;
    size_t head_bytes, body_bytes;
    struct tls_ahead ahead;
};

static int note_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
    (void)easy, (void)assigned;
    *(curl_socket_t *)user = what == CURL_POLL_REMOVE ? CURL_SOCKET_BAD : fd;
    return 0;
}

static void alone_read(struct alone *a)
{
    int running;

    curl_multi_socket_action(a->multi, a->fd, CURL_CSELECT_IN, &running);
}

static void alone_turn(struct alone *a, short events, int timeout_ms)
{
    struct pollfd at = {.events = events};
    int running;

    curl_multi_socket_action(a->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    at.fd = a->fd;
    if (poll(&at, 1, timeout_ms) <= 0)
        return;
    if (at.revents & POLLIN)
        alone_read(a);
    else
        curl_multi_socket_action(a->multi, a->fd, CURL_CSELECT_OUT, &running);
}

/* Until the head is there. Returns what the look said of the turn that brought it. */
static bool alone_begin(struct alone *a, const struct record_answer *answer)
{
    bool looked = false;

    if (!tls_ahead_is_possible())
        cr_skip_test("libcurl's TLS is not our OpenSSL");
    memset(a, 0, sizeof *a);
    begin(&a->c, answer, 1);
    a->multi = curl_multi_init();
    a->easy = curl_easy_init();
    a->fd = CURL_SOCKET_BAD;
    curl_easy_setopt(a->easy, CURLOPT_URL, a->c.url.address);
    curl_easy_setopt(a->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(a->easy, CURLOPT_CAINFO, a->c.ca.ca_file);
    curl_easy_setopt(a->easy, CURLOPT_HEADERFUNCTION, count_bytes);
    curl_easy_setopt(a->easy, CURLOPT_HEADERDATA, &a->head_bytes);
    curl_easy_setopt(a->easy, CURLOPT_WRITEFUNCTION, count_bytes);
    curl_easy_setopt(a->easy, CURLOPT_WRITEDATA, &a->body_bytes);
    cr_assert_eq(tls_ahead_enable(a->easy), CURLE_OK);
    curl_multi_setopt(a->multi, CURLMOPT_SOCKETFUNCTION, note_socket);
    curl_multi_setopt(a->multi, CURLMOPT_SOCKETDATA, &a->fd);
    curl_multi_add_handle(a->multi, a->easy);
    while (a->head_bytes < HEAD_BYTES) {
        alone_turn(a, POLLIN | POLLOUT, 10);
        looked = tls_ahead_look(&a->ahead, a->easy);
        if (a->ahead.connection) /* what comes from now on is counted */
            record_server_release(a->c.server);
    }
    return looked;
}

static void alone_end(struct alone *a)
{
    curl_multi_remove_handle(a->multi, a->easy);
    curl_easy_cleanup(a->easy);
    curl_multi_cleanup(a->multi);
    end(&a->c);
}

/* What the look is for: libcurl has the head, the body lies in OpenSSL's buffer, and the socket will never be
 * readable again. */
Test(tls_ahead, libcurl_alone_waits_for_what_was_read_ahead)
{
    static const struct record_answer answer = {.bytes = HEAD BODY, .first_record = HEAD_BYTES};
    struct tls_ahead other = {0};
    struct alone a;
    unsigned looks = 0;

    cr_assert(alone_begin(&a, &answer));
    for (int i = 0; i < 3; i++)
        alone_turn(&a, POLLIN, 50);
    cr_assert_neq(a.fd, CURL_SOCKET_BAD, "the fault did not happen");
    cr_assert_eq(a.body_bytes, 0u, "the fault did not happen");
    while (tls_ahead_look(&other, a.easy))
        cr_assert_lt(++looks, 10000u, "asked for ever of who does not take it");
    cr_assert_gt(looks, 100u);
    while (a.fd != CURL_SOCKET_BAD && tls_ahead_look(&a.ahead, a.easy))
        alone_read(&a);
    cr_assert_eq(a.body_bytes, 10u);
    alone_end(&a);
}

/* Where bytes came and none is left, libcurl may have stopped in the midst of them, to go on by its timer. */
Test(tls_ahead, looks_again_until_libcurl_has_seen_that_no_more_came)
{
    static const struct record_answer answer = {.bytes = HEAD, .held = true};
    struct alone a;

    cr_assert(alone_begin(&a, &answer), "bytes came");
    alone_read(&a);
    cr_assert_not(tls_ahead_look(&a.ahead, a.easy));
    cr_assert_not(tls_ahead_look(&a.ahead, a.easy));
    cr_assert_neq(a.fd, CURL_SOCKET_BAD);
    alone_end(&a);
}

/* Else each piece that a slow link brings would be asked for again and again. */
Test(tls_ahead, waits_for_the_rest_of_a_record)
{
    static const struct record_answer answer = {.bytes = HEAD BODY,
                                                .first_record = HEAD_BYTES,
                                                .held_bytes = 3};
    struct alone a;
    unsigned looks = 1;

    cr_assert(alone_begin(&a, &answer));
    alone_read(&a);
    while (tls_ahead_look(&a.ahead, a.easy)) {
        cr_assert_leq(++looks, 3u);
        alone_read(&a);
    }
    cr_assert_eq(a.body_bytes, 0u);
    alone_end(&a);
}

Test(tls_ahead, a_body_behind_a_silent_socket_is_read)
{
    static const struct record_answer answers[] = {
        {.bytes = HEAD BODY, .first_record = HEAD_BYTES}};
    struct ahead_case c;

    begin(&c, answers, 1);
    for (int i = 0; i < 20; i++)
        get_digits(&c);
    cr_assert_eq(record_server_connection_count(c.server), 1u);
    end(&c);
}

/* libcurl has timers of its own, such as one 200 ms after a connection begins, and reads when one is due:
 * here the answer is there before it, and nobody has turned the reactor since the request left. */
Test(tls_ahead, a_body_that_a_timer_of_libcurl_read_ahead_is_read)
{
    static const enum reactor_backend backends[] = {REACTOR_EPOLL, REACTOR_AUTO};
    static const struct record_answer answers[] = {
        {.bytes = HEAD BODY, .first_record = HEAD_BYTES, .held = true}};

    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        unsigned char memory[10] = {0};
        struct ahead_call call;
        struct ahead_case c;
        struct err e = {0};
        uint64_t due_ns;

        begin_on(&c, backends[i], answers, 1);
        due_ns = clock_now_ns(&c.clock) + 300 * NS_PER_MS;
        send_get(&c, &call, memory, sizeof memory);
        while (record_server_request_count(c.server) == 0)
            cr_assert(reactor_turn(c.reactor, NS_PER_MS, &e), "%s", e.text);
        cr_assert_eq(call.done_count, 0u);
        record_server_release(c.server);
        while (record_server_sent_count(c.server) == 0 || clock_now_ns(&c.clock) < due_ns)
            usleep(1000);
        finish_get(&c, &call);
        cr_assert_arr_eq(memory, BODY, sizeof memory);
        end(&c);
    }
}

Test(tls_ahead, heads_and_chunks_that_are_cut_anywhere_are_read)
{
    static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n";
    struct record_answer answers[2 * sizeof chunked];
    struct ahead_case c;

    for (size_t i = 0; i < 2 * sizeof chunked; i++)
        answers[i] = (struct record_answer){.bytes = i % 2 ? HEAD BODY : chunked,
                                            .first_record = i / 2,
                                            .record_bytes = 1 + i % 5,
                                            .ticket = i % 3 == 0};
    begin(&c, answers, sizeof answers / sizeof *answers);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        get_digits(&c);
    cr_assert_eq(record_server_connection_count(c.server), 1u);
    end(&c);
}

/* More of the smallest records than one look, one act of libcurl or one buffer can take. */
Test(tls_ahead, a_body_of_single_bytes_is_read)
{
    enum { BODY_BYTES = 20000 };
    static unsigned char memory[BODY_BYTES];
    static char bytes[BODY_BYTES + 100];
    struct record_answer answers[] = {{.bytes = bytes, .record_bytes = 1}};
    struct ahead_case c;
    int head = sprintf(bytes, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY_BYTES);

    memset(bytes + head, 's', BODY_BYTES);
    answers[0].count = (size_t)head + BODY_BYTES;
    begin(&c, answers, 1);
    get(&c, memory, BODY_BYTES);
    cr_assert_arr_eq(memory, bytes + head, BODY_BYTES);
    end(&c);
}

Test(tls_ahead, a_body_of_many_full_records_is_read)
{
    enum { BODY_BYTES = 5000000 };
    unsigned char *memory = malloc(BODY_BYTES);
    char *bytes = malloc(BODY_BYTES + 100);
    struct record_answer answers[] = {{.bytes = bytes}};
    struct ahead_case c;
    int head = sprintf(bytes, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY_BYTES);

    for (size_t i = 0; i < BODY_BYTES; i++)
        bytes[(size_t)head + i] = (char)(i * 2654435761u >> 13);
    answers[0].count = (size_t)head + BODY_BYTES;
    begin(&c, answers, 1);
    for (int i = 0; i < 5; i++) {
        memset(memory, 0, BODY_BYTES);
        get(&c, memory, BODY_BYTES);
        cr_assert_eq(memcmp(memory, bytes + head, BODY_BYTES), 0);
    }
    free(memory);
    free(bytes);
    end(&c);
}

/* The end of the connection is read ahead with the answer: the next request begins another. */
Test(tls_ahead, an_answer_with_the_connections_end_is_whole)
{
    static const struct record_answer answers[] = {
        {.bytes = HEAD BODY, .first_record = HEAD_BYTES, .close = true}};
    struct ahead_case c;

    begin(&c, answers, 1);
    for (int i = 0; i < 3; i++)
        get_digits(&c);
    end(&c);
}
