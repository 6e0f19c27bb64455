/* run_open.c - the pieces of a run: opened in the order they need each other, closed in the other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/snapferry/run_parts.h"

/* Each disk has connections, a journal and a lock: as many as the system lets us. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

bool run_open_input(struct running *r, const struct run_hearing *hearing, struct err *e)
{
    struct line_reader_setup setup = {.reactor = r->session->reactor,
                                      .fd = STDIN_FILENO,
                                      .name = "the standard input",
                                      .max_bytes = CONTROL_LINE_MAX_BYTES,
                                      .first_max_bytes = JOB_TEXT_MAX_BYTES,
                                      .line = hearing->line,
                                      .too_long = hearing->too_long,
                                      .ended = hearing->input_ended,
                                      .arg = r};

    r->input = line_reader_new(&setup, e);
    if (!r->input)
        return false;
    line_reader_start(r->input);
    return true;
}

static bool open_run(struct running *r, const struct run_hearing *hearing, struct err *e)
{
    struct run_setup setup = {.job = {.reactor = r->session->reactor,
                                      .pool = r->session->pool,
                                      .share = r->share,
                                      .spec = &r->spec,
                                      .state_folder = *r->state_folder ? r->state_folder : NULL,
                                      .allow_http = r->options.allow_http,
                                      .restart = r->options.restart,
                                      .window_start = (uint32_t)r->options.window_start,
                                      .request_max_bytes = r->options.request_max_bytes,
                                      .renew_wait_ns = r->options.renew_wait_s * NS_PER_S},
                              .ended = hearing->run_ended,
                              .arg = r};

    if (getrandom(&setup.job.random_seed, sizeof setup.job.random_seed, 0) !=
        (ssize_t)sizeof setup.job.random_seed)
        return err_set_errno(e, errno, RETRY_NEVER, "the kernel gives no random bytes");
    setup.job.http = session_http(r->session, e);
    r->run = setup.job.http ? run_new(&setup, e) : NULL;
    return r->run != NULL;
}

static bool open_listeners(struct running *r, const struct run_hearing *hearing, struct err *e)
{
    struct run_report_setup upstream = {.session = r->session,
                                        .report = &r->spec.report,
                                        .state_folder = r->state_folder,
                                        .say = hearing->say,
                                        .arg = r};

    if (r->voice == RUN_VOICE_EVENTS) {
        r->out = event_out_new(r->session->reactor, STDOUT_FILENO, false, "the standard output", e);
        if (!r->out)
            return false;
        run_add_sink(r->run, event_out_sink(r->out));
    } else if (!r->options.quiet) {
        r->view = fleet_view_new(r->session->reactor, r->run, STDOUT_FILENO, e);
        if (!r->view)
            return false;
    }
    if (!run_report_open(&r->report, &upstream, e))
        return false;
    if (r->report.events)
        run_add_sink(r->run, event_http_sink(r->report.events));
    return true;
}

static bool open_metrics(struct running *r, struct err *e)
{
    struct run_metrics_setup setup = {.listen = r->options.run.metrics,
                                      .session = r->session,
                                      .run = r->run,
                                      .out = r->out,
                                      .upstream = r->report.events};

    return !setup.listen || run_metrics_open(&r->metrics, &setup, e);
}

bool run_open_rest(struct running *r, const struct run_hearing *hearing, struct err *e)
{
    raise_file_limit();
    if (r->options.run.metrics)
        run_metrics_watch(&r->metrics, r->session);
    r->share = share_new(r->session->reactor, r->session->pool, &r->spec.limits, e);
    if (!r->share || !open_run(r, hearing, e) || !open_listeners(r, hearing, e) ||
        !open_metrics(r, e))
        return false;
    if (r->options.run.control)
        r->peers = control_peers_new(r->session->reactor, r->run, r->options.run.control, e);
    return r->peers || !r->options.run.control;
}

static void turn_once(struct running *r)
{
    struct err ignored = {0};

    if (!reactor_turn(r->session->reactor, NS_PER_S, &ignored))
        _Exit(EXIT_FAILURE); /* as session_run: something is under way that nobody can end */
}

/* Commands come no more; the last answers are taken or given up. */
static void close_ears(struct running *r)
{
    if (r->input)
        line_reader_stop(r->input);
    if (r->peers)
        control_peers_finish(r->peers);
    while ((r->input && !line_reader_idle(r->input)) || (r->peers && !control_peers_idle(r->peers)))
        turn_once(r);
    line_reader_free(r->input);
    control_peers_free(r->peers);
}

void run_close(struct running *r)
{
    if (r->session->reactor) {
        close_ears(r);
        if (r->options.run.metrics)
            run_metrics_close(&r->metrics);
        fleet_view_free(r->view);
        event_out_free(r->out);
        run_report_close(&r->report);
        run_free(r->run);
        share_free(r->share);
        http_free(r->session->http);
        r->session->http = NULL;
        while (reactor_busy(r->session->reactor)) /* lines that go to a file, or upstream */
            turn_once(r);
        run_report_free(&r->report);
        session_close(r->session);
    }
    job_spec_fini(&r->spec);
    run_remarks_fini(&r->remarks);
}
