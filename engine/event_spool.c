/* event_spool.c - see event_spool.h. What is done with the file of a spool while events go in and out. */
#include "engine/event_spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/event_spool_parts.h"

#define SHOWN_PATH_BYTES 200
#define TRIM_ALIGN       4096u

static struct spool_call *call_of(struct reactor_op *op)
{
    return (struct spool_call *)((char *)op - offsetof(struct spool_call, op));
}

static void free_now(struct event_spool *spool)
{
    if (spool->remove)
        unlink(spool->path);
    close(spool->fd);
    free(spool);
}

static bool is_busy(const struct event_spool *spool)
{
    return spool->append.busy || spool->read.busy || spool->mark.busy || spool->trim.busy ||
           spool->sync.busy;
}

void event_spool_free(struct event_spool *spool, bool remove)
{
    if (!spool)
        return;
    spool->freed = true;
    spool->remove = remove;
    if (!is_busy(spool))
        free_now(spool);
}

bool event_spool_remove(struct event_spool *spool, struct err *e)
{
    return unlink(spool->path) == 0 || errno == ENOENT ||
           err_set_errno(e, errno, RETRY_NEVER, "cannot remove %.*s", SHOWN_PATH_BYTES,
                         spool->path);
}

/* The operation is over; whoever asked is told, unless the spool is gone for him. */
static void call_end(struct spool_call *call, size_t moved, int why)
{
    struct event_spool *spool = call->spool;
    struct err error = {0};

    call->busy = false;
    if (spool->freed) {
        if (!is_busy(spool))
            free_now(spool);
        return;
    }
    if (why)
        err_set_errno(&error, why, RETRY_LATER, "%.*s", SHOWN_PATH_BYTES, spool->path);
    if (call->done)
        call->done(call->arg, moved, &error);
}

static void call_begin(struct spool_call *call, struct event_spool *spool,
                       event_spool_done_fn *done, void *arg)
{
    assert(!call->busy && !spool->freed);
    call->spool = spool;
    call->busy = true;
    call->done = done;
    call->arg = arg;
}

/* ---- Append ---- */

static void on_appended(struct reactor_op *op);

static void append_go_on(struct event_spool *spool)
{
    reactor_write(spool->reactor, &spool->append.op, spool->fd,
                  spool->append_bytes + spool->appended,
                  (uint32_t)(spool->append_count - spool->appended),
                  spool->end_bytes + spool->appended, -1, on_appended);
}

static void on_appended(struct reactor_op *op)
{
    struct spool_call *call = call_of(op);
    struct event_spool *spool = call->spool;

    if (op->result <= 0) {
        call_end(call, 0, op->result < 0 ? (int)-op->result : ENOSPC);
        return;
    }
    spool->appended += (size_t)op->result;
    if (spool->appended < spool->append_count && !spool->freed) {
        append_go_on(spool);
        return;
    }
    spool->end_bytes += spool->appended;
    call_end(call, spool->appended, 0);
}

void event_spool_append(struct event_spool *spool, const void *bytes, size_t count,
                        event_spool_done_fn *done, void *arg)
{
    assert(count > 0 && !spool->reset.busy);
    call_begin(&spool->append, spool, done, arg);
    spool->append_bytes = bytes;
    spool->append_count = count;
    spool->appended = 0;
    append_go_on(spool);
}

/* ---- Read ---- */

static void on_read(struct reactor_op *op)
{
    if (op->result < 0)
        call_end(call_of(op), 0, (int)-op->result);
    else
        call_end(call_of(op), (size_t)op->result, 0);
}

void event_spool_read(struct event_spool *spool, void *memory, size_t count,
                      event_spool_done_fn *done, void *arg)
{
    uint64_t left = event_spool_waiting(spool);

    assert(left > 0 && count > 0);
    call_begin(&spool->read, spool, done, arg);
    reactor_read(spool->reactor, &spool->read.op, spool->fd, memory,
                 (uint32_t)(left < count ? left : count), spool->cursor.offset, -1, on_read);
}

/* ---- The cursor ---- */

static void mark_begin(struct event_spool *spool);

static void on_trimmed(struct reactor_op *op)
{
    struct event_spool *spool = call_of(op)->spool;

    spool->no_trim = op->result < 0;
    if (op->result == 0)
        spool->trimmed_offset = spool->trimming_offset;
    call_end(&spool->trim, 0, 0);
}

