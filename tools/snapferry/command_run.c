/* command_run.c - snapferry run: the data plane of a control plane.
 *
 * First there is a job, checked whole, or nothing is begun. Then it runs: events go to stdout and upstream,
 * commands come from stdin and a socket. What is said last is the event "end", whatever happened.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/snapferry/run_input.h"
#include "tools/snapferry/run_parts.h"

#define TICK_NS       (100ull * NS_PER_MS)
#define LAST_WORDS_NS (1ull * NS_PER_S) /* as long as stdout is waited for when all ends at once */
/* Of events that nobody reads, progress (EVENT_QUEUE_MAX_BYTES) and what may not be dropped: above that no
 * command is read either, for each is answered there. */
#define UNREAD_MAX_BYTES (2u * EVENT_QUEUE_MAX_BYTES)
#define STDIN_ENDED                                                                                \
    "The standard input has ended, so this run stops: what is in flight is let end. (--detach: "   \
    "it "                                                                                          \
    "goes on.)"

/* ---- What is said ---- */

/* To a person whom no event reaches. */
static void say_aloud(const char *sentence)
{
    char words[1024];

    snprintf(words, sizeof words, "%s", sentence);
    view_clean(words);
    fprintf(stderr, "snapferry: %s\n", words);
}

static void on_say(void *arg, const char *sentence)
{
    struct running *r = arg;

    if (r->run && !run_ended(r->run))
        run_warn(r->run, sentence);
    else
        say_aloud(sentence);
}

/* Before the run tells anything itself. */
static void tell(struct running *r, const struct event *event)
{
    struct event_sink *sinks[] = {r->out ? event_out_sink(r->out) : NULL,
                                  r->report.events ? event_http_sink(r->report.events) : NULL};
    size_t bytes;
    char *line = event_format(event, &bytes);

    for (size_t i = 0; line && i < sizeof sinks / sizeof sinks[0]; i++)
        if (sinks[i])
            sinks[i]->take(sinks[i], event, line, bytes);
    free(line);
}

/* Remarks on a job that is good all the same, with their paths. */
static void tell_remarks(struct running *r)
{
    if (r->voice == RUN_VOICE_WORDS && !r->options.quiet)
        run_remarks_print(&r->remarks, r->voice, &r->session->clock);
    for (uint32_t i = 0; i < r->remarks.count; i++) {
        struct event event =
            run_remark_event(&r->remarks.items[i], clock_wall_ns(&r->session->clock));

        tell(r, &event);
    }
}

static void tell_metrics(struct running *r)
{
    char message[128];
    struct event event = {.kind = EVENT_WARNING,
                          .level = "Info",
                          .time_ns = clock_wall_ns(&r->session->clock),
                          .message = message};

    if (!r->metrics.serve)
        return;
    snprintf(message, sizeof message, "metrics are served at http://%s/metrics",
             metrics_serve_address(r->metrics.serve));
    if (r->voice == RUN_VOICE_WORDS && !r->options.quiet)
        say_aloud(message);
    tell(r, &event);
}

/* ---- What is heard ---- */

static bool is_unread(const struct running *r)
{
    return r->out && event_out_count(r->out).bytes > UNREAD_MAX_BYTES;
}

static void hold_commands(struct running *r)
{
    bool held = is_unread(r);

    if (r->input)
        line_reader_hold(r->input, held);
    if (r->peers)
        control_peers_hold(r->peers, held);
}

/* A job for people, on many lines: its first one alone says little of what is wrong. */
static void remark_cut_job(struct running *r, const char *line, size_t bytes)
{
    while (bytes > 0 && strchr(" \t\r", line[bytes - 1]))
        bytes--;
    if (bytes > 0 && line[bytes - 1] != '}')
        run_remarks_add(&r->remarks, true, NULL,
                        "with run - the first line of the standard input is the whole job: it must "
                        "not be on several lines");
}

static void on_line(void *arg, const char *line, size_t bytes)
{
    struct running *r = arg;

    if (r->run) {
        run_command(r->run, line, bytes, NULL);
        if (is_unread(r))
            hold_commands(r);
        return;
    }
    r->has_job = run_input_take(line, bytes, &r->spec, &r->remarks);
    if (!r->has_job)
        remark_cut_job(r, line, bytes);
    r->input_over = !r->has_job;
    line_reader_hold(r->input, true); /* commands wait until there is a run */
}

