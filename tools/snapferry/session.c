/* session.c - see session.h. */
#include "tools/snapferry/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "io/endpoint_relay.h"
#include "tools/snapferry/exit_status.h"

#define SESSION_CONNECTIONS_MIN  16u
#define SESSION_CONNECTIONS_MAX  256u
#define SESSION_THREADS_AUTO_MAX 8u

static bool open_signals(struct session *session, struct err *e)
{
    sigset_t wanted;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write beyond a limit then fails with EFBIG, and says so */
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGHUP); /* of a login that was lost; nohup's stays ignored */
    if (sigprocmask(SIG_BLOCK, &wanted, NULL) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot block signals");
    session->signal_fd = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    if (session->signal_fd < 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot listen for signals");
    return true;
}

bool session_open(struct session *session, const struct options *options, struct err *e)
{
    uint64_t start =
        options->memory_bytes < BUFPOOL_START_BYTES ? options->memory_bytes : BUFPOOL_START_BYTES;

    memset(session, 0, sizeof *session);
    session->options = options;
    session->signal_fd = -1;
    clock_init_real(&session->clock);
    if (!open_signals(session, e))
        goto fail;
    session->reactor = reactor_new((enum reactor_backend)options->backend, &session->clock, e);
    if (!session->reactor)
        goto fail;
    session->pool = bufpool_new(session->reactor, start, options->memory_bytes, e);
    if (!session->pool)
        goto fail;
    return true;
fail:
    session_close(session);
    return false;
}

void session_close(struct session *session)
{
    if (!session->options)
        return;
    http_free(session->http);
    http_free(session->relay_http);
    workers_free(session->workers);
    bufpool_free(session->pool);
    reactor_free(session->reactor);
    if (session->signal_fd >= 0)
        close(session->signal_fd);
    memset(session, 0, sizeof *session);
}

/* How many one engine can feed is not measured; more than the maximum are to be asked for by number. */
unsigned session_threads(const struct options *options)
{
    unsigned cpus;

    if (options->threads)
        return (unsigned)options->threads;
    cpus = workers_cpus();
    return cpus < SESSION_THREADS_AUTO_MAX ? cpus : SESSION_THREADS_AUTO_MAX;
}

struct http *session_http(struct session *session, struct err *e)
{
    const struct options *options = session->options;
    uint64_t ranges = options->window_max ? options->window_max : options->memory_bytes / BUF_BYTES;
    struct http_options how = {
        .connections_max = (unsigned)(ranges < SESSION_CONNECTIONS_MIN   ? SESSION_CONNECTIONS_MIN
                                      : ranges > SESSION_CONNECTIONS_MAX ? SESSION_CONNECTIONS_MAX
                                                                         : ranges),
        .threads = session_threads(options),
        .ca_file = options->ca_file,
        .allow_plain = options->allow_http,
        .observer = session->observer,
    };

    if (!session->http)
        session->http = http_new(session->reactor, &how, e);
    return session->http;
}

struct http *session_relay_http(struct session *session, struct err *e)
{
    const struct options *options = session->options;
    struct http_options how = {
        .connections_max = ENDPOINT_RELAY_CONNECTIONS,
        .ca_file = options->ca_file,
        .client_cert = options->client_cert,
        .client_key = options->client_key,
        .observer = session->observer,
    };

    if (!session->relay_http)
        session->relay_http = http_new(session->reactor, &how, e);
    return session->relay_http;
}

struct workers *session_workers(struct session *session, struct err *e)
{
    if (!session->workers)
        session->workers = workers_new(session->reactor, 0, e);
    return session->workers;
}

/* ---- Signals ---- */

static void signal_came(struct reactor_op *op);

static void await_signal(struct session *session)
{
    reactor_poll(session->reactor, &session->signal_op, session->signal_fd, POLLIN, signal_came);
}

static void signal_came(struct reactor_op *op)
{
    struct session *session = (struct session *)((char *)op - offsetof(struct session, signal_op));
    struct signalfd_siginfo info;

    while (read(session->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        session->signals_count++;
    await_signal(session);
}

/* ---- The loop ---- */

bool session_run(struct session *session, const struct session_work *work, struct err *e)
{
    uint64_t tick_due_ns = clock_now_ns(&session->clock) + work->tick_ns;
    bool stopped = false, ok = true;

    await_signal(session);
    while (ok && !work->ended(work->arg)) {
        uint64_t now_ns = clock_now_ns(&session->clock);

        if (session->signals_count > 0 && !stopped) {
            stopped = true;
            work->stop(work->arg);
        }
        if (session->signals_count > 1) {
            work->abandon(work->arg);
            _exit(STATUS_INTERRUPTED);
        }
        if (now_ns >= tick_due_ns) {
            work->tick(work->arg);
            tick_due_ns = now_ns + work->tick_ns;
        }
        ok = reactor_turn(session->reactor, tick_due_ns - now_ns, e);
    }
    reactor_forget(session->reactor, &session->signal_op);
    if (ok)
        work->tick(work->arg);
    return ok;
}
