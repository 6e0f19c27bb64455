/* reactor_core.c - the half of reactor.h that both backends share: live operations, tasks, timers.
 *
 * Knows:         order. One turn is: expire, submit, wait, complete, expire, run what was posted.
 * Must not know: io_uring, epoll.
 * Threads:       the owner's; only the remote list is shared, guarded by its mutex.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "io/reactor_backend.h"
#include "io/reactor_tasks.h"

#define LIVE_START_COUNT 64u
#define LIVE_MAX         (1u << 20) /* operations of one reactor, in the kernel and waiting */
#define SLOT_REFUSED     UINT32_MAX /* no room in the table: completes with -ENOMEM next turn */
_Static_assert(LIVE_MAX >= REACTOR_OPS_MAX, "what the kernel holds fits in the table");

/* One operation. Slots are indices + 1; 0 ends a list. */
struct live {
    struct reactor_op *op; /* NULL: free, or forgotten before it was submitted */
    uint32_t generation;
    uint32_t next; /* in the free list or the queue */
    bool queued;   /* not yet handed to the backend */
    struct reactor_call call;
};

struct reactor {
    /* set at birth */
    struct clock *clock;
    struct reactor_kernel *kernel;
    char fallback_reason[ERR_TEXT_MAX_BYTES]; /* "": none */
    /* changes, owner's thread only */
    uint64_t now_ns;
    struct timers timers;
    struct live *live;
    uint32_t live_capacity;
    uint32_t live_count; /* not forgotten, the wake poll included */
    uint32_t free_first;
    uint32_t queue_first, queue_last;
    struct reactor_op *refused;
    struct reactor_op wake_op;
    struct reactor_tasks tasks;
    uint32_t held_count; /* work in other threads that will post */
    bool in_turn;
};

/* ---- The table of live operations ---- */

static bool live_grow(struct reactor *r)
{
    uint32_t capacity = r->live_capacity ? r->live_capacity * 2 : LIVE_START_COUNT;
    struct live *live;

    if (capacity > LIVE_MAX)
        return false;
    live = reallocarray(r->live, capacity, sizeof *live);
    if (!live)
        return false;
    for (uint32_t i = r->live_capacity; i < capacity; i++)
        live[i] = (struct live){.next = i + 1 < capacity ? i + 2 : 0};
    r->free_first = r->live_capacity + 1;
    r->live = live;
    r->live_capacity = capacity;
    return true;
}

static void live_free(struct reactor *r, uint32_t slot)
{
    struct live *live = &r->live[slot - 1];

    live->op = NULL;
    live->queued = false;
    live->next = r->free_first;
    r->free_first = slot;
}

static void submit(struct reactor *r, struct reactor_op *op, const struct reactor_call *call,
                   reactor_done_fn *done)
{
    struct live *live;
    uint32_t slot;

    assert(op->slot == 0); /* one operation at a time */
    assert(done && call->fd >= 0);
    op->done = done;
    op->result = 0;
    if (!r->free_first && !live_grow(r)) {
        op->slot = SLOT_REFUSED;
        op->next = r->refused;
        r->refused = op;
        return;
    }
    slot = r->free_first;
    live = &r->live[slot - 1];
    r->free_first = live->next;
    live->op = op;
    live->generation++;
    live->call = *call;
    live->queued = true;
    live->next = 0;
    op->slot = slot;
    op->generation = live->generation;
    r->live_count++;
    if (r->queue_last)
        r->live[r->queue_last - 1].next = slot;
    else
        r->queue_first = slot;
    r->queue_last = slot;
}

/* Hands on what the backend has room for; the rest stays, in order. */
static void submit_queued(struct reactor *r)
{
    while (r->queue_first) {
        uint32_t slot = r->queue_first;
        struct live *live = &r->live[slot - 1];
        union reactor_tag tag = {.slot = slot, .generation = live->generation};

        if (live->op && !r->kernel->ops->submit(r->kernel, tag.word, &live->call))
            return;
        r->queue_first = live->next;
        if (!r->queue_first)
            r->queue_last = 0;
        live->queued = false;
        if (!live->op)
            live_free(r, slot);
    }
}

void reactor_complete(struct reactor *r, uint64_t word, int64_t result)
{
    union reactor_tag tag = {.word = word};
    struct live *live;
    struct reactor_op *op;

    assert(tag.slot > 0 && tag.slot <= r->live_capacity);
    live = &r->live[tag.slot - 1];
    if (live->generation != tag.generation || !live->op)
        return; /* late news of a forgotten poll */
    assert(!live->queued);
    op = live->op;
    live_free(r, tag.slot);
    r->live_count--;
    op->slot = 0;
    op->result = result;
    op->done(op);
}

static void complete_refused(struct reactor *r)
{
    size_t count = 0;

    for (struct reactor_op *op = r->refused; op; op = op->next)
        count++;
    while (r->refused && count-- > 0) { /* those that are refused again wait for the next turn */
        struct reactor_op *op = r->refused;

        r->refused = op->next;
        op->slot = 0;
        op->result = -ENOMEM;
        op->done(op);
    }
}