/* What the cursor in the file has passed is never read again; what only our own has may be, after a kill. */
static void trim_begin(struct event_spool *spool)
{
    uint64_t begin = spool->trimmed_offset, end = spool->marked_offset / TRIM_ALIGN * TRIM_ALIGN;

    if (begin < TRIM_ALIGN)
        begin = TRIM_ALIGN; /* the head stays */
    if (spool->trim.busy || spool->no_trim || spool->freed || spool->reset.busy ||
        end < begin + EVENT_SPOOL_RECLAIM_BYTES)
        return;
    call_begin(&spool->trim, spool, spool->marked, spool->marked_arg);
    spool->trimming_offset = end;
    reactor_fallocate(spool->reactor, &spool->trim.op, spool->fd,
                      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, begin, end - begin, on_trimmed);
}

static void on_marked(struct reactor_op *op)
{
    struct event_spool *spool = call_of(op)->spool;

    /* Without it a batch may come twice, which it always may; a reset needs it. */
    if (op->result == (int64_t)SPOOL_CURSOR_BYTES)
        spool->marked_offset = spool->marking_offset;
    else if (spool->reset.busy)
        spool->broken = true;
    trim_begin(spool);
    if (spool->cursor_changed && !spool->freed) {
        spool->mark.busy = false;
        mark_begin(spool);
    } else if (spool->reset.busy && !spool->freed) {
        spool->mark.busy = false;
        call_end(&spool->reset, 0, spool->broken ? EIO : 0);
    } else {
        call_end(&spool->mark, 0, 0);
    }
}

static void mark_begin(struct event_spool *spool)
{
    uint64_t offset;

    spool->cursor_changed = true;
    if (spool->mark.busy)
        return;
    spool->cursor_changed = false;
    spool->cursor.turn++;
    spool->marking_offset = spool->cursor.offset;
    offset = spool_cursor_encode(&spool->id, &spool->cursor, spool->cursor_bytes);
    call_begin(&spool->mark, spool, spool->marked, spool->marked_arg);
    reactor_write(spool->reactor, &spool->mark.op, spool->fd, spool->cursor_bytes,
                  SPOOL_CURSOR_BYTES, offset, -1, on_marked);
}

void event_spool_advance(struct event_spool *spool, uint64_t bytes, uint64_t line)
{
    assert(bytes <= event_spool_waiting(spool));
    spool->cursor.offset += bytes;
    spool->cursor.line = line;
    mark_begin(spool);
}

void event_spool_on_marked(struct event_spool *spool, event_spool_done_fn *marked, void *arg)
{
    spool->marked = marked;
    spool->marked_arg = arg;
}

/* First cut, then the cursor: a kill between the two leaves a cursor behind the end: an empty file. No
 * append comes before the cursor is there, or it would hide behind the old one. */
void event_spool_reset(struct event_spool *spool, event_spool_done_fn *done, void *arg)
{
    assert(!is_busy(spool) && event_spool_waiting(spool) == 0);
    call_begin(&spool->reset, spool, done, arg);
    if (ftruncate(spool->fd, SPOOL_HEADER_BYTES) == 0) {
        spool->end_bytes = SPOOL_HEADER_BYTES;
        spool->cursor.offset = SPOOL_HEADER_BYTES;
        spool->trimmed_offset = 0;
    }
    mark_begin(spool);
}

/* ---- Sync ---- */

static void on_synced(struct reactor_op *op)
{
    call_end(call_of(op), 0, op->result < 0 ? (int)-op->result : 0);
}

void event_spool_sync(struct event_spool *spool, event_spool_done_fn *done, void *arg)
{
    call_begin(&spool->sync, spool, done, arg);
    reactor_fsync(spool->reactor, &spool->sync.op, spool->fd, on_synced);
}

/* ---- Look ---- */

const char *event_spool_path(const struct event_spool *spool)
{
    return spool->path;
}

const struct spool_id *event_spool_id(const struct event_spool *spool)
{
    return &spool->id;
}

uint64_t event_spool_used(const struct event_spool *spool)
{
    return spool->end_bytes - spool->trimmed_offset;
}

uint64_t event_spool_waiting(const struct event_spool *spool)
{
    return spool->end_bytes > spool->cursor.offset ? spool->end_bytes - spool->cursor.offset : 0;
}

bool event_spool_idle(const struct event_spool *spool)
{
    return !is_busy(spool);
}

uint64_t event_spool_line(const struct event_spool *spool)
{
    return spool->cursor.line;
}

uint64_t event_spool_max(const struct event_spool *spool)
{
    return spool->broken ? 0 : spool->max_bytes;
}
