/* share_turn.c - whose turn it is. See share_turn.h.
 *
 * Seats that ask for a buffer stand in a heap of their unit, units in one heap: the lowest sum of bytes is
 * next. One whose buckets are not ready sleeps until they are; one that holds enough of the pool stands aside
 * until a buffer comes back. Asks without a buffer stand in one line and pass each other only where the first
 * must wait.
 */
#include <assert.h>
#include <stddef.h>

#include "engine/share_internal.h"

#define SHARE_TURNS_MAX  1024u           /* in one turn of the reactor */
#define SHARE_TIMER_NS   (1 * NS_PER_MS) /* wakes for caps are not closer: buckets are deeper */
#define SHARE_COST_BYTES 4096u         /* of a range, besides its bytes, in what a seat has spent */
#define SHARE_OWED_BYTES (64ull << 20) /* at most, to a seat that was late for its first range */

_Static_assert(BUCKET_DEPTH_NS >= 10 * SHARE_TIMER_NS, "what a late wake misses is kept");

static void share_run(struct reactor_task *task);

static bool verb_has_buffer(enum share_verb verb)
{
    return verb == SHARE_READ || verb == SHARE_READ_TARGET;
}

void share_post(struct share *share)
{
    if (share->posted || (!share->asks_count && !share->passes_count))
        return;
    share->posted = true;
    reactor_post(share->reactor, &share->task, share_run);
}

static void share_timer_fired(struct timer *timer)
{
    share_post(SHARE_OF(struct share, timer, timer));
}

/* ---- Order ---- */

void share_seat_count(struct share_seat *seat)
{
    bool counts = seat->held_count > 0 || !share_ring_empty(&seat->asks);

    if (counts == seat->counts)
        return;
    seat->counts = counts;
    if (counts) {
        seat->unit->share->active_count++;
    } else {
        seat->unit->share->active_count--;
        share_post(seat->unit->share); /* the part of the others has grown */
    }
}

void share_seat_withdraw(struct share_seat *seat)
{
    struct share_unit *unit = seat->unit;

    share_link_remove(&seat->aside);
    turn_heap_remove(&unit->share->asleep, &seat->sleep);
    turn_heap_remove(&unit->ready, &seat->turn);
    if (!turn_heap_first(&unit->ready))
        turn_heap_remove(&unit->share->ready, &unit->turn);
}

/* What a seat did not ask for is not owed to it, but for what its siblings moved before its first
 * range: those who begin together end together, however long each looks at its ends. */
static void seat_catch_up(struct share_seat *seat)
{
    uint64_t owed_max = SHARE_OWED_BYTES * SHARE_WEIGHT_MAX / seat->weight;
    uint64_t now = seat->unit->now;

    if (seat->late && seat->spent < now && now - seat->spent > owed_max)
        seat->spent = now - owed_max;
    if (seat->spent >= now)
        seat->late = false;
    else if (!seat->late)
        seat->spent = now;
}

void share_seat_settle(struct share_seat *seat)
{
    struct share_unit *unit = seat->unit;

    if (seat->granting || share_ring_empty(&seat->asks) || seat->turn.slot || seat->sleep.slot ||
        seat->aside.next)
        return;
    seat_catch_up(seat);
    turn_heap_add(&unit->ready, &seat->turn, seat->spent);
    if (unit->turn.slot)
        return;
    if (unit->spent < unit->share->now)
        unit->spent = unit->share->now;
    turn_heap_add(&unit->share->ready, &unit->turn, unit->spent);
}

/* Not while the seat is in order. */
static void seat_spend(struct share_seat *seat, uint64_t bytes)
{
    struct share_unit *unit = seat->unit;
    uint64_t cost = bytes + SHARE_COST_BYTES;

    seat->spent += cost * SHARE_WEIGHT_MAX / seat->weight;
    unit->spent += cost;
    if (unit->turn.slot) {
        turn_heap_remove(&unit->share->ready, &unit->turn);
        turn_heap_add(&unit->share->ready, &unit->turn, unit->spent);
    }
}

/* ---- Ranges that are read ---- */

