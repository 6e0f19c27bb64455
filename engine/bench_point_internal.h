/* bench_point_internal.h - what the files of one measured point share; private to engine/bench_point*.c and
 * engine/bench_slot.c.
 *
 * Knows:         the point's parts. Must not know: what is outside of it. Threads: the reactor's.
 */
#ifndef ENGINE_BENCH_POINT_INTERNAL_H
#define ENGINE_BENCH_POINT_INTERNAL_H

#include "engine/bench_point.h"
#include "engine/copy.h"
#include "engine/retry.h"
#include "io/http.h"
#include "io/machine_cpu.h"
#include "io/pageblob.h"

enum bench_slot_state {
    BENCH_SLOT_IDLE,
    BENCH_SLOT_READING,
    BENCH_SLOT_WRITING,
    BENCH_SLOT_READ_LATER,
    BENCH_SLOT_WRITE_LATER
};

/* One request after the other. */
struct bench_slot {
    struct bench_point *point;
    struct pageblob_op op;
    struct block_req block; /* of a relay */
    struct block_zero zeros[COPY_ZERO_RUNS_MAX];
    struct buf buf;     /* of memory, as an endpoint takes it; no pool's */
    struct timer timer; /* of a request that waits to be tried again */
    enum bench_slot_state state;
    unsigned char *memory; /* owned */
    uint64_t crc64;        /* of what is there */
    uint64_t began_ns;     /* the try that brought, or will bring, the bytes */
    uint32_t attempts;
};

struct bench_side {
    struct http_observer observer;
    struct bench_point *point;
    struct http *http; /* NULL: the leg does not use this side */
    struct pageblob *blob;
};

struct bench_point {
    /* set once */
    struct bench_point_setup setup;
    struct bench_side source, target;
    /* changes, reactor thread only */
    struct bench_slot slots[BENCH_POINT_CONNECTIONS_MAX];
    uint32_t busy_count; /* slots that are not idle */
    bool proved;         /* the first request went well: all slots may begin */
    bool stopping, ended;
    uint64_t write_at;
    uint64_t spent_bytes;    /* bodies, in both directions, of exchanges that ended */
    uint64_t reserved_bytes; /* what those under way may cost at most */
    uint64_t started_ns, proved_ns, stopped_ns;
    uint32_t sure_count;     /* ticks in a row */
    struct bench_rate wire;  /* of a relay: bodies sent */
    uint64_t level_since_ns; /* what auto chose is the same since */
    struct timer tick;
    struct reactor_task finish;
    struct retry_random random;
    uint64_t cpu_ns; /* of this process, when it was proved */
    struct machine_cpu machine;
    struct bench_result result;
    struct err error;
};

/* ---- bench_slot.c ---- */
/* Begins a request, if the budget allows one; else the point is stopped. */
void bench_slot_begin(struct bench_slot *slot);
/* Of a slot that waits to try again: it is idle from now on. */
void bench_slot_abandon(struct bench_slot *slot);
/* The time before which nothing is known of this slot's bytes; UINT64_MAX when none are on their way. */
uint64_t bench_slot_since_ns(const struct bench_slot *slot);

/* ---- bench_point.c ---- */
void bench_point_proved(struct bench_point *point);
void bench_point_end(struct bench_point *point, enum bench_end why); /* begins nothing more */
void bench_point_slot_idle(struct bench_point *point);

#endif
