/* receiver_batch.h - the body of a write: records checked, decompressed, written piece by piece.
 *
 * Knows:         a batch's records, the one buffer it may hold, what was missing of it.
 * Must not know: HTTP, leases.
 * Threads:       the reactor's; `work` runs on a worker and touches nothing but its batch.
 *                Private to engine/receiver*.c.
 */
#ifndef ENGINE_RECEIVER_BATCH_H
#define ENGINE_RECEIVER_BATCH_H

#include "blockmap/stream_read.h"
#include "engine/receiver_call.h"
#include "engine/receiver_piece.h"

#define BATCH_PIECES_MAX 32u /* requests of one batch at once */
#define BATCH_SLOTS      (BUF_BYTES / STREAM_BLOCK_BYTES)

enum batch_stage {
    BATCH_CHECKING, /* on a worker */
    BATCH_QUEUED,   /* at its desk */
    BATCH_NEXT,     /* its task is posted: the next record */
    BATCH_WANTING,  /* a buffer */
    BATCH_WORKING,  /* on a worker: decompressing, hashing */
    BATCH_LOOKING,  /* a target that a COPY reads from is opened */
    BATCH_READING,  /* requests are under way ... */
    BATCH_WRITING,
    BATCH_FLUSHING
};

struct batch_range { /* to be written, or cleared */
    uint64_t offset, length;
    uint32_t buf_offset;
};

struct batch_slot { /* a COPY piece, and its place in the buffer */
    struct stream_copy_piece piece;
    uint32_t number;                /* in its record */
    struct receiver_reader *reader; /* NULL: the batch's own target */
    uint64_t from;                  /* where it is said to be */
    bool indexed, known, right;     /* found; still worth reading; its SHA-256 is what it must be */
};

struct batch_note { /* a block that came as bytes */
    uint64_t offset;
    struct block_id id;
};

struct receiver_batch {
    struct receiver_call *call;
    enum batch_stage stage;
    struct receiver_batch *next;       /* of the desk */
    struct receiver_batch *flush_next; /* waits for a flush */
    struct err err;                    /* the first that went wrong */
    struct err work_err;               /* a worker's own, until its work is done */
    struct timer deadline;
    uint64_t deadline_ns;
    struct work work;
    struct reactor_task task;
    const void *body;
    size_t body_bytes;
    /* made by the check */
    struct stream_record *records;
    uint32_t record_count;
    struct extent_set touched; /* by all of its pieces */
    /* the record at hand */
    uint32_t record_at;
    struct receiver_wait wait;
    struct buf *buf;
    uint32_t raw_bytes;
    struct stream_piece *pieces; /* as they were decoded; room for the largest record's */
    struct batch_range *ranges;  /* neighbours joined; the same room */
    uint32_t range_count, range_at;
    uint64_t range_done_bytes; /* of the one at range_at */
    struct batch_note notes[BATCH_SLOTS];
    uint32_t note_count;
    /* of a COPY */
    struct stream_copy_piece *copies; /* room for the largest record's; NULL: there is none */
    uint32_t copy_count, copy_at;
    struct batch_slot *slots; /* BATCH_SLOTS, or NULL */
    uint32_t slot_count, slot_at;
    struct receiver_batch *reader_next; /* waits for a reader's look */
    /* out */
    struct relay_missing *missing; /* room for every COPY piece */
    uint32_t missing_count;
    /* requests */
    struct receiver_piece requests[BATCH_PIECES_MAX];
    struct receiver_piece *free_requests;
    uint32_t requests_left; /* under way */
};

/* ---- receiver_batch.c ---- */
void receiver_batch_cancel(struct receiver_batch *batch); /* ends soon, with an error */
/* The first error stays. Nothing new is begun; what was is waited for. fail: by what the batch itself
 * does; interrupt: from outside, so it waits no longer either. */
void receiver_batch_fail(struct receiver_batch *batch, const struct err *error);
void receiver_batch_interrupt(struct receiver_batch *batch, const struct err *error);
void receiver_batch_next(struct receiver_batch *batch); /* in a later turn: next record, or end */
void receiver_batch_end(struct receiver_batch *batch);  /* durable, or failed: answers, frees */
void receiver_batch_add(struct receiver_batch *batch, uint64_t offset, uint64_t length,
                        uint32_t buf_offset); /* to ranges */

/* ---- receiver_check.c ---- */
bool receiver_batch_check(struct receiver_batch *batch); /* on a worker; in work_err */

/* ---- receiver_place.c: COPY ---- */
void receiver_copy_group(
    struct receiver_batch *batch); /* holds a buffer; receiver_batch_next follows */
void receiver_copy_read(struct receiver_batch *batch, uint32_t slot, bool good); /* a read ended */
void receiver_copy_read_on(struct receiver_batch *batch);
void receiver_places_free(struct receiver *receiver, uint64_t idle_ns);
bool receiver_places_idle(const struct receiver *receiver);

/* ---- receiver_flush.c ---- */
void receiver_flush_join(struct receiver_batch *batch); /* receiver_batch_end follows */
void receiver_flush_failed(struct receiver_desk *desk, const struct err *error);

#endif
