/* mover_range.h - one range under way, and its life.
 *
 * Knows:         what of it was read, judged, compared, written. Part of mover_internal.h.
 * Must not know: which range is next.
 * Threads:       the reactor's.
 */
#ifndef ENGINE_MOVER_RANGE_H
#define ENGINE_MOVER_RANGE_H

#include "blockmap/zero.h"
#include "engine/copy.h"
#include "engine/map_keep.h"
#include "engine/range.h"
#include "engine/root.h"
#include "engine/share_turn.h"
#include "io/endpoint.h"

#define MOVER_CHUNK_RANGES 4u /* a range is some 5 KiB, and most movers of many need few */

struct mover;

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
    struct share_ask ask;     /* where there is a seat: its next request waits for a turn */
    uint64_t asked_ns;        /* since then */
    uint64_t passed_bytes;    /* that turn came, for so many */
    bool granted;             /* it began by a turn, so its first request needs none */
    uint64_t generation;      /* of the URL the request was sent with */
    uint64_t from_generation; /* of a pull: of the source's URL in it */
    bool refused;             /* waits for a new URL, without a buffer */
    bool hashed;              /* the root has its bytes */
    uint64_t crc64;           /* of the whole range as it was read */
    bool crc64_known;
    bool hashes_known; /* of its whole blocks, as they were read */
    struct block_hash hashes[ROOT_TAKE_BLOCKS_MAX];
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

/* Ranges are made as the window grows, and stay. */
struct mover_chunk {
    struct mover_chunk *next;
    struct mover_range ranges[MOVER_CHUNK_RANGES];
};

/* mover_range.c */
void mover_range_begin(struct mover_range *range); /* extent, clear, buf are set; state PLANNED */
void mover_range_again(struct mover_range *range); /* its request once more; state WAITING */
void mover_range_answered(struct mover_range *range); /* its request succeeded */
/* Ends the wait of a range that waits, so that it can be given back. */
void mover_range_abandon(struct mover_range *range);
void mover_range_move(struct mover_range *range, enum range_state to);
void mover_range_judged(struct mover_range *range);  /* all was read, and compared */
void mover_range_trouble(struct mover_range *range); /* its request failed */
void mover_range_finish(struct mover_range *range);  /* the target has all of it */

#endif
