/* fleet_view.c - see fleet_view.h. No colours: NO_COLOR has nothing to turn off. */
#include "tools/snapferry/fleet_view.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/snapferry/fleet_text.h"
#include "tools/snapferry/size_text.h"
#include "tools/snapferry/view.h"

#define WIDTH_DEFAULT   80u
#define HEIGHT_DEFAULT  24u
#define ROWS_MAX        200u
#define NOTE_MAX_BYTES  2048u
#define FRAME_MAX_BYTES (ROWS_MAX * (FLEET_LINE_MAX_BYTES + 8u) + 4096u)
#define FULL_WAIT_MS    100    /* for room in a terminal that is read slowly */
#define LAST_WORDS_MS   600000 /* a terminal that takes nothing is waited for so long at the end */

struct fleet_view {
    /* set once */
    struct reactor *reactor;
    struct run *run;
    int fd, given_fd; /* ours, if it is another */
    bool live;
    struct event_sink sink;
    enum event_code *codes; /* of all disks; for a frame */
    char *frame;
    /* changes */
    struct timer timer;
    bool ended;
    uint64_t started_ns;
    char notes[FLEET_NOTES_MAX_BYTES]; /* whole lines that wait to be written */
    size_t notes_bytes;
    uint32_t notes_lost;
    uint32_t rows_open;    /* on the screen, the cursor below them */
    unsigned width_before; /* when they were drawn */
    double percent_said;
};

/* ---- What is said once ---- */

static void view_note(struct fleet_view *view, const char *line)
{
    size_t length = strlen(line);

    if (view->notes_bytes + length + 1 > sizeof view->notes) {
        view->notes_lost++;
        return;
    }
    memcpy(view->notes + view->notes_bytes, line, length);
    view->notes[view->notes_bytes + length] = '\n';
    view->notes_bytes += length + 1;
}

static void note_disk_summary(struct fleet_view *view, const struct event *event)
{
    char line[NOTE_MAX_BYTES], size[SIZE_TEXT_MAX_BYTES] = "", time[DURATION_TEXT_MAX_BYTES] = "";
    const struct copy_summary *copy = event->copy;
    const char *why = event->message ? event->message : "no reason is known";
    const char *request = event->error ? event->error->request_id : "";
    bool said = !*request || strstr(why, request);

    if (event->code != EVENT_SUCCEEDED) {
        snprintf(line, sizeof line, "%s: %s at %.1f%%: %s%s%s", event->disk,
                 event->code == EVENT_FAILED ? "failed" : "stopped", event->progress.percent, why,
                 said ? "" : ", request id ", said ? "" : request);
    } else {
        size_text_format(copy ? copy->written_bytes : 0, size);
        size_text_duration(copy && copy->ended_ns > copy->started_ns
                               ? (copy->ended_ns - copy->started_ns) / NS_PER_S
                               : 0,
                           time);
        snprintf(line, sizeof line, "%s: complete, %s written in %s", event->disk, size, time);
    }
    view_clean(line);
    view_note(view, line);
}

static void note_point_summary(struct fleet_view *view, const struct event *event)
{
    char line[NOTE_MAX_BYTES];

    snprintf(line, sizeof line, "restore point %s: %s", event->point,
             event->code == EVENT_SUCCEEDED  ? "complete"
             : event->code == EVENT_FAILED   ? "NOT COMPLETE: a disk failed"
             : event->code == EVENT_CANCELED ? "NOT COMPLETE: canceled"
                                             : "NOT COMPLETE: run the same job again to go on");
    view_clean(line);
    view_note(view, line);
}

static void note_message(struct fleet_view *view, const char *of, const char *message)
{
    char line[NOTE_MAX_BYTES];

    snprintf(line, sizeof line, "%s%s%s", of ? of : "", of ? ": " : "", message);
    view_clean(line);
    view_note(view, line);
}

/* Of an end its summary tells. */
static bool is_news(const struct event *event)
{
    if (!event->message || !event->message[0] || event->code == EVENT_SUCCEEDED ||
        event->code == EVENT_FAILED || event->code == EVENT_CANCELED)
        return false;
    return event->code == EVENT_WAITING_FOR_ACCESS ||
           (event->level && strcmp(event->level, "Info") != 0);
}

