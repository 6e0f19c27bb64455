/* run_report.h - a run's events to its control plane: report.url of the job, its token, the spool.
 *
 * Knows:         where the token and the spool are, that reports have a client of HTTP of their own.
 * Must not know: events.
 * Threads:       the reactor's.
 */
#ifndef SNAPFERRY_RUN_REPORT_H
#define SNAPFERRY_RUN_REPORT_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "engine/event_http.h"
#include "engine/job_spec.h"
#include "io/http.h"
#include "tools/snapferry/session.h"

struct run_report {
    struct http *http;
    struct event_http *events; /* NULL: the job names nobody upstream */
};

struct run_report_setup {
    struct session *session;
    const struct job_report *report;
    const char *state_folder; /* "": nothing is kept on disk */
    void (*say)(void *arg, const char *sentence);
    void *arg;
};

/* Nothing to do without report.url. Also when this fails both of the next are called. */
bool run_report_open(struct run_report *report, const struct run_report_setup *setup,
                     struct err *e);
/* Both: a zeroed struct is fine. Between the two the reactor is turned until it is idle. */
void run_report_close(struct run_report *report);
void run_report_free(struct run_report *report);

#endif
