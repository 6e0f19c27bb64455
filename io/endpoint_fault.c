/* endpoint_fault.c - see endpoint_fault.h. A request becomes an op: its verdict is drawn at submission, then
 * it is passed on (or not), delayed (or not), and ended.
 */
#include "io/endpoint_fault.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/fault_draw.h"
#include "io/reactor.h"

struct fault_op_state {
    struct fault *fault;
    enum fault_op op;
    uint32_t rule; /* what hit; FAULT_NO_RULE: nothing */
    uint64_t number;
    struct timer timer; /* the delay of the answer */
    struct timer late;  /* of a late write */
    struct reactor_task task;
    bool answered, late_pending;
    uint64_t fence; /* fences seen when it was submitted */
    union {
        struct stat_req *stat;
        struct setup_req *setup;
        struct list_req *list;
        struct block_req *block;
    } asked;
    struct stat_req stat;
    struct setup_req setup;
    struct list_req list;
    struct block_req block;
    struct buf copy; /* of the bytes of a late write */
};

struct fault {
    struct endpoint head; /* first */
    struct endpoint *inner;
    struct fault_draw draw;
    uint64_t delay_min_ns, delay_max_ns;
    uint64_t submitted, answered_last, overtaken, fences;
    uint32_t late_count;
    bool needs_renewal;
};

static enum fault_kind fault_kind_of(const struct fault_op_state *o)
{
    return o->rule == FAULT_NO_RULE ? FAULT_KINDS : o->fault->draw.rules[o->rule].kind;
}

/* ---- Answers ---- */

static void fault_free_if_over(struct fault_op_state *o)
{
    if (!o->answered || o->late_pending)
        return;
    free(o->copy.memory);
    free(o);
}

static void fault_answer(struct fault_op_state *o)
{
    struct fault *f = o->fault;

    if (o->number < f->answered_last)
        f->overtaken++;
    else
        f->answered_last = o->number;
    o->answered = true;
    switch (o->op) {
    case FAULT_STAT: {
        struct stat_req *asked = o->asked.stat;

        fault_free_if_over(o);
        endpoint_stat_end(&f->head, asked);
        break;
    }
    case FAULT_SETUP: {
        struct setup_req *asked = o->asked.setup;

        fault_free_if_over(o);
        endpoint_setup_end(&f->head, asked);
        break;
    }
    case FAULT_LIST: {
        struct list_req *asked = o->asked.list;

        fault_free_if_over(o);
        endpoint_list_end(&f->head, asked);
        break;
    }
    default: {
        struct block_req *asked = o->asked.block;

        fault_free_if_over(o);
        endpoint_block_end(&f->head, asked);
    }
    }
}

static void fault_timer_fired(struct timer *timer)
{
    fault_answer((struct fault_op_state *)((char *)timer - offsetof(struct fault_op_state, timer)));
}

static void fault_task_ran(struct reactor_task *task)
{
    fault_answer((struct fault_op_state *)((char *)task - offsetof(struct fault_op_state, task)));
}

static void fault_answer_later(struct fault_op_state *o)
{
    struct fault *f = o->fault;
    uint64_t delay_ns = f->delay_min_ns;

    if (f->delay_max_ns > f->delay_min_ns)
        delay_ns += fault_draw_random(&f->draw) % (f->delay_max_ns - f->delay_min_ns + 1);
    if (delay_ns)
        reactor_arm(f->head.reactor, &o->timer, reactor_now_ns(f->head.reactor) + delay_ns,
                    fault_timer_fired);
    else
        reactor_post(f->head.reactor, &o->task, fault_task_ran);
}

static struct err *fault_asked_err(struct fault_op_state *o)
{
    switch (o->op) {
    case FAULT_STAT:
        return &o->asked.stat->err;
    case FAULT_SETUP:
        return &o->asked.setup->err;
    case FAULT_LIST:
        return &o->asked.list->err;
    default:
        return &o->asked.block->err;
    }
}

/* After inner answered, or instead of it. */
static void fault_settle(struct fault_op_state *o)
{
    enum fault_kind kind = fault_kind_of(o);

    if (kind != FAULT_KINDS && kind != FAULT_FLIPPED)
        fault_draw_error(&o->fault->draw, o->rule, fault_asked_err(o));
    fault_answer_later(o);
}

static struct fault_op_state *fault_begin(struct endpoint *ep, enum fault_op op, void *asked,
                                          struct extent extent)
{
    struct fault *f = (struct fault *)ep;
    struct fault_op_state *o = calloc(1, sizeof *o);

    if (!o)
        abort(); /* a test's own memory ran out */
    o->fault = f;
    o->op = op;
    o->number = ++f->submitted;
    o->fence = f->fences;
    o->asked.block = asked;
    if (f->needs_renewal) {
        o->rule = FAULT_NO_RULE;
        err_set(fault_asked_err(o), ERR_AUTH, RETRY_AFTER_RENEWAL,
                "injected: 403 AuthenticationFailed");
        fault_answer_later(o);
        return NULL;
    }
    o->rule = fault_draw(&f->draw, op, extent);
    if (fault_kind_of(o) == FAULT_AUTH)
        f->needs_renewal = true;
    switch (fault_kind_of(o)) {
    case FAULT_KINDS:
    case FAULT_NET_AFTER:
    case FAULT_FLIPPED:
        return o; /* inner is asked */
    case FAULT_NET_TORN:
    case FAULT_NET_LATE:
        if (op == FAULT_WRITE || op == FAULT_ZERO)
            return o;
        break;
    default:
        break;
    }
    fault_settle(o);
    return NULL;
}

