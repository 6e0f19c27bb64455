/* server_bench.c - see server_bench.h. */
#include "tests/support/server_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/raw_http.h"

/* ---- The handler ---- */

static void answer(struct server_bench *b, struct http_call *call, int status)
{
    static const struct http_header headers[] = {{"x-bench", "yes"}};
    char body[64];
    int bytes = snprintf(body, sizeof body, "{\"status\":%d}", status);
    struct http_reply reply = {.status = status,
                               .headers = headers,
                               .header_count = 1,
                               .body = body,
                               .body_bytes = (size_t)bytes};

    if (b->answer_bytes) {
        reply.body = reply.free_arg = calloc(1, b->answer_bytes);
        reply.body_bytes = b->answer_bytes;
        reply.free_body = free;
    }
    http_call_answer(call, &reply);
}

static void note(struct server_bench *b, struct http_call *call)
{
    const char *a = http_call_query(call, "a"), *x = http_call_header(call, "X-Test");

    b->peer = *http_call_peer(call);
    snprintf(b->path, sizeof b->path, "%s", http_call_path(call));
    snprintf(b->query_a, sizeof b->query_a, "%s", a ? a : "none");
    snprintf(b->header_x, sizeof b->header_x, "%s", x ? x : "none");
}

static void on_begin(void *arg, struct http_call *call)
{
    struct server_bench *b = arg;

    b->begun_count++;
    note(b, call);
    http_call_set_user(call, b);
    if (b->refuse_status)
        answer(b, call, b->refuse_status);
}

static void on_ready(void *arg, struct http_call *call)
{
    struct server_bench *b = arg;
    const unsigned char *body = http_call_body(call, &b->body_bytes);

    cr_assert_eq(http_call_user(call), b);
    b->ready_count++;
    b->body_sum = 0;
    for (size_t i = 0; i < b->body_bytes; i++)
        b->body_sum += body[i];
    if (!b->hold) {
        answer(b, call, 200);
        return;
    }
    cr_assert(b->held_count < SERVER_BENCH_HELD_MAX);
    b->held[b->held_count++] = call;
}

static void on_gone(void *arg, struct http_call *call)
{
    struct server_bench *b = arg;

    cr_assert_eq(http_call_user(call), b);
    b->gone_count++;
}

static void on_refused(void *arg, const struct http_refusal *refusal)
{
    struct server_bench *b = arg;

    cr_assert_eq(strncmp(refusal->address, "127.", 4), 0, "%s", refusal->address);
    cr_assert(refusal->status >= 400 && *refusal->why && *refusal->request_id);
    snprintf(b->refused_id, sizeof b->refused_id, "%s", refusal->request_id);
    b->refused_count++;
}

void server_bench_answer(struct server_bench *b, int status)
{
    struct http_call *call = b->held[0];

    cr_assert(b->held_count > 0);
    memmove(b->held, b->held + 1, --b->held_count * sizeof b->held[0]);
    answer(b, call, status);
}

/* ---- Life ---- */

static void start_server(struct server_bench *b, const struct http_server_options *options)
{
    const struct http_server_handler handler = {on_begin, on_ready, on_gone, b};
    struct http_server_options o = options ? *options : (struct http_server_options){0};
    struct err e = {0};

    if (!o.host)
        o.host = "127.0.0.1";
    if (!o.memory_budget_bytes)
        o.memory_budget_bytes = 2 * HTTP_SERVER_BODY_MAX_BYTES;
    o.refused = on_refused;
    o.refused_arg = b;
    b->tls = o.tls_cert != NULL;
    b->host = o.host;
    b->server = http_server_new(b->rig.r, &o, &handler, &e);
    cr_assert(b->server, "%s", e.text);
}

void server_bench_begin(struct server_bench *b, enum reactor_backend backend,
                        const struct http_server_options *options, const struct http_options *trust)
{
    struct http_options client = trust ? *trust : (struct http_options){0};
    struct err e = {0};

    memset(b, 0, sizeof *b);
    rig_open(&b->rig, backend);
    b->http = http_new(b->rig.r, &client, &e);
    cr_assert(b->http, "%s", e.text);
    start_server(b, options);
}

