/* http_server.c - see http_server.h. The daemon, driven by the reactor; connections and their deadlines.
 *
 * libmicrohttpd's own timeouts are about idle connections: a client that sends a byte now and then is
 * never idle. So each phase of a connection has a deadline of ours for the whole of it.
 */
#include "io/http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/http_server_parts.h"

#define LISTEN_BACKLOG          512
#define CONNECTION_MEMORY_BYTES (64u << 10)
#define OPENING_NS              (20 * NS_PER_S) /* TLS, and the head of the first request */
#define TLS_PRIORITIES          "NORMAL:-VERS-ALL:+VERS-TLS1.3"

/* ---- Connections ---- */

static void on_deadline(struct timer *timer)
{
    struct http_link *link =
        (struct http_link *)((char *)timer - offsetof(struct http_link, deadline));

    shutdown(link->fd, SHUT_RDWR); /* libmicrohttpd sees it end, and closes it */
}

void http_link_expect(struct http_link *link, uint64_t within_ns)
{
    struct reactor *r = link->server->reactor;

    reactor_arm(r, &link->deadline, reactor_now_ns(r) + within_ns, on_deadline);
}

void http_link_rest(struct http_link *link)
{
    reactor_disarm(link->server->reactor, &link->deadline);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **io_context,
                          enum MHD_ConnectionNotificationCode code)
{
    const union MHD_ConnectionInfo *info;
    struct http_link *link = *io_context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *io_context = link = info ? calloc(1, sizeof *link) : NULL;
        if (!link)
            return; /* its first request is refused */
        link->server = cls;
        link->fd = info->connect_fd;
        http_link_expect(link, OPENING_NS);
    } else if (link) {
        http_link_rest(link);
        http_server_wake(link->server); /* who waits for a place may come in now, if it is run */
        free(link);
        *io_context = NULL;
    }
}

/* Targets are decoded by http_server_head.c, once. */
static size_t leave_encoded(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls, (void)connection;
    return strlen(text);
}

/* ---- Turns ---- */

static void poll_came(struct reactor_op *op);

/* The handler may answer this one and others from here. */
static void deliver(struct http_server *server)
{
    struct http_call *call;

    while ((call = server->ready.first)) {
        server->ready.first = call->next;
        if (!server->ready.first)
            server->ready.last = NULL;
        call->next = NULL;
        if (call->state == CALL_READY)
            server->handler.ready(server->handler.arg, call);
    }
}

static void run(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    server->running = true;
    MHD_run(server->daemon);
    deliver(server);
    server->running = false;
    if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES && wait_ms == 0)
        http_server_wake(server); /* it holds bytes that its descriptor will not tell of */
    if (!server->polling) {
        server->polling = true;
        reactor_poll(server->reactor, &server->poll, server->epoll_fd, POLLIN, poll_came);
    }
}

static void poll_came(struct reactor_op *op)
{
    struct http_server *server =
        (struct http_server *)((char *)op - offsetof(struct http_server, poll));

    server->polling = false;
    run(server);
}

static void on_wake(struct timer *timer)
{
    run((struct http_server *)((char *)timer - offsetof(struct http_server, wake)));
}

/* A timer that is due, and no task, because a task cannot be taken back. */
void http_server_wake(struct http_server *server)
{
    if (!server->closing)
        reactor_arm(server->reactor, &server->wake, reactor_now_ns(server->reactor), on_wake);
}

/* ---- Life ---- */

static bool listen_at(struct http_server *server, const struct addrinfo *at)
{
    int one = 1;

    server->listen_fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listen_fd < 0)
        return false;
    setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(server->listen_fd, at->ai_addr, at->ai_addrlen) == 0 &&
        listen(server->listen_fd, LISTEN_BACKLOG) == 0)
        return true;
    close(server->listen_fd);
    server->listen_fd = -1;
    return false;
}

static bool open_listener(struct http_server *server, const struct http_server_options *options,
                          struct err *e)
{
    struct addrinfo how = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct sockaddr_storage address = {0};
    socklen_t bytes = sizeof address;
    struct addrinfo *found = NULL;
    char port[8];
    int failed;

