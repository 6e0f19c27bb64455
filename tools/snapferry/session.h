/* session.h - what every command runs on: reactor, HTTP, buffers, signals, and the loop of turns.
 *
 * Knows:         how the pieces of io/ are put together, what SIGINT, SIGTERM and SIGHUP ask for.
 * Must not know: copies, ends, views.
 * Threads:       the main thread; opened before any other thread exists, because it blocks signals.
 *
 * The first of them asks the work to stop; a second one ends the process at once with
 * exit status 130. SIGPIPE is ignored: a reader that went away does not end a copy.
 */
#ifndef SNAPFERRY_SESSION_H
#define SNAPFERRY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/bufpool.h"
#include "io/clock.h"
#include "io/http.h"
#include "io/reactor.h"
#include "io/workers.h"
#include "tools/snapferry/options.h"

struct session {
    /* set once */
    const struct options *options; /* borrowed */
    struct clock clock;
    struct reactor *reactor;
    struct bufpool *pool;
    struct http *http;       /* NULL until the first end that needs it; so the next two */
    struct http *relay_http; /* shows our certificate, and to a receiver alone */
    struct workers *workers;
    struct http_observer *observer; /* borrowed; set before the first end is opened; NULL: none */
    /* changes, reactor thread only */
    int signal_fd;
    unsigned signals_count; /* that asked us to stop */
    struct reactor_op signal_op;
};

/* One thing to do until it has ended. */
struct session_work {
    bool (*ended)(void *arg);
    void (*stop)(void *arg);    /* a signal came: end soon; called once */
    void (*abandon)(void *arg); /* a second one: last words before the process ends */
    void (*tick)(void *arg);    /* now and then, at least every tick_ns, and once at the end */
    uint64_t tick_ns;
    void *arg;
};

/* ---- Life ---- */
bool session_open(struct session *session, const struct options *options, struct err *e);
void session_close(struct session *session); /* a zeroed struct is fine; nothing may be in flight */

/* ---- Use ---- */
struct http *session_http(struct session *session, struct err *e); /* made at the first call */
struct http *session_relay_http(struct session *session, struct err *e);
struct workers *session_workers(struct session *session, struct err *e);
unsigned session_threads(const struct options *options); /* how many exchanges run on */
/* Turns until work has ended. False when the kernel interface itself failed: then requests are in
 * flight that nobody can end, and all the caller can do is report and _exit. */
bool session_run(struct session *session, const struct session_work *work, struct err *e);

#endif
