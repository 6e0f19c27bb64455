/* event_http_post.c - one post, and what its answer means: taken, again, slowly, smaller, not this one. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blockmap/bytes.h"
#include "engine/event_http_internal.h"

#define ASIDE_MAX_BYTES (16 << 20) /* of the file of lines set aside */

enum verdict { VERDICT_TAKEN, VERDICT_AGAIN, VERDICT_SLOWLY, VERDICT_SMALLER, VERDICT_NOT_THIS };

static enum verdict verdict_of(int status)
{
    if (status >= 200 && status < 300)
        return VERDICT_TAKEN;
    if (status == 413)
        return VERDICT_SMALLER;
    if (status == 400 || status == 422)
        return VERDICT_NOT_THIS;
    if (status == 408 || status == 429 || status >= 500)
        return VERDICT_AGAIN;
    return VERDICT_SLOWLY;
}

/* ---- Taken ---- */

static bool more_waits(const struct event_http *h)
{
    return h->batch.lines || h->group.state != GROUP_EMPTY || event_queue_count(h->queue).lines ||
           (h->own && event_spool_waiting(h->own));
}

/* The first lines of the batch are done with. */
static void lines_done(struct event_http *h, uint32_t lines)
{
    uint64_t bytes = event_batch_drop(&h->batch, lines);

    h->refusals = 0;
    switch (h->source) {
    case FROM_OLD:
        event_spool_advance(h->old, bytes, h->batch.first);
        h->old_delivered += lines;
        break;
    case FROM_OWN:
        event_spool_advance(h->own, bytes, h->batch.first);
        h->own_lines -= lines;
        break;
    case FROM_MEMORY:
    case FROM_NOWHERE:
        if (h->own) /* what comes into the file next has a greater number */
            event_spool_advance(h->own, 0, h->batch.first);
        break;
    }
    h->flush_ns = 0;
    if (more_waits(h))
        event_http_flush_later(h);
}

static void piece_taken(struct event_http *h)
{
    h->counts.posted_batches++;
    h->counts.posted_lines += h->piece.lines;
    h->attempts = h->asides = 0;
    if (h->lines_max)
        h->lines_max = h->lines_max < UINT16_MAX ? h->lines_max * 2 : 0;
    if (h->down_said && !h->outage_line)
        h->outage_line = h->next_line;
    lines_done(h, h->piece.lines);
    if (h->outage_line && h->source != FROM_OLD && h->batch.first >= h->outage_line) {
        h->outage_line = 0;
        event_http_say_back(h);
    }
}

/* ---- Set aside ---- */

static bool write_aside(struct event_http *h, char *out_path, size_t path_bytes)
{
    char key[2 * SPOOL_KEY_BYTES + 1];
    bool good = false;
    struct stat st;
    int fd;

    if (!h->folder)
        return false;
    bytes_hex(h->id.key, SPOOL_KEY_BYTES, key);
    snprintf(out_path, path_bytes, "%s/report-%s.refused", h->folder, key);
    fd = open(out_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < ASIDE_MAX_BYTES)
        good = write(fd, h->piece.text, h->piece.bytes) == (ssize_t)h->piece.bytes;
    close(fd);
    return good;
}

static void set_aside(struct event_http *h, const struct err *error)
{
    char path[PATH_MAX];

    if (write_aside(h, path, sizeof path))
        event_http_say(h, "%.100s refuses event %" PRIu64 " (%s): it is set aside in %.300s",
                       h->url.host, h->batch.first, error->text, path);
    else
        event_http_say(h, "%.100s refuses event %" PRIu64 " (%s): it is left out", h->url.host,
                       h->batch.first, error->text);
    h->asides++;
    h->counts.aside_lines++;
    lines_done(h, 1);
}

/* ---- Not taken ---- */

static void on_retry(struct timer *timer)
{
    struct event_http *h =
        (struct event_http *)((char *)timer - offsetof(struct event_http, retry));

    h->retry_ns = 0;
    event_http_step(h);
}

void event_http_retry_in(struct event_http *h, uint64_t wait_ns)
{
    h->retry_ns = reactor_now_ns(h->reactor) + wait_ns;
    reactor_arm(h->reactor, &h->retry, h->retry_ns, on_retry);
}

static void try_later(struct event_http *h, const struct err *error, uint64_t at_least_ms)
{
    struct err judged = *error;
    uint32_t attempts = h->attempts < RETRY_ATTEMPTS_MAX ? h->attempts : RETRY_ATTEMPTS_MAX - 1;
    uint64_t delay_ns;

    judged.kind = ERR_NET;
    judged.retry = RETRY_LATER;
    delay_ns = retry_judge(&judged, attempts, &h->random).delay_ns;
    if (delay_ns < at_least_ms * NS_PER_MS)
        delay_ns = at_least_ms * NS_PER_MS;
    h->wished = error->retry_after_ms > 0;
    event_http_retry_in(h, delay_ns);
}