    snprintf(port, sizeof port, "%u", options->port);
    failed = getaddrinfo(options->host, port, &how, &found);
    if (failed)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "cannot listen on %.100s: %s", options->host,
                       gai_strerror(failed));
    if (!listen_at(server, found) ||
        getsockname(server->listen_fd, (struct sockaddr *)&address, &bytes) != 0)
        err_set_errno(e, errno, RETRY_NEVER, "cannot listen on %.100s port %u", options->host,
                      options->port);
    freeaddrinfo(found);
    server->port =
        ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                                            : ((struct sockaddr_in *)(void *)&address)->sin_port);
    return !err_is_set(e);
}

static bool start(struct http_server *server, const struct http_server_options *options,
                  struct err *e)
{
    const struct http_server_tls *t = server->tls;
    const union MHD_DaemonInfo *info;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (t ? (unsigned)MHD_USE_TLS : 0);
    struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, t ? (void *)(uintptr_t)http_server_tls_cert(t) : NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, t ? (void *)(uintptr_t)http_server_tls_key(t) : NULL},
        {MHD_OPTION_HTTPS_MEM_TRUST, 0, t ? (void *)(uintptr_t)http_server_tls_client_ca(t) : NULL},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };

    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, http_call_continue, server, MHD_OPTION_ARRAY, t ? tls : plain,
        MHD_OPTION_LISTEN_SOCKET, server->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        options->connections_max ? options->connections_max : HTTP_SERVER_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, http_call_new, server, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_encoded, NULL, MHD_OPTION_NOTIFY_COMPLETED, http_call_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    if (!server->daemon)
        return err_set(e, ERR_IO, RETRY_NEVER, "the HTTP server did not start");
    info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    assert(info); /* it runs on epoll, as asked */
    server->epoll_fd = info->epoll_fd;
    return true;
}

static void take_options(struct http_server *server, const struct http_server_options *options)
{
    server->refused = options->refused;
    server->shape = options->shape;
    server->refused_arg = options->refused_arg;
    server->certs_optional = options->certs_optional;
    server->patch = options->patch;
    server->path_max_bytes =
        options->path_max_bytes ? options->path_max_bytes : HTTP_SERVER_PATH_MAX_BYTES;
    server->body_max_bytes =
        options->body_max_bytes ? options->body_max_bytes : HTTP_SERVER_BODY_MAX_BYTES;
    server->budget_bytes = options->memory_budget_bytes;
}

struct http_server *http_server_new(struct reactor *r, const struct http_server_options *options,
                                    const struct http_server_handler *handler, struct err *e)
{
    struct http_server *server = calloc(1, sizeof *server);
    bool ok = false;

    assert(!options->tls_cert == !options->tls_key);
    assert(!options->tls_cert == !options->client_ca ||
           (options->certs_optional && !options->client_ca));
    assert(options->path_max_bytes <= HTTP_SERVER_PATH_TOP_BYTES);
    assert(options->body_max_bytes <= HTTP_SERVER_BODY_MAX_BYTES);
    assert(handler->begin && handler->ready && handler->gone);
    if (!server) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the HTTP server");
        return NULL;
    }
    server->reactor = r;
    server->handler = *handler;
    take_options(server, options);
    server->listen_fd = -1;
    if (server->budget_bytes < HTTP_SERVER_BODY_MAX_BYTES) {
        err_set(e, ERR_USAGE, RETRY_NEVER, "the memory for bodies must be at least %u bytes",
                HTTP_SERVER_BODY_MAX_BYTES);
        goto out;
    }
    if (options->tls_cert && !(server->tls = http_server_tls_open(options, e)))
        goto out;
    ok = open_listener(server, options, e) && start(server, options, e);
out:
    if (!ok) {
        http_server_free(server);
        return NULL;
    }
    http_server_wake(server);
    return server;
}

void http_server_drain(struct http_server *server)
{
    if (server->draining)
        return;
    server->draining = true;
    MHD_quiesce_daemon(server->daemon);
    close(server->listen_fd);
    server->listen_fd = -1;
}

bool http_server_idle(const struct http_server *server)
{
    return server->calls_count == 0;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    assert(!server->running);
    server->closing = true;
    for (struct http_call *call = server->live; call; call = call->older)
        if (call->state == CALL_WAITING || call->state == CALL_READY)
            MHD_resume_connection(call->connection); /* else it could not be ended */
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    else if (server->listen_fd >= 0)
        close(server->listen_fd);
    assert(!server->live && server->granted_bytes == 0);
    reactor_forget(server->reactor, &server->poll);
    reactor_disarm(server->reactor, &server->wake);
    http_server_tls_close(server->tls);
    free(server);
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}
