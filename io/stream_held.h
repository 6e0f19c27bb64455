/* stream_held.h - the whole records at the beginning of a stream that was not finished: found, and read.
 *
 * Knows:         stream_read.h, stream_format.md ("Order within a stream"), a descriptor.
 * Must not know: endpoints, reactors, who goes on with the stream.
 * Threads:       one caller at a time, any thread: it blocks. stream_held_stop: any, at any time.
 *
 * What counts ends with a group: all of the plan's data below some offset, exactly once. Behind that, torn
 * or damaged or not, nothing counts.
 *
 * Memory: 32 bytes a piece, up to STREAM_HELD_PIECES_MAX (what is behind them does not count either), and
 * some decompressed records.
 */
#ifndef IO_STREAM_HELD_H
#define IO_STREAM_HELD_H

#include "blockmap/stream.h"
#include "blockmap/stream_origin.h"

#define STREAM_HELD_PIECES_MAX (4u << 20)

struct stream_held_wanted { /* what the stream must be; all borrowed */
    int fd;                 /* a regular file; its offset is neither used nor moved */
    const struct stream_head *head;
    const struct stream_origin *origin;
    const struct extent_set *data, *clears;
};

struct stream_held_found {
    uint64_t below_bytes;     /* the plan's data below is there; 0: nothing of it */
    uint64_t file_bytes;      /* of the records that count */
    struct stream_end counts; /* of them; no marker */
    struct stream_head head;
    char why_not[160]; /* what is there is of another stream; "": it is not */
};

struct stream_held;
struct stream_held *stream_held_new(const struct stream_held_wanted *wanted, struct err *e);
void stream_held_free(struct stream_held *held); /* NULL is fine */

/* Reads the file once, or as far as it was when it was told to stop. False: memory ran out. */
bool stream_held_scan(struct stream_held *held, struct err *e);
void stream_held_stop(struct stream_held *held);
const struct stream_held_found *stream_held_found(const struct stream_held *held);

/* After a scan: bytes of the plan's data below below_bytes. ERR_CORRUPT: a record does not hold now what its
 * digest says. */
bool stream_held_read(struct stream_held *held, struct extent range, unsigned char *memory,
                      struct err *e);

#endif
