/* stream.h - the delta stream: what its records are, their limits, and how each is made and read. Pure.
 *
 * Knows:         stream_format.md: framing, checksums, kinds, which kinds may be passed over.
 * Must not know: files, sockets, endpoints; when a record is sent.
 * Threads:       none; a value with one owner.
 * Errors:        ERR_CORRUPT; every sentence names the record by its number and place in the stream.
 *
 * A stream is HEAD, PLAN records, then DATA, ZERO and COPY records, then END. A batch of a relay is DATA,
 * ZERO and COPY records alone, numbered from 0. Every record carries a checksum of its own.
 */
#ifndef BLOCKMAP_STREAM_H
#define BLOCKMAP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/block_id.h"
#include "blockmap/digest.h"
#include "blockmap/err.h"
#include "blockmap/extent.h"
#include "blockmap/marker.h"
#include "blockmap/vhd.h"

#define STREAM_VERSION           1u
#define STREAM_FRAME_BYTES       32u        /* before each payload */
#define STREAM_RAW_MAX_BYTES     (4u << 20) /* of one DATA record, decompressed */
#define STREAM_PIECES_MAX        4096u      /* of one DATA, ZERO or COPY record */
#define STREAM_PLAN_EXTENTS_MAX  4096u      /* of one PLAN record */
#define STREAM_PAYLOAD_MAX_BYTES ((4u << 20) + (256u << 10))
#define STREAM_BLOCK_BYTES       DIGEST_BLOCK_BYTES /* of a COPY piece, at most */
#define STREAM_DISK_MAX_BYTES    (1ull << 46)
#define STREAM_ETAG_MAX_BYTES    128u

enum stream_kind {
    STREAM_HEAD = 1,
    STREAM_PLAN = 2,
    STREAM_DATA = 3,
    STREAM_ZERO = 4,
    STREAM_COPY = 5,
    STREAM_END = 6
};

struct stream_head {
    char uuid[MARKER_UUID_MAX_BYTES];      /* of the stream */
    char source[MARKER_SOURCE_MAX_BYTES];  /* identity, never a SAS */
    char base[MARKER_SOURCE_MAX_BYTES];    /* identity; "" = a full one */
    char base_copy[MARKER_UUID_MAX_BYTES]; /* the copy of it that a target must hold; "" = any */
    char base_etag[STREAM_ETAG_MAX_BYTES]; /* and what that had when it was looked at; "" = any */
    uint64_t source_bytes;                 /* whole length, footer included */
    uint64_t base_bytes;                   /* of the base; 0 without */
    uint64_t disk_bytes;                   /* footer left out */
    bool has_footer;
    unsigned char footer[VHD_FOOTER_BYTES]; /* zero without */
    uint64_t made_ms;
};

struct stream_end { /* counts are of the whole stream */
    uint64_t records, data_bytes, stored_bytes, zero_bytes, copy_bytes;
    struct marker marker; /* root, or base_root and delta; what the target's marker will say */
};

struct stream_piece { /* of DATA: bytes follow one another in the order of the pieces */
    uint64_t offset;
    uint64_t length;
};

struct stream_copy_piece {
    uint64_t offset;
    uint32_t length; /* at most STREAM_BLOCK_BYTES */
    uint64_t from;   /* where the stream has it too, below; STREAM_FROM_INDEX: the reader knows */
    struct block_id id;
};
#define STREAM_FROM_INDEX UINT64_MAX

#endif
