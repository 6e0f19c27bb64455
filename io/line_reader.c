/* line_reader.c - see line_reader.h. */
#include "io/line_reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_KEPT_BYTES 65536u /* room that stays between two lines */

enum line_origin {
    LINE_SOCKET,   /* recv that does not wait: its flags are shared with who writes */
    LINE_PIPE,     /* or a device: O_NONBLOCK */
    LINE_TERMINAL, /* waited for, then read: O_NONBLOCK would be set for the shell, too */
    LINE_FILE      /* has offsets: the ring reads */
};

struct line_reader {
    /* set once */
    struct line_reader_setup setup;
    enum line_origin origin;
    int old_flags; /* PIPE */
    /* changes */
    struct reactor_op op;
    struct reactor_task task;
    bool polling, reading; /* the op is with the kernel */
    bool held, stopped;
    bool over;         /* the descriptor is at its end, or failed */
    bool past_first;   /* a line was told */
    uint64_t at_bytes; /* FILE */
    struct err err;
    /* the piece: read, and told up to `taken` */
    size_t piece_bytes, taken_bytes;
    /* the line that has begun */
    char *line;
    size_t room_bytes;
    uint64_t line_bytes; /* all of it, also where it is above its maximum */
    char piece[LINE_READER_PIECE_BYTES];
};

static void go_on(struct line_reader *reader);

static struct line_reader *of_op(struct reactor_op *op)
{
    return (struct line_reader *)((char *)op - offsetof(struct line_reader, op));
}

/* ---- Life ---- */

static bool judge(struct line_reader *reader, struct err *e)
{
    int fd = reader->setup.fd;
    struct stat st;
    off_t at;

    if (fstat(fd, &st) != 0)
        return err_set_errno(e, errno, RETRY_NEVER, "cannot look at %s", reader->setup.name);
    if (S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s is a %s: it has no lines", reader->setup.name,
                       S_ISDIR(st.st_mode) ? "folder" : "block device");
    reader->origin = S_ISREG(st.st_mode)    ? LINE_FILE
                     : S_ISSOCK(st.st_mode) ? LINE_SOCKET
                     : isatty(fd)           ? LINE_TERMINAL
                                            : LINE_PIPE;
    if (reader->origin == LINE_FILE) {
        at = lseek(fd, 0, SEEK_CUR);
        reader->at_bytes = at > 0 ? (uint64_t)at : 0;
    }
    if (reader->origin == LINE_PIPE) {
        reader->old_flags = fcntl(fd, F_GETFL);
        if (reader->old_flags < 0 || fcntl(fd, F_SETFL, reader->old_flags | O_NONBLOCK) != 0)
            return err_set_errno(e, errno, RETRY_NEVER, "cannot use %s", reader->setup.name);
    }
    return true;
}

struct line_reader *line_reader_new(const struct line_reader_setup *setup, struct err *e)
{
    struct line_reader *reader = malloc(sizeof *reader);

    if (!reader) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to read %s", setup->name);
        return NULL;
    }
    memset(reader, 0, offsetof(struct line_reader, piece));
    reader->setup = *setup;
    reader->old_flags = -1;
    if (judge(reader, e))
        return reader;
    free(reader);
    return NULL;
}

static void drop_line(struct line_reader *reader)
{
    if (reader->line)
        explicit_bzero(reader->line, reader->room_bytes);
    free(reader->line);
    reader->line = NULL;
    reader->room_bytes = 0;
}

void line_reader_free(struct line_reader *reader)
{
    if (!reader)
        return;
    line_reader_stop(reader);
    assert(line_reader_idle(reader));
    if (reader->old_flags >= 0)
        (void)fcntl(reader->setup.fd, F_SETFL, reader->old_flags);
    drop_line(reader);
    explicit_bzero(reader->piece, sizeof reader->piece);
    free(reader);
}

/* ---- Lines ---- */

static size_t line_max(const struct line_reader *reader)
{
    bool first = !reader->past_first && reader->setup.first_max_bytes;

    return first ? reader->setup.first_max_bytes : reader->setup.max_bytes;
}

/* Not realloc: what it leaves behind could not be wiped. One byte more, for a NUL. */
static bool make_room(struct line_reader *reader, size_t bytes)
{
    size_t room = reader->room_bytes ? reader->room_bytes : 1024;
    char *line;

    if (bytes < reader->room_bytes)
        return true;
    while (room <= bytes)
        room *= 2;
    line = malloc(room);
    if (!line)
        return false;
    if (reader->line) {
        memcpy(line, reader->line, (size_t)reader->line_bytes);
        drop_line(reader);
    }
    reader->line = line;
    reader->room_bytes = room;
    return true;
}

/* What does not fit is counted and thrown away. */
static bool add_to_line(struct line_reader *reader, const char *bytes, size_t count)
{
    uint64_t whole = reader->line_bytes + count;

    if (whole <= line_max(reader)) {
        if (!make_room(reader, (size_t)whole))
            return err_set(&reader->err, ERR_LIMIT, RETRY_NEVER, "no memory for a line of %s",
                           reader->setup.name);
        memcpy(reader->line + reader->line_bytes, bytes, count);
    } else if (reader->room_bytes > LINE_KEPT_BYTES) {
        drop_line(reader);
    }
    reader->line_bytes = whole;
    return true;
}

static bool is_blank(const char *line, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    return true;
}

