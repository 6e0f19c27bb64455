/* mover_internal.h - what mover.c (which range next), mover_range.c (one range's life), mover_access.c (its
 * waits for a new URL), mover_pull.c (ranges that the target reads itself), mover_judge.c (what of one is
 * written), mover_durable.c (when it counts) and mover_replay.c (what a journal says) share.
 *
 * Knows:         all parts of the mover. Included by them alone.
 * Must not know: anything that mover.h must not.
 */
#ifndef ENGINE_MOVER_INTERNAL_H
#define ENGINE_MOVER_INTERNAL_H

#include "engine/access.h"
#include "engine/copy.h"
#include "engine/delta_order.h"
#include "engine/mover.h"
#include "engine/mover_judge.h"
#include "engine/mover_range.h"
#include "engine/mover_share.h"

struct mover {
    struct mover_setup setup; /* set once */
    /* changes, reactor thread only */
    struct extent_set reads;  /* the worklist: to be read and written */
    struct extent_set clears; /* the worklist: to be cleared */
    struct pacer pacer;
    struct root *root;         /* full copy with hash */
    struct delta_order *order; /* delta with hash */
    struct mover_chunk *chunks;
    struct mover_range *free_ranges;
    uint32_t inflight;
    uint64_t ahead_end; /* nothing behind it was ever taken */
    bool replaying;     /* the journal was not read to its end: nothing is taken */
    bool pulling;       /* new ranges are pulled */
    bool pulled_any;
    bool older_lost;        /* it was written to */
    struct mover_turn turn; /* where there is a seat */
    bool started, stopping, ended;
    bool pump_posted;
    struct reactor_task pump_task;
    struct timer wake_timer;
    /* a buffering target: bytes done before the flush under way, and since */
    struct block_req flush_req;
    struct timer flush_timer;
    bool flushing;
    uint32_t flush_attempts;
    uint64_t flushing_bytes;
    uint64_t unflushed_bytes;
    bool flush_gave_up, flushed_last;
    uint64_t unrecorded_bytes; /* durable and noted; a target that does not buffer */
    struct access_waiter source_wait, target_wait;
    uint32_t refused_count; /* ranges */
    struct mover_counts counts;
    struct err err; /* the first failure */
};

/* mover_pull.c */
void mover_pull(struct mover_range *range); /* state PLANNED or WAITING */

/* mover_held.c: false: the target does not hold it. */
bool mover_read_held(struct mover_range *range, struct extent part);

/* mover_durable.c */
void mover_note_done(struct mover_range *range); /* the target answered */
void mover_record(struct mover *mover);          /* writes what is durable and noted */
void mover_flush(struct mover *mover);
/* Before the end of a mover that failed or was stopped: records what can be. True: wait for it. */
bool mover_flush_last(struct mover *mover);

/* mover_replay.c: some records; ends replaying, or fails. */
void mover_replay(struct mover *mover);

/* mover.c: how a range ends. The range may be used for another at once. */
void mover_range_done(struct mover_range *range);
void mover_range_failed(struct mover_range *range, const struct err *why);
void mover_fail(struct mover *mover, const struct err *why); /* the first failure stays */
void mover_post_pump(struct mover *mover);
bool mover_may_take(const struct mover *mover);
bool mover_clear_is_next(const struct mover *mover);
/* Takes one range of the worklist and begins it. False: no buffer, or no memory for it. */
bool mover_begin_next(struct mover *mover);
struct buf *mover_borrow(struct mover *mover);            /* NULL: others hold every buffer */
void mover_release(struct mover *mover, struct buf *buf); /* NULL is fine */

#endif
