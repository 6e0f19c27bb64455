/* receiver_desk.h - one NAME at a receiver: its endpoint, who may change it now, what is under way.
 *
 * Knows:         leases, generations, fences, buffers and requests a target has at once.
 * Must not know: HTTP, what a batch holds.
 * Threads:       the reactor's. Private to engine/receiver*.c.
 *
 * Calls are admitted in the order in which they came. One that changes the target is admitted when the
 * lease is its sender's, its generation did not pass, and, where it would change again what a lost request
 * may still change (`unsure`), after a fence at the target.
 */
#ifndef ENGINE_RECEIVER_DESK_H
#define ENGINE_RECEIVER_DESK_H

#include "blockmap/extent.h"
#include "blockmap/marker.h"
#include "engine/pacer.h"
#include "io/endpoint.h"
#include "io/mem_lease.h"
#include "io/reactor.h"
#include "io/relay_wire.h"
#include "io/timers.h"

#define DESK_RETIRED_MAX        16u /* senders of earlier runs that are remembered, to refuse them */
#define DESK_WINDOW_MAX         256u  /* requests at one target */
#define DESK_UNSURE_EXTENTS_MAX 4096u /* more: one extent around all */

struct receiver;
struct receiver_call;
struct receiver_batch;
struct receiver_piece;

struct receiver_wait { /* for a buffer; embedded in who waits */
    struct receiver_desk *desk;
    void (*got)(struct receiver_wait *wait); /* in a later turn */
    struct buf *buf;                         /* from then on the waiter's */
    struct receiver_wait *next;
    bool queued;
    struct reactor_task task;
};

struct desk_listing { /* what a list found and has not told yet; the next page comes from here */
    struct extent_set data, clears;
    struct extent within;
    uint64_t size_bytes, next; /* next: where the rest begins */
    char since[64];
    bool kept;
};

struct receiver_desk {
    struct receiver *receiver;
    struct receiver_desk *next;
    char name[RELAY_NAME_MAX_BYTES + 1];
    struct endpoint *ep; /* NULL: not open */
    uint64_t used_ns;
    /* as the last look or setup told */
    bool looked, exists;
    bool met, stale; /* was looked at; is opened again as soon as nothing is under way */
    enum marker_state marker_state;
    char copy_uuid[MARKER_UUID_MAX_BYTES];
    /* who may change it */
    struct mem_lease lease;
    bool leased_once;  /* since this receiver runs */
    bool leased_there; /* the endpoint holds it at the target, where that has leases */
    char sender[MARKER_UUID_MAX_BYTES];
    uint64_t generation_min;
    char retired[DESK_RETIRED_MAX][MARKER_UUID_MAX_BYTES];
    uint32_t retired_at;
    struct extent_set unsure; /* requests whose answer was lost may still change these */
    /* what is under way */
    uint32_t running, changing; /* calls admitted and not answered; of them those that change */
    bool looking, controlling; /* of the desk itself, or of a lease: nobody is admitted meanwhile */
    struct stat_req look;
    struct setup_req control;
    char control_lease[MARKER_UUID_MAX_BYTES];
    struct receiver_call *first, *last; /* not yet admitted */
    struct reactor_task task;
    struct receiver_batch *batches; /* admitted */
    uint32_t buffers;
    struct desk_listing listing;
    /* requests at the target; receiver_piece.c */
    struct pacer pacer;
    uint32_t inflight;
    struct receiver_piece *pace_first, *pace_last;
    struct timer pace_timer;
    /* flushes that several batches share; receiver_flush.c */
    struct receiver_batch *flush_waiting, *flush_under_way;
    bool flushing;
    struct block_req flush;
};

/* ---- Life ---- */
/* NULL and an error when there are too many in use. */
struct receiver_desk *receiver_desk_of(struct receiver *receiver, const char *name, struct err *e);
void receiver_desks_sweep(struct receiver *receiver, uint64_t idle_ns); /* closes idle ones */
void receiver_desk_close_endpoint(struct receiver_desk *desk);          /* nothing is under way */

/* ---- Use ---- */
void receiver_desk_enter(struct receiver_call *call); /* its run follows, or a refusal */
void receiver_desk_leave(struct receiver_call *call); /* answered; at once or from run */
void receiver_desk_post(struct receiver_desk *desk);  /* looks again at who may go on */
/* What a stat or setup told. */
void receiver_desk_saw(struct receiver_desk *desk, bool exists, const struct marker *marker);
void receiver_desk_unsure(struct receiver_desk *desk, struct extent range);
void receiver_desk_fenced(struct receiver_desk *desk, const struct err *error);

/* ---- Who may; receiver_admit.c ---- */
enum desk_answer { DESK_ADMITS, DESK_WAITS, DESK_REFUSES };
enum desk_answer receiver_admit_change(struct receiver_desk *desk, struct receiver_call *call,
                                       struct err *e);
bool receiver_lease_is_active(const struct receiver_desk *desk);
void receiver_lease_take(struct receiver_desk *desk, const char *id);
/* Asks the endpoint, while nobody is admitted; who waits first is refused if that fails. */
void receiver_desk_control(struct receiver_desk *desk, enum setup_verb verb, const char *lease_id);

/* ---- Buffers; receiver_buffer.c ---- */
void receiver_buffer_want(struct receiver *receiver, struct receiver_wait *wait); /* got: later */
void receiver_buffer_forget(struct receiver *receiver, struct receiver_wait *wait);
void receiver_buffer_give(struct receiver_desk *desk, struct buf *buf);

#endif
