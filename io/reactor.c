/* reactor.c - the io_uring backend; the only file that calls io_uring_*. See reactor_backend.h.
 *
 * Knows:         the rings, their sizes, what the kernel may refuse.
 * Must not know: timers, tasks, owners.
 * Threads:       the one that opened it (SINGLE_ISSUER).
 *
 * The completion queue cannot overflow: at most ops_max operations and as many cancels are in the
 * kernel at once, each answers once, and the queue has room for both.
 */
#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "io/reactor_backend.h"

#define MEMORY_SLOTS_MAX 16384u /* the kernel's own limit for registered buffers */
#define TAG_CANCEL       0ull   /* no operation has slot 0 */

/* Newer kernels count the queues themselves against RLIMIT_MEMLOCK, which may be as low as 64 KiB;
 * then a small ring is still far better than none. */
struct ring_size {
    unsigned submit_entries;
    unsigned ops_max;
};
static const struct ring_size ring_sizes[] = {{512, REACTOR_OPS_MAX}, {64, 128}};

struct uring {
    struct reactor_kernel head; /* first */
    struct io_uring ring;
    uint32_t ops_max;                  /* set at birth */
    uint32_t ops_count;                /* in the kernel, forgotten ones included */
    uint32_t cancels_count;            /* in the kernel */
    uint32_t cancel_queue_count;       /* taken back, cancel not yet sent */
    uint64_t cancels[REACTOR_OPS_MAX]; /* their tags */
    bool memory_table;                 /* the sparse table is there */
    bool memory_refused;               /* until something is unregistered, asking again is vain */
    uint32_t memory_free_count;        /* indices given back */
    uint32_t memory_next;              /* first index never used */
    uint16_t memory_free[MEMORY_SLOTS_MAX];
};
_Static_assert(MEMORY_SLOTS_MAX <= UINT16_MAX, "indices fit");

static struct uring *uring_of(struct reactor_kernel *k)
{
    return (struct uring *)k;
}

/* ---- Submit ---- */

/* NULL only when the kernel takes nothing now (out of memory): then later. */
static struct io_uring_sqe *sqe_borrow(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    if (!sqe && io_uring_submit(&u->ring) > 0)
        sqe = io_uring_get_sqe(&u->ring);
    return sqe;
}

static void prepare(struct io_uring_sqe *sqe, const struct reactor_call *c)
{
    switch (c->kind) {
    case REACTOR_CALL_READ:
        if (c->registered >= 0)
            io_uring_prep_read_fixed(sqe, c->fd, c->memory, c->length, c->offset, c->registered);
        else
            io_uring_prep_read(sqe, c->fd, c->memory, c->length, c->offset);
        break;
    case REACTOR_CALL_WRITE:
        if (c->registered >= 0)
            io_uring_prep_write_fixed(sqe, c->fd, c->memory, c->length, c->offset, c->registered);
        else
            io_uring_prep_write(sqe, c->fd, c->memory, c->length, c->offset);
        break;
    case REACTOR_CALL_FSYNC:
        io_uring_prep_fsync(sqe, c->fd, 0);
        break;
    case REACTOR_CALL_FALLOCATE:
        io_uring_prep_fallocate(sqe, c->fd, c->mode, (off_t)c->offset, (off_t)c->span_bytes);
        break;
    case REACTOR_CALL_POLL:
        io_uring_prep_poll_add(sqe, c->fd, c->events);
        break;
    }
}

static bool uring_submit(struct reactor_kernel *k, uint64_t tag, const struct reactor_call *call)
{
    struct uring *u = uring_of(k);
    struct io_uring_sqe *sqe;

    if (u->ops_count >= u->ops_max)
        return false;
    sqe = sqe_borrow(u);
    if (!sqe)
        return false;
    prepare(sqe, call);
    io_uring_sqe_set_data64(sqe, tag);
    u->ops_count++;
    return true;
}