static void view_take(struct event_sink *sink, const struct event *event, const char *line,
                      size_t bytes)
{
    struct fleet_view *view =
        (struct fleet_view *)((char *)sink - offsetof(struct fleet_view, sink));
    char message[64];

    (void)line;
    (void)bytes;
    switch (event->kind) {
    case EVENT_SUMMARY:
        if (event->disk)
            note_disk_summary(view, event);
        else
            note_point_summary(view, event);
        break;
    case EVENT_STATE:
        if (is_news(event))
            note_message(view, event->disk ? event->disk : event->point, event->message);
        break;
    case EVENT_ACCESS_EXPIRING:
        snprintf(message, sizeof message, "the %s's URL ends soon: a new one is asked for",
                 access_side_name(event->side));
        note_message(view, event->disk, message);
        break;
    case EVENT_WARNING:
    case EVENT_INVALID:
        if (event->message)
            note_message(view, event->disk ? event->disk : event->path, event->message);
        break;
    case EVENT_PROGRESS:
    case EVENT_ANSWER:
    case EVENT_END:
        break;
    }
}

/* ---- The screen ---- */

static void screen_size(const struct fleet_view *view, unsigned *out_width, unsigned *out_height)
{
    struct winsize size = {0};

    if (ioctl(view->fd, TIOCGWINSZ, &size) != 0)
        size.ws_col = size.ws_row = 0;
    *out_width = size.ws_col ? size.ws_col : WIDTH_DEFAULT;
    *out_height = size.ws_row ? size.ws_row : HEIGHT_DEFAULT;
}

/* Will a write of this much not block? A terminal that was stopped by a key says no. */
static bool view_may_write(const struct fleet_view *view, int wait_ms)
{
    struct pollfd poller = {.fd = view->fd, .events = POLLOUT};

    return poll(&poller, 1, wait_ms) == 1 && poller.revents & POLLOUT;
}

static void view_write(struct fleet_view *view, const char *text, size_t count)
{
    while (count > 0) {
        ssize_t wrote = write(view->fd, text, count);

        if (wrote < 0 && errno == EAGAIN &&
            view_may_write(view, view->ended ? LAST_WORDS_MS : FULL_WAIT_MS))
            continue;
        if (wrote < 0 && errno != EINTR)
            return; /* nobody looks any more: no reason to stop a copy */
        if (wrote > 0) {
            text += wrote;
            count -= (size_t)wrote;
        }
    }
}

static void view_write_notes(struct fleet_view *view)
{
    char lost[64];
    int length;

    view_write(view, view->notes, view->notes_bytes);
    view->notes_bytes = 0;
    if (view->notes_lost) {
        length = snprintf(lost, sizeof lost, "%u lines are left out\n", view->notes_lost);
        view_write(view, lost, (size_t)length);
    }
    view->notes_lost = 0;
}

/* Back to above the rows. Those of a screen that was made narrower have wrapped. wipe: nothing of them stays,
 * because other lines come in their place. */
static void leave_rows(struct fleet_view *view, unsigned width, unsigned height, bool wipe)
{
    char text[32];
    unsigned lines = view->rows_open;
    int length;

    if (lines == 0)
        return;
    if (width < view->width_before)
        lines *= (view->width_before + width - 1) / width;
    if (lines > height - 1)
        lines = height - 1;
    length = snprintf(text, sizeof text, "\r\033[%uA%s", lines, wipe ? "\033[J" : "");
    view_write(view, text, (size_t)length);
    view->rows_open = 0;
}

/* ---- Frames ---- */

static struct fleet_totals look_at_all(struct fleet_view *view)
{
    struct job *job = run_job(view->run);
    struct fleet_totals totals = {0};
    struct job_disk_view disk;

    for (uint32_t i = 0; i < job_disks_count(job); i++) {
        job_look(job, i, &disk);
        view->codes[i] = disk.code;
        fleet_totals_add(&totals, &disk);
    }
    fleet_totals_end(&totals);
    if (totals.percent < view->percent_said)
        totals.percent = view->percent_said;
    view->percent_said = totals.percent;
    return totals;
}

static size_t put_row(const struct fleet_view *view, size_t used, const char *row)
{
    return used + (size_t)snprintf(view->frame + used, FRAME_MAX_BYTES - used, "%s\033[K\n", row);
}

