/* script_server.c - see script_server.h. */
#include "script_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX_BYTES  65536u
#define REQUESTS_MAX    256u
#define CONNECTIONS_MAX 256u

struct seen_request {
    char *head;
    size_t body_bytes;
};

struct script_server {
    const struct script_answer *answers;
    size_t answer_count;
    int listener;
    int stopping; /* eventfd, readable for good once the server is being stopped */
    uint16_t port;
    pthread_t acceptor;
    pthread_t threads[CONNECTIONS_MAX];
    /* shared, guarded by lock */
    pthread_mutex_t lock;
    size_t connection_count;
    size_t request_count;
    struct seen_request requests[REQUESTS_MAX];
};

struct connection {
    struct script_server *server;
    int fd;
};

/* False when the server is being stopped. */
static bool wait_for(struct script_server *server, int fd, short events, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = fd, .events = events},
                            {.fd = server->stopping, .events = POLLIN}};

    poll(fds, 2, timeout_ms);
    return !(fds[1].revents & POLLIN);
}

/* Reads a head, byte by byte: a body or a second request must stay in the socket. */
static bool read_head(struct connection *c, char *head)
{
    size_t used = 0;

    while (used + 1 < HEAD_MAX_BYTES) {
        if (!wait_for(c->server, c->fd, POLLIN, -1) || recv(c->fd, head + used, 1, 0) != 1)
            return false;
        head[++used] = 0;
        if (used >= 4 && strcmp(head + used - 4, "\r\n\r\n") == 0)
            return true;
    }
    return false;
}

static size_t read_body(struct connection *c, const char *head)
{
    const char *field = strcasestr(head, "\r\nContent-Length:");
    size_t wanted = field ? strtoul(field + 17, NULL, 10) : 0;
    size_t got = 0;
    char bytes[16384];

    while (got < wanted && wait_for(c->server, c->fd, POLLIN, -1)) {
        size_t most = wanted - got < sizeof bytes ? wanted - got : sizeof bytes;
        ssize_t step = recv(c->fd, bytes, most, 0);

        if (step <= 0)
            break;
        got += (size_t)step;
    }
    return got;
}

static const struct script_answer *note_request(struct script_server *server, const char *head,
                                                size_t *out_index)
{
    size_t i;

    pthread_mutex_lock(&server->lock);
    i = server->request_count++;
    cr_assert(i < REQUESTS_MAX);
    server->requests[i].head = strdup(head);
    pthread_mutex_unlock(&server->lock);
    *out_index = i;
    return &server->answers[i < server->answer_count ? i : server->answer_count - 1];
}

static bool send_answer(struct connection *c, const struct script_answer *answer)
{
    size_t count = answer->count || !answer->bytes ? answer->count : strlen(answer->bytes);
    size_t sent = 0;

    while (sent < count) {
        size_t step = answer->drip_ms ? 1 : count - sent;
        ssize_t done;

        if (answer->drip_ms && !wait_for(c->server, -1, 0, (int)answer->drip_ms))
            return false;
        done = send(c->fd, answer->bytes + sent, step, MSG_NOSIGNAL);
        if (done <= 0)
            return false;
        sent += (size_t)done;
    }
    return true;
}

static bool serve_one(struct connection *c, char *head)
{
    const struct script_answer *answer;
    size_t index;

    if (!read_head(c, head))
        return false;
    answer = note_request(c->server, head, &index);
    if (!answer->body_ignored) {
        size_t body_bytes = read_body(c, head);

        pthread_mutex_lock(&c->server->lock);
        c->server->requests[index].body_bytes = body_bytes;
        pthread_mutex_unlock(&c->server->lock);
    }
    if (!send_answer(c, answer))
        return false;
    if (answer->then == SCRIPT_HOLD)
        wait_for(c->server, -1, 0, -1);
    if (answer->then == SCRIPT_RESET) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};

        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    return answer->then == SCRIPT_KEEP;
}

static void *serve(void *user)
{
    struct connection *c = user;
    char *head = malloc(HEAD_MAX_BYTES);

    while (serve_one(c, head))
        ;
    close(c->fd);
    free(head);
    free(c);
    return NULL;
}

static void *accept_all(void *user)
{
    struct script_server *server = user;
    int one = 1;

    while (wait_for(server, server->listener, POLLIN, -1)) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        struct connection *c;

        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c = malloc(sizeof *c);
        c->server = server;
        c->fd = fd;
        pthread_mutex_lock(&server->lock);
        cr_assert(server->connection_count < CONNECTIONS_MAX);
        cr_assert_eq(pthread_create(&server->threads[server->connection_count], NULL, serve, c), 0);
        server->connection_count++;
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

struct script_server *script_server_start(const struct script_answer *answers, size_t count)
{
    struct script_server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;

    server->answers = answers;
    server->answer_count = count;
    pthread_mutex_init(&server->lock, NULL);
    server->stopping = eventfd(0, EFD_CLOEXEC);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(server->listener >= 0 && server->stopping >= 0);
    cr_assert_eq(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(server->listener, 64), 0);
    cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&address, &bytes), 0);
    server->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&server->acceptor, NULL, accept_all, server), 0);
    return server;
}

void script_server_stop(struct script_server *server)
{
    uint64_t one = 1;

    cr_assert_eq(write(server->stopping, &one, sizeof one), (ssize_t)sizeof one);
    pthread_join(server->acceptor, NULL);
    for (size_t i = 0; i < server->connection_count; i++)
        pthread_join(server->threads[i], NULL);
    for (size_t i = 0; i < server->request_count; i++)
        free(server->requests[i].head);
    close(server->listener);
    close(server->stopping);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

uint16_t script_server_port(const struct script_server *server)
{
    return server->port;
}

size_t script_server_request_count(struct script_server *server)
{
    size_t count;

    pthread_mutex_lock(&server->lock);
    count = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

size_t script_server_connection_count(struct script_server *server)
{
    size_t count;

    pthread_mutex_lock(&server->lock);
    count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

const char *script_server_request(struct script_server *server, size_t i)
{
    const char *head;

    pthread_mutex_lock(&server->lock);
    cr_assert(i < server->request_count);
    head = server->requests[i].head;
    pthread_mutex_unlock(&server->lock);
    return head;
}

size_t script_server_body_bytes(struct script_server *server, size_t i)
{
    size_t bytes;

    pthread_mutex_lock(&server->lock);
    cr_assert(i < server->request_count);
    bytes = server->requests[i].body_bytes;
    pthread_mutex_unlock(&server->lock);
    return bytes;
}
