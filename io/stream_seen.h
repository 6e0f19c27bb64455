/* stream_seen.h - which blocks a stream that is being made had already, and where: SHA-256 -> offset.
 *
 * Knows:         a table of a fixed size; what is oldest in its place gives way.
 * Must not know: streams, records. Threads: the reactor's.
 *
 * A block that was forgotten is sent again: never a wrong byte, only more of them.
 */
#ifndef IO_STREAM_SEEN_H
#define IO_STREAM_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/block_id.h"
#include "blockmap/err.h"

#define STREAM_SEEN_BLOCKS                                                                         \
    (1u << 20) /* 64 GiB of unlike blocks, in 40 MiB that are used as needed */

struct stream_seen;

struct stream_seen *stream_seen_new(struct err *e);
void stream_seen_free(struct stream_seen *seen); /* NULL is fine */

bool stream_seen_find(const struct stream_seen *seen, const struct block_id *id,
                      uint64_t *out_offset);
void stream_seen_note(struct stream_seen *seen, const struct block_id *id, uint64_t offset);

#endif
