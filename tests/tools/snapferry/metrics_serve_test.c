/* metrics_serve_test.c - the page as a client gets it, and clients that ask too often or too slowly.
 *
 * The clock is simulated: what is fresh, and what is too often, does not depend on the machine.
 */
#include "tools/snapferry/metrics_serve.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/test_reactor.h"

#define ANSWER_ROOM (8u << 20)
#define MANY_DISKS  4000u /* a page larger than what the sockets take */
#define TURNS_MAX   200000u

struct served {
    struct rig rig;
    struct metrics metrics;
    struct metrics_serve *serve;
    unsigned pages_count; /* made, by the first disk's looks */
    char answer[ANSWER_ROOM];
    size_t answer_bytes;
};

static void look(void *arg, uint32_t disk, struct job_disk_view *out_view)
{
    struct served *s = arg;

    s->pages_count += disk == 0;
    *out_view =
        (struct job_disk_view){.disk =
                                   "a disk with a name of some length, as control planes make them",
                               .point = "a restore point",
                               .code = EVENT_IN_PROGRESS};
}

static void begin(struct served *s, uint32_t disks_count, enum reactor_backend backend)
{
    struct metrics_serve_setup setup = {
        .listen = "127.0.0.1:0",
        .sources = {.metrics = &s->metrics, .disks_count = disks_count, .look = look, .arg = s}};
    struct err e = {0};

    memset(s, 0, sizeof *s);
    metrics_init(&s->metrics);
    rig_open_simulated(&s->rig, backend);
    setup.reactor = s->rig.r;
    s->serve = metrics_serve_new(&setup, &e);
    cr_assert(s->serve, "%s", e.text);
}

static void end(struct served *s)
{
    metrics_serve_free(s->serve);
    rig_until_idle(&s->rig);
    rig_close(&s->rig);
}

static int ask(struct served *s, const char *request, int receive_bytes)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *colon = strchr(metrics_serve_address(s->serve), ':');
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[200];
    int bytes = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\n\r\n", request);

    at.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (receive_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(write(fd, text, (size_t)bytes), bytes);
    return fd;
}

/* Until the other side ends the connection, which it does after each answer. */
static const char *take(struct served *s, int fd)
{
    ssize_t count = -1;

    s->answer_bytes = 0;
    for (unsigned turn = 0; count != 0; turn++) {
        cr_assert_lt(turn, TURNS_MAX, "no answer");
        rig_peek(&s->rig);
        count =
            recv(fd, s->answer + s->answer_bytes, ANSWER_ROOM - 1 - s->answer_bytes, MSG_DONTWAIT);
        if (count > 0)
            s->answer_bytes += (size_t)count;
        else if (count < 0)
            cr_assert_eq(errno, EAGAIN);
    }
    close(fd);
    s->answer[s->answer_bytes] = 0;
    return s->answer;
}

static const char *exchange(struct served *s, const char *request)
{
    return take(s, ask(s, request, 0));
}

