/* endpoint_stream_out_parts.h - what the files of the stream's writing end share. Private to
 * io/endpoint_stream_out*.c.
 *
 * Knows: the endpoint's insides. Must not know: as endpoint_stream_out.h. Threads: the reactor's.
 */
#ifndef IO_ENDPOINT_STREAM_OUT_PARTS_H
#define IO_ENDPOINT_STREAM_OUT_PARTS_H

#include <limits.h>
#include <sys/stat.h>

#include "io/byte_stream.h"
#include "io/endpoint_later.h"
#include "io/endpoint_stream_out.h"
#include "io/stream_groups.h"
#include "io/stream_held.h"
#include "io/stream_seen.h"

#define OUT_PARTS_MAX (BUF_BYTES / STREAM_BLOCK_BYTES + 1)

enum out_part_kind { OUT_ZERO, OUT_BLOCK, OUT_PIECE }; /* PIECE: less than a block, has no id */

struct out_part {
    uint32_t at, length; /* of the write */
    enum out_part_kind kind;
    struct block_id id;
};

/* One write: hashed on a worker, then taken in its turn. */
struct out_write {
    struct endpoint_stream_out *out;
    struct out_write *next; /* of those that wait, by offset; of those that are free */
    struct block_req *req;
    struct work work;
    bool hashed;
    uint32_t part_count, part_next;
    struct out_part parts[OUT_PARTS_MAX];
};

struct out_read {
    struct out_read *next;
    struct block_req *req;
};

/* What an export that was interrupted left. A worker has `held` while busy. */
struct out_held {
    struct endpoint_stream_out *out;
    struct stream_held *held; /* NULL: nothing was there */
    struct work work;
    bool busy, settled;     /* settled: it is known what counts */
    uint64_t below_bytes;   /* of the plan: there already */
    struct out_read *reads; /* the first is under way */
    struct err err;         /* of the scan */
};

#define OUT_PLAN_SETS 2u /* data, clears */

enum out_ending { OUT_GATHERS, OUT_SYNCED };

struct endpoint_stream_out {
    struct endpoint head; /* first */
    struct endpoint_later later;
    /* set once */
    struct workers *workers;
    struct endpoint_stream_out_options options;
    char path[PATH_MAX], part_path[PATH_MAX]; /* "" of a descriptor */
    /* changes */
    struct byte_stream bytes;
    struct stream_groups *groups; /* NULL until it is made */
    struct stream_seen *seen;
    struct stream_head stream_head;
    struct stream_origin origin;
    bool with_origin, origin_out; /* with: the source can be told from what it may become */
    bool part_open;               /* PATH.part is written */
    struct out_held held;
    struct extent_set data, clears; /* of the plan; data: what did not come yet */
    uint64_t plan_at;               /* extents of the set under way that are in PLAN records */
    unsigned plan_set;
    bool head_out, end_out;
    struct marker marker; /* of the END */
    struct out_write *waiting, *free_writes;
    struct err err; /* the first failure */
    /* one of these at a time: a setup that waits, or a flush */
    struct setup_req *setup;
    struct block_req *flush;
    enum out_ending ending; /* SYNCED: since the last put nothing is left to write or sync */
    struct reactor_task task;
    struct reactor_op sync_op;
    bool syncing;
};

static inline struct endpoint_stream_out *endpoint_stream_out_of(struct endpoint *ep)
{
    return (struct endpoint_stream_out *)ep;
}

/* ---- endpoint_stream_out.c ---- */
/* Looks at everything: what may be taken, ended, told. From completions only. */
void out_pump(struct endpoint_stream_out *out);
void out_fail(struct endpoint_stream_out *out, const struct err *why); /* the first one stays */

/* ---- endpoint_stream_out_blocks.c ---- */
void out_write(struct endpoint *ep, struct block_req *req);
void out_zero(struct endpoint *ep, struct block_req *req);
void out_take_writes(struct endpoint_stream_out *out); /* whose turn it is; all, after a failure */
void out_blocks_fini(struct endpoint_stream_out *out);

/* ---- endpoint_stream_out_held.c ---- */
/* During SETUP_EXPECT. False: it is not known yet what of the part counts; the pump comes again. */
bool out_held_settle(struct endpoint_stream_out *out);
void out_read(struct endpoint *ep, struct block_req *req); /* of what counts alone */
void out_held_fini(struct endpoint_stream_out *out);

/* ---- endpoint_stream_out_place.c ---- */
bool out_place_open(struct endpoint_stream_out *out, struct err *e);
bool out_place_finish(struct endpoint_stream_out *out, struct err *e); /* synced: gets its name */

#endif
