/* share.c - a share, its units and their seats; steering. See share.h. */
#include "engine/share.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/share_internal.h"

_Static_assert(BUCKET_DEBT_NS >= SHARE_REQUEST_NS, "a debt of one request outlives a change");

static void ring_init(struct share_link *ring)
{
    ring->next = ring->prev = ring;
}

void share_link_add(struct share_link *ring, struct share_link *link)
{
    assert(!link->next);
    link->next = ring;
    link->prev = ring->prev;
    ring->prev->next = link;
    ring->prev = link;
}

void share_link_remove(struct share_link *link)
{
    if (!link->next)
        return;
    link->next->prev = link->prev;
    link->prev->next = link->next;
    link->next = link->prev = NULL;
}

/* ---- Life ---- */

static void share_pool_freed(void *arg)
{
    share_post(arg);
}

struct share *share_new(struct reactor *r, struct bufpool *pool, const struct job_limits *limits,
                        struct err *e)
{
    struct share *share = calloc(1, sizeof *share);

    if (!share) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory to share a process among disks");
        return NULL;
    }
    share->reactor = r;
    share->pool = pool;
    ring_init(&share->units);
    ring_init(&share->passes);
    ring_init(&share->aside);
    bufpool_watch(pool, share_pool_freed, share);
    share_set_limits(share, limits);
    return share;
}

void share_free(struct share *share)
{
    if (!share)
        return;
    assert(share->units_count == 0 && !share->places);
    bufpool_watch(share->pool, NULL, NULL);
    reactor_disarm(share->reactor, &share->timer);
    assert(!share->posted);
    turn_heap_fini(&share->ready);
    turn_heap_fini(&share->asleep);
    free(share);
}

struct share_unit *share_unit_new(struct share *share, struct err *e)
{
    struct share_unit *unit = calloc(1, sizeof *unit);

    if (!unit || !turn_heap_reserve(&share->ready, share->units_count + 1u)) {
        free(unit);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for one more restore point");
        return NULL;
    }
    unit->share = share;
    ring_init(&unit->seats);
    share_link_add(&share->units, &unit->all);
    share->units_count++;
    return unit;
}

void share_unit_free(struct share_unit *unit)
{
    if (!unit)
        return;
    assert(unit->seats_count == 0);
    turn_heap_remove(&unit->share->ready, &unit->turn);
    share_link_remove(&unit->all);
    unit->share->units_count--;
    turn_heap_fini(&unit->ready);
    free(unit);
}

static bool seat_join(struct share_seat *seat, enum share_end end, const struct share_side *side,
                      struct err *e)
{
    struct share *share = seat->unit->share;

    if (side->blob)
        seat->blob[end] = share_place_join(share, side->blob, false, e);
    if (side->blob && !seat->blob[end])
        return false;
    if (side->account)
        seat->account[end] = share_place_join(share, side->account, true, e);
    return !side->account || seat->account[end];
}

/* memory_bytes are what the disks take, all in all: what they take beside buffers is taken off, but not more
 * than half, so that many disks and little memory still move. */
static void share_memory_set(struct share *share)
{
    uint64_t memory_bytes = share->limits.memory_bytes;
    uint64_t rest_bytes = (uint64_t)share->seats_count * SHARE_SEAT_REST_BYTES;

    if (!memory_bytes)
        return;
    if (rest_bytes > memory_bytes / 2)
        rest_bytes = memory_bytes / 2;
    bufpool_set_max(share->pool, memory_bytes - rest_bytes);
    share_pool_set(share);
}

struct share_seat *share_seat_new(struct share_unit *unit, uint32_t weight,
                                  const struct share_side *source, const struct share_side *target,
                                  struct err *e)
{
    struct share *share = unit->share;
    struct share_seat *seat = calloc(1, sizeof *seat);

    assert(weight >= 1 && weight <= SHARE_WEIGHT_MAX);
    if (!seat || !turn_heap_reserve(&unit->ready, unit->seats_count + 1u) ||
        !turn_heap_reserve(&share->asleep, share->seats_count + 1u)) {
        free(seat);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for one more disk");
        return NULL;
    }
    seat->unit = unit;
    seat->weight = weight;
    ring_init(&seat->asks);
    share_link_add(&unit->seats, &seat->all);
    unit->seats_count++;
    share->seats_count++;
    seat->spent = unit->now;
    seat->late = true;
    share->new_count++;
    share->joined_ns = reactor_now_ns(share->reactor);
    share_memory_set(share);
    if (seat_join(seat, SHARE_SOURCE, source, e) && seat_join(seat, SHARE_TARGET, target, e))
        return seat;
    share_seat_free(seat);
    return NULL;
}

void share_seat_free(struct share_seat *seat)
{
    struct share *share;

    if (!seat)
        return;
    share = seat->unit->share;
    assert(share_ring_empty(&seat->asks) && seat->held_count == 0 && !seat->granting);
    share_seat_withdraw(seat);
    share_link_remove(&seat->all);
    seat->unit->seats_count--;
    share->seats_count--;
    share->new_count -= !seat->asked;
    share_memory_set(share);
    for (int end = 0; end < SHARE_ENDS; end++) {
        share_place_leave(share, seat->blob[end]);
        share_place_leave(share, seat->account[end]);
    }
    free(seat);
}

/* ---- Steer ---- */

static void share_settle_all(struct share *share)
{
    for (struct share_link *u = share->units.next; u != &share->units; u = u->next) {
        struct share_unit *unit = SHARE_OF(struct share_unit, all, u);

        for (struct share_link *s = unit->seats.next; s != &unit->seats; s = s->next) {
            struct share_seat *seat = SHARE_OF(struct share_seat, all, s);

            share_seat_withdraw(seat);
            share_seat_settle(seat);
        }
    }
    share_post(share);
}

void share_set_limits(struct share *share, const struct job_limits *limits)
{
    share->limits = *limits;
    share_memory_set(share);
    share_pool_set(share);
    share_budgets_set(share);
    share_settle_all(share);
}

void share_seat_set_weight(struct share_seat *seat, uint32_t weight)
{
    assert(weight >= 1 && weight <= SHARE_WEIGHT_MAX);
    seat->weight = weight;
}

/* ---- Look ---- */

struct share_counts share_count(const struct share *share)
{
    struct share_counts counts = share->counts;

    counts.waiting = share->asks_count + share->passes_count;
    return counts;
}

uint32_t share_seat_held_count(const struct share_seat *seat)
{
    return seat->held_count;
}