static void forget_refused(struct reactor *r, const struct reactor_op *op)
{
    struct reactor_op **link = &r->refused;

    while (*link != op)
        link = &(*link)->next;
    *link = op->next;
}

void reactor_forget(struct reactor *r, struct reactor_op *op)
{
    union reactor_tag tag = {.slot = op->slot, .generation = op->generation};
    struct live *live;

    op->slot = 0;
    if (tag.slot == 0)
        return;
    if (tag.slot == SLOT_REFUSED) {
        forget_refused(r, op);
        return;
    }
    live = &r->live[tag.slot - 1];
    assert(live->op == op && live->generation == tag.generation);
    assert(live->call.kind == REACTOR_CALL_POLL); /* the kernel may still write a read's memory */
    r->live_count--;
    if (live->queued) {
        live->op = NULL; /* submit_queued frees the slot */
        return;
    }
    r->kernel->ops->forget(r->kernel, tag.word, live->call.fd);
    live_free(r, tag.slot);
}

/* ---- Operations ---- */

void reactor_read(struct reactor *r, struct reactor_op *op, int fd, void *memory, uint32_t length,
                  uint64_t offset, int registered, reactor_done_fn *done)
{
    struct reactor_call call = {.kind = REACTOR_CALL_READ,
                                .fd = fd,
                                .memory = memory,
                                .length = length,
                                .offset = offset,
                                .registered = registered};

    assert(length > 0 && length <= REACTOR_IO_MAX && offset <= (uint64_t)INT64_MAX - length);
    submit(r, op, &call, done);
}

void reactor_write(struct reactor *r, struct reactor_op *op, int fd, const void *memory,
                   uint32_t length, uint64_t offset, int registered, reactor_done_fn *done)
{
    struct reactor_call call = {.kind = REACTOR_CALL_WRITE,
                                .fd = fd,
                                .memory = (void *)(uintptr_t)memory, /* only read from */
                                .length = length,
                                .offset = offset,
                                .registered = registered};

    assert(length > 0 && length <= REACTOR_IO_MAX && offset <= (uint64_t)INT64_MAX - length);
    submit(r, op, &call, done);
}

void reactor_fsync(struct reactor *r, struct reactor_op *op, int fd, reactor_done_fn *done)
{
    struct reactor_call call = {.kind = REACTOR_CALL_FSYNC, .fd = fd, .registered = -1};

    submit(r, op, &call, done);
}

void reactor_fallocate(struct reactor *r, struct reactor_op *op, int fd, int mode, uint64_t offset,
                       uint64_t length, reactor_done_fn *done)
{
    struct reactor_call call = {.kind = REACTOR_CALL_FALLOCATE,
                                .fd = fd,
                                .registered = -1,
                                .mode = mode,
                                .offset = offset,
                                .span_bytes = length};

    assert(length > 0 && offset <= (uint64_t)INT64_MAX && length <= (uint64_t)INT64_MAX - offset);
    submit(r, op, &call, done);
}

void reactor_poll(struct reactor *r, struct reactor_op *op, int fd, uint32_t events,
                  reactor_done_fn *done)
{
    struct reactor_call call = {
        .kind = REACTOR_CALL_POLL, .fd = fd, .registered = -1, .events = events};

    submit(r, op, &call, done);
}

/* ---- Tasks ---- */

void reactor_post(struct reactor *r, struct reactor_task *task, reactor_task_fn *fn)
{
    reactor_tasks_add(&r->tasks, task, fn);
}

void reactor_post_remote(struct reactor *r, struct reactor_task *task, reactor_task_fn *fn)
{
    reactor_tasks_add_remote(&r->tasks, task, fn);
}

void reactor_drop_tasks(struct reactor *r)
{
    reactor_tasks_drop(&r->tasks);
}

static struct reactor *reactor_of_wake_op(struct reactor_op *op)
{
    return (struct reactor *)((char *)op - offsetof(struct reactor, wake_op));
}

static void woken(struct reactor_op *op)
{
    struct reactor *r = reactor_of_wake_op(op);

    reactor_tasks_hush(&r->tasks);
    reactor_poll(r, op, r->tasks.wake_fd, POLLIN, woken);
}

/* ---- Timers ---- */

void reactor_arm(struct reactor *r, struct timer *timer, uint64_t due_ns, timer_fn *fn)
{
    bool armed = timers_arm(&r->timers, timer, due_ns, fn);

    /* Eight bytes more for the heap: where they are not to be had, nothing can be reported. */
    assert(armed);
}

void reactor_disarm(struct reactor *r, struct timer *timer)
{
    timers_disarm(&r->timers, timer);
}

/* ---- Turns ---- */

/* The wake poll is always there and is nobody's work. */
static bool nothing_in_kernel(const struct reactor *r)
{
    return r->live_count <= 1;
}

static bool nothing_posted(const struct reactor *r)
{
    return !r->refused && reactor_tasks_none(&r->tasks);
}

