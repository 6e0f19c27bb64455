/* event_http_keep.c - from the queue to the spool: lines are in a file before they are sent. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/event_http_internal.h"

#define APPEND_AGAIN_NS (30ull * NS_PER_S) /* after the file took nothing: the disk is full, ... */
#define LOOK_FIRST_NS   (1ull * NS_PER_S) /* a process just killed holds its lock a moment longer */
#define LOOK_MAX_NS     (60ull * NS_PER_S)

/* ---- Files ---- */

static void on_marked(void *arg, size_t moved, const struct err *error)
{
    (void)moved;
    (void)error;
    event_http_step(arg);
}

void event_http_open_spool(struct event_http *h)
{
    struct err e = {0};

    h->look_wait_ns = LOOK_FIRST_NS;
    if (!h->folder) {
        event_http_say(h,
                       "events for %.100s are kept in memory alone: what it has not taken is lost "
                       "when this process ends",
                       h->url.host);
        return;
    }
    event_http_look(h);
    h->own = event_spool_make(h->reactor, h->folder, &h->id, h->spool_max_bytes, &e);
    if (h->own)
        event_spool_on_marked(h->own, on_marked, h);
    else
        event_http_say(
            h,
            "events for %.100s are kept in memory alone, and what it has not taken is lost "
            "when this process ends: %s",
            h->url.host, e.text);
}

static void on_look(struct timer *timer)
{
    struct event_http *h = (struct event_http *)((char *)timer - offsetof(struct event_http, look));

    event_http_look(h);
    event_http_step(h);
}

void event_http_look(struct event_http *h)
{
    if (h->folder && !h->old && !h->blind) {
        h->old = event_spool_find(h->reactor, h->folder, h->id.key);
        h->old_delivered = 0;
        if (h->old)
            event_spool_on_marked(h->old, on_marked, h);
    }
    if (!h->folder || h->finishing)
        return;
    reactor_arm(h->reactor, &h->look, reactor_now_ns(h->reactor) + h->look_wait_ns, on_look);
    if (h->look_wait_ns < LOOK_MAX_NS)
        h->look_wait_ns *= 2;
}

bool event_http_keeps(const struct event_http *h)
{
    return h->own && event_spool_max(h->own) > 0;
}

/* ---- Groups ---- */

static bool group_reach(struct event_group *group, size_t bytes)
{
    size_t room = bytes < EVENT_HTTP_BATCH_MAX_BYTES ? EVENT_HTTP_BATCH_MAX_BYTES : bytes;
    unsigned char *more;

    if (bytes <= group->room)
        return true;
    more = realloc(group->bytes, room);
    if (!more)
        return false;
    group->bytes = more;
    group->room = room;
    return true;
}

enum fit { FIT_TAKE, FIT_LEAVE_OUT, FIT_STOP };

static enum fit fit_of(struct event_http *h, const struct event_queue_line *line)
{
    size_t bytes = h->group.used + SPOOL_RECORD_HEAD_BYTES + line->bytes;

    if (line->bytes > SPOOL_LINE_MAX_BYTES) {
        if (!h->large_said)
            event_http_say(h, "an event of %zu bytes is too long to be reported and is left out",
                           line->bytes);
        h->large_said = true;
        return FIT_LEAVE_OUT;
    }
    if (event_http_keeps(h)) {
        uint64_t end = event_spool_used(h->own) + bytes;

        if (line->progress && end > event_spool_max(h->own) / 2)
            return FIT_LEAVE_OUT;
        if (end > event_spool_max(h->own))
            return FIT_STOP;
    }
    if (h->group.used && bytes > EVENT_HTTP_BATCH_MAX_BYTES)
        return FIT_STOP;
    return group_reach(&h->group, bytes) ? FIT_TAKE : FIT_STOP;
}

bool event_http_group(struct event_http *h)
{
    struct event_group *group = &h->group;
    struct event_queue_line line;
    enum fit fit;

    assert(group->state == GROUP_EMPTY);
    if (group->room > 2 * EVENT_HTTP_BATCH_MAX_BYTES) { /* a line was very long */
        free(group->bytes);
        *group = (struct event_group){0};
    }
    group->used = 0;
    group->lines = 0;
    while (event_queue_first(h->queue, &line) && (fit = fit_of(h, &line)) != FIT_STOP) {
        struct spool_record record = {h->next_line, line.progress, line.text, line.bytes};

        if (fit == FIT_TAKE) {
            group->used += spool_record_encode(&h->id, &record, group->bytes + group->used);
            group->lines++;
            h->next_line++;
        } else {
            h->counts.dropped_lines++;
        }
        event_queue_pop(h->queue);
    }
    return group->lines > 0;
}

/* ---- The file ---- */

static void on_keep(struct timer *timer)
{
    event_http_step((struct event_http *)((char *)timer - offsetof(struct event_http, keep)));
}

static void append_failed(struct event_http *h, const struct err *error)
{
    h->group.state = GROUP_HELD;
    h->append_ns = reactor_now_ns(h->reactor) + APPEND_AGAIN_NS;
    if (!h->finishing)
        reactor_arm(h->reactor, &h->keep, h->append_ns, on_keep);
    if (!h->keep_said)
        event_http_say(h,
                       "events for %.100s cannot be kept on disk and stay in memory meanwhile: %s",
                       h->url.host, error->text);
    h->keep_said = true;
}

static void on_appended(void *arg, size_t moved, const struct err *error)
{
    struct event_http *h = arg;

    (void)moved;
    if (err_is_set(error)) {
        append_failed(h, error);
    } else {
        h->group.state = GROUP_EMPTY;
        h->own_lines += h->group.lines;
        h->keep_said = false;
    }
    event_http_step(h);
}

void event_http_keep(struct event_http *h)
{
    bool held = h->group.state == GROUP_HELD;

    if (!event_http_keeps(h) || h->group.state == GROUP_WRITING || h->resetting || h->synced)
        return;
    if (held && reactor_now_ns(h->reactor) < h->append_ns)
        return;
    if (!held && !event_http_group(h))
        return;
    h->group.state = GROUP_WRITING;
    event_spool_append(h->own, h->group.bytes, h->group.used, on_appended, h);
}
