/* run.h - a job at work: its events to whoever listens, its commands from whoever sends them.
 *
 * Knows:         the job, lines of JSON in and out.
 * Must not know: stdin, sockets, screens: sinks and callers do.
 * Threads:       the reactor's.
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/job.h"

struct run;

struct run_setup { /* borrowed; outlives the run. job.told, job.ended, job.arg are set by the run */
    struct job_setup job;
    void (*ended)(void *arg); /* once: END was given to every sink */
    void *arg;
};

/* ---- Life ---- */
struct run *run_new(const struct run_setup *setup, struct err *e);
void run_free(struct run *run); /* NULL is fine; not begun, or ended */

/* ---- Use ---- */
/* Before the start, or at any time; told of all that follows. Taken away before it is freed, which counts
 * for one that was only given to run_command, too. */
void run_add_sink(struct run *run, struct event_sink *sink);
void run_remove_sink(struct run *run, struct event_sink *sink);
/* Something a person should know; an EVENT_WARNING. */
void run_warn(struct run *run, const char *sentence);
void run_start(struct run *run);
/* One line, of any length the caller let through (CONTROL_LINE_MAX_BYTES). only: the one sink that is given
 * the answer, besides those added by run_add_sink; NULL: none besides. */
void run_command(struct run *run, const char *line, size_t bytes, struct event_sink *only);
/* A line was too long to be read: answered like any other mistake. */
void run_refuse_line(struct run *run, const char *why, struct event_sink *only);
void run_stop(struct run *run);

/* ---- Look ---- */
bool run_ended(const struct run *run);
int run_exit(const struct run *run);
struct job *run_job(struct run *run);

#endif