/* ---- Operations ---- */

static void fault_stat_done(struct stat_req *req)
{
    struct fault_op_state *o =
        (struct fault_op_state *)((char *)req - offsetof(struct fault_op_state, stat));
    void (*done)(struct stat_req *) = o->asked.stat->done;

    o->fault->head.capabilities = o->fault->inner->capabilities;
    *o->asked.stat = *req;
    o->asked.stat->done = done;
    fault_settle(o);
}

static void fault_stat(struct endpoint *ep, struct stat_req *req)
{
    struct extent none = {0, 0};
    struct fault_op_state *o = fault_begin(ep, FAULT_STAT, req, none);

    if (!o)
        return;
    o->stat = (struct stat_req){.done = fault_stat_done};
    endpoint_stat(o->fault->inner, &o->stat);
}

static void fault_setup_done(struct setup_req *req)
{
    struct fault_op_state *o =
        (struct fault_op_state *)((char *)req - offsetof(struct fault_op_state, setup));
    void (*done)(struct setup_req *) = o->asked.setup->done;

    if (req->verb == SETUP_FENCE && !err_is_set(&req->err))
        o->fault->fences++;
    *o->asked.setup = *req;
    o->asked.setup->done = done;
    fault_settle(o);
}

static void fault_setup(struct endpoint *ep, struct setup_req *req)
{
    struct extent none = {0, 0};
    struct fault_op_state *o = fault_begin(ep, FAULT_SETUP, req, none);

    if (!o)
        return;
    o->setup = *req;
    o->setup.done = fault_setup_done;
    endpoint_setup(o->fault->inner, &o->setup);
}

static void fault_list_done(struct list_req *req)
{
    struct fault_op_state *o =
        (struct fault_op_state *)((char *)req - offsetof(struct fault_op_state, list));

    o->asked.list->size_bytes = req->size_bytes;
    o->asked.list->err = req->err;
    fault_settle(o);
}

static void fault_list_page(struct list_req *req)
{
    struct fault_op_state *o =
        (struct fault_op_state *)((char *)req - offsetof(struct fault_op_state, list));

    o->asked.list->size_bytes = req->size_bytes;
    o->asked.list->up_to = req->up_to;
    o->asked.list->page(o->asked.list);
}

static void fault_list(struct endpoint *ep, struct list_req *req)
{
    struct fault_op_state *o = fault_begin(ep, FAULT_LIST, req, req->within);

    if (!o)
        return;
    o->list = *req;
    o->list.page = req->page ? fault_list_page : NULL;
    o->list.done = fault_list_done;
    endpoint_list(o->fault->inner, &o->list);
}

/* The bytes of a write, apart from the caller's. */
static void fault_copy_bytes(struct fault_op_state *o)
{
    o->copy.memory = aligned_alloc(BUF_ALIGN_BYTES, BUF_BYTES);
    if (!o->copy.memory)
        abort(); /* a test's own memory ran out */
    o->copy.registered = -1;
    memcpy(o->copy.memory, o->block.buf->memory + o->block.buf_offset, (size_t)o->block.length);
    o->block.buf = &o->copy;
    o->block.buf_offset = 0;
}

static void fault_flip(struct fault_op_state *o, unsigned char *bytes)
{
    bytes[fault_draw_random(&o->fault->draw) % o->block.length] ^= 1;
}

static void fault_block_done(struct block_req *req)
{
    struct fault_op_state *o =
        (struct fault_op_state *)((char *)req - offsetof(struct fault_op_state, block));
    struct block_req *asked = o->asked.block;

    asked->err = req->err;
    asked->from_failed = req->from_failed;
    asked->crc64_known = req->crc64_known;
    asked->crc64 = req->crc64;
    asked->hashed_count = req->hashed_count;
    if (fault_kind_of(o) == FAULT_FLIPPED && o->op == FAULT_READ && !err_is_set(&req->err)) {
        fault_flip(o, asked->buf->memory + asked->buf_offset);
        asked->crc64_known = false;
        asked->hashed_count = 0;
    }
    fault_settle(o);
}

static void fault_late_done(struct block_req *req)
{
    struct fault_op_state *o =
        (struct fault_op_state *)((char *)req - offsetof(struct fault_op_state, block));

    o->late_pending = false;
    o->fault->late_count--;
    fault_free_if_over(o);
}

/* The write that was lost on its way arrives now, unless a fence went up in between. */
static void fault_late_fired(struct timer *timer)
{
    struct fault_op_state *o =
        (struct fault_op_state *)((char *)timer - offsetof(struct fault_op_state, late));

    if (o->fence != o->fault->fences) {
        fault_late_done(&o->block);
        return;
    }
    if (o->block.from)
        endpoint_pull(o->fault->inner, &o->block);
    else if (o->op == FAULT_WRITE)
        endpoint_write(o->fault->inner, &o->block);
    else
        endpoint_zero(o->fault->inner, &o->block);
}