/* As long as it is short it is nobody's concern. */
static void say_if_long(struct event_http *h, const struct err *error)
{
    if (reactor_now_ns(h->reactor) - h->trouble_ns >= EVENT_HTTP_QUIET_MS * NS_PER_MS)
        event_http_say_down(h, error);
}

static void not_this(struct event_http *h, const struct err *error)
{
    if (h->piece.lines > 1) {
        h->lines_max = h->piece.lines / 2;
        try_later(h, error, 0);
        return;
    }
    h->attempts = ++h->refusals; /* a pause for a line of its own */
    if (h->refusals >= EVENT_HTTP_REFUSALS_MAX && h->asides < EVENT_HTTP_ASIDE_MAX) {
        set_aside(h, error);
        return;
    }
    say_if_long(h, error);
    try_later(h, error,
              h->asides < EVENT_HTTP_ASIDE_MAX ? EVENT_HTTP_REFUSED_MS : EVENT_HTTP_SLOW_MS);
}

static void slowly(struct event_http *h, const struct err *error)
{
    if (h->slow_status != error->http_status || !h->down_said) {
        h->down_said = false; /* another reason */
        event_http_say_down(h, error);
    }
    h->slow_status = error->http_status;
    try_later(h, error, EVENT_HTTP_SLOW_MS);
}

static void piece_failed(struct event_http *h, const struct err *error)
{
    enum verdict verdict = error->http_status            ? verdict_of(error->http_status)
                           : error->retry == RETRY_LATER ? VERDICT_AGAIN
                                                         : VERDICT_SLOWLY;

    h->counts.failed_posts++;
    h->attempts++;
    switch (verdict) {
    case VERDICT_SMALLER:
        if (h->piece.lines > 1) {
            h->bytes_max = h->piece.bytes / 2;
            try_later(h, error, 0);
            break;
        }
        not_this(h, error);
        break;
    case VERDICT_NOT_THIS:
        not_this(h, error);
        break;
    case VERDICT_SLOWLY:
        slowly(h, error);
        break;
    case VERDICT_AGAIN:
    case VERDICT_TAKEN: /* an answer that broke off after its status: whether it was taken nobody knows */
        say_if_long(h, error);
        try_later(h, error, 0);
        break;
    }
}

/* ---- The post ---- */

static void on_posted(struct http_req *req)
{
    struct event_http *h = (struct event_http *)((char *)req - offsetof(struct event_http, req));
    struct err error = req->err;

    h->posting = false;
    if (h->freed || h->gave_up) {
        event_http_step(h);
        return;
    }
    if (!err_is_set(&error) && verdict_of(req->answer.status) != VERDICT_TAKEN) {
        err_set(&error, ERR_NET, RETRY_LATER, "it answers %d", req->answer.status);
        error.http_status = req->answer.status;
        error.retry_after_ms = req->answer.retry_after_ms;
    }
    if (err_is_set(&error))
        piece_failed(h, &error);
    else
        piece_taken(h);
    event_http_step(h);
}

void event_http_post(struct event_http *h)
{
    const struct spool_id *id = h->source == FROM_OLD ? event_spool_id(h->old) : &h->id;
    struct http_header headers[] = {
        {"Content-Type", "application/x-ndjson"},
        {"X-Snapferry-Stream", h->stream_text},
        {"X-Snapferry-Lines", h->lines_text},
        {"Authorization", h->authorization},
    };

    if (h->attempts == 0)
        h->trouble_ns = reactor_now_ns(h->reactor);
    h->piece = event_batch_piece(&h->batch, h->lines_max, h->bytes_max);
    snprintf(h->lines_text, sizeof h->lines_text, "%" PRIu64 "-%" PRIu64, h->batch.first,
             h->batch.first + h->piece.lines - 1);
    bytes_hex(id->stream, SPOOL_STREAM_BYTES, h->stream_text);
    h->req = (struct http_req){
        .method = HTTP_POST,
        .verb = "report",
        .url = &h->url,
        .headers = headers,
        .header_count = h->authorization ? 4 : 3,
        .body = h->piece.text,
        .body_bytes = h->piece.bytes,
        .deadlines = {.stall_ms = EVENT_HTTP_POST_MS, .total_ms = EVENT_HTTP_POST_MS},
        .done = on_posted,
    };
    h->posting = true;
    http_send(h->http, &h->req);
}
