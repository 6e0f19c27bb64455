/* region_server.c - libmicrohttpd with epoll on a few threads, and one thread that accepts.
 *
 * We accept ourselves: threads that share one listening socket take connections as they wake, and
 * now and then one thread ends with all of them; handed out in turn, every thread gets its share.
 */
#include "tools/regiond/region_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tools/regiond/region_call.h"

#define LISTEN_BACKLOG 512

struct region_server {
    /* set once */
    struct region_server_config config;
    struct call_timer *timer;
    struct MHD_Daemon *daemons[SERVER_THREADS_MAX]; /* one thread each */
    unsigned daemon_count;
    int listen_fd;
    int stop_fd; /* an eventfd: readable when the acceptor shall end */
    uint16_t port;
    pthread_t acceptor;
    bool accepting;
    /* the acceptor's own */
    unsigned next_daemon;
    /* any server thread */
    _Atomic uintptr_t last_connection_id;
};

/* ---- libmicrohttpd's callbacks; cls is the server, *io_call the request's call ---- */

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct region_server *server = cls;

    return call_new(&server->config, server->timer, connection, target);
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *io_upload_bytes, void **io_call)
{
    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    if (!*io_call)
        return MHD_NO;
    return call_continue(*io_call, method, upload, io_upload_bytes);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **io_call,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    call_free(*io_call);
    *io_call = NULL;
}

/* Connections are numbered by what they have in common with nobody: the order they came in. */
static void on_connection(void *cls, struct MHD_Connection *connection, void **io_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct region_server *server = cls;

    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *io_context = (void *)(++server->last_connection_id);
}

/* Targets are decoded by request.c, once; libmicrohttpd's own decoding is left out. */
static size_t leave_encoded(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

/* ---- Listening ---- */

static bool open_listener(struct region_server *server, char *out_text, size_t text_bytes)
{
    bool six = strchr(server->config.host, ':') != NULL;
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(server->config.port)};
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(server->config.port)};
    struct sockaddr *address = six ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
    socklen_t length = six ? sizeof a6 : sizeof a4;
    int one = 1;

    if (inet_pton(six ? AF_INET6 : AF_INET, server->config.host,
                  six ? (void *)&a6.sin6_addr : (void *)&a4.sin_addr) != 1 ||
        !(six ? IN6_IS_ADDR_LOOPBACK(&a6.sin6_addr) : ntohl(a4.sin_addr.s_addr) >> 24 == 127)) {
        snprintf(out_text, text_bytes, "%s is not a loopback address", server->config.host);
        return false;
    }
    server->listen_fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listen_fd < 0 ||
        setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(server->listen_fd, address, length) != 0 ||
        listen(server->listen_fd, LISTEN_BACKLOG) != 0 ||
        getsockname(server->listen_fd, address, &length) != 0) {
        snprintf(out_text, text_bytes, "cannot listen on %s port %u: %s", server->config.host,
                 server->config.port, strerror(errno));
        return false;
    }
    server->port = ntohs(six ? a6.sin6_port : a4.sin_port);
    return true;
}

/* Small answers are sent at once: each leaves in one segment, header and body together. */
static void accept_one(struct region_server *server)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int one = 1;
    int fd =
        accept4(server->listen_fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    unsigned turn = server->next_daemon++ % server->daemon_count;

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            usleep(1000); /* nothing helps but waiting for a connection to end */
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    MHD_add_connection(server->daemons[turn], fd, (struct sockaddr *)&peer, length);
}

static void *run_acceptor(void *context)
{
    struct region_server *server = context;
    struct pollfd ready[2] = {{.fd = server->listen_fd, .events = POLLIN},
                              {.fd = server->stop_fd, .events = POLLIN}};

    while (poll(ready, 2, -1) >= 0 || errno == EINTR) {
        if (ready[1].revents)
            break;
        if (ready[0].revents)
            accept_one(server);
    }
    return NULL;
}

/* ---- Life ---- */

static struct MHD_Daemon *start_daemon(struct region_server *server)
{
    const struct region_server_config *c = &server->config;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)c->tls_certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)c->tls_key},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};

    if (c->tls_certificate)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_ARRAY, c->tls_certificate ? tls : plain,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded,
        NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)SERVER_CONNECTION_MEMORY_BYTES, MHD_OPTION_CONNECTION_LIMIT,
        SERVER_CONNECTION_MAX_COUNT / server->config.threads, MHD_OPTION_CONNECTION_TIMEOUT,
        SERVER_CONNECTION_IDLE_SECONDS, MHD_OPTION_END);
}

static bool start_serving(struct region_server *server, char *out_text, size_t text_bytes)
{
    if (!open_listener(server, out_text, text_bytes))
        return false;
    snprintf(out_text, text_bytes, "the HTTP server did not start");
    server->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    server->timer = call_timer_start();
    if (server->stop_fd < 0 || !server->timer)
        return false;
    while (server->daemon_count < server->config.threads) {
        server->daemons[server->daemon_count] = start_daemon(server);
        if (!server->daemons[server->daemon_count])
            return false;
        server->daemon_count++;
    }
    server->accepting = pthread_create(&server->acceptor, NULL, run_acceptor, server) == 0;
    return server->accepting;
}

struct region_server *region_server_start(const struct region_server_config *config, char *out_text,
                                          size_t text_bytes)
{
    struct region_server *server = calloc(1, sizeof *server);

    if (!server) {
        snprintf(out_text, text_bytes, "no memory");
        return NULL;
    }
    server->config = *config;
    server->listen_fd = server->stop_fd = -1;
    if (server->config.threads == 0)
        server->config.threads = SERVER_THREADS_DEFAULT;
    if (server->config.threads > SERVER_THREADS_MAX)
        server->config.threads = SERVER_THREADS_MAX;
    if (start_serving(server, out_text, text_bytes))
        return server;
    region_server_stop(server);
    return NULL;
}

void region_server_stop(struct region_server *server)
{
    uint64_t one = 1;

    if (!server)
        return;
    if (server->accepting && write(server->stop_fd, &one, sizeof one) == sizeof one)
        pthread_join(server->acceptor, NULL);
    if (server->timer)
        call_timer_drain(server->timer); /* a suspended connection cannot be stopped */
    for (unsigned i = 0; i < server->daemon_count; i++)
        MHD_stop_daemon(server->daemons[i]);
    call_timer_free(server->timer);
    if (server->stop_fd >= 0)
        close(server->stop_fd);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    free(server);
}

uint16_t region_server_port(const struct region_server *server)
{
    return server->port;
}
