/* event_http.c - see event_http.h. Its life, what comes in, and its end; event_http_*.c do the rest. */
#include "engine/event_http.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/digest.h"
#include "engine/event_http_internal.h"

static void free_now(struct event_http *h);
static void step_soon(struct event_http *h);

/* ---- The end ---- */

static bool is_quiet(const struct event_http *h)
{
    return !h->reading && !h->posting && h->group.state != GROUP_WRITING && !h->resetting &&
           !h->step_task.posted && !h->done_task.posted;
}

static void on_done(struct reactor_task *task)
{
    struct event_http *h =
        (struct event_http *)((char *)task - offsetof(struct event_http, done_task));

    if (!h->freed)
        h->done(h->done_arg); /* may free */
    else if (is_quiet(h))
        free_now(h);
}

static void disarm_all(struct event_http *h)
{
    struct timer *const timers[] = {&h->retry, &h->flush, &h->keep, &h->look, &h->deadline};

    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++)
        reactor_disarm(h->reactor, timers[i]);
}

static void end(struct event_http *h)
{
    h->ended = true;
    disarm_all(h);
    event_http_say_left(h);
    reactor_post(h->reactor, &h->done_task, on_done);
}

static void no_retry(struct event_http *h)
{
    reactor_disarm(h->reactor, &h->retry);
    h->retry_ns = 0;
}

static void give_up(struct event_http *h)
{
    h->gave_up = true;
    h->append_ns = 0; /* once more */
    no_retry(h);
    if (h->posting)
        http_cancel_all(h->http);
}

static void on_synced(void *arg, size_t moved, const struct err *error)
{
    struct event_http *h = arg;

    (void)moved;
    (void)error; /* what could be done was done: a kill loses nothing, and a power loss perhaps */
    h->reading = false;
    event_http_step(h);
}

/* Everything that could be written is: what cannot is lost. */
static bool is_kept(struct event_http *h)
{
    return !h->reading && !h->posting && (!h->own || event_spool_idle(h->own)) &&
           (!h->old || event_spool_idle(h->old));
}

static void finish_step(struct event_http *h)
{
    if (!h->finishing || h->ended)
        return;
    if (event_http_nothing_left(h) && !h->looked) {
        h->looked = true; /* somebody else may have ended meanwhile */
        event_http_look(h);
        event_http_deliver(h);
    }
    if (event_http_nothing_left(h)) {
        if (is_kept(h))
            end(h);
        return;
    }
    if (!h->gave_up && h->retry_ns > h->deadline_ns) {
        give_up(h);
        event_http_keep(h);
    }
    if (!h->gave_up || !is_kept(h))
        return;
    if (h->own && event_spool_waiting(h->own) > 0 && !h->synced) {
        h->synced = h->reading = true;
        event_spool_sync(h->own, on_synced, h);
        return;
    }
    end(h);
}

static void on_deadline(struct timer *timer)
{
    struct event_http *h =
        (struct event_http *)((char *)timer - offsetof(struct event_http, deadline));

    if (!h->gave_up)
        give_up(h);
    event_http_step(h);
}

/* What waits for a back-off is tried at once, unless upstream itself asked for a pause. */
void event_http_finish(struct event_http *h, uint64_t wait_ns, void (*done)(void *arg), void *arg)
{
    assert(!h->finishing && done);
    h->finishing = true;
    h->done = done;
    h->done_arg = arg;
    h->deadline_ns = reactor_now_ns(h->reactor) + wait_ns;
    reactor_disarm(h->reactor, &h->look);
    reactor_disarm(h->reactor, &h->keep);
    h->append_ns = 0;
    if (!h->wished)
        no_retry(h);
    reactor_arm(h->reactor, &h->deadline, h->deadline_ns, on_deadline);
    step_soon(h);
}

/* ---- Steps ---- */

void event_http_step(struct event_http *h)
{
    if (h->freed) {
        if (is_quiet(h))
            free_now(h);
        return;
    }
    if (h->ended)
        return;
    event_http_keep(h);
    event_http_deliver(h);
    finish_step(h);
}

static void on_step(struct reactor_task *task)
{
    event_http_step((struct event_http *)((char *)task - offsetof(struct event_http, step_task)));
}

static void step_soon(struct event_http *h)
{
    if (!h->step_task.posted)
        reactor_post(h->reactor, &h->step_task, on_step);
}

static void on_flush(struct timer *timer)
{
    event_http_step((struct event_http *)((char *)timer - offsetof(struct event_http, flush)));
}

void event_http_flush_later(struct event_http *h)
{
    h->flush_ns = reactor_now_ns(h->reactor) + h->interval_ns;
    reactor_arm(h->reactor, &h->flush, h->flush_ns, on_flush);
}

