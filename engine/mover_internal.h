/* mover_internal.h - what mover.c (which range next), mover_range.c (one range's life), mover_access.c (its
 * waits for a new URL), mover_pull.c (ranges that the target reads itself), mover_judge.c (what of one is
 * written), mover_durable.c (when it counts) and mover_replay.c (what a journal says) share.
 *
 * Knows:         all parts of the mover. Included by them alone.
 * Must not know: anything that mover.h must not.
 */
#ifndef ENGINE_MOVER_INTERNAL_H
#define ENGINE_MOVER_INTERNAL_H

#include "blockmap/zero.h"
#include "engine/access.h"
#include "engine/copy.h"
#include "engine/delta_order.h"
#include "engine/mover.h"
#include "engine/mover_judge.h"

struct mover_range {
    struct mover *mover;
    struct mover_range *next; /* in the list of free ones */
    struct extent extent;
    enum range_state state;
    bool clear;      /* nothing is read: the whole range becomes zero */
    bool pull;       /* nor here: the target's service reads it itself */
    bool zero_known; /* a clear, and the map says that it is zero already */
    bool judged;     /* all of it was read; what is left are writes */
    struct buf *buf;
    struct block_req req; /* one request at a time */
    struct timer timer;   /* the pause before another try */
    uint32_t attempts;    /* of the request under way */
    uint64_t started_ns;
    uint64_t generation;      /* of the URL the request was sent with */
    uint64_t from_generation; /* of a pull: of the source's URL in it */
    bool refused;             /* waits for a new URL, without a buffer */
    bool hashed;              /* the root has its bytes */
    uint64_t crc64;           /* of the whole range as it was read */
    bool crc64_known;
    uint64_t skipped_bytes;
    struct root_blocks blocks;   /* that its bytes made whole; of a delta: the hash of its bytes */
    uint32_t read_at;            /* bytes of the range that were read, or are known to be zero */
    struct map_keep_blocks kept; /* where a map is kept */
    struct buf *older;           /* while it is read and compared */
    struct stat_req older_stat;  /* is it still what was proven? */
    bool compared;
    unsigned char equal[BUF_BYTES / ENDPOINT_PAGE_BYTES / 8]; /* compared: a bit a page */
    struct zero_run runs[COPY_ZERO_RUNS_MAX];
    struct block_zero zeros[COPY_ZERO_RUNS_MAX]; /* the same, as a target takes them */
    uint32_t run_count;
    uint32_t run_next; /* first run that is not behind piece_at */
    uint32_t piece_at; /* bytes of the range the target has; a piece begins here */
};

struct mover {
    struct mover_setup setup; /* set once */
    /* changes, reactor thread only */
    struct extent_set reads;  /* the worklist: to be read and written */
    struct extent_set clears; /* the worklist: to be cleared */
    struct pacer pacer;
    struct root *root;         /* full copy with hash */
    struct delta_order *order; /* delta with hash */
    struct mover_range *ranges;
    struct mover_range *free_ranges;
    uint32_t inflight;
    uint64_t ahead_end; /* nothing behind it was ever taken */
    bool replaying;     /* the journal was not read to its end: nothing is taken */
    bool pulling;       /* new ranges are pulled */
    bool pulled_any;
    bool older_lost; /* it was written to */
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

/* mover_range.c */
void mover_range_begin(struct mover_range *range); /* extent, clear, buf are set; state PLANNED */
void mover_range_again(struct mover_range *range); /* its request once more; state WAITING */
/* Ends the wait of a range that waits, so that it can be given back. */
void mover_range_abandon(struct mover_range *range);
void mover_range_move(struct mover_range *range, enum range_state to);
void mover_range_judged(struct mover_range *range);  /* all was read, and compared */
void mover_range_trouble(struct mover_range *range); /* its request failed */
void mover_range_finish(struct mover_range *range);  /* the target has all of it */

/* mover_pull.c */
void mover_pull(struct mover_range *range); /* state PLANNED or WAITING */

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
struct buf *mover_borrow(struct mover *mover); /* NULL: others hold every buffer */

#endif