void server_bench_begin_simulated(struct server_bench *b, const struct http_server_options *options)
{
    memset(b, 0, sizeof *b);
    rig_open_simulated(&b->rig, REACTOR_AUTO);
    start_server(b, options);
}

void server_bench_stop(struct server_bench *b)
{
    http_server_free(b->server);
    b->server = NULL;
    cr_assert_eq(b->begun_count, b->gone_count);
}

void server_bench_end(struct server_bench *b)
{
    http_free(b->http);
    server_bench_stop(b);
    rig_until_idle(&b->rig);
    rig_close(&b->rig);
}

/* ---- The client ---- */

static void on_done(struct http_req *req)
{
    struct bench_request *request = (struct bench_request *)req;

    request->done = true;
    if (req->answer.error_body_bytes)
        snprintf(request->answer, sizeof request->answer, "%s", req->answer.error_body);
}

static bool keep(struct http_req *req, const void *bytes, size_t count, struct err *e)
{
    struct bench_request *request = (struct bench_request *)req;
    size_t used = strlen(request->answer);
    size_t room = sizeof request->answer - 1 - used;

    (void)e;
    memcpy(request->answer + used, bytes, count < room ? count : room);
    return true;
}

void server_bench_send(struct server_bench *b, struct bench_request *request, const char *target)
{
    char text[8000];
    struct err e = {0};

    snprintf(text, sizeof text, "%s://%s:%u%s", b->tls ? "https" : "http", b->host,
             http_server_port(b->server), target);
    cr_assert(secret_url_parse(text, &request->url, &e), "%s", e.text);
    request->req.url = &request->url;
    request->req.push = keep;
    request->req.done = on_done;
    http_send(b->http, &request->req);
}

void server_bench_fini(struct bench_request *request)
{
    secret_url_fini(&request->url);
}

int server_bench_exchange(struct server_bench *b, struct bench_request *request, const char *target)
{
    server_bench_send(b, request, target);
    rig_until(&b->rig, &request->done);
    server_bench_fini(request);
    return err_is_set(&request->req.err) ? 0 : request->req.answer.status;
}

void server_bench_until(struct server_bench *b, const unsigned *count, unsigned wanted)
{
    while (*count < wanted)
        rig_turn(&b->rig);
}

/* ---- Bytes ---- */

int server_bench_connect(struct server_bench *b)
{
    return raw_connect(http_server_port(b->server));
}

void server_bench_write(int fd, const char *bytes)
{
    cr_assert_eq(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), (ssize_t)strlen(bytes));
}

/* A clock that stands quite still would hold up timers that are armed for now. */
static void peek(struct server_bench *b)
{
    if (b->rig.clock.simulated)
        clock_advance(&b->rig.clock, 1);
    rig_peek(&b->rig);
}

static void turn_for(struct server_bench *b, unsigned turns, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    for (unsigned i = 0; i < turns; i++) {
        peek(b);
        if (poll(&ready, 1, 1) > 0)
            return;
    }
}

void server_bench_pass(struct server_bench *b, uint64_t seconds)
{
    turn_for(b, 5, -1); /* what was sent is seen at the old time */
    clock_advance(&b->rig.clock, seconds * NS_PER_S);
    turn_for(b, 5, -1);
}

bool server_bench_is_ended(struct server_bench *b, int fd)
{
    char byte;
    ssize_t count;

    turn_for(b, 50, fd);
    count = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return count == 0 || (count < 0 && errno != EAGAIN);
}

const char *server_bench_read(struct server_bench *b, int fd, const char *until)
{
    static char came[64 << 10];
    size_t used = 0;
    ssize_t count;

    came[0] = 0;
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};

        peek(b);
        if (poll(&ready, 1, 1) <= 0)
            continue;
        count = recv(fd, came + used, sizeof came - 1 - used, 0);
        if (count <= 0)
            return came;
        used += (size_t)count;
        came[used] = 0;
        if (until && strstr(came, until))
            return came;
    }
}

const char *server_bench_raw(struct server_bench *b, const char *bytes, const char *until)
{
    int fd = server_bench_connect(b);
    const char *came;

    server_bench_write(fd, bytes);
    came = server_bench_read(b, fd, until);
    close(fd);
    return came;
}
