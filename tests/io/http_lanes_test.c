/* http_lanes_test.c - exchanges shared by several threads: to their caller nothing is different. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/http_bench.h"

#define OK(length)  HTTP_BENCH_OK(length)
#define BODY        "0123456789abcdef"
#define BODY_BYTES  16u
#define CALLS       120u
#define TURN_MAX_NS (10 * NS_PER_MS)

static const struct script_answer hold[] = {{.then = SCRIPT_HOLD}};
static const struct script_answer body[] = {{.bytes = OK("16") BODY}};

struct lanes_call {
    struct http_call call; /* first */
    unsigned char memory[BODY_BYTES];
    pthread_t pushed, ended; /* on which thread */
};

static void begin(struct http_bench *b, unsigned threads, unsigned connections,
                  const struct script_answer *answers, size_t count)
{
    const struct http_options options = {.connections_max = connections, .threads = threads};

    http_bench_setup_with(b, &options, answers, count);
    cr_assert_null(http_fewer_threads(b->http));
}

static void turn(struct http_bench *b)
{
    struct err e = {0};

    cr_assert(reactor_turn(b->reactor, TURN_MAX_NS, &e), "%s", e.text);
}

static void on_done(struct http_req *req)
{
    struct lanes_call *call = (struct lanes_call *)req;

    call->call.done_count++;
    call->ended = pthread_self();
}

static void send_read(struct http_bench *b, struct lanes_call *call)
{
    memset(call, 0, sizeof *call);
    call->call.req = (struct http_req){.url = &b->url,
                                       .memory = call->memory,
                                       .memory_bytes = BODY_BYTES,
                                       .exact = true,
                                       .crc64 = true,
                                       .done = on_done};
    http_send(b->http, &call->call.req);
    cr_assert_eq(call->call.done_count, 0, "done ran inside http_send");
}

static void await(struct http_bench *b, struct lanes_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while (calls[i].call.done_count == 0)
            turn(b);
        cr_assert_eq(calls[i].call.done_count, 1);
        cr_assert(pthread_equal(calls[i].ended, pthread_self()), "done ran on a lane's thread");
        cr_assert_null(strstr(calls[i].call.req.err.text, "topsecret"));
    }
}

static void all_whole(const struct lanes_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert(!err_is_set(&calls[i].call.req.err), "%s", calls[i].call.req.err.text);
        cr_assert_arr_eq(calls[i].memory, BODY, BODY_BYTES);
        cr_assert(calls[i].call.req.answer.crc64_known);
        cr_assert_eq(calls[i].call.req.answer.crc64, calls[0].call.req.answer.crc64);
    }
}

Test(http_lanes, all_threads_share_many_requests)
{
    static struct lanes_call calls[CALLS];
    struct http_lane_count lanes[HTTP_THREADS_MAX];
    struct http_lane_count sum = {0};
    struct http_bench b;

    begin(&b, 3, 12, body, 1);
    for (size_t i = 0; i < CALLS; i++)
        send_read(&b, &calls[i]);
    cr_assert(reactor_busy(b.reactor));
    await(&b, calls, CALLS);
    all_whole(calls, CALLS);
    cr_assert_eq(http_lanes(b.http, lanes), 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_gt(lanes[i].requests, CALLS / 10);
        cr_assert_gt(lanes[i].cpu_ns, 0);
        sum.requests += lanes[i].requests;
        sum.received_bytes += lanes[i].received_bytes;
    }
    cr_assert_eq(sum.requests, CALLS);
    cr_assert_eq(sum.received_bytes, CALLS * BODY_BYTES);
    cr_assert_eq(http_count(b.http)->requests, CALLS);
    cr_assert_eq(http_count(b.http)->received_bytes, CALLS * BODY_BYTES);
    cr_assert_leq(script_server_connection_count(b.server), 12);
    cr_assert_eq(http_count(b.http)->connections, script_server_connection_count(b.server));
    http_bench_finish(&b);
}

Test(http_lanes, one_request_after_the_other_keeps_its_connection)
{
    struct lanes_call call;
    struct http_bench b;

    begin(&b, 4, 8, body, 1);
    for (size_t i = 0; i < 10; i++) {
        send_read(&b, &call);
        await(&b, &call, 1);
    }
    cr_assert_eq(script_server_connection_count(b.server), 1);
    http_bench_finish(&b);
}

