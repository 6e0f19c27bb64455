/* share_pool.c - how many buffers are in use, and by whom. See share.h.
 *
 * The window of the pool is a pacer's, of all ranges together: more buffers are used only while that makes
 * the whole faster, so neither memory nor what is in flight grows for nothing. Hosts that do not answer hold
 * some of the window for long; when nothing at all comes back it is widened for those who do.
 */
#include <assert.h>

#include "engine/share_internal.h"

#define SHARE_POOL_START                                                                           \
    ((uint32_t)(BUFPOOL_START_BYTES / BUF_BYTES)) /* buffers: these need not pay */
#define SHARE_POOL_STARTS_NS (2 * NS_PER_S)    /* so long nobody has two, see share_is_starting */
#define SHARE_POOL_STILL_NS  (250 * NS_PER_MS) /* nothing came or went: some hosts do not answer */

static uint32_t pool_start(const struct share *share)
{
    uint32_t most = bufpool_count_max(share->pool);

    return most < SHARE_POOL_START ? most : SHARE_POOL_START;
}

void share_pool_set(struct share *share)
{
    uint32_t most = bufpool_count_max(share->pool);

    if (most > PACER_WINDOW_MAX)
        most = PACER_WINDOW_MAX;
    if (share->pacer.window_max == 0)
        pacer_init(&share->pacer, pool_start(share), most);
    share->pacer.window_max = most;
    if (share->pacer.window > most)
        share->pacer.window = most;
    if (share->pacer.window < pool_start(share))
        share->pacer.window = pool_start(share);
}

/* What those lack who hold less than a part; one buffer each of those who do not ask. */
static uint32_t share_lacking(const struct share *share, uint32_t part)
{
    uint32_t lacking = 0;

    if (part == 1)
        return share->seats_count - share->holders_count;
    for (struct share_link *u = share->units.next; u != &share->units; u = u->next) {
        struct share_unit *unit = SHARE_OF(struct share_unit, all, u);

        for (struct share_link *s = unit->seats.next; s != &unit->seats; s = s->next) {
            struct share_seat *seat = SHARE_OF(struct share_seat, all, s);

            if (seat->held_count < part)
                lacking += seat->counts ? part - seat->held_count : 1;
        }
    }
    return lacking;
}

/* More of those who began together still look at their ends than there are buffers: the first to ask would
 * be done before the others begin. */
static bool share_is_starting(const struct share *share)
{
    return share->new_count > share->pacer.window &&
           reactor_now_ns(share->reactor) < share->joined_ns + SHARE_POOL_STARTS_NS;
}

/* See share.h: what is kept for those who hold little. More seats than buffers have a part of one: the long
 * way is gone only where seats are few. */
bool share_pool_enough(const struct share_seat *seat)
{
    const struct share *share = seat->unit->share;
    uint32_t most = share->pacer.window;
    uint32_t part = most / (share->active_count + 1);
    uint32_t left = share->held_count < most ? most - share->held_count : 0;

    if (share_is_starting(share))
        return seat->held_count > 0;
    if (part == 0)
        part = 1;
    /* none left: the window is what is in the way, and must hear of it */
    return left && seat->held_count >= part && left <= most / 4 &&
           left <= share_lacking(share, part);
}

/* ---- Borrow ---- */

static bool pool_is_full(struct share *share)
{
    uint64_t now_ns = reactor_now_ns(share->reactor);
    struct pacer *pacer = &share->pacer;

    if (pacer_may_start(pacer, share->held_count, now_ns))
        return false;
    if (now_ns < share->moved_ns + SHARE_POOL_STILL_NS || pacer->window >= pacer->window_max)
        return true;
    pacer->window += 1 + pacer->window / 8;
    if (pacer->window > pacer->window_max)
        pacer->window = pacer->window_max;
    return share->held_count >= pacer->window;
}

uint64_t share_pool_wake_ns(const struct share *share)
{
    if (share->held_count < share->pacer.window || share->pacer.window >= share->pacer.window_max)
        return UINT64_MAX;
    return share->moved_ns + SHARE_POOL_STILL_NS;
}

/* Those who want one buffer for a moment come first. */
struct buf *share_pool_borrow(struct share_seat *seat)
{
    struct share *share = seat->unit->share;
    struct bufpool *pool = share->pool;
    uint32_t taken = bufpool_borrowed_count(pool) + bufpool_waiters_count(pool);
    struct buf *buf;

    if (taken >= bufpool_count_max(pool) || pool_is_full(share))
        return NULL;
    buf = bufpool_borrow(pool);
    if (!buf && bufpool_grow(pool))
        buf = bufpool_borrow(pool);
    if (!buf)
        return NULL;
    share->moved_ns = reactor_now_ns(share->reactor);
    share->held_count++;
    share->holders_count += seat->held_count++ == 0;
    share_seat_count(seat);
    return buf;
}

struct buf *share_borrow(struct share_seat *seat)
{
    return share_pool_enough(seat) ? NULL : share_pool_borrow(seat);
}

void share_give_back(struct share_seat *seat, struct buf *buf)
{
    struct share *share = seat->unit->share;

    assert(seat->held_count > 0);
    share->moved_ns = reactor_now_ns(share->reactor);
    share->held_count--;
    share->holders_count -= --seat->held_count == 0;
    share_seat_count(seat);
    bufpool_release(share->pool, buf);
}

void share_note_done(struct share_seat *seat, uint64_t bytes, uint64_t took_ns)
{
    struct share *share = seat->unit->share;

    pacer_note_done(&share->pacer, bytes, took_ns, reactor_now_ns(share->reactor));
    if (share->pacer.window < pool_start(share))
        share->pacer.window = pool_start(share);
}
