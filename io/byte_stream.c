/* byte_stream.c - see byte_stream.h. */
#include "io/byte_stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_MAX_BYTES (1u << 20) /* of a file, in one operation */
#define PIPE_BYTES      (1 << 20)  /* wished for; the kernel may give less */

static void stream_go_on(struct byte_stream *bs);

static bool stream_judge(struct byte_stream *bs, struct err *e)
{
    struct stat st;

    if (fstat(bs->fd, &st) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot look at %s", bs->name);
    if (S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s is a %s: a delta stream is a file or a pipe",
                       bs->name, S_ISDIR(st.st_mode) ? "folder" : "block device");
    if (isatty(bs->fd))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%s is a terminal: a delta stream is a file or a pipe", bs->name);
    bs->seekable = S_ISREG(st.st_mode);
    if (bs->seekable) {
        off_t at = lseek(bs->fd, 0, SEEK_CUR);

        bs->at_bytes = at > 0 ? (uint64_t)at : 0;
        return true;
    }
    bs->old_flags = fcntl(bs->fd, F_GETFL);
    if (bs->old_flags < 0 || fcntl(bs->fd, F_SETFL, bs->old_flags | O_NONBLOCK) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot use %s", bs->name);
    (void)fcntl(bs->fd, F_SETPIPE_SZ, PIPE_BYTES); /* fewer turns; a wish only */
    return true;
}

bool byte_stream_open(struct byte_stream *bs, struct reactor *r, int fd, bool owned,
                      const char *name, struct err *e)
{
    *bs = (struct byte_stream){.reactor = r, .fd = fd, .owned = owned, .old_flags = -1};
    snprintf(bs->name, sizeof bs->name, "%s", name);
    if (stream_judge(bs, e))
        return true;
    byte_stream_close(bs);
    return false;
}

void byte_stream_close(struct byte_stream *bs)
{
    if (!bs->reactor)
        return;
    assert(!bs->busy);
    if (bs->old_flags >= 0)
        (void)fcntl(bs->fd, F_SETFL, bs->old_flags);
    if (bs->owned)
        close(bs->fd);
    memset(bs, 0, sizeof *bs);
}

/* ---- One operation ---- */

static void stream_end_in_turn(struct reactor_task *task)
{
    struct byte_stream *bs =
        (struct byte_stream *)((char *)task - offsetof(struct byte_stream, task));
    struct err error = bs->err;

    err_clear(&bs->err);
    bs->busy = false;
    bs->done(bs->arg, bs->moved, &error);
}

static void stream_end(struct byte_stream *bs)
{
    reactor_post(bs->reactor, &bs->task, stream_end_in_turn);
}

static void stream_failed(struct byte_stream *bs, int why)
{
    const char *verb = bs->writing ? "written" : "read";

    /* Where it stands now nobody knows: the same operation again would leave a gap, or repeat bytes. */
    err_set_errno(&bs->err, why, RETRY_NEVER, "%s cannot be %s", bs->name, verb);
    stream_end(bs);
}

static void stream_canceled(struct byte_stream *bs)
{
    err_set(&bs->err, ERR_CANCELED, RETRY_LATER, "stopped while waiting for %s", bs->name);
    stream_end(bs);
}

/* Took count bytes (0: the end). */
static void stream_took(struct byte_stream *bs, size_t count)
{
    bs->moved += count;
    bs->at_bytes += count;
    if (!bs->writing || bs->moved == bs->wanted)
        stream_end(bs);
    else
        stream_go_on(bs);
}

static void stream_file_done(struct reactor_op *op)
{
    struct byte_stream *bs = (struct byte_stream *)((char *)op - offsetof(struct byte_stream, op));

    if (op->result < 0)
        stream_failed(bs, (int)-op->result);
    else if (op->result == 0 && bs->writing)
        stream_failed(bs, EIO);
    else
        stream_took(bs, (size_t)op->result);
}

static void stream_ready(struct reactor_op *op)
{
    struct byte_stream *bs = (struct byte_stream *)((char *)op - offsetof(struct byte_stream, op));

    bs->polling = false;
    if (op->result < 0)
        stream_failed(bs, (int)-op->result);
    else
        stream_go_on(bs);
}

static void stream_pipe_go_on(struct byte_stream *bs)
{
    unsigned char *at = bs->memory + bs->moved;
    size_t left = bs->wanted - bs->moved;
    ssize_t took;

    do
        took = bs->writing ? write(bs->fd, at, left) : read(bs->fd, at, left);
    while (took < 0 && errno == EINTR);
    if (took >= 0) {
        stream_took(bs, (size_t)took);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
        stream_failed(bs, errno);
    } else if (bs->gave_up) {
        stream_canceled(bs);
    } else {
        bs->polling = true;
        reactor_poll(bs->reactor, &bs->op, bs->fd, bs->writing ? POLLOUT : POLLIN, stream_ready);
    }
}

static void stream_go_on(struct byte_stream *bs)
{
    size_t left = bs->wanted - bs->moved;
    uint32_t piece = left < PIECE_MAX_BYTES ? (uint32_t)left : PIECE_MAX_BYTES;

    if (!bs->seekable)
        stream_pipe_go_on(bs);
    else if (bs->writing)
        reactor_write(bs->reactor, &bs->op, bs->fd, bs->memory + bs->moved, piece, bs->at_bytes, -1,
                      stream_file_done);
    else
        reactor_read(bs->reactor, &bs->op, bs->fd, bs->memory, piece, bs->at_bytes, -1,
                     stream_file_done);
}

static void stream_begin(struct byte_stream *bs, unsigned char *memory, size_t count, bool writing,
                         void (*done)(void *, size_t, const struct err *), void *arg)
{
    assert(!bs->busy && count > 0);
    bs->busy = true;
    bs->writing = writing;
    bs->memory = memory;
    bs->wanted = count;
    bs->moved = 0;
    bs->done = done;
    bs->arg = arg;
    if (bs->gave_up)
        stream_canceled(bs);
    else
        stream_go_on(bs);
}

void byte_stream_write(struct byte_stream *bs, const void *memory, size_t count,
                       void (*done)(void *arg, size_t moved, const struct err *error), void *arg)
{
    stream_begin(bs, (unsigned char *)memory, count, true, done, arg);
}

void byte_stream_read(struct byte_stream *bs, void *memory, size_t count,
                      void (*done)(void *arg, size_t moved, const struct err *error), void *arg)
{
    stream_begin(bs, memory, count, false, done, arg);
}

void byte_stream_give_up(struct byte_stream *bs)
{
    bs->gave_up = true;
    if (!bs->polling)
        return;
    reactor_forget(bs->reactor, &bs->op);
    bs->polling = false;
    stream_canceled(bs);
}

void byte_stream_rewind(struct byte_stream *bs, uint64_t at_bytes)
{
    assert(bs->seekable && !bs->busy);
    bs->at_bytes = at_bytes;
}
