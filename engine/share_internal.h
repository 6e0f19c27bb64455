/* share_internal.h - what share.c (life, steering), share_budget.c (caps) and share_turn.c (whose turn it is)
 * share. Included by them alone.
 *
 * Knows:         the whole of a share.
 * Must not know: anything that share.h must not.
 */
#ifndef ENGINE_SHARE_INTERNAL_H
#define ENGINE_SHARE_INTERNAL_H

#include "engine/bucket.h"
#include "engine/pacer.h"
#include "engine/share_turn.h"
#include "engine/turn_heap.h"

enum share_end { SHARE_SOURCE, SHARE_TARGET, SHARE_ENDS };

struct share_budget {
    struct bucket requests, read, write;
};

/* A blob or an account, while a seat is of it. */
struct share_place {
    struct share_place *next;
    uint32_t seats_count;
    bool is_account;
    struct share_budget budget;
    char name[];
};

struct share_seat {
    /* set once */
    struct share_unit *unit;
    struct share_place *blob[SHARE_ENDS], *account[SHARE_ENDS]; /* NULL: not limited by one */
    /* changes */
    uint32_t weight;
    bool granting;         /* inside granted: it is put in order afterwards */
    bool counts;           /* as active: it asks, or holds buffers */
    bool asked, late;      /* ever; what others moved before its first range is owed to it */
    uint32_t held_count;   /* buffers */
    uint64_t spent;        /* bytes by weight: the lowest is next */
    struct share_link all; /* of the unit */
    struct share_link asks;
    struct turn turn;        /* in unit->ready */
    struct turn sleep;       /* in share->asleep: until its buckets are ready */
    struct share_link aside; /* it holds enough buffers for now */
};

struct share_unit {
    struct share *share;
    struct share_link all; /* of the share */
    struct share_link seats;
    uint32_t seats_count;
    struct turn_heap ready;
    uint64_t spent, now; /* bytes; what the seat whose turn was last had spent before */
    struct turn turn;    /* in share->ready, while a seat is ready */
};

struct share {
    /* set once */
    struct reactor *reactor;
    struct bufpool *pool;
    /* changes, reactor thread only */
    struct job_limits limits;
    bool limited; /* by any bucket */
    struct share_place *places;
    struct share_budget process;
    struct share_link units;
    uint32_t units_count, seats_count;
    uint32_t active_count, holders_count; /* seats that ask or hold buffers; that hold some */
    uint32_t new_count;                   /* seats that never asked */
    uint64_t joined_ns;                   /* the last seat came */
    struct pacer pacer;                   /* of the pool: buffers as its window */
    uint32_t held_count;                  /* buffers, of all seats */
    uint64_t moved_ns;                    /* a buffer came or went */
    struct turn_heap ready, asleep;
    uint64_t now;             /* as share_unit.now */
    struct share_link passes; /* asks without a buffer, oldest first */
    struct share_link aside;
    uint32_t asks_count, passes_count; /* with a buffer; without */
    struct reactor_task task;
    bool posted;
    struct timer timer;
    struct share_counts counts;
};

#define SHARE_OF(type, member, link) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* ---- share.c ---- */
void share_link_add(struct share_link *ring, struct share_link *link); /* as the last */
void share_link_remove(struct share_link *link);                       /* in no ring is fine */
static inline bool share_ring_empty(const struct share_link *ring)
{
    return ring->next == ring;
}

/* ---- share_budget.c ---- */
struct share_place *share_place_join(struct share *share, const char *name, bool is_account,
                                     struct err *e);
void share_place_leave(struct share *share, struct share_place *place); /* NULL is fine */
void share_budgets_set(struct share *share);                            /* from the limits */
/* When a request of that kind may go; not after now: at once. */
uint64_t share_ready_ns(const struct share_seat *seat, enum share_verb verb);

/* ---- share_pool.c ---- */
void share_pool_set(struct share *share); /* from the pool's limit */
/* One buffer; NULL: none is free, or that many do not pay. */
struct buf *share_pool_borrow(struct share_seat *seat);
/* Does the seat hold its part, and are what is left the parts of others? */
bool share_pool_enough(const struct share_seat *seat);
/* When to look again though nothing came back; UINT64_MAX: never. */
uint64_t share_pool_wake_ns(const struct share *share);

/* ---- share_turn.c ---- */
void share_post(struct share *share);
/* Puts a seat where it belongs: among those who are ready, or nowhere. */
void share_seat_settle(struct share_seat *seat);
void share_seat_withdraw(struct share_seat *seat);
void share_seat_count(struct share_seat *seat); /* as active, or not */

#endif
