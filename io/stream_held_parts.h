/* stream_held_parts.h - what stream_held.c (the scan) and stream_held_read.c share. Private to them.
 *
 * Knows: the insides. Must not know: as stream_held.h. Threads: as there.
 */
#ifndef IO_STREAM_HELD_PARTS_H
#define IO_STREAM_HELD_PARTS_H

#include <stdatomic.h>

#include "blockmap/stream_frame.h"
#include "io/stream_held.h"

#define HELD_RAWS             4u
#define HELD_ZERO             UINT32_MAX       /* instead of a record: zeros */
#define HELD_COPY             (UINT32_MAX - 1) /* ... or the bytes at `from` of the disk */
#define HELD_RECORDS_MAX      (1u << 25)       /* 128 TiB of full ones */
#define HELD_RECORD_MAX_BYTES (STREAM_FRAME_BYTES + STREAM_PAYLOAD_MAX_BYTES)

struct held_piece {
    uint64_t offset, length; /* of the disk */
    uint64_t from;           /* COPY: of the disk; DATA: of the record's decompressed bytes */
    uint32_t record;
};

struct held_record { /* DATA */
    uint64_t at_bytes, number;
    uint32_t payload_bytes, raw_bytes;
};

struct held_raw {          /* a record, decompressed */
    unsigned char *memory; /* STREAM_RAW_MAX_BYTES; NULL until it is used */
    uint32_t record;
    uint64_t used; /* the last time, in reads */
};

struct stream_held {
    struct stream_held_wanted wanted;
    struct stream_held_found found;
    atomic_bool stop;
    struct held_piece *pieces; /* sorted by offset, apart from those of the group under way */
    size_t piece_count, piece_room;
    struct held_record *records;
    size_t record_count, record_room;
    unsigned char *bytes; /* HELD_RECORD_MAX_BYTES: the record under way */
    struct held_raw raws[HELD_RAWS];
    uint64_t reads;
};

/* As many bytes of the file as were asked for; false: it has not so many, or cannot be read. */
bool held_take(const struct stream_held *held, uint64_t at_bytes, void *memory, size_t count);

#endif
