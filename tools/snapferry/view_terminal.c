/* view_terminal.c - a live line on a terminal, redrawn in place. No colours: NO_COLOR has nothing to
 * turn off. The other lines are those of view_plain. */
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/snapferry/view_text.h"

#define TERMINAL_WIDTH_DEFAULT 80u

static unsigned terminal_width(void)
{
    struct winsize size = {0};

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return TERMINAL_WIDTH_DEFAULT;
    return size.ws_col;
}

/* ---- The lines of several targets ---- */

static void end_rows(struct view_rows *rows, bool keep)
{
    if (rows->open && !keep)
        fprintf(stderr, "\033[%uA\033[J", rows->count);
    rows->open = false;
}

static void draw_rows(struct view_rows *rows)
{
    if (rows->open)
        fprintf(stderr, "\033[%uA", rows->count);
    for (uint32_t i = 0; i < rows->count; i++)
        fprintf(stderr, "\r%s\033[K\n", rows->line[i]);
    rows->open = true;
}

/* ---- The view ---- */

static void end_line(struct view *view, bool keep)
{
    if (view->rows) {
        end_rows(view->rows, keep);
        return;
    }
    if (view->line_open)
        fputs(keep ? "\n" : "\r\033[K", stderr);
    view->line_open = false;
}

static void terminal_moment(struct view *view, const struct view_moment *moment, uint64_t now_ns)
{
    char line[VIEW_LINE_MAX_BYTES];

    if (!view_is_due(view, moment->phase, VIEW_TICK_NS, now_ns))
        return;
    /* One column stays free: some terminals wrap when the last one is written. */
    view_text_line(view->target[0] ? view->target : view->disk, moment, terminal_width() - 1, line);
    if (view->rows) {
        snprintf(view->rows->line[view->row], VIEW_ROW_MAX_BYTES, "%s", line);
        draw_rows(view->rows);
        return;
    }
    fprintf(stderr, "\r%s\033[K", line);
    view->line_open = true;
}

static void terminal_state(struct view *view, const char *code, const char *level,
                           const char *sentence)
{
    if (*sentence)
        end_line(view, false);
    view_plain_ops.state(view, code, level, sentence);
}

static void terminal_copy(struct view *view, const struct view_copy *done)
{
    end_line(view, true);
    view_plain_ops.copy(view, done);
}

static void terminal_end(struct view *view, const struct view_outcome *outcome)
{
    end_line(view, true);
    view_plain_ops.end(view, outcome);
}

static void terminal_clear_line(struct view *view)
{
    end_line(view, true);
}

const struct view_ops view_terminal_ops = {terminal_moment, terminal_state, terminal_copy,
                                           terminal_clear_line, terminal_end};