static void fault_block_late(struct fault_op_state *o)
{
    struct fault *f = o->fault;

    if (o->block.buf)
        fault_copy_bytes(o);
    o->block.done = fault_late_done;
    o->late_pending = true;
    f->late_count++;
    reactor_arm(f->head.reactor, &o->late,
                reactor_now_ns(f->head.reactor) + f->draw.rules[o->rule].late_ns, fault_late_fired);
    fault_settle(o);
}

/* A torn write: half of it, in whole pages, was applied. False: nothing is left to apply. */
static bool fault_block_tear(struct fault_op_state *o)
{
    o->block.length = o->block.length / ENDPOINT_PAGE_BYTES / 2 * ENDPOINT_PAGE_BYTES;
    o->block.crc64_known = false;
    return o->block.length > 0;
}

static void fault_block(struct endpoint *ep, enum fault_op op, struct block_req *req,
                        void (*submit)(struct endpoint *, struct block_req *))
{
    struct extent extent = {req->offset, req->length};
    struct fault_op_state *o = fault_begin(ep, op, req, extent);

    if (!o)
        return;
    o->block = *req;
    o->block.done = fault_block_done;
    if (fault_kind_of(o) == FAULT_NET_LATE) {
        fault_block_late(o);
        return;
    }
    if (fault_kind_of(o) == FAULT_NET_TORN && !fault_block_tear(o)) {
        fault_settle(o);
        return;
    }
    if (fault_kind_of(o) == FAULT_FLIPPED && op == FAULT_WRITE && req->buf) {
        fault_copy_bytes(o);
        fault_flip(o, o->copy.memory);
        o->block.crc64_known = false;
    }
    submit(o->fault->inner, &o->block);
}

static void fault_read(struct endpoint *ep, struct block_req *req)
{
    fault_block(ep, FAULT_READ, req, endpoint_read);
}

static void fault_write(struct endpoint *ep, struct block_req *req)
{
    fault_block(ep, FAULT_WRITE, req, endpoint_write);
}

static void fault_zero(struct endpoint *ep, struct block_req *req)
{
    fault_block(ep, FAULT_ZERO, req, endpoint_zero);
}

static void fault_pull(struct endpoint *ep, struct block_req *req)
{
    fault_block(ep, FAULT_WRITE, req, endpoint_pull);
}

static struct endpoint *fault_lender(struct endpoint *ep)
{
    struct endpoint *inner = ((struct fault *)ep)->inner;

    return inner->ops->lender(inner);
}

static void fault_flush(struct endpoint *ep, struct block_req *req)
{
    fault_block(ep, FAULT_FLUSH, req, endpoint_flush);
}

static void fault_close(struct endpoint *ep)
{
    struct fault *f = (struct fault *)ep;

    assert(f->late_count == 0); /* run the reactor until its timers are done */
    endpoint_close(f->inner);
    free(f->head.identity);
    free(f);
}

static const struct endpoint_ops fault_ops = {
    .name = "fault",
    .stat = fault_stat,
    .setup = fault_setup,
    .list = fault_list,
    .read = fault_read,
    .write = fault_write,
    .zero = fault_zero,
    .flush = fault_flush,
    .pull = fault_pull,
    .lender = fault_lender,
    .close = fault_close,
};

/* ---- Life and look ---- */

struct endpoint *endpoint_fault_new(struct endpoint *take_inner,
                                    const struct fault_options *options, struct err *e)
{
    struct fault *f = calloc(1, sizeof *f);

    if (f) {
        f->head = *take_inner;
        f->head.identity = strdup(take_inner->identity);
    }
    if (!f || !f->head.identity) {
        free(f);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for an endpoint");
        return NULL;
    }
    f->inner = take_inner;
    f->head.ops = &fault_ops;
    f->head.inflight = 0;
    fault_draw_init(&f->draw, options);
    f->delay_min_ns = options->delay_min_ns;
    f->delay_max_ns = options->delay_max_ns;
    return &f->head;
}

struct endpoint *endpoint_fault_inner(struct endpoint *ep)
{
    return ((struct fault *)ep)->inner;
}

void endpoint_fault_renew(struct endpoint *ep)
{
    ((struct fault *)ep)->needs_renewal = false;
}

uint64_t endpoint_fault_count(const struct endpoint *ep, enum fault_op op, enum fault_kind kind)
{
    return ((const struct fault *)ep)->draw.counts[op][kind];
}

uint64_t endpoint_fault_count_kind(const struct endpoint *ep, enum fault_kind kind)
{
    uint64_t sum = 0;

    for (int op = 0; op < FAULT_OPS; op++)
        sum += endpoint_fault_count(ep, (enum fault_op)op, kind);
    return sum;
}

uint64_t endpoint_fault_overtaken_count(const struct endpoint *ep)
{
    return ((const struct fault *)ep)->overtaken;
}