/* The poll keeps its file open until the cancel is sent, with the next turn. */
static void uring_forget(struct reactor_kernel *k, uint64_t tag, int fd)
{
    struct uring *u = uring_of(k);

    (void)fd;
    assert(u->cancel_queue_count < u->ops_max); /* each is one of ops_count */
    u->cancels[u->cancel_queue_count++] = tag;
}

static void send_cancels(struct uring *u)
{
    while (u->cancel_queue_count > 0 && u->cancels_count < u->ops_max) {
        struct io_uring_sqe *sqe = sqe_borrow(u);

        if (!sqe)
            return;
        io_uring_prep_poll_remove(sqe, u->cancels[--u->cancel_queue_count]);
        io_uring_sqe_set_data64(sqe, TAG_CANCEL);
        u->cancels_count++;
    }
}

/* ---- Wait, reap ---- */

/* With DEFER_TASKRUN completions appear only when the ring is entered for them; the flag says
 * whether that would bring any. So a turn that has nothing to do makes no system call. */
static int look(struct uring *u)
{
    unsigned flags = IO_URING_READ_ONCE(*u->ring.sq.kflags);

    if (io_uring_sq_ready(&u->ring) > 0)
        return io_uring_submit_and_get_events(&u->ring);
    if (!(u->ring.flags & IORING_SETUP_TASKRUN_FLAG) || (flags & IORING_SQ_TASKRUN) ||
        (flags & IORING_SQ_CQ_OVERFLOW))
        return io_uring_get_events(&u->ring);
    return 0;
}

static bool uring_wait(struct reactor_kernel *k, uint64_t wait_ns, struct err *e)
{
    struct uring *u = uring_of(k);
    struct io_uring_cqe *cqe;
    struct __kernel_timespec ts = {.tv_sec = (int64_t)(wait_ns / NS_PER_S),
                                   .tv_nsec = (long long)(wait_ns % NS_PER_S)};
    int status;

    send_cancels(u);
    if (io_uring_cq_ready(&u->ring) > 0)
        return true; /* first what is here; what is to be sent goes with the turn that finds nothing */
    if (wait_ns == 0)
        status = look(u);
    else if (wait_ns == UINT64_MAX)
        status = io_uring_submit_and_wait(&u->ring, 1);
    else
        status = io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, &ts, NULL);
    /* AGAIN and BUSY: the kernel is short of memory or wants completions taken first. Both pass;
     * what was not taken is still in the submission queue. */
    if (status >= 0 || status == -ETIME || status == -EINTR || status == -EAGAIN ||
        status == -EBUSY)
        return true;
    return err_set_errno(e, -status, RETRY_NEVER, "io_uring stopped working");
}

/* One completion a turn: what it posts runs before the next one. A socket's may be a millisecond's work, and
 * what is asked for next must not wait for those of all other sockets. */
static void uring_reap(struct reactor_kernel *k)
{
    struct uring *u = uring_of(k);
    struct io_uring_cqe *cqe;
    uint64_t tag = TAG_CANCEL;
    int result = 0;

    while (tag == TAG_CANCEL && io_uring_cq_ready(&u->ring) > 0) {
        if (io_uring_peek_cqe(&u->ring, &cqe) != 0)
            return;
        tag = cqe->user_data;
        result = cqe->res;
        io_uring_cqe_seen(&u->ring, cqe);
        if (tag == TAG_CANCEL)
            u->cancels_count--;
    }
    if (tag == TAG_CANCEL)
        return;
    u->ops_count--;
    reactor_complete(k->reactor, tag, result);
}

/* ---- Memory ---- */

static bool open_memory_table(struct uring *u)
{
    if (!u->memory_table && io_uring_register_buffers_sparse(&u->ring, MEMORY_SLOTS_MAX) == 0)
        u->memory_table = true;
    return u->memory_table;
}

