/* event_out.c - see event_out.h. Lines are taken out of the queue into a chunk, which is written whole before
 * the next one is made: what is dropped meanwhile is never a line that is half written. */
#include "engine/event_out.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES         (64u << 10) /* lines written at once, but for a longer one */
#define CHUNKS_A_TURN_MAX   32u         /* others have work to do too */
#define NAME_MAX_BYTES      200u
#define PROC_PATH_MAX_BYTES 64u

enum way { WAY_FILE, WAY_SOCKET, WAY_STREAM };

struct event_out {
    struct event_sink sink; /* first */
    /* set once */
    struct reactor *reactor;
    enum way way;
    int fd;       /* what is written to */
    int given_fd; /* what we were given; the same, where it was not opened anew */
    bool owned;
    int old_flags; /* of given_fd, to be restored; -1: not changed */
    bool appends;  /* FILE: the kernel looks for its end */
    char name[NAME_MAX_BYTES];
    /* changes */
    struct event_queue *queue;
    char *chunk;
    size_t chunk_room, chunk_bytes, written_bytes;
    uint64_t at_bytes; /* FILE: where the chunk begins */
    struct reactor_op op;
    struct reactor_task step_task, done_task;
    struct timer deadline; /* of the finish */
    bool writing, polling; /* op is a write to a file, a poll */
    bool freed, ended;     /* ended: done was posted */
    struct err error;
    void (*done)(void *arg);
    void *done_arg;
};

static void step(struct event_out *out);
static void free_now(struct event_out *out);
static void free_if_quiet(struct event_out *out);

static void on_step(struct reactor_task *task)
{
    struct event_out *out =
        (struct event_out *)((char *)task - offsetof(struct event_out, step_task));

    if (out->freed)
        free_if_quiet(out);
    else
        step(out);
}

static void step_soon(struct event_out *out)
{
    if (!out->step_task.posted)
        reactor_post(out->reactor, &out->step_task, on_step);
}

/* ---- The end ---- */

static void on_done(struct reactor_task *task)
{
    struct event_out *out =
        (struct event_out *)((char *)task - offsetof(struct event_out, done_task));

    if (out->freed)
        free_if_quiet(out);
    else
        out->done(out->done_arg); /* may free */
}

static void end(struct event_out *out)
{
    reactor_disarm(out->reactor, &out->deadline);
    if (!out->ended)
        reactor_post(out->reactor, &out->done_task, on_done);
    out->ended = true;
}

/* The rest is discarded, now and from now on. */
static void reader_is_gone(struct event_out *out)
{
    assert(err_is_set(&out->error));
    if (out->polling)
        reactor_forget(out->reactor, &out->op);
    out->polling = false;
    while (event_queue_count(out->queue).lines)
        event_queue_pop(out->queue);
    out->chunk_bytes = out->written_bytes = 0;
}

static void write_failed(struct event_out *out, int why)
{
    if (why == EPIPE || why == ECONNRESET)
        err_set_errno(&out->error, why, RETRY_NEVER, "the reader of %s went away", out->name);
    else
        err_set_errno(&out->error, why, RETRY_NEVER, "%s cannot be written", out->name);
    reader_is_gone(out);
}

static void on_deadline(struct timer *timer)
{
    struct event_out *out =
        (struct event_out *)((char *)timer - offsetof(struct event_out, deadline));

    if (!err_is_set(&out->error)) {
        err_set(&out->error, ERR_IO, RETRY_NEVER,
                "%s is not read: %llu events or more were not written", out->name,
                (unsigned long long)event_queue_count(out->queue).lines);
        reader_is_gone(out);
    }
    end(out);
}

void event_out_finish(struct event_out *out, uint64_t wait_ns, void (*done)(void *arg), void *arg)
{
    assert(!out->done && done);
    out->done = done;
    out->done_arg = arg;
    reactor_arm(out->reactor, &out->deadline, reactor_now_ns(out->reactor) + wait_ns, on_deadline);
    step_soon(out);
}

