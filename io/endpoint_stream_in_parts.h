/* endpoint_stream_in_parts.h - what the files of the stream's reading end share. Private to
 * io/endpoint_stream_in*.c.
 *
 * Knows: the endpoint's insides. Must not know: as endpoint_stream_in.h. Threads: the reactor's.
 */
#ifndef IO_ENDPOINT_STREAM_IN_PARTS_H
#define IO_ENDPOINT_STREAM_IN_PARTS_H

#include "io/byte_stream.h"
#include "io/endpoint_later.h"
#include "io/endpoint_stream_in.h"
#include "io/stream_feed.h"
#include "io/stream_hold.h"

struct in_read { /* a read that waits for its turn; sorted by offset */
    struct in_read *next;
    struct block_req *req;
    uint64_t filled; /* bytes of it */
};

/* A block that came before, fetched back: from the read under way, from a held record, from the target. */
struct in_fetch {
    bool begun, whole; /* whole: memory is the block, its SHA-256 right */
    bool reading;      /* the target has memory */
    uint64_t offset;   /* of the place that wants it */
    uint64_t from;
    uint32_t length, at;
    struct block_id id;
    uint64_t number, at_bytes; /* of the record that says so */
    unsigned tries;
    struct buf buf; /* memory of STREAM_BLOCK_BYTES, never of the pool */
    struct block_req req;
    struct timer timer;
};

struct endpoint_stream_in {
    struct endpoint head; /* first */
    struct endpoint_later later;
    /* set once */
    struct endpoint *target; /* borrowed; NULL: blocks that come again cannot be had */
    struct byte_stream bytes;
    struct stream_feed *feed;
    /* changes */
    struct stream_hold hold;
    struct stream_head stream_head;
    struct extent_set data, clears; /* of the plan */
    bool has_head, has_plan, ended; /* read so far */
    bool again;                     /* from its beginning: HEAD and PLAN are known */
    uint64_t again_for;             /* the byte it was read again for, +1; 0: none */
    struct stream_end end;
    struct stream_end said; /* of a file, as its last bytes say; records 0: nothing */
    struct in_read *reads, *free_reads;
    struct in_fetch fetch;
    struct extent_set handed; /* read of the stream, and not written yet as far as we were told */
    struct reactor_task task;
    struct err err; /* the first failure; all that follows fails with it */
    /* waiting: one of each */
    struct stat_req *stat;
    struct list_req *list;
    struct setup_req *setup;
};

static inline struct endpoint_stream_in *endpoint_stream_in_of(struct endpoint *ep)
{
    return (struct endpoint_stream_in *)ep;
}

/* ---- endpoint_stream_in.c ---- */
void in_fail(struct endpoint_stream_in *in, const struct err *why); /* the first one stays */
void in_look(struct endpoint_stream_in *in);                        /* at everything, soon */

/* ---- endpoint_stream_in_reads.c ---- */
void in_read(struct endpoint *ep, struct block_req *req);
/* As far as it goes without another record. True: the first read wants one more. */
bool in_serve(struct endpoint_stream_in *in);
void in_fail_reads(struct endpoint_stream_in *in);
uint64_t in_wanted(const struct endpoint_stream_in *in); /* lowest byte; UINT64_MAX: none */
void in_reads_fini(struct endpoint_stream_in *in);

/* ---- endpoint_stream_in_fetch.c ---- */
enum in_fetched { IN_FETCH_WAITS, IN_FETCH_HAS, IN_FETCH_FAILED };
/* The block of this place of a COPY record, into in->fetch.buf. read: under way, filled so far. */
enum in_fetched in_fetch(struct endpoint_stream_in *in, const struct held *held,
                         const struct held_place *place, const struct in_read *read);
void in_fetch_stop(struct endpoint_stream_in *in); /* its pause; what the target has goes on */

#endif
