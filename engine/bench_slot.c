/* bench_slot.c - one connection's worth of a measured point: reads, writes, or both in turn; see
 * bench_point.h. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "engine/bench_point_internal.h"
#include "io/clock.h"

/* A host that throttles is asked again and again until the time is over, but not less often than this
 * many tries in a row would be. */
#define THROTTLED_ATTEMPTS_MAX 5u

static void slot_read(struct bench_slot *slot);
static void slot_write(struct bench_slot *slot);

/* ---- What it may cost ---- */

static uint64_t exchange_bytes(const struct bench_point *p)
{
    uint64_t bytes = p->setup.request_bytes;

    return p->proved ? bytes : bytes * BENCH_POINT_PROBES_COUNT;
}

static bool reserve(struct bench_point *p, uint64_t exchanges)
{
    uint64_t bytes = exchange_bytes(p) * exchanges;

    if (p->setup.budget_bytes < p->spent_bytes + p->reserved_bytes ||
        p->setup.budget_bytes - p->spent_bytes - p->reserved_bytes < bytes)
        return false;
    p->reserved_bytes += bytes;
    return true;
}

static void give_back(struct bench_point *p, uint64_t exchanges)
{
    uint64_t bytes = exchange_bytes(p) * exchanges;

    assert(bytes <= p->reserved_bytes);
    p->reserved_bytes -= bytes;
}

/* ---- The end of a request ---- */

static void slot_idle(struct bench_slot *slot)
{
    slot->state = BENCH_SLOT_IDLE;
    bench_point_slot_idle(slot->point);
}

void bench_slot_abandon(struct bench_slot *slot)
{
    if (slot->state != BENCH_SLOT_READ_LATER && slot->state != BENCH_SLOT_WRITE_LATER)
        return;
    reactor_disarm(slot->point->setup.reactor, &slot->timer);
    slot_idle(slot);
}

static void try_again(struct timer *timer)
{
    struct bench_slot *slot =
        (struct bench_slot *)((char *)timer - offsetof(struct bench_slot, timer));
    struct bench_point *p = slot->point;
    bool reads = slot->state == BENCH_SLOT_READ_LATER;

    if (!reserve(p, reads && p->setup.leg == BENCH_LEG_BOTH ? 2 : 1)) {
        bench_point_end(p, BENCH_END_BUDGET); /* which abandons this slot, too */
        return;
    }
    if (reads)
        slot_read(slot);
    else
        slot_write(slot);
}

/* It failed. Of a point that is stopping nobody minds. */
static void slot_failed(struct bench_slot *slot, enum bench_slot_state later)
{
    struct bench_point *p = slot->point;
    struct err error = slot->op.err;
    bool throttled = error.kind == ERR_THROTTLED;
    struct retry_verdict verdict;

    if (p->stopping) {
        slot_idle(slot);
        return;
    }
    p->result.failures_count += !throttled;
    slot->attempts++;
    if (throttled && slot->attempts > THROTTLED_ATTEMPTS_MAX)
        slot->attempts = THROTTLED_ATTEMPTS_MAX;
    verdict = retry_judge(&error, slot->attempts, &p->random);
    if (verdict.action == RETRY_ACT_GIVE_UP) {
        p->error = error;
        slot->state = BENCH_SLOT_IDLE; /* before others hear of it */
        bench_point_end(p, BENCH_END_STOPPED);
        bench_point_slot_idle(p);
        return;
    }
    slot->state = later;
    reactor_arm(p->setup.reactor, &slot->timer, reactor_now_ns(p->setup.reactor) + verdict.delay_ns,
                try_again);
}

static void slot_succeeded(struct bench_slot *slot)
{
    struct bench_point *p = slot->point;

    slot->attempts = 0;
    if (p->proved)
        bench_rate_note(&p->result.rate, slot->began_ns, reactor_now_ns(p->setup.reactor),
                        p->setup.request_bytes);
    if (p->stopping) {
        slot_idle(slot);
        return;
    }
    slot->state = BENCH_SLOT_IDLE;
    p->busy_count--;
    if (p->proved)
        bench_slot_begin(slot);
    else
        bench_point_proved(p);
}

/* ---- Reading and writing ---- */

