/* stream_frame.h - the bytes of a delta stream that its writers and its reader share (stream_format.md): the
 * frame before each payload, lists of pieces, what stands before the bytes of a DATA record. Pure.
 *
 * Knows:         byte layouts, checksums, the bound of each kind.
 * Must not know: the order of records, zstd. Included by blockmap/stream_*.c alone.
 * Threads:       any.
 */
#ifndef BLOCKMAP_STREAM_FRAME_H
#define BLOCKMAP_STREAM_FRAME_H

#include "blockmap/stream.h"

#define STREAM_FRAME_MAGIC     "sfd1"
#define STREAM_FLAG_MANDATORY  1u /* who does not know the kind must refuse the stream */
#define STREAM_PAGE_BYTES      512u
#define STREAM_VARINT_BYTES    10u
#define STREAM_EXTENT_BYTES    (2 * STREAM_VARINT_BYTES) /* of one extent or piece, at most */
#define STREAM_TEXTS_MAX_BYTES 8192u                     /* of a HEAD, of an END */

enum stream_codec { STREAM_CODEC_RAW = 0, STREAM_CODEC_ZSTD = 1 };

/* ---- Frames ---- */
struct stream_frame {
    unsigned kind; /* maybe none of enum stream_kind */
    unsigned flags;
    unsigned version;
    uint32_t payload_bytes;
    uint64_t number;
    uint64_t checksum;
};

/* The payload stands behind STREAM_FRAME_BYTES of room; this fills the room in. Returns the whole length.
 * Kinds of enum stream_kind are mandatory, others may be passed over. */
uint32_t stream_frame_seal(void *record, unsigned kind, uint64_t number, uint32_t payload_bytes);
/* False: not our magic, or the frame's own checksum does not match; out_frame is set nevertheless. */
bool stream_frame_decode(const void *bytes, struct stream_frame *out_frame);
/* Of frame and payload. */
uint64_t stream_frame_checksum(const void *frame_bytes, const void *payload,
                               uint32_t payload_bytes);
uint32_t stream_payload_max(unsigned kind); /* of a kind that is not known too */
const char *stream_kind_name(unsigned kind);

/* ---- Lists: offsets and lengths in pages, each as its distance from the end of the one before ---- */
struct stream_list {
    unsigned char *out;       /* writing: room for what will come; NULL while reading */
    const unsigned char *at;  /* reading */
    const unsigned char *end; /* reading */
    uint64_t last_bytes;      /* end of the one before */
    bool bad;                 /* reading: what no writer writes */
};

void stream_put_number(struct stream_list *list, uint64_t value); /* a varint */
uint64_t stream_get_number(struct stream_list *list);
void stream_put_place(struct stream_list *list, uint64_t offset, uint64_t length);
/* False (and list->bad): no list of ours, or nothing, or more than disk_bytes. */
bool stream_get_place(struct stream_list *list, uint64_t disk_bytes, struct stream_piece *out);

/* ---- What a DATA payload has before its bytes ---- */
#define STREAM_DATA_HEAD_BYTES 32u /* and the list of pieces behind it */
#define STREAM_DATA_HEAD_MAX_BYTES                                                                 \
    (STREAM_DATA_HEAD_BYTES + STREAM_PIECES_MAX * STREAM_EXTENT_BYTES)
_Static_assert(STREAM_DATA_HEAD_MAX_BYTES + STREAM_RAW_MAX_BYTES <= STREAM_PAYLOAD_MAX_BYTES,
               "the largest DATA record fits");

struct stream_data_head {
    enum stream_codec codec;
    uint32_t raw_bytes;     /* sum of all pieces */
    struct block_hash hash; /* digest_bytes of the raw bytes */
    uint32_t count;         /* pieces */
    uint32_t list_bytes;    /* of their list */
};

/* Writes head and list to payload; returns how many bytes that were: the disk's bytes follow there. */
uint32_t stream_data_begin(void *payload, enum stream_codec codec, const struct block_hash *hash,
                           const struct stream_piece *pieces, uint32_t count);
/* False: no writer writes this. */
bool stream_data_head_decode(const void *payload, uint32_t payload_bytes,
                             struct stream_data_head *out_head);

#endif
