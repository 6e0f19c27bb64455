/* share_turn.h - how a mover asks its seat for turns: to begin a range, and to send one more request of it.
 *
 * Knows:         share.h.
 * Must not know: what a range is copied for.
 * Threads:       the reactor's.
 *
 * Two kinds of turn. A range that is read begins with a buffer, in the order of fairness; one that needs no
 * buffer (a clear, a pull) begins when the caps allow, as every later request does: writes, tries, first
 * come first served. A request that follows a begin in the same call is charged by share_charge and needs no
 * turn of its own.
 */
#ifndef ENGINE_SHARE_TURN_H
#define ENGINE_SHARE_TURN_H

#include "engine/share.h"

/* What is sent, and so, what it counts for. */
enum share_verb {
    SHARE_READ,        /* of the source */
    SHARE_READ_TARGET, /* of the target: to compare, to read it back */
    SHARE_WRITE,       /* to the target */
    SHARE_CLEAR,       /* at the target: a request, and no bytes */
    SHARE_PULL,        /* the target reads the source: counts at both, and for the process */
};

struct share_link { /* in a ring; zeroed: in none */
    struct share_link *next, *prev;
};

struct share_grant {
    struct buf *buf; /* to begin a read: the callee's; NULL otherwise */
    uint64_t bytes;  /* that may go in one request */
};

/* Embedded in its owner, zeroed at first. */
struct share_ask {
    /* Its turn; from the reactor, never inside an asking call. It may ask again in here. Of a begin: answers
     * the bytes of the range that it began; 0: none. */
    uint64_t (*granted)(struct share_ask *ask, const struct share_grant *grant);
    struct share_seat *seat; /* private from here on */
    struct share_link link;
    enum share_verb verb;
    bool begins;
    uint64_t bytes;
};

/* ---- Ask ---- */
/* To begin a range whose first request is that. Asked already: the verb may change. */
void share_want(struct share_seat *seat, struct share_ask *ask, enum share_verb verb,
                uint64_t (*granted)(struct share_ask *ask, const struct share_grant *grant));
/* To send one more request. True: at once; it is charged, *bytes is cut to what may go (a write or a read:
 * the others go whole). False: it is charged when granted tells, with the bytes that may go. */
bool share_may_send(struct share_seat *seat, struct share_ask *ask, enum share_verb verb,
                    uint64_t *bytes,
                    uint64_t (*granted)(struct share_ask *ask, const struct share_grant *grant));
bool share_leave(struct share_ask *ask); /* true: it did wait */

/* ---- Tell ---- */
/* A request is sent without a turn, or was: it is paid for by those after it. */
void share_charge(struct share_seat *seat, enum share_verb verb, uint64_t bytes);
/* A range with a buffer ended well; took_ns: without what it waited for turns. */
void share_note_done(struct share_seat *seat, uint64_t bytes, uint64_t took_ns);
/* One buffer more, of a range that has one: now or not at all. */
struct buf *share_borrow(struct share_seat *seat);
/* Every buffer that a grant or share_borrow gave. */
void share_give_back(struct share_seat *seat, struct buf *buf);

/* ---- Look ---- */
uint64_t share_request_max(const struct share_seat *seat); /* bytes; a power of two, <= BUF_BYTES */
static inline bool share_waits(const struct share_ask *ask)
{
    return ask->link.next != NULL;
}

#endif
