/* complete.c - see complete.h. Two requests: the look at the target, and its last page. */
#include "engine/complete.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/vhd.h"
#include "engine/retry.h"

#define COMPLETE_POOL_WAIT_NS (5 * NS_PER_MS) /* others hold every buffer: look again */
#define MIB                   (1ull << 20)

struct complete {
    struct complete_setup setup; /* set once */
    /* changes, reactor thread only */
    bool started, looked, stopping, ended;
    uint32_t attempts; /* of the request under way */
    struct reactor_task task;
    struct timer timer;
    struct stat_req stat;
    struct block_req read;
    struct buf *buf;
    struct retry_random random;
    struct complete_summary summary;
    struct err err;
};

static void complete_go_on(struct reactor_task *task);

struct complete *complete_new(const struct complete_setup *setup, struct err *e)
{
    struct complete *complete = calloc(1, sizeof *complete);

    if (!complete) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to look at a target");
        return NULL;
    }
    complete->setup = *setup;
    complete->random.state = setup->random_seed;
    return complete;
}

void complete_free(struct complete *complete)
{
    if (!complete)
        return;
    assert(!complete->started || complete->ended);
    free(complete);
}

static void complete_end(struct complete *complete)
{
    complete->ended = true;
    if (complete->buf)
        bufpool_release(complete->setup.pool, complete->buf);
    complete->buf = NULL;
    complete->setup.done(complete->setup.arg);
}

static void complete_post(struct complete *complete)
{
    reactor_post(complete->setup.reactor, &complete->task, complete_go_on);
}

static void complete_timer_fired(struct timer *timer)
{
    complete_post((struct complete *)((char *)timer - offsetof(struct complete, timer)));
}

static void complete_wait(struct complete *complete, uint64_t delay_ns)
{
    reactor_arm(complete->setup.reactor, &complete->timer,
                reactor_now_ns(complete->setup.reactor) + delay_ns, complete_timer_fired);
}

/* The request under way failed: another try after a pause, or the end. */
static void complete_trouble(struct complete *complete, const struct err *error)
{
    struct retry_verdict verdict = retry_judge(error, ++complete->attempts, &complete->random);

    if (verdict.action == RETRY_ACT_AGAIN && !complete->stopping) {
        complete_wait(complete, verdict.delay_ns);
        return;
    }
    complete->err = *error;
    complete_end(complete);
}

/* ---- The verdict ---- */