static void tell_line(struct line_reader *reader)
{
    uint64_t bytes = reader->line_bytes;
    size_t max = line_max(reader);

    reader->line_bytes = 0;
    if (bytes > max) {
        reader->past_first = true;
        reader->setup.too_long(reader->setup.arg, bytes, max);
        return;
    }
    if (is_blank(reader->line, (size_t)bytes))
        return;
    reader->past_first = true;
    reader->line[bytes] = 0;
    reader->setup.line(reader->setup.arg, reader->line, (size_t)bytes);
    if (reader->room_bytes > LINE_KEPT_BYTES)
        drop_line(reader);
    else
        explicit_bzero(reader->line, (size_t)bytes);
}

/* Until the piece is told, or somebody held or stopped us. */
static void tell_piece(struct line_reader *reader)
{
    while (!reader->held && !reader->stopped && reader->taken_bytes < reader->piece_bytes) {
        const char *at = reader->piece + reader->taken_bytes;
        size_t left = reader->piece_bytes - reader->taken_bytes;
        const char *newline = memchr(at, '\n', left);
        size_t count = newline ? (size_t)(newline - at) : left;

        reader->taken_bytes += newline ? count + 1 : count;
        if (!add_to_line(reader, at, count)) {
            reader->over = true;
            reader->taken_bytes = reader->piece_bytes;
            reader->line_bytes = 0;
        } else if (newline) {
            tell_line(reader);
        }
    }
    if (reader->taken_bytes < reader->piece_bytes)
        return;
    explicit_bzero(reader->piece, reader->piece_bytes);
    reader->piece_bytes = reader->taken_bytes = 0;
}

/* ---- Bytes ---- */

static void in_turn(struct reactor_task *task)
{
    struct line_reader *reader =
        (struct line_reader *)((char *)task - offsetof(struct line_reader, task));

    go_on(reader);
}

/* A peer that was killed, a terminal that was hung up: they have simply ended. */
static bool means_end(const struct line_reader *reader, int64_t count)
{
    return count == 0 || (reader->origin == LINE_SOCKET && count == -ECONNRESET) ||
           (reader->origin == LINE_TERMINAL && count == -EIO);
}

/* count: as read(2) answers, or -errno. */
static void piece_came(struct line_reader *reader, int64_t count)
{
    if (count > 0) {
        reader->piece_bytes = (size_t)count;
        reader->taken_bytes = 0;
        reader->at_bytes += (uint64_t)count;
    } else {
        reader->over = true;
        if (!means_end(reader, count))
            err_set_errno(&reader->err, (int)-count, RETRY_NEVER, "%s cannot be read",
                          reader->setup.name);
    }
    if (!reader->task.posted)
        reactor_post(reader->setup.reactor, &reader->task, in_turn);
}

static void file_read(struct reactor_op *op)
{
    struct line_reader *reader = of_op(op);

    reader->reading = false;
    if (!reader->stopped)
        piece_came(reader, op->result);
}

static void read_now(struct line_reader *reader);

static void ready(struct reactor_op *op)
{
    struct line_reader *reader = of_op(op);

    reader->polling = false;
    if (op->result < 0)
        piece_came(reader, op->result);
    else
        read_now(reader);
}

static void await(struct line_reader *reader)
{
    reader->polling = true;
    reactor_poll(reader->setup.reactor, &reader->op, reader->setup.fd, POLLIN, ready);
}

static void read_now(struct line_reader *reader)
{
    int fd = reader->setup.fd;
    ssize_t count;

    do
        count = reader->origin == LINE_SOCKET
                    ? recv(fd, reader->piece, sizeof reader->piece, MSG_DONTWAIT)
                    : read(fd, reader->piece, sizeof reader->piece);
    while (count < 0 && errno == EINTR);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        await(reader);
    else
        piece_came(reader, count < 0 ? -errno : count);
}

static void read_more(struct line_reader *reader)
{
    if (reader->origin == LINE_FILE) {
        reader->reading = true;
        reactor_read(reader->setup.reactor, &reader->op, reader->setup.fd, reader->piece,
                     sizeof reader->piece, reader->at_bytes, -1, file_read);
    } else if (reader->origin == LINE_TERMINAL) {
        await(reader);
    } else {
        read_now(reader);
    }
}

static void end(struct line_reader *reader)
{
    struct err error = reader->err;

    if (reader->line_bytes > 0)
        tell_line(reader);
    if (reader->stopped)
        return;
    reader->stopped = true;
    reader->setup.ended(reader->setup.arg, &error);
}

static void go_on(struct line_reader *reader)
{
    if (reader->stopped || reader->polling || reader->reading)
        return;
    tell_piece(reader);
    if (reader->held || reader->stopped)
        return;
    if (reader->over)
        end(reader);
    else
        read_more(reader);
}

/* ---- Use ---- */

void line_reader_start(struct line_reader *reader)
{
    reactor_post(reader->setup.reactor, &reader->task, in_turn);
}

void line_reader_hold(struct line_reader *reader, bool held)
{
    bool freed = reader->held && !held;

    reader->held = held;
    if (freed && !reader->stopped && !reader->task.posted)
        reactor_post(reader->setup.reactor, &reader->task, in_turn);
}

void line_reader_stop(struct line_reader *reader)
{
    reader->stopped = true;
    if (reader->polling)
        reactor_forget(reader->setup.reactor, &reader->op);
    reader->polling = false;
}

bool line_reader_idle(const struct line_reader *reader)
{
    return !reader->polling && !reader->reading && !reader->task.posted;
}