Test(http_lanes, one_thread_or_a_simulated_clock_has_one_lane)
{
    struct http_lane_count lanes[HTTP_THREADS_MAX];
    const struct http_options three = {.threads = 3};
    struct err e = {0};
    struct http_bench b;
    struct clock clock;
    struct reactor *r;
    struct http *http;

    for (unsigned threads = 0; threads < 2; threads++) {
        begin(&b, threads, 4, body, 1);
        cr_assert_eq(http_lanes(b.http, lanes), 1);
        http_bench_finish(&b);
    }
    clock_init_simulated(&clock, NS_PER_S, NS_PER_S);
    r = reactor_new(REACTOR_AUTO, &clock, &e);
    http = http_new(r, &three, &e);
    cr_assert(r && http, "%s", e.text);
    cr_assert_eq(http_lanes(http, lanes), 1);
    http_free(http);
    reactor_free(r);
}

static bool note_push(struct http_req *req, const void *bytes, size_t count, struct err *e)
{
    (void)bytes, (void)count, (void)e;
    ((struct lanes_call *)req)->pushed = pthread_self();
    return true;
}

Test(http_lanes, what_is_pushed_comes_on_the_callers_thread)
{
    enum { PUSHES = 30 };
    static struct lanes_call calls[PUSHES];
    struct http_bench b;

    begin(&b, 3, 9, body, 1);
    for (size_t i = 0; i < PUSHES; i++) {
        calls[i].call.req = (struct http_req){.url = &b.url, .push = note_push, .done = on_done};
        http_send(b.http, &calls[i].call.req);
    }
    await(&b, calls, PUSHES);
    for (size_t i = 0; i < PUSHES; i++)
        cr_assert(pthread_equal(calls[i].pushed, pthread_self()));
    http_bench_finish(&b);
}

Test(http_lanes, canceling_ends_what_was_sent_before_and_nothing_after)
{
    enum { HELD = 6, SENT = 18 };
    static const struct script_answer answers[] = {{.then = SCRIPT_HOLD},   {.then = SCRIPT_HOLD},
                                                   {.then = SCRIPT_HOLD},   {.then = SCRIPT_HOLD},
                                                   {.then = SCRIPT_HOLD},   {.then = SCRIPT_HOLD},
                                                   {.bytes = OK("16") BODY}};
    static struct lanes_call calls[SENT], later[HELD];
    struct http_bench b;

    begin(&b, 3, HELD, answers, HELD + 1);
    for (size_t i = 0; i < SENT; i++)
        send_read(&b, &calls[i]);
    while (script_server_request_count(b.server) < HELD)
        turn(&b);
    http_cancel_all(b.http);
    for (size_t i = 0; i < HELD; i++)
        send_read(&b, &later[i]);
    await(&b, calls, SENT);
    await(&b, later, HELD);
    for (size_t i = 0; i < SENT; i++)
        cr_assert_eq(calls[i].call.req.err.kind, ERR_CANCELED, "%s", calls[i].call.req.err.text);
    all_whole(later, HELD);
    http_bench_finish(&b);
}

Test(http_lanes, canceling_at_once_ends_what_no_thread_has_taken)
{
    enum { ROUNDS = 50, SENT = 8 };
    static struct lanes_call calls[SENT];
    struct http_bench b;

    begin(&b, 4, 8, hold, 1);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < SENT; i++)
            send_read(&b, &calls[i]);
        http_cancel_all(b.http);
        http_cancel_all(b.http);
        await(&b, calls, SENT);
        for (size_t i = 0; i < SENT; i++)
            cr_assert_eq(calls[i].call.req.err.kind, ERR_CANCELED);
    }
    http_bench_finish(&b);
}

Test(http_lanes, errors_and_deadlines_of_every_lane_name_the_address)
{
    enum { SENT = 12 };
    static struct lanes_call calls[SENT];
    struct http_bench b;

    begin(&b, 3, SENT, hold, 1);
    for (size_t i = 0; i < SENT; i++) {
        calls[i].call.req = (struct http_req){.url = &b.url,
                                              .deadlines = {.stall_ms = 50 + (uint32_t)i},
                                              .done = on_done};
        http_send(b.http, &calls[i].call.req);
    }
    await(&b, calls, SENT);
    for (size_t i = 0; i < SENT; i++) {
        cr_assert_eq(calls[i].call.req.err.kind, ERR_NET);
        cr_assert(strstr(calls[i].call.req.err.text, b.url.address));
        cr_assert(strstr(calls[i].call.req.err.text, "stalled"), "%s", calls[i].call.req.err.text);
    }
    http_bench_finish(&b);
}

