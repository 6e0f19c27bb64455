/* endpoint_file_blocks.c - reads, writes, zeros and flushes of a file, whole or failed.
 *
 * Knows:         what the kernel does by halves: short reads and writes, allocation verbs that a file
 *                system lacks.
 * Must not know: why.
 */
#include <assert.h>
#include <errno.h>
#include <linux/falloc.h>
#include <stdlib.h>

#include "io/endpoint_file_parts.h"

#define ZEROS_BYTES     (128u << 10)
#define AGAIN_COUNT_MAX 1000u /* EAGAIN and EINTR in a row, without a byte moved */

enum file_op_kind { FILE_READ, FILE_WRITE, FILE_ZERO, FILE_FLUSH };

struct file_op {
    struct reactor_op op; /* first */
    struct endpoint_file *f;
    struct block_req *req;
    enum file_op_kind kind;
    enum file_zero_method zero_method;
    bool went_direct;
    bool never_direct;
    uint32_t again_count;
    uint64_t done_bytes;
    struct file_op *next; /* while free */
};

static void submit(struct file_op *o);

static void end(struct file_op *o)
{
    struct endpoint_file *f = o->f;
    struct block_req *req = o->req;

    o->next = f->free_ops;
    f->free_ops = o;
    endpoint_block_end(&f->head, req);
}

static void fail(struct file_op *o, int sys_errno)
{
    static const char *const verbs[] = {[FILE_READ] = "read",
                                        [FILE_WRITE] = "write",
                                        [FILE_ZERO] = "clear",
                                        [FILE_FLUSH] = "flush"};
    unsigned long long offset = o->req->offset + o->done_bytes;

    if (o->kind == FILE_FLUSH)
        err_set_errno(&o->req->err, sys_errno, RETRY_NEVER, "cannot make %.200s durable",
                      o->f->path);
    else
        err_set_errno(&o->req->err, sys_errno, RETRY_NEVER, "cannot %s %.200s at offset %llu",
                      verbs[o->kind], o->f->path, offset);
    end(o);
}

/* A read of nothing: the file is shorter than it was when the copy was planned. */
static void fail_short(struct file_op *o)
{
    err_set(&o->req->err, ERR_GONE, RETRY_REPLAN,
            "%.200s became shorter while it was read: nothing at offset %llu", o->f->path,
            (unsigned long long)(o->req->offset + o->done_bytes));
    end(o);
}

/* ---- After a step ---- */

/* The method itself is at fault: the next one, for this request, and where the file system said that
 * it never can, for all. EINVAL may be this range's alignment. */
static bool next_zero_method(struct file_op *o, int sys_errno)
{
    if (o->zero_method == FILE_ZERO_WRITE)
        return false;
    if (sys_errno != EOPNOTSUPP && sys_errno != ENOSYS && sys_errno != EINVAL &&
        sys_errno != EPERM && sys_errno != ENODEV)
        return false;
    o->zero_method++;
    if (sys_errno != EINVAL && o->f->zero_method < o->zero_method)
        o->f->zero_method = o->zero_method;
    return true;
}

static bool try_again(struct file_op *o, int sys_errno)
{
    if ((sys_errno == EINTR || sys_errno == EAGAIN) && o->again_count < AGAIN_COUNT_MAX) {
        o->again_count++;
        return true;
    }
    if (sys_errno == EINVAL && o->went_direct) { /* stricter than the kernel said */
        o->never_direct = true;
        return true;
    }
    return o->kind == FILE_ZERO && next_zero_method(o, sys_errno);
}

static void step_done(struct reactor_op *op)
{
    struct file_op *o = (struct file_op *)op;
    bool whole =
        o->kind == FILE_FLUSH || (o->kind == FILE_ZERO && o->zero_method != FILE_ZERO_WRITE);

    if (op->result < 0) {
        if (try_again(o, (int)-op->result))
            submit(o);
        else
            fail(o, (int)-op->result);
        return;
    }
    if (whole) {
        end(o);
        return;
    }
    if (op->result == 0) {
        if (o->kind == FILE_READ)
            fail_short(o);
        else
            fail(o, EIO);
        return;
    }
    o->again_count = 0;
    o->done_bytes += (uint64_t)op->result;
    if (o->kind == FILE_READ)
        o->f->head.wire_read_bytes += (uint64_t)op->result;
    else
        o->f->head.wire_written_bytes += (uint64_t)op->result;
    assert(o->done_bytes <= o->req->length);
    if (o->done_bytes == o->req->length)
        end(o);
    else
        submit(o);
}