static void seat_grant(struct share_seat *seat, struct buf *buf)
{
    struct share_unit *unit = seat->unit;
    struct share_ask *ask = SHARE_OF(struct share_ask, link, seat->asks.next);
    struct share_grant grant = {.buf = buf, .bytes = share_request_max(seat)};
    uint64_t bytes;

    unit->share->now = unit->spent;
    if (unit->now < seat->spent)
        unit->now = seat->spent;
    seat->granting = true;
    share_seat_withdraw(seat);
    (void)share_leave(ask);
    bytes = ask->granted(ask, &grant);
    seat->granting = false;
    if (bytes)
        seat_spend(seat, bytes);
    share_seat_settle(seat);
}

/* The next of those in order; false: nobody, or no buffer. */
static bool share_grant_next(struct share *share, uint64_t now_ns)
{
    struct turn *first = turn_heap_first(&share->ready);
    struct share_unit *unit = first ? SHARE_OF(struct share_unit, turn, first) : NULL;
    struct share_seat *seat;
    struct buf *buf;
    uint64_t ready_ns;

    if (!unit)
        return false;
    seat = SHARE_OF(struct share_seat, turn, turn_heap_first(&unit->ready));
    ready_ns = share_ready_ns(seat, SHARE_OF(struct share_ask, link, seat->asks.next)->verb);
    if (ready_ns > now_ns) {
        share_seat_withdraw(seat);
        turn_heap_add(&share->asleep, &seat->sleep, ready_ns);
        return true;
    }
    if (share_pool_enough(seat)) {
        share_seat_withdraw(seat);
        share_link_add(&share->aside, &seat->aside);
        return true;
    }
    buf = share_pool_borrow(seat);
    if (buf)
        seat_grant(seat, buf);
    return buf != NULL;
}

static void share_wake_seats(struct share *share, uint64_t now_ns)
{
    struct turn *first;

    while ((first = turn_heap_first(&share->asleep)) && first->key <= now_ns) {
        struct share_seat *seat = SHARE_OF(struct share_seat, sleep, first);

        turn_heap_remove(&share->asleep, first);
        share_seat_settle(seat);
    }
    while (!share_ring_empty(&share->aside)) {
        struct share_seat *seat = SHARE_OF(struct share_seat, aside, share->aside.next);

        share_link_remove(&seat->aside);
        share_seat_settle(seat);
    }
}

/* When the process itself may read on; a wake of every seat before that would be for nothing. */
static uint64_t share_grant_all(struct share *share, uint64_t now_ns)
{
    uint64_t wake_ns = bucket_ready_ns(&share->process.read);
    uint32_t turns = 0;

    if (wake_ns > now_ns)
        return share->asks_count ? wake_ns : UINT64_MAX;
    share_wake_seats(share, now_ns);
    while (bucket_ready_ns(&share->process.read) <= now_ns && turns < SHARE_TURNS_MAX &&
           share_grant_next(share, now_ns))
        turns++;
    if (turns == SHARE_TURNS_MAX)
        share_post(share);
    wake_ns = turn_heap_first(&share->asleep) ? turn_heap_first(&share->asleep)->key : UINT64_MAX;
    if (share->asks_count && share_pool_wake_ns(share) < wake_ns)
        wake_ns = share_pool_wake_ns(share);
    if (bucket_ready_ns(&share->process.read) > now_ns && turn_heap_first(&share->ready) &&
        bucket_ready_ns(&share->process.read) < wake_ns)
        wake_ns = bucket_ready_ns(&share->process.read);
    return wake_ns;
}

/* ---- Requests without a buffer ---- */

static bool verb_is_cut(enum share_verb verb)
{
    return verb_has_buffer(verb) || verb == SHARE_WRITE;
}

static uint64_t request_bytes(const struct share_seat *seat, enum share_verb verb, uint64_t bytes)
{
    uint64_t most = share_request_max(seat);

    return verb_is_cut(verb) && bytes > most ? most : bytes;
}

static void pass_serve(struct share_ask *ask)
{
    struct share_seat *seat = ask->seat;
    struct share_grant grant = {.bytes = share_request_max(seat)};
    bool pulls = ask->verb == SHARE_PULL;
    uint64_t bytes;

    (void)share_leave(ask);
    if (!ask->begins) {
        grant.bytes = request_bytes(seat, ask->verb, ask->bytes);
        share_charge(seat, ask->verb, grant.bytes);
        (void)ask->granted(ask, &grant);
        return;
    }
    share_seat_withdraw(seat);
    seat->granting = true;
    bytes = ask->granted(ask, &grant);
    seat->granting = false;
    if (bytes)
        seat_spend(seat, pulls ? bytes : 0);
    share_seat_settle(seat);
}

