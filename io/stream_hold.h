/* stream_hold.h - records of a stream that were read and not used up yet; decompressed when it is wanted.
 *
 * Knows:         places, payloads, workers.
 * Must not know: who wants the bytes, where records come from.
 * Threads:       the reactor's; decompressing on workers.
 *
 * Memory: STREAM_HOLD_MAX records, each its payload or its bytes, about 4 MiB at most; both while it is
 * decompressed.
 */
#ifndef IO_STREAM_HOLD_H
#define IO_STREAM_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/stream_read.h"
#include "io/workers.h"

#define STREAM_HOLD_MAX 12u

struct held_place { /* in order of offset */
    uint64_t offset, length;
    uint64_t where;     /* DATA: in bytes; COPY: the offset it is a copy of */
    struct block_id id; /* COPY */
};

struct held {
    /* set once */
    struct stream_hold *home;    /* who is told */
    struct stream_record record; /* payload: a copy, until it is decoded */
    struct held_place *places;
    uint32_t count;
    uint32_t raw_bytes; /* DATA */
    /* changes */
    unsigned char *payload;
    unsigned char *raw; /* DATA; NULL until it is decoded */
    bool dropped;       /* freed when the worker ends */
    bool decoding, decoded;
    struct work work;
    struct err err; /* of decoding */
};

struct stream_hold {
    struct workers *workers;
    void (*ready)(void *arg); /* a record was decoded, or cannot be: look at its err */
    void *arg;
    struct held *held[STREAM_HOLD_MAX]; /* oldest first */
    unsigned count;
    unsigned decoding;    /* workers at it */
    uint64_t dropped_end; /* of the highest place that was held and is no more */
};

/* A zeroed struct with workers, ready and arg set holds nothing. */
void stream_hold_fini(struct stream_hold *hold); /* decoding must be 0 */

bool stream_hold_is_full(const struct stream_hold *hold);
/* DATA, ZERO or COPY; copies it. Not when full. */
bool stream_hold_put(struct stream_hold *hold, const struct stream_record *record, struct err *e);
void stream_hold_drop_below(struct stream_hold *hold,
                            uint64_t offset); /* what ends there, or before */
void stream_hold_clear(struct stream_hold *hold);

/* The record, and the place in it, that holds this byte; of this kind, or of any (0). NULL: none. */
struct held *stream_hold_find(const struct stream_hold *hold, uint64_t offset, unsigned kind,
                              const struct held_place **out_place);
bool stream_held_touches(const struct held *held, uint64_t offset, uint64_t length);
void stream_held_decode(struct held *held); /* begins it; once */

#endif
