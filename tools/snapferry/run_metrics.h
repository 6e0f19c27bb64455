/* run_metrics.h - --metrics of snapferry run: who is counted, where the values are, who serves them.
 *
 * Knows:         the pieces of a run that have numbers.
 * Must not know: how the page is made (engine/metrics_page.h) or served (metrics_serve.h).
 * Threads:       the reactor's.
 */
#ifndef SNAPFERRY_RUN_METRICS_H
#define SNAPFERRY_RUN_METRICS_H

#include "engine/event_http.h"
#include "engine/event_out.h"
#include "engine/run.h"
#include "tools/snapferry/metrics_serve.h"
#include "tools/snapferry/session.h"

struct run_metrics_setup { /* all borrowed until run_metrics_close */
    const char *listen;    /* --metrics */
    struct session *session;
    struct run *run;
    const struct event_out *out;       /* events on stdout; NULL: none there */
    const struct event_http *upstream; /* NULL: none */
};

struct run_metrics {
    struct metrics metrics;
    struct metrics_serve *serve;
    struct run_metrics_setup setup;
};

/* Before the session's first end is opened: its clients are observed from here on. */
void run_metrics_watch(struct run_metrics *m, struct session *session);
/* Before run_start: the run has one sink more. Says nothing; see metrics_serve_address. */
bool run_metrics_open(struct run_metrics *m, const struct run_metrics_setup *setup, struct err *e);
/* Before anything of the setup is freed; one that was watched and not opened is fine. */
void run_metrics_close(struct run_metrics *m);

#endif
