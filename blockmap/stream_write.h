/* stream_write.h - makes the records of a delta stream that carry no disk bytes; stream_pack.h the others.
 *
 * Knows:         stream.h's records.
 * Must not know: files, sockets, when a record is sent.
 * Threads:       any.
 *
 * Each makes one whole record, frame and payload, in memory of out_max bytes. 0: out_max is less than the
 * largest such record of so many pieces needs (HEAD, END: STREAM_SMALL_MAX_BYTES). Texts must hold no
 * control character: a reader would refuse the stream.
 */
#ifndef BLOCKMAP_STREAM_WRITE_H
#define BLOCKMAP_STREAM_WRITE_H

#include "blockmap/stream.h"

#define STREAM_SMALL_MAX_BYTES (STREAM_FRAME_BYTES + 8192u) /* a HEAD or END */

uint32_t stream_head_encode(uint64_t number, const struct stream_head *head, void *out,
                            uint32_t out_max);
uint32_t stream_plan_encode(uint64_t number, bool clears, const struct extent *extents,
                            uint32_t count, void *out, uint32_t out_max);
uint32_t stream_zero_encode(uint64_t number, const struct stream_piece *pieces, uint32_t count,
                            void *out, uint32_t out_max);
uint32_t stream_copy_encode(uint64_t number, const struct stream_copy_piece *pieces, uint32_t count,
                            void *out, uint32_t out_max);
uint32_t stream_end_encode(uint64_t number, const struct stream_end *end, void *out,
                           uint32_t out_max);

#endif