/* ---- A step ---- */

static void submit_move(struct file_op *o)
{
    struct endpoint_file *f = o->f;
    struct block_req *req = o->req;
    unsigned char *memory = req->buf->memory + req->buf_offset + o->done_bytes;
    uint64_t offset = req->offset + o->done_bytes;
    uint32_t left = (uint32_t)(req->length - o->done_bytes);
    int fd;

    o->went_direct = !o->never_direct && file_direct_fits(f, offset, left, memory);
    f->direct_count += o->went_direct;
    fd = o->went_direct ? f->direct_fd : f->fd;
    if (o->kind == FILE_READ)
        reactor_read(f->head.reactor, &o->op, fd, memory, left, offset, req->buf->registered,
                     step_done);
    else
        reactor_write(f->head.reactor, &o->op, fd, memory, left, offset, req->buf->registered,
                      step_done);
}

static void submit_zeros(struct file_op *o)
{
    static const _Alignas(BUF_ALIGN_BYTES) unsigned char zeros[ZEROS_BYTES];
    struct endpoint_file *f = o->f;
    uint64_t offset = o->req->offset + o->done_bytes;
    uint64_t left = o->req->length - o->done_bytes;
    uint32_t length = left < ZEROS_BYTES ? (uint32_t)left : ZEROS_BYTES;

    o->went_direct = !o->never_direct && file_direct_fits(f, offset, length, zeros);
    f->direct_count += o->went_direct;
    reactor_write(f->head.reactor, &o->op, o->went_direct ? f->direct_fd : f->fd, zeros, length,
                  offset, -1, step_done);
}

static void submit_zero(struct file_op *o)
{
    int mode = FALLOC_FL_KEEP_SIZE;

    if (o->zero_method == FILE_ZERO_WRITE) {
        submit_zeros(o);
        return;
    }
    mode |= o->zero_method == FILE_ZERO_PUNCH ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
    reactor_fallocate(o->f->head.reactor, &o->op, o->f->fd, mode, o->req->offset, o->req->length,
                      step_done);
}

static void submit(struct file_op *o)
{
    o->f->head.requests_count++;
    switch (o->kind) {
    case FILE_READ:
    case FILE_WRITE:
        submit_move(o);
        break;
    case FILE_ZERO:
        submit_zero(o);
        break;
    case FILE_FLUSH:
        reactor_fsync(o->f->head.reactor, &o->op, o->f->fd, step_done);
        break;
    }
}

static void begin(struct endpoint *ep, struct block_req *req, enum file_op_kind kind)
{
    struct endpoint_file *f = endpoint_file_of(ep);
    struct file_op *o = f->free_ops;

    if (f->fd < 0) {
        err_set(&req->err, ERR_GONE, RETRY_REPLAN, "%.200s does not exist", f->path);
    } else if (kind != FILE_READ && !f->writable) {
        err_set(&req->err, ERR_USAGE, RETRY_NEVER, "%.200s is only read", f->path);
    } else {
        if (o)
            f->free_ops = o->next;
        else
            o = malloc(sizeof *o);
        if (!o)
            err_set(&req->err, ERR_LIMIT, RETRY_LATER, "no memory for a request to %.200s",
                    f->path);
    }
    if (err_is_set(&req->err)) {
        endpoint_later_block(&f->later, ep, req);
        return;
    }
    *o = (struct file_op){.f = f, .req = req, .kind = kind, .zero_method = f->zero_method};
    submit(o);
}

/* ---- Operations ---- */

void file_blocks_read(struct endpoint *ep, struct block_req *req)
{
    req->crc64_known = false; /* a file brings no checksum of its own */
    begin(ep, req, FILE_READ);
}

void file_blocks_write(struct endpoint *ep, struct block_req *req)
{
    begin(ep, req, FILE_WRITE);
}

void file_blocks_zero(struct endpoint *ep, struct block_req *req)
{
    begin(ep, req, FILE_ZERO);
}

void file_blocks_flush(struct endpoint *ep, struct block_req *req)
{
    struct endpoint_file *f = endpoint_file_of(ep);

    if (!f->writable) { /* nothing was written through it */
        endpoint_later_block(&f->later, ep, req);
        return;
    }
    begin(ep, req, FILE_FLUSH);
}

void file_blocks_fini(struct endpoint_file *f)
{
    while (f->free_ops) {
        struct file_op *next = f->free_ops->next;

        free(f->free_ops);
        f->free_ops = next;
    }
}
