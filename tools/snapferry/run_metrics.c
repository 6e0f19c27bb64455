/* run_metrics.c - see run_metrics.h. */
#include "tools/snapferry/run_metrics.h"

#include <assert.h>

static void look(void *arg, uint32_t disk, struct job_disk_view *out_view)
{
    const struct run_metrics *m = arg;

    job_look(run_job(m->setup.run), disk, out_view);
}

static void limits(void *arg, struct job_limits *out_limits)
{
    const struct run_metrics *m = arg;

    *out_limits = *job_limits_now(run_job(m->setup.run));
}

static void events(void *arg, struct metrics_events *out_events)
{
    const struct run_metrics *m = arg;
    struct event_http_counts upstream = {0};

    if (m->setup.out)
        out_events->dropped = event_out_count(m->setup.out).dropped;
    if (m->setup.upstream)
        upstream = event_http_count(m->setup.upstream);
    out_events->dropped += upstream.dropped_lines;
    out_events->waiting = upstream.waiting_lines;
    out_events->posted = upstream.posted_lines;
    out_events->failed_posts = upstream.failed_posts;
}

static void add_counts(struct http_counts *sum, const struct http *http)
{
    const struct http_counts *counts = http ? http_count(http) : NULL;

    if (!counts)
        return; /* nobody needed it yet */
    sum->connections += counts->connections;
    sum->sent_bytes += counts->sent_bytes;
    sum->received_bytes += counts->received_bytes;
    sum->sent_head_bytes += counts->sent_head_bytes;
    sum->received_head_bytes += counts->received_head_bytes;
}

static void http(void *arg, struct http_counts *out_counts)
{
    const struct run_metrics *m = arg;

    add_counts(out_counts, m->setup.session->http);
    add_counts(out_counts, m->setup.session->relay_http);
}

static unsigned lanes(void *arg, struct http_lane_count out[HTTP_THREADS_MAX])
{
    const struct run_metrics *m = arg;

    return m->setup.session->http ? http_lanes(m->setup.session->http, out) : 0;
}

void run_metrics_watch(struct run_metrics *m, struct session *session)
{
    assert(!session->http && !session->relay_http);
    metrics_init(&m->metrics);
    m->serve = NULL;
    session->observer = &m->metrics.observer;
}

bool run_metrics_open(struct run_metrics *m, const struct run_metrics_setup *setup, struct err *e)
{
    struct metrics_serve_setup serve = {.reactor = setup->session->reactor,
                                        .listen = setup->listen,
                                        .sources = {
                                            .metrics = &m->metrics,
                                            .pool = setup->session->pool,
                                            .disks_count = job_disks_count(run_job(setup->run)),
                                            .look = look,
                                            .http = http,
                                            .lanes = lanes,
                                            .limits = limits,
                                            .events = events,
                                            .arg = m,
                                        }};

    m->setup = *setup;
    m->serve = metrics_serve_new(&serve, e);
    if (m->serve)
        run_add_sink(setup->run, &m->metrics.sink);
    return m->serve != NULL;
}

void run_metrics_close(struct run_metrics *m)
{
    if (!m->serve)
        return;
    run_remove_sink(m->setup.run, &m->metrics.sink);
    metrics_serve_free(m->serve);
    m->serve = NULL;
}
