/* run_parts.h - all that a `snapferry run` is put together from; for its own files alone.
 *
 * Knows:         the pieces and how far the whole is.
 * Must not know: how any piece works.
 * Threads:       the main thread.
 *
 * command_run.c has the course of events, run_open.c the opening and closing of the pieces.
 */
#ifndef SNAPFERRY_RUN_PARTS_H
#define SNAPFERRY_RUN_PARTS_H

#include <limits.h>
#include <stdbool.h>

#include "engine/event_out.h"
#include "engine/run.h"
#include "engine/share.h"
#include "io/line_reader.h"
#include "tools/snapferry/control_peers.h"
#include "tools/snapferry/fleet_view.h"
#include "tools/snapferry/run_metrics.h"
#include "tools/snapferry/run_remarks.h"
#include "tools/snapferry/run_report.h"
#include "tools/snapferry/stage.h"

struct running {
    /* set once */
    struct stage *stage;
    struct options options; /* ours, with the job's memory where none was asked for */
    struct session *session;
    char state_folder[PATH_MAX]; /* "": there is none */
    enum run_voice voice;
    bool from_stdin;
    /* the job */
    struct job_spec spec;
    struct run_remarks remarks;
    bool has_job;
    /* the pieces; NULL: not there, or not wanted */
    struct line_reader *input; /* commands on stdin */
    struct share *share;
    struct run *run;
    struct event_out *out; /* events on stdout */
    struct fleet_view *view;
    struct run_report report;
    struct run_metrics metrics; /* with --metrics */
    struct control_peers *peers;
    /* changes */
    bool input_over; /* before there was a job */
    bool stopped;    /* a signal came before there was a job */
    bool finishing;  /* the run has ended: its last words are on their way */
    bool out_done, report_done;
};

/* What is heard while it runs; command_run.c has them. */
struct run_hearing {
    void (*line)(void *arg, const char *line, size_t bytes);
    void (*too_long)(void *arg, uint64_t bytes, size_t max_bytes);
    void (*input_ended)(void *arg, const struct err *error);
    void (*say)(void *arg, const char *sentence);
    void (*run_ended)(void *arg);
};

/* ---- run_open.c ---- */
bool run_open_input(struct running *r, const struct run_hearing *hearing, struct err *e);
/* With a job: all that is still missing. Nothing is begun. */
bool run_open_rest(struct running *r, const struct run_hearing *hearing, struct err *e);
void run_close(struct running *r); /* what is there; nothing may be under way */

#endif
