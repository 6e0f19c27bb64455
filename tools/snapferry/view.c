/* view.c - see view.h. What all kinds share: redaction, and the choice among them. */
#include "tools/snapferry/view.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/event.h"
#include "io/secret.h"

#define VIEW_SENTENCE_MAX_BYTES (2u * ERR_TEXT_MAX_BYTES + PATH_MAX)

enum view_kind view_pick(bool json, bool quiet)
{
    const char *terminal = getenv("TERM");

    if (json)
        return VIEW_JSON;
    if (quiet)
        return VIEW_QUIET;
    if (isatty(STDERR_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0)
        return VIEW_TERMINAL;
    return VIEW_PLAIN;
}

void view_init(struct view *view, enum view_kind kind, const struct clock *clock)
{
    static const struct view_ops *const ops[] = {
        [VIEW_TERMINAL] = &view_terminal_ops,
        [VIEW_PLAIN] = &view_plain_ops,
        [VIEW_JSON] = &view_json_ops,
        [VIEW_QUIET] = &view_quiet_ops,
    };

    memset(view, 0, sizeof *view);
    view->ops = ops[kind];
    view->kind = kind;
    view->clock = clock;
}

void view_name_disk(struct view *view, const char *disk)
{
    snprintf(view->disk, sizeof view->disk, "%s", disk);
    secret_redact(view->disk);
}

void view_name_target(struct view *view, const char *target, struct view_rows *rows, uint32_t row)
{
    snprintf(view->target, sizeof view->target, "%s", target);
    secret_redact(view->target);
    view->rows = rows;
    view->row = row;
}

void view_moment(struct view *view, const struct view_moment *moment)
{
    view->ops->moment(view, moment, clock_now_ns(view->clock));
}

bool view_is_due(struct view *view, const char *phase, uint64_t interval_ns, uint64_t now_ns)
{
    bool new_phase = !view->phase_shown || strcmp(view->phase_shown, phase) != 0;

    if (!new_phase && now_ns < view->due_ns)
        return false;
    view->due_ns = now_ns + interval_ns;
    view->phase_shown = phase;
    return true;
}

/* Also those that a terminal finds in UTF-8: U+0080 to U+009F. */
static void drop_controls(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < ' ' || *c == 127)
            *c = '?';
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            c[0] = c[1] = '?';
    }
}

void view_clean(char *text)
{
    if (strcasestr(text, "sig="))
        secret_redact(text);
    drop_controls(text);
}

static void tell(struct view *view, const char *code, const char *level, const char *sentence)
{
    char shown[VIEW_SENTENCE_MAX_BYTES + ENDPOINT_NAME_MAX_BYTES];
    /* a program finds the target in the event; an error names it mostly by itself */
    bool name = view->target[0] && view->kind != VIEW_JSON && *sentence &&
                strncmp(sentence, view->target, strlen(view->target)) != 0;

    snprintf(shown, sizeof shown, "%s%s%s", name ? view->target : "", name ? ": " : "", sentence);
    secret_redact(shown);
    drop_controls(shown);
    view->ops->state(view, code, level, shown);
}

void view_begin(struct view *view)
{
    tell(view, event_code_name(EVENT_IN_PROGRESS), "Info", "");
}

void view_say(struct view *view, const char *sentence)
{
    tell(view, event_code_name(EVENT_IN_PROGRESS), "Warning", sentence);
}

void view_wait(struct view *view, const char *sentence)
{
    tell(view, event_code_name(EVENT_WAITING_FOR_ACCESS), "Warning", sentence);
}

void view_go_on(struct view *view, const char *sentence)
{
    tell(view, event_code_name(EVENT_IN_PROGRESS), "Info", sentence);
}

void view_copy(struct view *view, const struct view_copy *done)
{
    view->ops->copy(view, done);
}

void view_clear_line(struct view *view)
{
    if (view->ops->clear_line)
        view->ops->clear_line(view);
}

/* The error, and what to do about it. */
static void last_words(const struct view_outcome *outcome, char out_text[VIEW_SENTENCE_MAX_BYTES])
{
    const char *advice = exit_status_advice(outcome->status, &outcome->error);
    const char *text = outcome->error.text;
    size_t length = strlen(text), used;
    bool full_stop = length > 0 && strchr(".!?", text[length - 1]);

    used = (size_t)snprintf(out_text, VIEW_SENTENCE_MAX_BYTES, "%s%s%s", text,
                            !*advice    ? ""
                            : full_stop ? " "
                                        : ". ",
                            advice);
    if (outcome->status == STATUS_FAILED && outcome->error.kind == ERR_IO && outcome->journal[0])
        snprintf(out_text + used, VIEW_SENTENCE_MAX_BYTES - used,
                 "%s %.1f %% are recorded in %s: when this is mended, the same command goes on.",
                 full_stop ? "" : ".", outcome->recorded_percent, outcome->journal);
    else if (*advice && outcome->journal[0])
        snprintf(out_text + used - 1, VIEW_SENTENCE_MAX_BYTES - used + 1,
                 "; %.1f %% are recorded in %s.", outcome->recorded_percent, outcome->journal);
}

void view_end_target(struct view *view, const struct view_outcome *outcome)
{
    const char *code = exit_status_code(outcome->status, &outcome->error);
    bool failed = err_is_set(&outcome->error);
    char sentence[VIEW_SENTENCE_MAX_BYTES] = "";

    if (failed)
        last_words(outcome, sentence);
    tell(view, code, failed ? "Error" : "Info", sentence);
}

void view_end(struct view *view, const struct view_outcome *outcome)
{
    view_end_target(view, outcome);
    view->ops->end(view, outcome);
}