/* Rows and the line of all; the cursor ends below them. */
static void draw_rows(struct fleet_view *view, unsigned width, unsigned height)
{
    struct job *job = run_job(view->run);
    struct fleet_totals totals = look_at_all(view);
    uint32_t shown[ROWS_MAX], under_way = 0, count, rows = height > 3 ? height - 2 : 1;
    uint64_t turn = (reactor_now_ns(view->reactor) - view->started_ns) / FLEET_PAGE_NS;
    char row[FLEET_LINE_MAX_BYTES];
    struct job_disk_view disk;
    size_t used = 0;

    for (uint32_t i = 0; i < totals.disks; i++)
        under_way += fleet_is_under_way(view->codes[i]);
    if (rows > ROWS_MAX)
        rows = ROWS_MAX;
    if (under_way > rows && rows > 1)
        rows--; /* for the line that says so */
    count = fleet_pick(view->codes, totals.disks, rows, (uint32_t)turn, shown);
    for (uint32_t i = 0; i < count; i++) {
        job_look(job, shown[i], &disk);
        fleet_text_row(&disk, width, row);
        view_clean(row);
        used = put_row(view, used, row);
    }
    if (under_way > count) {
        snprintf(row, width < sizeof row ? width + 1 : sizeof row, "%u of %u under way shown",
                 count, under_way);
        used = put_row(view, used, row);
        count++;
    }
    fleet_text_total(&totals, width, row);
    used = put_row(view, used, row);
    used += (size_t)snprintf(view->frame + used, FRAME_MAX_BYTES - used, "\033[J");
    view_write(view, view->frame, used);
    view->rows_open = count + 1;
    view->width_before = width;
}

static void draw_live(struct fleet_view *view)
{
    unsigned width, height;

    screen_size(view, &width, &height);
    if (height < 2)
        height = 2;
    leave_rows(view, width, height, view->notes_bytes || width != view->width_before + 1);
    view_write_notes(view);
    draw_rows(view, width > 1 ? width - 1 : 1, height); /* some terminals wrap at the last column */
}

static void draw_plain(struct fleet_view *view)
{
    struct fleet_totals totals = look_at_all(view);
    char line[FLEET_LINE_MAX_BYTES];

    view_write_notes(view);
    fleet_text_total(&totals, FLEET_WIDTH_MAX, line);
    view_write(view, line, strlen(line));
    view_write(view, "\n", 1);
}

static void view_draw(struct timer *timer)
{
    struct fleet_view *view =
        (struct fleet_view *)((char *)timer - offsetof(struct fleet_view, timer));

    if (view_may_write(view, 0)) {
        if (view->live)
            draw_live(view);
        else
            draw_plain(view);
    }
    reactor_arm(view->reactor, &view->timer,
                reactor_now_ns(view->reactor) + (view->live ? FLEET_DRAW_NS : FLEET_PLAIN_NS),
                view_draw);
}

/* ---- Life ---- */

/* A terminal that nobody reads has room for a byte and not for a frame, and a write that waits would stop all
 * disks. fd itself stays as it is: it is the shell's too. */
static int open_again(int fd)
{
    char path[32];
    int again;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    again = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return again < 0 ? fd : again;
}

struct fleet_view *fleet_view_new(struct reactor *r, struct run *run, int fd, struct err *e)
{
    struct fleet_view *view = calloc(1, sizeof *view);
    uint32_t disks = job_disks_count(run_job(run));

    if (view) {
        view->codes = calloc(disks ? disks : 1, sizeof *view->codes);
        view->frame = malloc(FRAME_MAX_BYTES);
    }
    if (!view || !view->codes || !view->frame) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to show the disks");
        if (view) {
            free(view->codes);
            free(view->frame);
        }
        free(view);
        return NULL;
    }
    view->reactor = r;
    view->run = run;
    view->live = isatty(fd);
    view->given_fd = fd;
    view->fd = view->live ? open_again(fd) : fd;
    view->sink.take = view_take;
    view->started_ns = reactor_now_ns(r);
    run_add_sink(run, &view->sink);
    reactor_arm(r, &view->timer, view->started_ns + (view->live ? 0 : FLEET_PLAIN_NS), view_draw);
    return view;
}

void fleet_view_end(struct fleet_view *view)
{
    if (view->ended)
        return;
    view->ended = true;
    reactor_disarm(view->reactor, &view->timer);
    run_remove_sink(view->run, &view->sink);
    if (!view_may_write(view, LAST_WORDS_MS))
        return;
    if (view->live)
        draw_live(view);
    else
        draw_plain(view);
    view->rows_open = 0;
}

void fleet_view_free(struct fleet_view *view)
{
    if (!view)
        return;
    fleet_view_end(view);
    if (view->fd != view->given_fd)
        close(view->fd);
    free(view->codes);
    free(view->frame);
    free(view);
}