static size_t expire(struct reactor *r)
{
    r->now_ns = clock_now_ns(r->clock);
    return timers_expire(&r->timers, r->now_ns);
}

/* A simulated clock jumps to the next timer where a real one would be waited for. True: it did. */
static bool jump(struct reactor *r, uint64_t wait_max_ns)
{
    uint64_t next_ns = timers_next_ns(&r->timers);
    uint64_t by_ns;

    if (!r->clock->simulated || next_ns == UINT64_MAX || !nothing_in_kernel(r) || r->held_count)
        return false;
    by_ns = next_ns > r->now_ns ? next_ns - r->now_ns : 0;
    clock_advance(r->clock, by_ns < wait_max_ns ? by_ns : wait_max_ns);
    return true;
}

/* How long the kernel may be waited for. Simulated time does not pass while we do. */
static uint64_t wait_ns(const struct reactor *r, uint64_t wait_max_ns)
{
    uint64_t next_ns = timers_next_ns(&r->timers);
    uint64_t until_ns;

    if (r->clock->simulated || next_ns == UINT64_MAX)
        return wait_max_ns;
    until_ns = next_ns > r->now_ns ? next_ns - r->now_ns : 0;
    return until_ns < wait_max_ns ? until_ns : wait_max_ns;
}

bool reactor_turn(struct reactor *r, uint64_t wait_max_ns, struct err *e)
{
    uint64_t wait = 0;
    bool idle;

    assert(!r->in_turn);
    r->in_turn = true;
    idle = expire(r) == 0 && nothing_posted(r);
    if (idle && !jump(r, wait_max_ns))
        wait = wait_ns(r, wait_max_ns);
    submit_queued(r);
    if (!r->kernel->ops->wait(r->kernel, wait, e)) {
        r->in_turn = false;
        return false;
    }
    r->now_ns = clock_now_ns(r->clock);
    r->kernel->ops->reap(r->kernel);
    complete_refused(r);
    if (idle)
        timers_expire(&r->timers, r->now_ns);
    reactor_tasks_run(&r->tasks);
    r->in_turn = false;
    return true;
}

bool reactor_busy(const struct reactor *r)
{
    return !nothing_in_kernel(r) || !nothing_posted(r) || r->held_count > 0 ||
           timers_next_ns(&r->timers) != UINT64_MAX;
}

void reactor_hold(struct reactor *r)
{
    r->held_count++;
}

void reactor_release(struct reactor *r)
{
    assert(r->held_count > 0);
    r->held_count--;
}

/* ---- Life ---- */

static bool open_kernel(struct reactor *r, enum reactor_backend choice, struct err *e)
{
    struct err refused = {0};

    if (choice != REACTOR_EPOLL) {
        r->kernel = reactor_uring_open(r, choice == REACTOR_AUTO ? &refused : e);
        if (r->kernel)
            return true;
        if (choice == REACTOR_URING)
            return false;
        memcpy(r->fallback_reason, refused.text, sizeof r->fallback_reason);
    }
    r->kernel = reactor_epoll_open(r, e);
    return r->kernel != NULL;
}

struct reactor *reactor_new(enum reactor_backend choice, struct clock *clock, struct err *e)
{
    struct reactor *r = calloc(1, sizeof *r);

    if (!r) {
        err_set_errno(e, ENOMEM, RETRY_NEVER, "cannot make a reactor");
        return NULL;
    }
    r->clock = clock;
    r->now_ns = clock_now_ns(clock);
    if (!reactor_tasks_init(&r->tasks, e)) {
        free(r);
        return NULL;
    }
    if (!open_kernel(r, choice, e)) {
        reactor_tasks_fini(&r->tasks);
        free(r);
        return NULL;
    }
    reactor_poll(r, &r->wake_op, r->tasks.wake_fd, POLLIN, woken);
    return r;
}

void reactor_free(struct reactor *r)
{
    if (!r)
        return;
    reactor_forget(r, &r->wake_op);
    assert(r->live_count == 0 && !r->refused && !r->in_turn);
    r->kernel->ops->free(r->kernel);
    reactor_tasks_fini(&r->tasks);
    timers_fini(&r->timers);
    free(r->live);
    free(r);
}

/* ---- Memory, look ---- */

int reactor_register_memory(struct reactor *r, void *memory, size_t length)
{
    return r->kernel->ops->register_memory(r->kernel, memory, length);
}

void reactor_unregister_memory(struct reactor *r, int registered)
{
    if (registered >= 0)
        r->kernel->ops->unregister_memory(r->kernel, registered);
}

uint64_t reactor_now_ns(const struct reactor *r)
{
    return r->now_ns;
}

uint64_t reactor_wall_ns(const struct reactor *r)
{
    return clock_wall_ns(r->clock);
}

bool reactor_simulated(const struct reactor *r)
{
    return r->clock->simulated;
}

const char *reactor_backend_name(const struct reactor *r)
{
    return r->kernel->ops->name;
}

const char *reactor_fallback_reason(const struct reactor *r)
{
    return r->fallback_reason[0] ? r->fallback_reason : NULL;
}
