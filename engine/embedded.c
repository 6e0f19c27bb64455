/* embedded.c - see embedded.h. */
#include "engine/embedded.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "engine/job_parse.h"
#include "engine/share.h"
#include "io/bufpool.h"
#include "io/clock.h"
#include "io/http.h"
#include "io/reactor.h"

#define CONNECTIONS_MIN 16u
#define CONNECTIONS_MAX 256u
#define EXIT_FAILED     1
#define EXIT_INVALID    2

struct embedded {
    struct embedded_setup setup; /* set once */
    struct clock clock;
    struct job_spec spec;
    struct reactor *reactor;
    struct bufpool *pool;
    struct http *http;
    struct share *share;
    struct run *run;
    struct event_sink sink;
};

/* ---- What is said ---- */

static void take_line(struct event_sink *sink, const struct event *event, const char *line,
                      size_t bytes)
{
    struct embedded *embedded = (struct embedded *)((char *)sink - offsetof(struct embedded, sink));

    (void)event;
    embedded->setup.line(embedded->setup.arg, line, bytes);
}

/* What no run tells: before there is one, and when it is broken. */
static void tell(struct embedded *embedded, struct event event)
{
    size_t bytes;
    char *line;

    event.time_ns = clock_wall_ns(&embedded->clock);
    line = event_format(&event, &bytes);
    if (line)
        embedded->setup.line(embedded->setup.arg, line, bytes);
    free(line);
}

static void tell_mistake(void *arg, bool warning, const char *path, const char *sentence)
{
    tell(arg, (struct event){.kind = warning ? EVENT_WARNING : EVENT_INVALID,
                             .path = path,
                             .message = sentence});
}

static void tell_end(struct embedded *embedded, const struct err *error, int exit)
{
    if (err_is_set(error))
        tell(embedded,
             (struct event){.kind = EVENT_WARNING, .level = "Error", .message = error->text});
    tell(embedded, (struct event){.kind = EVENT_END, .exit = exit});
}

static void run_ended_now(void *arg)
{
    (void)arg; /* run_ended is asked after each turn */
}

/* ---- Life ---- */

static bool open_http(struct embedded *embedded, struct err *e)
{
    uint64_t ranges = embedded->spec.limits.memory_bytes / BUF_BYTES;
    struct http_options how = {.connections_max =
                                   (unsigned)(ranges < CONNECTIONS_MIN   ? CONNECTIONS_MIN
                                              : ranges > CONNECTIONS_MAX ? CONNECTIONS_MAX
                                                                         : ranges),
                               .threads = embedded->setup.threads,
                               .ca_file = embedded->setup.ca_file,
                               .allow_plain = embedded->setup.allow_http};

    if (how.threads > HTTP_THREADS_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "there are at most %u threads", HTTP_THREADS_MAX);
    embedded->http = http_new(embedded->reactor, &how, e);
    return embedded->http != NULL;
}

static bool open_parts(struct embedded *embedded, struct err *e)
{
    uint64_t memory = embedded->spec.limits.memory_bytes;
    struct run_setup setup = {.job = {.spec = &embedded->spec,
                                      .state_folder = embedded->setup.state_folder,
                                      .allow_http = embedded->setup.allow_http,
                                      .restart = embedded->setup.restart,
                                      .renew_wait_ns = embedded->setup.renew_wait_ns},
                              .ended = run_ended_now};

    if (getrandom(&setup.job.random_seed, sizeof setup.job.random_seed, 0) !=
        (ssize_t)sizeof setup.job.random_seed)
        return err_set_errno(e, errno, RETRY_NEVER, "the kernel gives no random bytes");
    embedded->reactor = reactor_new(REACTOR_AUTO, &embedded->clock, e);
    if (!embedded->reactor)
        return false;
    embedded->pool =
        bufpool_new(embedded->reactor, memory < BUFPOOL_START_BYTES ? memory : BUFPOOL_START_BYTES,
                    memory, e);
    if (!embedded->pool || !open_http(embedded, e))
        return false;
    embedded->share = share_new(embedded->reactor, embedded->pool, &embedded->spec.limits, e);
    if (!embedded->share)
        return false;
    setup.job.reactor = embedded->reactor;
    setup.job.pool = embedded->pool;
    setup.job.http = embedded->http;
    setup.job.share = embedded->share;
    embedded->run = run_new(&setup, e);
    return embedded->run != NULL;
}

static void free_parts(struct embedded *embedded)
{
    run_free(embedded->run);
    share_free(embedded->share);
    http_free(embedded->http);
    bufpool_free(embedded->pool);
    reactor_free(embedded->reactor);
    job_spec_fini(&embedded->spec);
    free(embedded);
}

struct embedded *embedded_open(const struct embedded_setup *setup, const char *job,
                               size_t job_bytes, int *out_exit)
{
    struct embedded *embedded = calloc(1, sizeof *embedded), none = {.setup = *setup};
    struct err error = {0};

    *out_exit = EXIT_FAILED;
    if (!embedded) {
        clock_init_real(&none.clock);
        err_set(&error, ERR_LIMIT, RETRY_LATER, "no memory for a run");
        tell_end(&none, &error, EXIT_FAILED);
        return NULL;
    }
    embedded->setup = *setup;
    embedded->sink.take = take_line;
    clock_init_real(&embedded->clock);
    if (!job_parse(job, job_bytes, &embedded->spec, tell_mistake, embedded))
        *out_exit = EXIT_INVALID;
    else if (open_parts(embedded, &error))
        return embedded;
    else if (error.kind == ERR_USAGE)
        *out_exit = EXIT_INVALID;
    tell_end(embedded, &error, *out_exit);
    free_parts(embedded);
    return NULL;
}

void embedded_close(struct embedded *embedded)
{
    run_remove_sink(embedded->run, &embedded->sink);
    run_free(embedded->run);
    embedded->run = NULL;
    share_free(embedded->share);
    embedded->share = NULL;
    http_free(embedded->http);
    embedded->http = NULL;
    while (reactor_busy(embedded->reactor)) {
        struct err ignored = {0};

        if (!reactor_turn(embedded->reactor, NS_PER_S, &ignored))
            return; /* as embedded_turn: left as it is */
    }
    free_parts(embedded);
}

/* ---- Use ---- */

void embedded_start(struct embedded *embedded)
{
    const char *fallback = reactor_fallback_reason(embedded->reactor);

    run_add_sink(embedded->run, &embedded->sink);
    if (fallback)
        run_warn(embedded->run, fallback);
    if (http_fewer_threads(embedded->http))
        run_warn(embedded->run, http_fewer_threads(embedded->http)->text);
    if (embedded->spec.report.url)
        run_warn(embedded->run,
                 "report.url: a program that runs the job by the library is given its "
                 "events there, and nothing is posted.");
    run_start(embedded->run);
}

bool embedded_turn(struct embedded *embedded)
{
    struct err error = {0};

    if (reactor_turn(embedded->reactor, UINT64_MAX, &error))
        return true;
    if (!run_ended(embedded->run))
        tell_end(embedded, &error, EXIT_FAILED);
    return false;
}

struct run *embedded_run(struct embedded *embedded)
{
    return embedded->run;
}

struct reactor *embedded_reactor(struct embedded *embedded)
{
    return embedded->reactor;
}