static void on_too_long(void *arg, uint64_t bytes, size_t max_bytes)
{
    struct running *r = arg;
    char why[128];

    snprintf(why, sizeof why, "the line has %" PRIu64 " bytes, and a %s has at most %zu", bytes,
             r->run ? "command" : "job", max_bytes);
    if (r->run) {
        run_refuse_line(r->run, why, NULL);
        return;
    }
    run_remarks_add(&r->remarks, false, NULL, why);
    r->input_over = true;
    line_reader_hold(r->input, true);
}

static void on_input_ended(void *arg, const struct err *error)
{
    struct running *r = arg;

    if (!r->run) {
        r->input_over = true;
        if (!r->has_job)
            run_remarks_add(&r->remarks, false, NULL,
                            err_is_set(error) ? error->text
                                              : "the standard input ended before there was a job");
        return;
    }
    if (err_is_set(error))
        run_warn(r->run, error->text);
    if (r->options.run.detach || run_ended(r->run))
        return;
    run_warn(r->run, STDIN_ENDED);
    run_stop(r->run);
}

/* ---- The end ---- */

static void on_out_done(void *arg)
{
    ((struct running *)arg)->out_done = true;
}

static void on_report_done(void *arg)
{
    ((struct running *)arg)->report_done = true;
}

/* Every listener has heard "end"; what waits for slow ones is written. */
static void on_run_ended(void *arg)
{
    struct running *r = arg;

    if (r->finishing) /* all ended at once meanwhile */
        return;
    r->finishing = true;
    if (r->input)
        line_reader_stop(r->input);
    if (r->view)
        fleet_view_end(r->view);
    if (r->peers)
        control_peers_finish(r->peers);
    r->out_done = !r->out;
    r->report_done = !r->report.events;
    if (r->out)
        event_out_finish(r->out, EVENT_OUT_FINISH_NS, on_out_done, r);
    if (r->report.events)
        event_http_finish(r->report.events, EVENT_HTTP_FINISH_NS, on_report_done, r);
}

static bool running_ended(void *arg)
{
    const struct running *r = arg;

    return r->finishing && r->out_done && r->report_done &&
           (!r->peers || control_peers_idle(r->peers));
}

static void running_stop(void *arg)
{
    struct running *r = arg;

    if (run_ended(r->run))
        return;
    run_warn(r->run, STAGE_STOPPING);
    run_stop(r->run);
}

/* A second signal: the last line comes all the same, unless nobody reads it. */
static void running_abandon(void *arg)
{
    struct running *r = arg;
    struct event event = {.kind = EVENT_END,
                          .time_ns = clock_wall_ns(&r->session->clock),
                          .exit = STATUS_INTERRUPTED};
    uint64_t due_ns = clock_now_ns(&r->session->clock) + LAST_WORDS_NS;
    struct err ignored = {0};
    size_t bytes;
    char *line = r->finishing ? NULL : event_format(&event, &bytes);

    if (r->peers)
        control_peers_finish(r->peers); /* its path goes away */
    if (line && r->out) {
        struct event_sink *sink = event_out_sink(r->out);

        r->finishing = true;
        sink->take(sink, &event, line, bytes);
        event_out_finish(r->out, LAST_WORDS_NS, on_out_done, r);
    }
    while (r->out && !r->out_done && clock_now_ns(&r->session->clock) < due_ns)
        if (!reactor_turn(r->session->reactor, due_ns - clock_now_ns(&r->session->clock), &ignored))
            break;
    if (r->view)
        fleet_view_end(r->view);
}

static void running_tick(void *arg)
{
    hold_commands(arg); /* progress is the job's own */
}

/* The kernel interface failed: requests are in flight that nobody can end, and nothing may be freed. */
static void give_up(struct running *r, const struct err *error)
{
    say_aloud(error->text);
    run_print_end(r->voice, &r->session->clock, STATUS_FAILED);
    _exit(STATUS_FAILED);
}

static void turn(struct running *r, const struct session_work *work)
{
    struct err error = {0};

    if (!session_run(r->session, work, &error))
        give_up(r, &error);
}

/* Events that a full disk did not take were not told. A reader that went away chose to. */
static enum exit_status judge_output(const struct running *r, enum exit_status status)
{
    const struct err *error = r->out ? event_out_error(r->out) : NULL;

    if (!error || !err_is_set(error) || error->sys_errno == EPIPE || error->sys_errno == ECONNRESET)
        return status;
    say_aloud(error->text);
    return status == STATUS_DONE ? STATUS_FAILED : status;
}

/* ---- Before there is a run ---- */

static bool waiting_ended(void *arg)
{
    const struct running *r = arg;

    return r->has_job || r->input_over || r->stopped;
}