/* ---- Chunks ---- */

static size_t chunk_max_bytes(const struct event_out *out)
{
    return out->way == WAY_STREAM ? PIPE_BUF : CHUNK_BYTES;
}

static bool chunk_reach(struct event_out *out, size_t bytes)
{
    size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    char *more;

    if (bytes <= out->chunk_room && (out->chunk_room <= CHUNK_BYTES || bytes > CHUNK_BYTES))
        return true;
    more = realloc(out->chunk, room); /* smaller again, after a line that was very long */
    if (!more)
        return bytes <= out->chunk_room;
    out->chunk = more;
    out->chunk_room = room;
    return true;
}

/* FILE: takes the place of the chunk in the description that others write to as well. */
static bool chunk_place(struct event_out *out)
{
    off_t at;

    if (out->appends)
        return true;
    at = lseek(out->fd, 0, SEEK_CUR);
    if (at < 0 || lseek(out->fd, at + (off_t)out->chunk_bytes, SEEK_SET) < 0) {
        write_failed(out, errno);
        return false;
    }
    out->at_bytes = (uint64_t)at;
    return true;
}

/* False: nothing is left to write. */
static bool chunk_make(struct event_out *out)
{
    struct event_queue_line line;

    out->chunk_bytes = out->written_bytes = 0;
    while (event_queue_first(out->queue, &line)) {
        size_t bytes = out->chunk_bytes + line.bytes + 1;

        if (out->chunk_bytes && bytes > chunk_max_bytes(out))
            break;
        if (!chunk_reach(out, bytes)) {
            write_failed(out, ENOMEM);
            return false;
        }
        memcpy(out->chunk + out->chunk_bytes, line.text, line.bytes);
        out->chunk[bytes - 1] = '\n';
        out->chunk_bytes = bytes;
        event_queue_pop(out->queue);
    }
    return out->chunk_bytes && (out->way != WAY_FILE || chunk_place(out));
}

/* ---- Writing ---- */

static void on_written(struct reactor_op *op)
{
    struct event_out *out = (struct event_out *)((char *)op - offsetof(struct event_out, op));

    out->writing = false;
    if (out->freed) {
        free_if_quiet(out);
        return;
    }
    if (err_is_set(&out->error)) /* the deadline passed meanwhile */
        return;
    if (op->result <= 0)
        write_failed(out, op->result < 0 ? (int)-op->result : EIO);
    else
        out->written_bytes += (size_t)op->result;
    step(out);
}

static void on_ready(struct reactor_op *op)
{
    struct event_out *out = (struct event_out *)((char *)op - offsetof(struct event_out, op));

    out->polling = false;
    step(out);
}

/* Writes what fits. False: it waits for room, or the reader is gone. */
static bool write_some(struct event_out *out)
{
    const char *at = out->chunk + out->written_bytes;
    size_t left = out->chunk_bytes - out->written_bytes;
    ssize_t took;

    do
        took = out->way == WAY_SOCKET ? send(out->fd, at, left, MSG_DONTWAIT | MSG_NOSIGNAL)
                                      : write(out->fd, at, left);
    while (took < 0 && errno == EINTR);
    if (took >= 0) {
        out->written_bytes += (size_t)took;
        return true;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        write_failed(out, errno);
        return false;
    }
    out->polling = true;
    reactor_poll(out->reactor, &out->op, out->fd, POLLOUT, on_ready);
    return false;
}

static void write_file(struct event_out *out)
{
    out->writing = true;
    reactor_write(out->reactor, &out->op, out->fd, out->chunk + out->written_bytes,
                  (uint32_t)(out->chunk_bytes - out->written_bytes),
                  out->at_bytes + out->written_bytes, -1, on_written);
}

