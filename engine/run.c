/* run.c - see run.h. */
#include "engine/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A command that is to be answered, maybe later, to one sink besides those that hear everything. */
struct run_ask {
    uint64_t ticket;
    struct event_sink *sink; /* NULL: it is gone */
    struct run_ask *next;
};

struct run {
    struct run_setup setup; /* set once */
    struct job *job;
    /* changes, reactor thread only */
    struct event_sink *sinks;
    struct run_ask *asks; /* few: one a renewal that is looked at */
    uint64_t tickets;
    bool ended;
};

/* ---- Sinks ---- */

static bool is_among(const struct run *run, const struct event_sink *sink)
{
    for (const struct event_sink *at = run->sinks; at; at = at->next)
        if (at == sink)
            return true;
    return false;
}

/* Who asked with this ticket and hears nothing else; NULL: nobody. */
static struct event_sink *take_asker(struct run *run, uint64_t ticket)
{
    for (struct run_ask **at = &run->asks; *at; at = &(*at)->next)
        if ((*at)->ticket == ticket) {
            struct run_ask *ask = *at;
            struct event_sink *sink = ask->sink;

            *at = ask->next;
            free(ask);
            return sink;
        }
    return NULL;
}

/* Without memory for the line nobody can be told; the job itself goes on. */
static void deliver(struct run *run, const struct event *event, struct event_sink *only)
{
    struct event_sink *sink, *next;
    size_t bytes;
    char *line = event_format(event, &bytes);

    if (!line)
        return;
    for (sink = run->ended ? NULL : run->sinks; sink; sink = next) {
        next = sink->next;
        sink->take(sink, event, line, bytes);
    }
    if (only && (run->ended || !is_among(run, only)))
        only->take(only, event, line, bytes);
    free(line);
}

void run_add_sink(struct run *run, struct event_sink *sink)
{
    struct event_sink **at = &run->sinks;

    while (*at) {
        assert(*at != sink);
        at = &(*at)->next;
    }
    sink->next = NULL;
    *at = sink;
}

void run_remove_sink(struct run *run, struct event_sink *sink)
{
    for (struct event_sink **at = &run->sinks; *at; at = &(*at)->next)
        if (*at == sink) {
            *at = sink->next;
            sink->next = NULL;
            break;
        }
    for (struct run_ask *ask = run->asks; ask; ask = ask->next)
        if (ask->sink == sink)
            ask->sink = NULL;
}

/* ---- What the job tells ---- */

static void on_told(void *arg, const struct event *event)
{
    struct run *run = arg;

    deliver(run, event, event->kind == EVENT_ANSWER ? take_asker(run, event->ticket) : NULL);
}

static uint64_t wall_ns(const struct run *run)
{
    return reactor_wall_ns(run->setup.job.reactor);
}

static void on_ended(void *arg)
{
    struct run *run = arg;
    struct event event = {.kind = EVENT_END, .time_ns = wall_ns(run), .exit = job_exit(run->job)};

    deliver(run, &event, NULL);
    run->ended = true;
    run->setup.ended(run->setup.arg);
}

/* ---- Life ---- */

struct run *run_new(const struct run_setup *setup, struct err *e)
{
    struct run *run = calloc(1, sizeof *run);

    assert(setup->ended);
    if (!run) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a run");
        return NULL;
    }
    run->setup = *setup;
    run->setup.job.told = on_told;
    run->setup.job.ended = on_ended;
    run->setup.job.arg = run;
    run->job = job_new(&run->setup.job, e);
    if (!run->job) {
        free(run);
        return NULL;
    }
    return run;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    job_free(run->job);
    assert(!run->asks); /* every command was answered before the end */
    free(run);
}

/* ---- Use ---- */

void run_warn(struct run *run, const char *sentence)
{
    struct event event = {
        .kind = EVENT_WARNING, .time_ns = wall_ns(run), .level = "Warning", .message = sentence};

    if (!run->ended)
        deliver(run, &event, NULL);
}

void run_start(struct run *run)
{
    job_start(run->job);
}

static void refuse(struct run *run, const struct control *control, bool known, const char *why,
                   struct event_sink *only)
{
    struct event event = {.kind = EVENT_ANSWER,
                          .time_ns = wall_ns(run),
                          .command = known ? control_verb_name(control->verb) : NULL,
                          .tag = control && control->tag[0] ? control->tag : NULL,
                          .message = why};

    deliver(run, &event, only);
}

/* An asker that hears everything needs no ticket. */
static bool note_asker(struct run *run, struct event_sink *only)
{
    struct run_ask *ask;

    run->tickets++;
    if (!only || is_among(run, only))
        return true;
    ask = calloc(1, sizeof *ask);
    if (!ask)
        return false;
    *ask = (struct run_ask){.ticket = run->tickets, .sink = only, .next = run->asks};
    run->asks = ask;
    return true;
}

void run_command(struct run *run, const char *line, size_t bytes, struct event_sink *only)
{
    struct control control = {0};
    struct err e = {0};
    bool known = false;

    if (!control_parse(line, bytes, &control, &known, &e))
        refuse(run, &control, known, e.text, only);
    else if (!note_asker(run, only))
        refuse(run, &control, true, "no memory for a command", only);
    else
        job_control(run->job, &control, run->tickets);
    control_fini(&control);
}

void run_refuse_line(struct run *run, const char *why, struct event_sink *only)
{
    refuse(run, NULL, false, why, only);
}

void run_stop(struct run *run)
{
    job_stop(run->job);
}

/* ---- Look ---- */

bool run_ended(const struct run *run)
{
    return run->ended;
}

int run_exit(const struct run *run)
{
    return job_exit(run->job);
}

struct job *run_job(struct run *run)
{
    return run->job;
}