static size_t told_length(const char *answer)
{
    const char *header = strstr(answer, "Content-Length: ");

    cr_assert(header);
    return strtoul(header + 16, NULL, 10);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

TEST_BOTH(metrics_serve, gives_the_page_to_get_and_its_length_to_head)
{
    static struct served s;
    const char *answer, *body;
    size_t length;

    begin(&s, 3, backend);
    answer = exchange(&s, "GET /metrics");
    cr_assert(begins(answer, "HTTP/1.1 200 "), "%.40s", answer);
    cr_assert(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    body = strstr(answer, "\r\n\r\n") + 4;
    length = told_length(answer);
    cr_assert_eq(strlen(body), length);
    cr_assert(begins(body, "# HELP process_cpu_seconds_total") ||
              begins(body, "# HELP snapferry_build_info"));
    cr_assert(strstr(body, "\nsnapferry_disks{state=\"inProgress\"} 3\n"));
    answer = exchange(&s, "HEAD /metrics");
    cr_assert(begins(answer, "HTTP/1.1 200 "));
    cr_assert_eq(told_length(answer), length);
    cr_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    end(&s);
}

TEST_BOTH(metrics_serve, says_where_the_page_is)
{
    static struct served s;
    const char *answer;

    begin(&s, 1, backend);
    answer = exchange(&s, "GET /");
    cr_assert(begins(answer, "HTTP/1.1 200 ") && strstr(answer, "/metrics"));
    answer = exchange(&s, "GET /metrics/more");
    cr_assert(begins(answer, "HTTP/1.1 404 ") && strstr(answer, "/metrics"));
    answer = exchange(&s, "DELETE /metrics");
    cr_assert(begins(answer, "HTTP/1.1 405 ") && strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
    answer = exchange(&s, "GET /metrics?collect[]=cpu");
    cr_assert(begins(answer, "HTTP/1.1 200 "));
    end(&s);
}

TEST_BOTH(metrics_serve, makes_one_page_for_all_who_ask_while_it_is_fresh)
{
    static struct served s;

    begin(&s, 1, backend);
    for (unsigned i = 0; i < 5; i++)
        cr_assert(begins(exchange(&s, "GET /metrics"), "HTTP/1.1 200 "));
    cr_assert_eq(s.pages_count, 1);
    clock_advance(&s.rig.clock, METRICS_FRESH_MS * NS_PER_MS);
    cr_assert(begins(exchange(&s, "GET /metrics"), "HTTP/1.1 200 "));
    cr_assert_eq(s.pages_count, 2);
    end(&s);
}

TEST_BOTH(metrics_serve, who_asks_too_often_is_told_so)
{
    static struct served s;
    const char *answer;

    begin(&s, 1, backend);
    for (unsigned i = 0; i < METRICS_ASKED_MAX; i++)
        cr_assert(begins(exchange(&s, "GET /metrics"), "HTTP/1.1 200 "), "%u", i);
    for (unsigned i = 0; i < 20; i++) {
        answer = exchange(&s, "GET /metrics");
        cr_assert(begins(answer, "HTTP/1.1 429 ") && strstr(answer, "\r\nRetry-After: 1\r\n"));
    }
    clock_advance(&s.rig.clock, NS_PER_S);
    cr_assert(begins(exchange(&s, "GET /metrics"), "HTTP/1.1 200 "));
    end(&s);
}

TEST_BOTH(metrics_serve, a_reader_that_stands_still_stops_nobody_and_is_ended)
{
    static struct served s;
    int still;

    begin(&s, MANY_DISKS, backend);
    still = ask(&s, "GET /metrics", 4096);
    for (unsigned i = 0; i < 5; i++) {
        clock_advance(&s.rig.clock, METRICS_FRESH_MS * NS_PER_MS);
        cr_assert(begins(exchange(&s, "GET /metrics"), "HTTP/1.1 200 "));
        cr_assert_eq(told_length(s.answer), strlen(strstr(s.answer, "\r\n\r\n") + 4));
    }
    clock_advance(&s.rig.clock, 600 * NS_PER_S); /* beyond every deadline of an answer */
    for (unsigned i = 0; i < 20; i++)
        rig_peek(&s.rig);
    take(&s, still);
    cr_assert_lt(strlen(s.answer), told_length(s.answer), "it had the whole page");
    end(&s);
}

TEST_BOTH(metrics_serve, ends_while_readers_are_in_the_midst)
{
    static struct served s;
    int fds[4];

    begin(&s, MANY_DISKS, backend);
    for (unsigned i = 0; i < 4; i++)
        fds[i] = ask(&s, "GET /metrics", 4096);
    for (unsigned i = 0; i < 50; i++)
        rig_peek(&s.rig);
    cr_assert_eq(s.pages_count, 1);
    end(&s);
    for (unsigned i = 0; i < 4; i++)
        close(fds[i]);
}

static void expect_refused(struct rig *rig, const char *listen, const char *why)
{
    struct metrics_serve_setup setup = {.reactor = rig->r, .listen = listen};
    struct err e = {0};

    cr_assert_null(metrics_serve_new(&setup, &e), "%s", listen);
    cr_assert(strstr(e.text, why), "%s: %s", listen, e.text);
}

Test(metrics_serve, listens_for_nobody_else)
{
    struct metrics_serve_setup setup = {.listen = "localhost:0"};
    struct metrics_serve *serve;
    struct err e = {0};
    struct rig rig;

    rig_open(&rig, REACTOR_AUTO);
    expect_refused(&rig, "0.0.0.0:0", "others could read it");
    expect_refused(&rig, "[::]:0", "others could read it");
    expect_refused(&rig, "example.invalid:0", "others could read it");
    expect_refused(&rig, "9464", "--metrics takes HOST:PORT");
    setup.reactor = rig.r;
    serve = metrics_serve_new(&setup, &e);
    cr_assert(serve, "%s", e.text);
    expect_refused(&rig, metrics_serve_address(serve), "in use");
    metrics_serve_free(serve);
    rig_until_idle(&rig);
    rig_close(&rig);
}