static struct bench_slot *slot_of(struct pageblob_op *op)
{
    return (struct bench_slot *)((char *)op - offsetof(struct bench_slot, op));
}

static void on_read(struct pageblob_op *op)
{
    struct bench_slot *slot = slot_of(op);
    struct bench_point *p = slot->point;
    bool both = p->setup.leg == BENCH_LEG_BOTH;

    slot->crc64 = op->crc64;
    if (!err_is_set(&op->err) && both) {
        give_back(p, 1); /* what the write costs stays reserved */
        slot_write(slot);
        return;
    }
    give_back(p, both ? 2 : 1);
    if (err_is_set(&op->err))
        slot_failed(slot, BENCH_SLOT_READ_LATER);
    else
        slot_succeeded(slot);
}

static void on_written(struct pageblob_op *op)
{
    struct bench_slot *slot = slot_of(op);

    give_back(slot->point, 1);
    if (err_is_set(&op->err))
        slot_failed(slot, BENCH_SLOT_WRITE_LATER);
    else
        slot_succeeded(slot);
}

/* From where data begins, over holes that follow, so that every request is of the same size. */
static uint64_t next_read(struct bench_point *p)
{
    const struct extent_set *data = p->setup.data;
    uint64_t length = p->setup.request_bytes, last = p->setup.source_bytes - length, at;
    size_t i = extent_set_find(data, p->read_at);

    if (i == data->count)
        p->read_at = extent_set_at(data, i = 0).offset;
    at = extent_set_at(data, i).offset;
    if (at < p->read_at)
        at = p->read_at;
    at -= at % PAGEBLOB_PAGE_BYTES;
    if (at > last)
        at = last;
    p->read_at = at + length;
    return at;
}

static uint64_t next_write(struct bench_point *p)
{
    uint64_t at = p->write_at;

    if (at > p->setup.target_bytes - p->setup.request_bytes)
        at = 0;
    p->write_at = at + p->setup.request_bytes;
    return at;
}

static void slot_read(struct bench_slot *slot)
{
    struct bench_point *p = slot->point;

    slot->state = BENCH_SLOT_READING;
    slot->began_ns = reactor_now_ns(p->setup.reactor);
    slot->op = (struct pageblob_op){.offset = next_read(p),
                                    .length = p->setup.request_bytes,
                                    .memory = slot->memory,
                                    .done = on_read};
    pageblob_get(p->source.blob, &slot->op);
}

static void slot_write(struct bench_slot *slot)
{
    struct bench_point *p = slot->point;

    slot->state = BENCH_SLOT_WRITING;
    if (p->setup.leg == BENCH_LEG_WRITE)
        slot->began_ns = reactor_now_ns(p->setup.reactor);
    slot->op = (struct pageblob_op){.offset = next_write(p),
                                    .length = p->setup.request_bytes,
                                    .memory = slot->memory,
                                    .crc64_known = true,
                                    .crc64 = slot->crc64,
                                    .done = on_written};
    pageblob_put(p->target.blob, &slot->op);
}

void bench_slot_begin(struct bench_slot *slot)
{
    struct bench_point *p = slot->point;

    assert(slot->state == BENCH_SLOT_IDLE && !p->stopping);
    if (!reserve(p, p->setup.leg == BENCH_LEG_BOTH ? 2 : 1)) {
        p->busy_count++; /* the end of the point is judged once, when this slot is idle */
        bench_point_end(p, BENCH_END_BUDGET);
        bench_point_slot_idle(p);
        return;
    }
    p->busy_count++;
    if (p->setup.leg == BENCH_LEG_WRITE)
        slot_write(slot);
    else
        slot_read(slot);
}

uint64_t bench_slot_since_ns(const struct bench_slot *slot)
{
    switch (slot->state) {
    case BENCH_SLOT_READING:
    case BENCH_SLOT_WRITING:
        return slot->began_ns;
    case BENCH_SLOT_WRITE_LATER:
        return slot->point->setup.leg == BENCH_LEG_BOTH ? slot->began_ns : UINT64_MAX;
    case BENCH_SLOT_IDLE:
    case BENCH_SLOT_READ_LATER:
        break;
    }
    return UINT64_MAX;
}