static int uring_register_memory(struct reactor_kernel *k, void *memory, size_t length)
{
    struct uring *u = uring_of(k);
    struct iovec iov = {.iov_base = memory, .iov_len = length};
    uint32_t index;

    if (u->memory_refused)
        return -1;
    if (u->memory_free_count == 0 && u->memory_next == MEMORY_SLOTS_MAX)
        return -1;
    index = u->memory_free_count ? u->memory_free[u->memory_free_count - 1] : u->memory_next;
    if (!open_memory_table(u) ||
        io_uring_register_buffers_update_tag(&u->ring, index, &iov, NULL, 1) != 1) {
        u->memory_refused = true;
        return -1;
    }
    if (u->memory_free_count)
        u->memory_free_count--;
    else
        u->memory_next++;
    return (int)index;
}

static void uring_unregister_memory(struct reactor_kernel *k, int registered)
{
    struct uring *u = uring_of(k);
    struct iovec none = {0};

    assert((uint32_t)registered < u->memory_next);
    if (io_uring_register_buffers_update_tag(&u->ring, (unsigned)registered, &none, NULL, 1) != 1)
        return; /* the index stays taken; the ring's end frees it */
    u->memory_free[u->memory_free_count++] = (uint16_t)registered;
    u->memory_refused = false;
}

/* ---- Life ---- */

static void uring_free(struct reactor_kernel *k)
{
    struct uring *u = uring_of(k);

    io_uring_queue_exit(&u->ring);
    free(u);
}

static const struct reactor_kernel_ops uring_ops = {
    .name = "io_uring",
    .submit = uring_submit,
    .forget = uring_forget,
    .wait = uring_wait,
    .reap = uring_reap,
    .register_memory = uring_register_memory,
    .unregister_memory = uring_unregister_memory,
    .free = uring_free,
};

/* Best flags first; a kernel that does not know one answers EINVAL. */
static int open_sized(struct io_uring *ring, const struct ring_size *size)
{
    static const unsigned wanted[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        0,
    };
    int status = -EINVAL;

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && status == -EINVAL; i++) {
        struct io_uring_params params = {.flags =
                                             wanted[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
                                         .cq_entries = 2 * size->ops_max};

        status = io_uring_queue_init_params(size->submit_entries, ring, &params);
    }
    return status;
}

static int open_ring(struct uring *u)
{
    int status = -ENOMEM;

    for (size_t i = 0; i < sizeof ring_sizes / sizeof ring_sizes[0] && status == -ENOMEM; i++) {
        status = open_sized(&u->ring, &ring_sizes[i]);
        u->ops_max = ring_sizes[i].ops_max;
    }
    return status;
}

static bool refuse(struct err *e, int sys_errno)
{
    switch (sys_errno) {
    case EPERM:
    case EACCES:
        err_set(e, ERR_IO, RETRY_NEVER,
                "io_uring is forbidden here (a container's seccomp filter, or the sysctl "
                "kernel.io_uring_disabled), so epoll and threads do its work");
        break;
    case ENOSYS:
        err_set(e, ERR_IO, RETRY_NEVER,
                "this kernel has no io_uring, so epoll and threads do its work");
        break;
    default:
        err_set_errno(e, sys_errno, RETRY_NEVER,
                      "io_uring cannot be set up, so epoll and threads do its work");
        break;
    }
    e->sys_errno = sys_errno;
    return false;
}

struct reactor_kernel *reactor_uring_open(struct reactor *r, struct err *e)
{
    static const unsigned needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;
    struct uring *u = calloc(1, sizeof *u);
    int status;

    if (!u) {
        refuse(e, ENOMEM);
        return NULL;
    }
    status = open_ring(u);
    if (status < 0) {
        refuse(e, -status);
        free(u);
        return NULL;
    }
    if ((u->ring.features & needed) != needed) {
        err_set(
            e, ERR_IO, RETRY_NEVER,
            "this kernel's io_uring is older than Linux 5.11, so epoll and threads do its work");
        io_uring_queue_exit(&u->ring);
        free(u);
        return NULL;
    }
    u->head.ops = &uring_ops;
    u->head.reactor = r;
    return &u->head;
}