/* All that may pass now, in the order in which they came; those who come meanwhile come next time. Answers
 * when one of the others may. */
static uint64_t share_pass_all(struct share *share, uint64_t now_ns)
{
    struct share_link last = {NULL, NULL}, place = {NULL, NULL};
    struct share_link *link;
    uint64_t wake_ns = UINT64_MAX;

    share_link_add(&share->passes, &last);
    link = share->passes.next;
    while (link != &last) {
        struct share_ask *ask = SHARE_OF(struct share_ask, link, link);
        uint64_t ready_ns = share_ready_ns(ask->seat, ask->verb);

        if (ready_ns > now_ns) {
            if (ready_ns < wake_ns)
                wake_ns = ready_ns;
            link = link->next;
            continue;
        }
        share_link_add(link->next, &place); /* before the next one, so behind this one */
        pass_serve(ask);
        link = place.next;
        share_link_remove(&place);
    }
    share_link_remove(&last);
    return wake_ns;
}

/* ---- The turns ---- */

static void share_run(struct reactor_task *task)
{
    struct share *share = SHARE_OF(struct share, task, task);
    uint64_t now_ns = reactor_now_ns(share->reactor);
    uint64_t wake_ns, pass_ns;

    share->posted = false;
    pass_ns = share_pass_all(share, now_ns);
    wake_ns = share_grant_all(share, now_ns);
    if (pass_ns < wake_ns)
        wake_ns = pass_ns;
    if (wake_ns == UINT64_MAX)
        return;
    if (wake_ns < now_ns + SHARE_TIMER_NS)
        wake_ns = now_ns + SHARE_TIMER_NS;
    reactor_arm(share->reactor, &share->timer, wake_ns, share_timer_fired);
}

/* ---- Asking ---- */

void share_want(struct share_seat *seat, struct share_ask *ask, enum share_verb verb,
                uint64_t (*granted)(struct share_ask *ask, const struct share_grant *grant))
{
    struct share *share = seat->unit->share;

    share->new_count -= !seat->asked;
    seat->asked = true;
    if (share_waits(ask)) {
        if (ask->begins && ask->verb == verb)
            return;
        (void)share_leave(ask);
    }
    ask->seat = seat;
    ask->verb = verb;
    ask->begins = true;
    ask->bytes = 0;
    ask->granted = granted;
    if (verb_has_buffer(verb)) {
        share_link_add(&seat->asks, &ask->link);
        share->asks_count++;
        share_seat_count(seat);
        share_seat_settle(seat);
    } else {
        share_link_add(&share->passes, &ask->link);
        share->passes_count++;
    }
    share_post(share);
}

bool share_may_send(struct share_seat *seat, struct share_ask *ask, enum share_verb verb,
                    uint64_t *bytes,
                    uint64_t (*granted)(struct share_ask *ask, const struct share_grant *grant))
{
    struct share *share = seat->unit->share;

    assert(!share_waits(ask));
    if (!share->limited ||
        (!share->passes_count && share_ready_ns(seat, verb) <= reactor_now_ns(share->reactor))) {
        *bytes = request_bytes(seat, verb, *bytes);
        share_charge(seat, verb, *bytes);
        return true;
    }
    ask->seat = seat;
    ask->verb = verb;
    ask->begins = false;
    ask->bytes = *bytes;
    ask->granted = granted;
    share_link_add(&share->passes, &ask->link);
    share->passes_count++;
    share_post(share);
    return false;
}

bool share_leave(struct share_ask *ask)
{
    struct share *share;

    if (!share_waits(ask))
        return false;
    share = ask->seat->unit->share;
    share_link_remove(&ask->link);
    if (ask->begins && verb_has_buffer(ask->verb)) {
        share->asks_count--;
        if (share_ring_empty(&ask->seat->asks))
            share_seat_withdraw(ask->seat);
        share_seat_count(ask->seat);
    } else {
        share->passes_count--;
    }
    if (!share->asks_count && !share->passes_count)
        reactor_disarm(share->reactor, &share->timer);
    return true;
}
