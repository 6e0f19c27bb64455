/* stream_pack.h - makes DATA records: pieces of a disk, gathered and compressed into one zstd frame. Pure.
 *
 * Knows:         zstd, levels, what cannot be compressed (found out before a full pass is spent).
 * Must not know: threads, links, which level pays (io/compress_level.h).
 * Threads:       one packer at a time in one thread; any thread.
 *
 * Memory: one record to gather in, and a zstd context of the highest level used: 2 MiB up to level 3,
 * 13 at level 9, 65 at most.
 */
#ifndef BLOCKMAP_STREAM_PACK_H
#define BLOCKMAP_STREAM_PACK_H

#include "blockmap/stream.h"

#define STREAM_LEVEL_RAW INT32_MIN /* no compression at all */
#define STREAM_LEVEL_MIN (-7)
#define STREAM_LEVEL_MAX 19

struct stream_part { /* neighbours in memory need not be neighbours on the disk */
    uint64_t offset; /* whole pages, as the length */
    uint32_t length; /* bytes; all together at most STREAM_RAW_MAX_BYTES */
    const unsigned char *bytes;
};

struct stream_packed {
    uint32_t raw_bytes;
    uint32_t record_bytes; /* what was written to out */
    bool stored_raw;       /* found incompressible, or level RAW */
};

struct stream_packer;
struct stream_packer *stream_packer_new(struct err *e);
void stream_packer_free(struct stream_packer *packer); /* NULL is fine */
/* One DATA record; out has room for STREAM_FRAME_BYTES + STREAM_PAYLOAD_MAX_BYTES. Parts that follow
 * one another on the disk become one piece, of which there may be STREAM_PIECES_MAX. Fails only for
 * lack of memory. */
bool stream_pack(struct stream_packer *packer, uint64_t number, const struct stream_part *parts,
                 uint32_t count, int level, void *out, struct stream_packed *out_packed,
                 struct err *e);

#endif