static void step(struct event_out *out)
{
    unsigned chunks = 0;

    while (!out->writing && !out->polling && !err_is_set(&out->error)) {
        if (out->written_bytes == out->chunk_bytes && !chunk_make(out))
            break;
        if (out->way == WAY_FILE)
            write_file(out);
        else if (!write_some(out))
            break;
        if (++chunks == CHUNKS_A_TURN_MAX) {
            step_soon(out);
            return;
        }
    }
    if (out->done && event_out_idle(out))
        end(out);
}

static void take(struct event_sink *sink, const struct event *event, const char *line, size_t bytes)
{
    struct event_out *out = (struct event_out *)sink;

    if (err_is_set(&out->error) || out->done)
        return;
    if (!event_queue_push(out->queue, event, line, bytes))
        write_failed(out, ENOMEM);
    else
        step_soon(out);
}

/* ---- Life ---- */

/* A description of our own of the same pipe or terminal, whose flags are nobody else's. */
static int open_anew(int fd)
{
    char path[PROC_PATH_MAX_BYTES];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool judge(struct event_out *out, struct err *e)
{
    struct stat st;
    int flags = fcntl(out->given_fd, F_GETFL);

    if (flags < 0 || fstat(out->given_fd, &st) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write to %s", out->name);
    if (S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) || (flags & O_ACCMODE) == O_RDONLY)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s is nothing that lines can be written to",
                       out->name);
    out->fd = out->given_fd;
    out->way = S_ISREG(st.st_mode) ? WAY_FILE : S_ISSOCK(st.st_mode) ? WAY_SOCKET : WAY_STREAM;
    out->appends = (flags & O_APPEND) != 0;
    if (out->way != WAY_STREAM || (flags & O_NONBLOCK))
        return true;
    out->fd = open_anew(out->given_fd);
    if (out->fd >= 0)
        return true;
    out->fd = out->given_fd;
    if (fcntl(out->fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot write to %s", out->name);
    out->old_flags = flags;
    return true;
}

struct event_out *event_out_new(struct reactor *r, int fd, bool owned, const char *name,
                                struct err *e)
{
    struct event_out *out = calloc(1, sizeof *out);

    if (!out) {
        if (owned)
            close(fd);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for events");
        return NULL;
    }
    *out = (struct event_out){
        .sink.take = take, .reactor = r, .fd = fd, .given_fd = fd, .owned = owned, .old_flags = -1};
    snprintf(out->name, sizeof out->name, "%s", name);
    out->queue = event_queue_new(EVENT_QUEUE_MAX_BYTES, e);
    if (out->queue && judge(out, e))
        return out;
    free_now(out);
    return NULL;
}

static void free_now(struct event_out *out)
{
    if (out->fd != out->given_fd)
        close(out->fd);
    if (out->old_flags >= 0)
        (void)fcntl(out->given_fd, F_SETFL, out->old_flags);
    if (out->owned)
        close(out->given_fd);
    event_queue_free(out->queue);
    free(out->chunk);
    free(out);
}

/* Whatever is still to come finds out->freed, and comes here. */
static void free_if_quiet(struct event_out *out)
{
    if (!out->writing && !out->step_task.posted && !out->done_task.posted)
        free_now(out);
}

void event_out_free(struct event_out *out)
{
    if (!out)
        return;
    reactor_disarm(out->reactor, &out->deadline);
    if (out->polling)
        reactor_forget(out->reactor, &out->op);
    out->polling = false;
    out->freed = true;
    free_if_quiet(out);
}

/* ---- Look ---- */

struct event_sink *event_out_sink(struct event_out *out)
{
    return &out->sink;
}

bool event_out_idle(const struct event_out *out)
{
    return err_is_set(&out->error) ||
           (out->written_bytes == out->chunk_bytes && event_queue_count(out->queue).lines == 0);
}

const struct err *event_out_error(const struct event_out *out)
{
    return &out->error;
}

struct event_queue_counts event_out_count(const struct event_out *out)
{
    return event_queue_count(out->queue);
}