/* As a renewal does it: the text of the URL is another one while requests that took the old run. */
Test(http_lanes, a_url_exchanged_meanwhile_counts_for_later_requests)
{
    enum { SENT = 24 };
    static struct lanes_call calls[SENT];
    char renewed[100];
    struct http_bench b;
    struct err e = {0};
    size_t olds = 0;

    begin(&b, 3, 6, body, 1);
    snprintf(renewed, sizeof renewed, "%s?sv=1&sig=renewed", b.url.address);
    for (size_t i = 0; i < SENT; i++) {
        if (i == SENT / 2) {
            secret_url_fini(&b.url);
            cr_assert(secret_url_parse(renewed, &b.url, &e), "%s", e.text);
        }
        send_read(&b, &calls[i]);
    }
    await(&b, calls, SENT);
    all_whole(calls, SENT);
    for (size_t i = 0; i < SENT; i++)
        olds += strstr(script_server_request(b.server, i), "sig=topsecret") != NULL;
    cr_assert_eq(olds, SENT / 2);
    http_bench_finish(&b);
}

/* ---- Threads come and go ---- */

Test(http_lanes, ends_while_its_threads_are_idle)
{
    static struct lanes_call calls[8];
    struct http_bench b;

    for (unsigned round = 0; round < 20; round++) {
        begin(&b, 1 + round % 5, 8, body, 1);
        for (size_t i = 0; i < round % 9; i++)
            send_read(&b, &calls[i]);
        await(&b, calls, round % 9);
        http_bench_finish(&b);
    }
}

static int open_descriptors(const char *named, int *out_last)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    int count = 0;

    cr_assert(folder);
    while ((entry = readdir(folder))) {
        char text[64] = "";
        int fd = atoi(entry->d_name);

        if (readlinkat(dirfd(folder), entry->d_name, text, sizeof text - 1) > 0 &&
            strstr(text, named)) {
            count++;
            *out_last = fd > *out_last ? fd : *out_last;
        }
    }
    closedir(folder);
    return count;
}

Test(http_lanes, a_thread_that_cannot_be_made_is_said_and_left_out)
{
    enum { SENT = 16 };
    static struct lanes_call calls[SENT];
    const struct http_options many = {.threads = 5, .connections_max = 10};
    struct http_lane_count lanes[HTTP_THREADS_MAX];
    struct rlimit before, few;
    struct http_bench b;
    struct err e = {0};
    int last = 0;

    begin(&b, 1, 4, body, 1);
    http_free(b.http);
    (void)open_descriptors("", &last);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){.rlim_cur = (rlim_t)last + 6, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    b.http = http_new(b.reactor, &many, &e);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert(b.http, "%s", e.text);
    cr_assert_lt(http_lanes(b.http, lanes), 5);
    cr_assert(http_fewer_threads(b.http));
    cr_assert(strstr(http_fewer_threads(b.http)->text, "of 5 threads share the work: "));
    for (size_t i = 0; i < SENT; i++)
        send_read(&b, &calls[i]);
    await(&b, calls, SENT);
    all_whole(calls, SENT);
    http_bench_finish(&b);
}

/* Its ring is taken away behind its back. */
Test(http_lanes, a_thread_whose_kernel_interface_fails_loses_no_request)
{
    enum { SENT = 16 };
    static struct lanes_call calls[SENT], later[SENT];
    struct http_lane_count lanes[HTTP_THREADS_MAX];
    struct http_bench b;
    int ring = -1, nothing;
    size_t failed = 0;
    uint64_t elsewhere;

    begin(&b, 2, 8, body, 1);
    if (strcmp(reactor_backend_name(b.reactor), "io_uring") == 0) {
        cr_assert_eq(open_descriptors("[io_uring]", &ring), 2);
        nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        cr_assert(nothing >= 0 && dup2(nothing, ring) == ring);
        close(nothing);
        for (size_t i = 0; i < SENT; i++)
            send_read(&b, &calls[i]);
        await(&b, calls, SENT);
        for (size_t i = 0; i < SENT; i++)
            if (err_is_set(&calls[i].call.req.err)) {
                cr_assert_eq(calls[i].call.req.err.retry, RETRY_LATER);
                failed++;
            }
        cr_assert(failed > 0 && failed < SENT);
        (void)http_lanes(b.http, lanes);
        elsewhere = lanes[1].requests;
        for (size_t i = 0; i < SENT; i++)
            send_read(&b, &later[i]);
        await(&b, later, SENT);
        all_whole(later, SENT);
        (void)http_lanes(b.http, lanes);
        cr_assert_eq(lanes[1].requests, elsewhere);
    }
    http_bench_finish(&b);
}
