/* front_bench.c - see front_bench.h. */
#include "tests/support/front_bench.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/raw_http.h"

#define BUFFER_BYTES (256u << 10)

void front_bench_begin(struct front_bench *b, const struct front_setup *given)
{
    struct front_setup setup = *given;
    struct err e = {0};

    memset(b, 0, sizeof *b);
    setenv("FRONT_BENCH_TOKEN", FRONT_BENCH_TOKEN, 1);
    cr_assert(front_auth_token(&b->auth, "env:FRONT_BENCH_TOKEN", &e), "%s", e.text);
    b->auth.has_clients = setup.client_ca != NULL;
    rig_open(&b->rig, REACTOR_AUTO);
    setup.reactor = b->rig.r;
    setup.host = "127.0.0.1";
    setup.auth = &b->auth;
    b->front = front_new(&setup, &e);
    cr_assert(b->front, "%s", e.text);
}

void front_bench_end(struct front_bench *b)
{
    front_free(b->front);
    rig_until_idle(&b->rig);
    rig_close(&b->rig);
}

int front_bench_connect(struct front_bench *b)
{
    return raw_connect((uint16_t)atoi(strrchr(front_address(b->front), ':') + 1));
}

void front_bench_send(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

const char *front_bench_read(struct front_bench *b, int fd, const char *until)
{
    static char came[BUFFER_BYTES];
    size_t used = 0;
    ssize_t count;

    came[0] = 0;
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};

        rig_peek(&b->rig);
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

const char *front_bench_exchange(struct front_bench *b, const char *head, const char *body)
{
    static char request[20000];
    char length[40] = "";
    const char *came;
    int fd = front_bench_connect(b), bytes;

    if (body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    bytes = snprintf(request, sizeof request,
                     "%sHost: " FRONT_BENCH_HOST "\r\nConnection: close\r\n%s\r\n%s", head, length,
                     body ? body : "");
    cr_assert((size_t)bytes < sizeof request);
    front_bench_send(fd, request);
    came = front_bench_read(b, fd, NULL);
    close(fd);
    return came;
}

json_t *front_bench_json(struct front_bench *b, const char *head, const char *body, int status)
{
    const char *came = front_bench_exchange(b, head, body), *at = strstr(came, "\r\n\r\n");
    json_t *value = at ? json_loads(at + 4, 0, NULL) : NULL;

    cr_assert(strncmp(came, "HTTP/1.1 ", 9) == 0 && atoi(came + 9) == status, "%s", came);
    cr_assert(value, "%s", came);
    return value;
}

void front_bench_error(const char *came, int status, const char *code)
{
    char wanted[100];

    snprintf(wanted, sizeof wanted, "{\"error\":{\"code\":\"%s\",\"message\":\"", code);
    cr_assert(strncmp(came, "HTTP/1.1 ", 9) == 0 && atoi(came + 9) == status, "%d: %s", status,
              came);
    cr_assert(strstr(came, wanted), "%s", came);
    cr_assert(strcasestr(came, "x-ms-request-id: "), "%s", came);
    cr_assert(strcasestr(came, "Content-Type: application/json"), "%s", came);
    cr_assert_null(strstr(came, FRONT_BENCH_TOKEN), "%s", came);
}