static void take(struct event_sink *sink, const struct event *event, const char *line, size_t bytes)
{
    struct event_http *h = (struct event_http *)sink;

    if (h->finishing)
        return;
    if (!event_queue_push(h->queue, event, line, bytes)) {
        h->counts.dropped_lines++;
        return;
    }
    if (!h->flush_ns)
        event_http_flush_later(h);
    step_soon(h);
}

/* ---- Life ---- */

static bool take_token(struct event_http *h, const char *token, struct err *e)
{
    size_t bytes = strlen(token);

    for (size_t i = 0; i < bytes; i++)
        if (!isgraph((unsigned char)token[i]))
            return err_set(e, ERR_USAGE, RETRY_NEVER,
                           "the token for reports holds characters that no token has");
    if (bytes == 0 || bytes > EVENT_HTTP_TOKEN_MAX_BYTES)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "the token for reports is empty, or longer than %u bytes",
                       EVENT_HTTP_TOKEN_MAX_BYTES);
    if (asprintf(&h->authorization, "Bearer %s", token) < 0) {
        h->authorization = NULL;
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for reports");
    }
    return true;
}

/* Files of one key go to one URL; it tells nobody which. */
static void draw_id(struct event_http *h)
{
    char text[DIGEST_TEXT_MAX_BYTES];

    digest_sha256_text(h->url.address, strlen(h->url.address), text);
    for (size_t i = 0; i < SPOOL_KEY_BYTES; i++)
        sscanf(text + strlen("sha256:") + 2 * i, "%2hhx", &h->id.key[i]);
    for (size_t i = 0; i < SPOOL_STREAM_BYTES; i += sizeof(uint64_t)) {
        uint64_t drawn = retry_random_next(&h->random);

        memcpy(h->id.stream + i, &drawn, sizeof drawn);
    }
    h->id.created_ns = reactor_wall_ns(h->reactor);
}

static bool set_up(struct event_http *h, const struct event_http_setup *setup, struct err *e)
{
    if (!secret_url_parse(setup->url, &h->url, e))
        return false;
    if (setup->token && !take_token(h, setup->token, e))
        return false;
    if (setup->spool_folder && !(h->folder = strdup(setup->spool_folder)))
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for reports");
    h->queue = event_queue_new(EVENT_QUEUE_MAX_BYTES, e);
    return h->queue != NULL;
}

struct event_http *event_http_new(const struct event_http_setup *setup, struct err *e)
{
    struct event_http *h = calloc(1, sizeof *h);

    if (!h) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for reports");
        return NULL;
    }
    *h = (struct event_http){
        .sink.take = take,
        .reactor = setup->reactor,
        .http = setup->http,
        .interval_ns = setup->interval_ms * NS_PER_MS,
        .spool_max_bytes =
            setup->spool_max_bytes ? setup->spool_max_bytes : EVENT_HTTP_SPOOL_MAX_BYTES,
        .random.state = setup->random_seed,
        .say = setup->say,
        .say_arg = setup->arg,
        .next_line = 1,
    };
    if (!set_up(h, setup, e)) {
        free_now(h);
        return NULL;
    }
    draw_id(h);
    event_http_open_spool(h);
    step_soon(h);
    return h;
}

static void free_now(struct event_http *h)
{
    if (h->own)
        event_spool_free(h->own, event_spool_waiting(h->own) == 0);
    if (h->old)
        event_spool_free(h->old, event_spool_waiting(h->old) == 0);
    secret_wipe_free(h->authorization);
    secret_url_fini(&h->url);
    event_queue_free(h->queue);
    event_batch_fini(&h->batch);
    free(h->group.bytes);
    free(h->records);
    free(h->folder);
    free(h);
}

void event_http_free(struct event_http *h)
{
    if (!h)
        return;
    disarm_all(h);
    h->freed = true;
    if (h->posting)
        http_cancel_all(h->http);
    if (is_quiet(h))
        free_now(h);
}

/* ---- Look ---- */

struct event_sink *event_http_sink(struct event_http *h)
{
    return &h->sink;
}

struct event_http_counts event_http_count(const struct event_http *h)
{
    struct event_http_counts counts = h->counts;
    struct event_queue_counts queued = event_queue_count(h->queue);

    counts.dropped_lines += queued.dropped;
    counts.waiting_lines = queued.lines + h->own_lines;
    if (h->group.state != GROUP_EMPTY)
        counts.waiting_lines += h->group.lines;
    if (h->source == FROM_MEMORY)
        counts.waiting_lines += h->batch.lines;
    return counts;
}