static void waiting_stop(void *arg)
{
    ((struct running *)arg)->stopped = true;
}

static void waiting_abandon(void *arg)
{
    const struct running *r = arg;

    run_print_end(r->voice, &r->session->clock, STATUS_INTERRUPTED);
}

static void waiting_tick(void *arg)
{
    (void)arg;
}

static const struct run_hearing hearing = {.line = on_line,
                                           .too_long = on_too_long,
                                           .input_ended = on_input_ended,
                                           .say = on_say,
                                           .run_ended = on_run_ended};

static bool wait_for_job(struct running *r, struct err *e)
{
    struct session_work work = {.ended = waiting_ended,
                                .stop = waiting_stop,
                                .abandon = waiting_abandon,
                                .tick = waiting_tick,
                                .tick_ns = TICK_NS,
                                .arg = r};

    r->options.memory_bytes = JOB_MEMORY_BYTES;
    if (!session_open(r->session, &r->options, e) || !run_open_input(r, &hearing, e))
        return false;
    turn(r, &work);
    return r->has_job && !r->stopped;
}

static bool find_state_folder(struct running *r, struct err *e)
{
    const char *given = r->options.state_folder;

    if (!given)
        stage_default_state_folder(getenv("XDG_STATE_HOME"), getenv("HOME"), r->state_folder);
    else if (snprintf(r->state_folder, PATH_MAX, "%s", given) >= PATH_MAX)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--state-dir: the path is too long");
    return true;
}

/* False: e, or the remarks, or a signal came first. */
static bool prepare(struct running *r, struct err *e)
{
    uint64_t asked_bytes = r->options.memory_bytes;

    if (!find_state_folder(r, e))
        return false;
    if (r->from_stdin) {
        if (!wait_for_job(r, e))
            return false;
    } else if (!run_input_read(r->options.ends[0], &r->spec, &r->remarks, e)) {
        return false;
    }
    if (asked_bytes)
        r->spec.limits.memory_bytes = asked_bytes;
    r->options.memory_bytes = r->spec.limits.memory_bytes;
    if (r->from_stdin)
        bufpool_set_max(r->session->pool, r->options.memory_bytes);
    else if (!session_open(r->session, &r->options, e))
        return false;
    return run_open_rest(r, &hearing, e);
}

/* ---- The command ---- */

static enum exit_status run_it(struct running *r)
{
    struct session_work work = {.ended = running_ended,
                                .stop = running_stop,
                                .abandon = running_abandon,
                                .tick = running_tick,
                                .tick_ns = TICK_NS,
                                .arg = r};
    const char *fallback = reactor_fallback_reason(r->session->reactor);

    tell_remarks(r);
    tell_metrics(r);
    if (fallback)
        run_warn(r->run, fallback);
    if (http_fewer_threads(r->session->http))
        run_warn(r->run, http_fewer_threads(r->session->http)->text);
    if (!*r->state_folder)
        run_warn(r->run,
                 "There is no state folder (HOME is not set): after a kill only a disk with a "
                 "\"journal\" of its own goes on, and no report waits on disk. --state-dir DIR "
                 "gives them a place.");
    run_start(r->run);
    if (r->input)
        line_reader_hold(r->input, false);
    turn(r, &work);
    return judge_output(r, (enum exit_status)run_exit(r->run));
}

/* Nothing was begun. */
static enum exit_status explain(struct running *r, const struct err *error)
{
    enum exit_status status = r->stopped ? STATUS_AGAIN : STATUS_MISUSED;

    if (err_is_set(error))
        run_remarks_add(&r->remarks, false, NULL, error->text);
    run_remarks_print(&r->remarks, r->voice, &r->stage->clock);
    run_print_end(r->voice, &r->stage->clock, (int)status);
    return status;
}

void command_run(struct stage *stage, struct view_outcome *outcome)
{
    struct running r = {.stage = stage, .options = *stage->options, .session = &stage->session};
    struct err error = {0};

    r.from_stdin = strcmp(r.options.ends[0], "-") == 0;
    r.voice = r.options.json || (!r.options.quiet && !isatty(STDOUT_FILENO)) ? RUN_VOICE_EVENTS
                                                                             : RUN_VOICE_WORDS;
    job_spec_init(&r.spec);
    if (prepare(&r, &error))
        outcome->status = run_it(&r);
    else
        outcome->status = explain(&r, &error);
    run_close(&r);
    view_init(&stage->view, VIEW_QUIET, &stage->clock); /* all was said */
}
