/* stream_groups.h - the records of a stream that is being made: places gathered into groups, packed on
 * workers, written in order (stream_format.md, "Order within a stream").
 *
 * Knows:         stream_write.h, stream_pack.h; how many groups may be under way.
 * Must not know: endpoints, plans, what was seen before.
 * Threads:       the reactor's; packing on workers.
 * Errors:        the first one stays; nothing is packed or written after it.
 *
 * Memory: STREAM_GROUPS_MAX groups of STREAM_RAW_MAX_BYTES and their records, about 9 MiB each, made when
 * they are first needed; a packer for each worker.
 */
#ifndef IO_STREAM_GROUPS_H
#define IO_STREAM_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/stream.h"
#include "io/byte_stream.h"
#include "io/workers.h"

#define STREAM_GROUPS_MAX 6u

struct stream_groups;

struct stream_groups_setup { /* all borrowed */
    struct reactor *reactor;
    struct workers *workers;
    struct byte_stream *out;
    int level;                /* of zstd; COMPRESS_AUTO; STREAM_LEVEL_RAW */
    uint64_t number;          /* of the first record */
    void (*moved)(void *arg); /* room was made, or all is written, or it failed; from the reactor */
    void *arg;
};

struct stream_groups *stream_groups_new(const struct stream_groups_setup *setup, struct err *e);
/* So much of the stream is there already; before anything is put. */
void stream_groups_resume(struct stream_groups *groups, const struct stream_end *counts);
/* Nothing under way: stream_groups_busy is false. NULL is fine. */
void stream_groups_free(struct stream_groups *groups);

/* ---- Put: in rising order of offset. False: there is no room now, or it failed; moved tells ---- */
bool stream_groups_zero(struct stream_groups *groups, uint64_t offset, uint64_t length);
bool stream_groups_copy(struct stream_groups *groups, const struct stream_copy_piece *piece);
bool stream_groups_data(struct stream_groups *groups, uint64_t offset, const void *bytes,
                        uint32_t length);
/* A record of its own. NULL: as above. Else room of STREAM_GROUPS_OWN_MAX_BYTES, and the number it must
 * have: encode it there, then put its length. */
#define STREAM_GROUPS_OWN_MAX_BYTES (128u << 10)
void *stream_groups_own(struct stream_groups *groups, uint64_t *out_number);
void stream_groups_put_own(struct stream_groups *groups, uint32_t record_bytes);
void stream_groups_close(struct stream_groups *groups); /* what is gathered goes out as it is */

/* ---- Look ---- */
bool stream_groups_busy(const struct stream_groups *groups); /* a worker or the kernel is at it */
bool stream_groups_written(const struct stream_groups *groups); /* all that was put */
const struct err *stream_groups_error(const struct stream_groups *groups);
/* So far, records included that were put but not written; no marker. */
const struct stream_end *stream_groups_counts(const struct stream_groups *groups);
uint64_t stream_groups_bytes(const struct stream_groups *groups); /* written */

#endif
