/* view_plain.c - a line when the phase changes and every few seconds; and silence, which still tells
 * errors. */
#include <stdio.h>
#include <string.h>

#include "tools/snapferry/view_text.h"

#define PLAIN_INTERVAL_NS 5000000000ull
#define PLAIN_WIDTH       200u

static void plain_moment(struct view *view, const struct view_moment *moment, uint64_t now_ns)
{
    char line[VIEW_LINE_MAX_BYTES];

    if (!view_is_due(view, moment->phase, PLAIN_INTERVAL_NS, now_ns))
        return;
    view_text_line(view->target[0] ? view->target : view->disk, moment, PLAIN_WIDTH, line);
    fprintf(stderr, "%s\n", line);
}

static void plain_state(struct view *view, const char *code, const char *level,
                        const char *sentence)
{
    (void)view;
    (void)code;
    (void)level;
    if (*sentence)
        fprintf(stderr, "snapferry: %s\n", sentence);
}

static void plain_copy(struct view *view, const struct view_copy *done)
{
    char text[VIEW_SUMMARY_MAX_BYTES];

    view_text_summary(done, text);
    printf("%s%s%s", view->target, view->target[0] ? ": " : "", text);
}

static void plain_end(struct view *view, const struct view_outcome *outcome)
{
    (void)view;
    (void)outcome;
}

const struct view_ops view_plain_ops = {plain_moment, plain_state, plain_copy, NULL, plain_end};

/* ---- Silence ---- */

static void quiet_moment(struct view *view, const struct view_moment *moment, uint64_t now_ns)
{
    (void)view;
    (void)moment;
    (void)now_ns;
}

static void quiet_state(struct view *view, const char *code, const char *level,
                        const char *sentence)
{
    if (strcmp(level, "Error") == 0)
        plain_state(view, code, level, sentence);
}

static void quiet_copy(struct view *view, const struct view_copy *done)
{
    (void)view;
    (void)done;
}

const struct view_ops view_quiet_ops = {quiet_moment, quiet_state, quiet_copy, NULL, plain_end};
