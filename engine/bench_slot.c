/* bench_slot.c - one connection's worth of a measured point: reads, writes, or both in turn; see
 * bench_point.h. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "blockmap/zero.h"
#include "engine/bench_point_internal.h"
#include "io/clock.h"

/* A host that throttles is asked again and again until the time is over, but not less often than this
 * many tries in a row would be. */
#define THROTTLED_ATTEMPTS_MAX 5u

static void slot_read(struct bench_slot *slot);
static void slot_write(struct bench_slot *slot);

/* ---- What it may cost ---- */

static uint64_t times(const struct bench_point *p)
{
    return p->proved ? 1 : BENCH_POINT_PROBES_COUNT;
}

static uint64_t read_cost(const struct bench_point *p)
{
    return bench_leg_reads(p->setup.leg) ? p->setup.request_bytes * times(p) : 0;
}

static uint64_t write_cost(const struct bench_point *p)
{
    uint64_t frames = bench_leg_relays(p->setup.leg) ? BENCH_POINT_FRAMES_BYTES : 0;

    return bench_leg_writes(p->setup.leg) ? (p->setup.request_bytes + frames) * times(p) : 0;
}

static bool reserve(struct bench_point *p, uint64_t bytes)
{
    if (p->setup.budget_bytes < p->spent_bytes + p->reserved_bytes ||
        p->setup.budget_bytes - p->spent_bytes - p->reserved_bytes < bytes)
        return false;
    p->reserved_bytes += bytes;
    return true;
}

static void give_back(struct bench_point *p, uint64_t bytes)
{
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

    if (!reserve(p, (reads ? read_cost(p) : 0) + write_cost(p))) {
        bench_point_end(p, BENCH_END_BUDGET); /* which abandons this slot, too */
        return;
    }
    if (reads)
        slot_read(slot);
    else
        slot_write(slot);
}

/* It failed. Of a point that is stopping nobody minds. */
static void slot_failed(struct bench_slot *slot, const struct err *why, enum bench_slot_state later)
{
    struct bench_point *p = slot->point;
    struct err error = *why;
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
    if (bench_leg_relays(p->setup.leg))
        p->result.relayed.source_bytes += p->setup.request_bytes;
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

    slot->crc64 = op->crc64;
    give_back(p, read_cost(p));
    if (!err_is_set(&op->err) && bench_leg_writes(p->setup.leg)) {
        slot_write(slot); /* what that costs stays reserved */
        return;
    }
    give_back(p, write_cost(p));
    if (err_is_set(&op->err))
        slot_failed(slot, &op->err, BENCH_SLOT_READ_LATER);
    else
        slot_succeeded(slot);
}

static void written(struct bench_slot *slot, const struct err *error)
{
    give_back(slot->point, write_cost(slot->point));
    if (err_is_set(error))
        slot_failed(slot, error, BENCH_SLOT_WRITE_LATER);
    else
        slot_succeeded(slot);
}

static void on_written(struct pageblob_op *op)
{
    written(slot_of(op), &op->err);
}

static void on_relayed(struct block_req *req)
{
    written((struct bench_slot *)((char *)req - offsetof(struct bench_slot, block)), &req->err);
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
    slot->op =
        (struct pageblob_op){.offset = bench_walk_next(p->setup.walk, p->setup.request_bytes),
                             .length = p->setup.request_bytes,
                             .memory = slot->memory,
                             .done = on_read};
    pageblob_get(p->source.blob, &slot->op);
}

static void write_blob(struct bench_slot *slot)
{
    struct bench_point *p = slot->point;

    slot->op = (struct pageblob_op){.offset = next_write(p),
                                    .length = p->setup.request_bytes,
                                    .memory = slot->memory,
                                    .crc64_known = true,
                                    .crc64 = slot->crc64,
                                    .done = on_written};
    pageblob_put(p->target.blob, &slot->op);
}

/* Zeros are left out as by a copy to a fresh target; none has to be cleared. */
static void write_relay(struct bench_slot *slot)
{
    struct bench_point *p = slot->point;
    struct zero_run runs[COPY_ZERO_RUNS_MAX];
    size_t count = zero_runs(slot->memory, p->setup.request_bytes, ENDPOINT_PAGE_BYTES,
                             COPY_ZERO_RUN_BYTES, runs, COPY_ZERO_RUNS_MAX);

    for (size_t i = 0; i < count; i++)
        slot->zeros[i] = (struct block_zero){.offset = (uint32_t)runs[i].offset,
                                             .length = (uint32_t)runs[i].length};
    slot->block = (struct block_req){.offset = next_write(p),
                                     .length = p->setup.request_bytes,
                                     .buf = &slot->buf,
                                     .zeros = slot->zeros,
                                     .zero_count = (uint32_t)count,
                                     .done = on_relayed};
    endpoint_write(p->setup.relay->ep, &slot->block);
}

static void slot_write(struct bench_slot *slot)
{
    struct bench_point *p = slot->point;

    slot->state = BENCH_SLOT_WRITING;
    if (!bench_leg_reads(p->setup.leg))
        slot->began_ns = reactor_now_ns(p->setup.reactor);
    if (bench_leg_relays(p->setup.leg))
        write_relay(slot);
    else
        write_blob(slot);
}

void bench_slot_begin(struct bench_slot *slot)
{
    struct bench_point *p = slot->point;

    assert(slot->state == BENCH_SLOT_IDLE && !p->stopping);
    if (!reserve(p, read_cost(p) + write_cost(p))) {
        p->busy_count++; /* the end of the point is judged once, when this slot is idle */
        bench_point_end(p, BENCH_END_BUDGET);
        bench_point_slot_idle(p);
        return;
    }
    p->busy_count++;
    if (bench_leg_reads(p->setup.leg))
        slot_read(slot);
    else
        slot_write(slot);
}

uint64_t bench_slot_since_ns(const struct bench_slot *slot)
{
    switch (slot->state) {
    case BENCH_SLOT_READING:
    case BENCH_SLOT_WRITING:
        return slot->began_ns;
    case BENCH_SLOT_WRITE_LATER:
        return bench_leg_reads(slot->point->setup.leg) ? slot->began_ns : UINT64_MAX;
    case BENCH_SLOT_IDLE:
    case BENCH_SLOT_READ_LATER:
        break;
    }
    return UINT64_MAX;
}
