/* http_stress.c - exchanges on several threads, canceled and renewed in between, under ThreadSanitizer.
 *
 * A plain main, because Criterion does not start under ThreadSanitizer. Requests own plain memory that a
 * lane's thread fills and ours reads; the URL's text is exchanged while requests run; clients come and go.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/http.h"

#define THREADS     4u
#define CALLS       48u
#define ROUNDS      12u
#define BODY_BYTES  3000u
#define CONNECTIONS 16u

struct stress_call {
    struct http_req req; /* first */
    struct stress *stress;
    unsigned char memory[BODY_BYTES];
    unsigned headers; /* plain: counted on a lane's thread */
    unsigned rounds;
};

struct stress {
    struct reactor *r;
    struct http *http;
    struct secret_url url;
    unsigned port, running, canceled, wrong, renewals;
    struct stress_call calls[CALLS];
};

/* ---- A host that says the same to everybody ---- */

static void *serve(void *argument)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\nx-ms-meta-a: b\r\n\r\n";
    char answer[sizeof head - 1 + BODY_BYTES], asked[4096];
    int fd = (int)(intptr_t)argument;
    size_t have = 0;
    ssize_t got;

    memcpy(answer, head, sizeof head - 1);
    memset(answer + sizeof head - 1, 'x', BODY_BYTES);
    while ((got = recv(fd, asked + have, sizeof asked - 1 - have, 0)) > 0) {
        have += (size_t)got;
        asked[have] = 0;
        if (!strstr(asked, "\r\n\r\n"))
            continue;
        have = 0;
        if (send(fd, answer, sizeof answer, MSG_NOSIGNAL) != (ssize_t)sizeof answer)
            break;
    }
    close(fd);
    return NULL;
}

static void *accept_all(void *argument)
{
    int listener = (int)(intptr_t)argument, fd;
    pthread_t thread;

    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
        else
            close(fd);
    }
    return NULL;
}

static int listen_somewhere(unsigned *out_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, bytes) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &bytes) != 0)
        return -1;
    *out_port = ntohs(at.sin_port);
    return fd;
}

/* ---- The client ---- */

static bool renew(struct stress *s)
{
    struct err e = {0};
    char text[100];

    snprintf(text, sizeof text, "http://127.0.0.1:%u/c/b?sig=%u", s->port, s->renewals++);
    secret_url_fini(&s->url);
    return secret_url_parse(text, &s->url, &e);
}

static void note_header(struct http_req *req, const char *name, const char *value)
{
    (void)name, (void)value;
    ((struct stress_call *)req)->headers++;
}

static void ask(struct stress_call *call);

static void on_done(struct http_req *req)
{
    struct stress_call *call = (struct stress_call *)req;
    struct stress *s = call->stress;

    if (req->err.kind == ERR_CANCELED)
        s->canceled++;
    else if (err_is_set(&req->err) || call->headers != 2 || !req->answer.crc64_known)
        s->wrong++;
    else
        for (size_t i = 0; i < BODY_BYTES; i++)
            s->wrong += call->memory[i] != 'x';
    if (call->rounds % 5 == 0)
        s->wrong += !renew(s);
    if (call->rounds++ < ROUNDS)
        ask(call);
    else
        s->running--;
}

static void ask(struct stress_call *call)
{
    memset(call->memory, 0, BODY_BYTES);
    call->headers = 0;
    call->req = (struct http_req){.url = &call->stress->url,
                                  .memory = call->memory,
                                  .memory_bytes = BODY_BYTES,
                                  .exact = true,
                                  .crc64 = true,
                                  .header = note_header,
                                  .done = on_done};
    http_send(call->stress->http, &call->req);
}

static bool run(enum reactor_backend backend, struct stress *s, struct err *e)
{
    const struct http_options options = {.threads = THREADS, .connections_max = CONNECTIONS};
    struct http_lane_count lanes[HTTP_THREADS_MAX];
    struct clock clock;
    bool good = true;

    clock_init_real(&clock);
    s->wrong = s->canceled = 0;
    s->r = reactor_new(backend, &clock, e);
    s->http = s->r && renew(s) ? http_new(s->r, &options, e) : NULL;
    if (!s->http)
        return false;
    s->running = CALLS;
    for (unsigned i = 0; i < CALLS; i++) {
        s->calls[i].stress = s;
        s->calls[i].rounds = 0;
        ask(&s->calls[i]);
    }
    for (unsigned turns = 0; good && s->running; turns++) {
        good = reactor_turn(s->r, 30 * NS_PER_S, e);
        if (turns % 100 == 99 && s->canceled < CALLS)
            http_cancel_all(s->http);
        (void)http_lanes(s->http, lanes);
    }
    if (good)
        http_free(s->http);
    if (good)
        reactor_free(s->r);
    secret_url_fini(&s->url);
    return good && s->wrong == 0;
}

int main(void)
{
    struct stress *s = calloc(1, sizeof *s);
    struct err e = {0};
    pthread_t acceptor;
    int listener = s ? listen_somewhere(&s->port) : -1;
    bool good = listener >= 0 &&
                pthread_create(&acceptor, NULL, accept_all, (void *)(intptr_t)listener) == 0;

    good = good && run(REACTOR_EPOLL, s, &e) && run(REACTOR_AUTO, s, &e);
    if (!good)
        fprintf(stderr, "http_stress: %s\n",
                err_is_set(&e) ? e.text : "an answer was lost or mixed");
    if (listener >= 0) {
        shutdown(listener, SHUT_RDWR);
        pthread_join(acceptor, NULL);
        close(listener);
    }
    free(s);
    return good ? 0 : 1;
}