static bool complete_no(struct complete *complete, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool complete_no(struct complete *complete, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(complete->summary.why, sizeof complete->summary.why, fmt, ap);
    va_end(ap);
    return false;
}

/* What can be said without reading a byte. */
static bool complete_judge_marker(struct complete *complete)
{
    const struct complete_summary *found = &complete->summary;

    if (!complete->stat.exists)
        return complete_no(complete, "There is nothing there.");
    switch (found->marker.state) {
    case MARKER_NONE:
        return complete_no(complete, "It carries no marker: no copy that snapferry finished.");
    case MARKER_COPYING:
        return complete_no(complete,
                           "Its marker says that a copy to it was begun and not finished.");
    case MARKER_COMPLETE:
        break;
    }
    if (complete->stat.marker_is_older && !complete->setup.read_back_follows)
        return complete_no(complete,
                           "Its marker is older than the file: it was made anew, or moved "
                           "here from elsewhere. --manifest reads it back and tells.");
    if (found->marker.size_bytes != found->size_bytes)
        return complete_no(complete, "It has %llu bytes, and its copy ended with %llu.",
                           (unsigned long long)found->size_bytes,
                           (unsigned long long)found->marker.size_bytes);
    return true;
}

/* Disks are made of whole MiB, so a page more than that is a footer's, whatever an old marker left unsaid. */
static bool complete_needs_footer(const struct complete_summary *found)
{
    if (found->marker.footer == MARKER_FOOTER_UNKNOWN)
        return found->size_bytes % MIB == VHD_FOOTER_BYTES;
    return found->marker.footer == MARKER_FOOTER_VHD;
}

static bool complete_judge_footer(struct complete *complete)
{
    struct complete_summary *found = &complete->summary;
    struct vhd_footer footer;

    vhd_decode(complete->buf->memory, &footer);
    if (footer.kind == VHD_NONE)
        return complete_no(complete,
                           "Its last page holds no VHD footer, and its copy ended with one.");
    if (footer.kind != VHD_FIXED)
        return complete_no(complete, "The VHD footer in its last page is damaged.");
    if (footer.disk_bytes != found->size_bytes - VHD_FOOTER_BYTES)
        return complete_no(complete, "Its VHD footer is of a disk of %llu bytes, and it has %llu.",
                           (unsigned long long)footer.disk_bytes,
                           (unsigned long long)(found->size_bytes - VHD_FOOTER_BYTES));
    found->has_footer = true;
    return true;
}

/* ---- The requests ---- */

static void complete_read_done(struct block_req *req)
{
    struct complete *complete = (struct complete *)((char *)req - offsetof(struct complete, read));

    if (err_is_set(&req->err)) {
        complete_trouble(complete, &req->err);
        return;
    }
    complete->summary.complete = complete_judge_footer(complete);
    complete_end(complete);
}

static void complete_read(struct complete *complete)
{
    struct bufpool *pool = complete->setup.pool;

    if (!complete->buf)
        complete->buf = bufpool_borrow(pool);
    if (!complete->buf && bufpool_grow(pool))
        complete->buf = bufpool_borrow(pool);
    if (!complete->buf) {
        complete_wait(complete, COMPLETE_POOL_WAIT_NS);
        return;
    }
    complete->read = (struct block_req){.offset = complete->summary.size_bytes - VHD_FOOTER_BYTES,
                                        .length = VHD_FOOTER_BYTES,
                                        .buf = complete->buf,
                                        .done = complete_read_done};
    endpoint_read(complete->setup.target, &complete->read);
}

static void complete_stat_done(struct stat_req *req)
{
    struct complete *complete = (struct complete *)((char *)req - offsetof(struct complete, stat));
    struct complete_summary *found = &complete->summary;

    if (err_is_set(&req->err)) {
        complete_trouble(complete, &req->err);
        return;
    }
    complete->attempts = 0;
    complete->looked = true;
    if (!(complete->setup.target->capabilities & ENDPOINT_KEEPS_MARKS)) {
        err_set(&complete->err, ERR_CONFLICT, RETRY_NEVER,
                "%.200s: whether a copy to it is complete is not knowable on this host, which "
                "keeps no marker",
                complete->setup.target->name);
        complete_end(complete);
        return;
    }
    found->size_bytes = req->size_bytes;
    found->marker = req->marker;
    if (!complete_judge_marker(complete)) {
        complete_end(complete);
        return;
    }
    if (complete_needs_footer(found)) {
        complete_post(complete);
        return;
    }
    found->complete = true;
    complete_end(complete);
}

static void complete_go_on(struct reactor_task *task)
{
    struct complete *complete = (struct complete *)((char *)task - offsetof(struct complete, task));

    if (complete->stopping) {
        err_set(&complete->err, ERR_CANCELED, RETRY_LATER, "stopped on request");
        complete_end(complete);
    } else if (complete->looked) {
        complete_read(complete);
    } else {
        complete->stat = (struct stat_req){.done = complete_stat_done};
        endpoint_stat(complete->setup.target, &complete->stat);
    }
}

/* ---- Use and look ---- */

void complete_start(struct complete *complete)
{
    assert(!complete->started);
    complete->started = true;
    complete_post(complete);
}

void complete_stop(struct complete *complete)
{
    if (complete->stopping || complete->ended)
        return;
    complete->stopping = true;
    if (complete->timer.slot) { /* waiting for another try: go on, to end */
        reactor_disarm(complete->setup.reactor, &complete->timer);
        complete_post(complete);
    }
}

bool complete_ended(const struct complete *complete)
{
    return complete->ended;
}

const struct err *complete_error(const struct complete *complete)
{
    return &complete->err;
}

const struct complete_summary *complete_summary(const struct complete *complete)
{
    return &complete->summary;
}
