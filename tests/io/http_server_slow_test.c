/* http_server_slow_test.c - clients that are slow on purpose, by a simulated clock; and clients that go. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/server_bench.h"

#define PUT_ALL "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5242880\r\n\r\n"

static const struct http_server_options one_body = {.memory_budget_bytes =
                                                        HTTP_SERVER_BODY_MAX_BYTES};

/* ---- Slow ---- */

Test(http_server_slow, a_head_that_trickles_in_is_not_waited_for)
{
    struct server_bench b;
    int fd;

    server_bench_begin_simulated(&b, NULL);
    fd = server_bench_connect(&b);
    server_bench_write(fd, "GET /x HTTP/1.1\r\nx: ");
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(!server_bench_is_ended(&b, fd), "after %u s", 5 * i);
        server_bench_write(fd, "y");
        server_bench_pass(&b, 5);
    }
    cr_assert(server_bench_is_ended(&b, fd));
    cr_assert_eq(b.begun_count, 0);
    close(fd);
    server_bench_end(&b);
}

/* A byte every ten seconds keeps a connection alive, but not its share of the memory. */
Test(http_server_slow, a_body_that_trickles_in_does_not_hold_memory_for_ever)
{
    struct server_bench b;
    int slow, next;
    unsigned seconds = 0;

    server_bench_begin_simulated(&b, &one_body);
    slow = server_bench_connect(&b);
    server_bench_write(slow, PUT_ALL "some");
    while (b.begun_count < 1)
        server_bench_pass(&b, 0);
    next = server_bench_connect(&b);
    server_bench_write(next, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    while (b.begun_count < 2)
        server_bench_pass(&b, 0);
    cr_assert_eq(b.ready_count, 0); /* it waits */
    for (; b.gone_count == 0 && seconds < 1000; seconds += 10) {
        send(slow, "x", 1, MSG_NOSIGNAL);
        server_bench_pass(&b, 10);
    }
    cr_assert(seconds > 60 && seconds < 500, "%u s", seconds);
    cr_assert(strstr(server_bench_read(&b, next, "\"status\""), "HTTP/1.1 200"));
    cr_assert_eq(b.body_bytes, 3);
    close(slow);
    close(next);
    server_bench_end(&b);
}

Test(http_server_slow, an_idle_connection_is_closed_in_the_end)
{
    struct server_bench b;
    int fd;

    server_bench_begin_simulated(&b, NULL);
    fd = server_bench_connect(&b);
    server_bench_write(fd, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    server_bench_read(&b, fd, "\"status\":200}");
    server_bench_pass(&b, HTTP_SERVER_IDLE_S - 1);
    cr_assert(!server_bench_is_ended(&b, fd));
    server_bench_write(fd, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    server_bench_read(&b, fd, "\"status\":200}");
    server_bench_pass(&b, HTTP_SERVER_IDLE_S + 1);
    cr_assert(server_bench_is_ended(&b, fd));
    close(fd);
    server_bench_end(&b);
}

/* While we are the ones who are slow, nobody is thrown out for it. */
Test(http_server_slow, a_client_that_waits_for_us_may_wait)
{
    struct server_bench b;
    int fd;

    server_bench_begin_simulated(&b, NULL);
    b.hold = true;
    fd = server_bench_connect(&b);
    server_bench_write(fd, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    while (b.held_count == 0)
        server_bench_pass(&b, 0);
    server_bench_pass(&b, 3600);
    cr_assert(!server_bench_is_ended(&b, fd));
    server_bench_answer(&b, 200);
    cr_assert(strstr(server_bench_read(&b, fd, "\"status\""), "HTTP/1.1 200"));
    close(fd);
    server_bench_end(&b);
}

Test(http_server_slow, an_answer_that_is_not_taken_is_given_up)
{
    struct server_bench b;
    int fd;

    server_bench_begin_simulated(&b, NULL);
    b.answer_bytes = 16u << 20; /* more than the kernel's buffers hold */
    fd = server_bench_connect(&b);
    server_bench_write(fd, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    while (b.ready_count == 0)
        server_bench_pass(&b, 0);
    server_bench_pass(&b, 60);
    cr_assert_eq(b.gone_count, 0);
    server_bench_pass(&b, 2000);
    cr_assert_eq(b.gone_count, 1);
    close(fd);
    server_bench_end(&b);
}

/* ---- Gone ---- */

TEST_BOTH(http_server_gone, a_client_that_leaves_before_its_answer_harms_nobody)
{
    struct bench_request after = {0};
    struct server_bench b;
    int fd;

    server_bench_begin(&b, backend, NULL, NULL);
    b.hold = true;
    fd = server_bench_connect(&b);
    server_bench_write(fd, "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    server_bench_until(&b, &b.held_count, 1);
    close(fd);
    for (unsigned i = 0; i < 20; i++)
        rig_peek(&b.rig);
    cr_assert_eq(b.gone_count, 0); /* the handler still has it */
    server_bench_answer(&b, 200);
    server_bench_until(&b, &b.gone_count, 1);
    b.hold = false;
    cr_assert_eq(server_bench_exchange(&b, &after, "/x"), 200);
    server_bench_end(&b);
}

TEST_BOTH(http_server_gone, a_client_that_leaves_in_the_queue_gives_way_to_the_next)
{
    struct server_bench b;
    int fds[3];

    server_bench_begin(&b, backend, &one_body, NULL);
    b.hold = true;
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = server_bench_connect(&b);
        server_bench_write(fds[i], "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n");
        server_bench_until(&b, &b.begun_count, i + 1);
    }
    close(fds[1]);
    close(fds[0]); /* in the midst of its body */
    server_bench_until(&b, &b.gone_count, 2);
    b.hold = false;
    for (unsigned i = 0; i < 5000000 / 50000; i++) {
        static const char piece[50001] = {[0 ... 49999] = 'x'};

        while (send(fds[2], piece, 50000, MSG_DONTWAIT | MSG_NOSIGNAL) != 50000)
            rig_peek(&b.rig);
    }
    cr_assert(strstr(server_bench_read(&b, fds[2], "\"status\""), "HTTP/1.1 200"));
    cr_assert_eq(b.body_bytes, 5000000);
    close(fds[2]);
    server_bench_end(&b);
}

TEST_BOTH(http_server_gone, a_body_that_breaks_off_is_no_call)
{
    struct bench_request after = {0};
    struct server_bench b;
    int fd;

    server_bench_begin(&b, backend, NULL, NULL);
    fd = server_bench_connect(&b);
    server_bench_write(fd, PUT_ALL "abc");
    server_bench_until(&b, &b.begun_count, 1);
    close(fd);
    server_bench_until(&b, &b.gone_count, 1);
    cr_assert_eq(b.ready_count, 0);
    cr_assert_eq(server_bench_exchange(&b, &after, "/x"), 200);
    server_bench_end(&b);
}

/* ---- The end ---- */

TEST_BOTH(http_server_end, a_draining_server_answers_what_it_has_and_takes_no_more)
{
    struct server_bench b;
    int under_way, kept;

    server_bench_begin(&b, backend, NULL, NULL);
    kept = server_bench_connect(&b);
    server_bench_write(kept, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    server_bench_read(&b, kept, "\"status\":200}");
    b.hold = true;
    under_way = server_bench_connect(&b);
    server_bench_write(under_way, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    server_bench_until(&b, &b.held_count, 1);
    http_server_drain(b.server);
    cr_assert(!http_server_idle(b.server));
    server_bench_write(kept, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(strstr(server_bench_read(&b, kept, NULL), "HTTP/1.1 503"));
    server_bench_answer(&b, 200);
    cr_assert(strstr(server_bench_read(&b, under_way, "\"status\""), "HTTP/1.1 200"));
    server_bench_until(&b, &b.gone_count, 2);
    cr_assert(http_server_idle(b.server));
    close(kept);
    close(under_way);
    server_bench_end(&b);
}

TEST_BOTH(http_server_end, an_end_with_calls_in_every_state_leaves_nothing_behind)
{
    struct server_bench b;
    int fds[4];

    server_bench_begin(&b, backend, &one_body, NULL);
    b.hold = true;
    for (unsigned i = 0; i < 4; i++) {
        static const char *const bytes[] = {
            "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",  /* with the handler */
            "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 300\r\n\r\nab", /* in its body */
            PUT_ALL, PUT_ALL,                                              /* waiting */
        };

        fds[i] = server_bench_connect(&b);
        server_bench_write(fds[i], bytes[i]);
        server_bench_until(&b, &b.begun_count, i + 1);
    }
    server_bench_until(&b, &b.held_count, 1);
    server_bench_stop(&b);
    for (unsigned i = 0; i < 4; i++) {
        char byte;

        cr_assert(recv(fds[i], &byte, 1, 0) <= 0);
        close(fds[i]);
    }
    server_bench_end(&b);
}

TEST_BOTH(http_server_end, more_connections_than_allowed_wait_outside)
{
    const struct http_server_options two = {.connections_max = 2};
    struct server_bench b;
    int fds[3];

    server_bench_begin(&b, backend, &two, NULL);
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = server_bench_connect(&b);
        server_bench_write(fds[i], "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    server_bench_read(&b, fds[0], "\"status\":200}");
    server_bench_read(&b, fds[1], "\"status\":200}");
    for (unsigned i = 0; i < 50; i++)
        rig_peek(&b.rig);
    cr_assert_eq(b.begun_count, 2);
    close(fds[0]);
    cr_assert(strstr(server_bench_read(&b, fds[2], "\"status\""), "HTTP/1.1 200"));
    close(fds[1]);
    close(fds[2]);
    server_bench_end(&b);
}
