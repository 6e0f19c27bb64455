/* endpoint_stream_out.h - a delta stream as a target: what is written becomes records, in rising order.
 *
 * Knows:         the plan (SETUP_EXPECT), zero blocks, blocks that came before, stream_groups.h.
 * Must not know: why a range is written; how a stream is applied.
 * Threads:       the reactor's; hashing and packing on workers.
 * Errors:        name the stream. One that failed stays failed.
 *
 * It takes writes in any order and holds those whose turn has not come: the lowest is always on its way.
 * It DISCARDS: what a target holds is not its business. It is durable and whole when it was marked complete.
 */
#ifndef IO_ENDPOINT_STREAM_OUT_H
#define IO_ENDPOINT_STREAM_OUT_H

#include "blockmap/stream.h"
#include "io/endpoint.h"
#include "io/workers.h"

#define STREAM_PART_SUFFIX ".part"

struct endpoint_stream_out_options {
    /* NULL: fd, which is closed in the end. Else PATH.part (0600) is written, and renamed to path when
     * whole; a FIFO or a character device is written as it is. Only a delta stream is replaced. A part of
     * this very stream that is there already is gone on with (setup_expect.held). */
    const char *path;
    int fd;
    int level; /* of zstd, COMPRESS_AUTO, STREAM_LEVEL_RAW */
    bool no_dedup;
};

/* Nothing is made or written before SETUP_CREATE. workers are borrowed, and outlive the endpoint; so is the
 * reactor, which endpoint_close turns until no worker and no write has our memory. */
struct endpoint *endpoint_stream_out_new(struct reactor *r, struct workers *workers,
                                         const struct endpoint_stream_out_options *options,
                                         struct err *e);
/* How long the stream is so far, with what an earlier process wrote. */
uint64_t endpoint_stream_out_bytes(const struct endpoint *ep);
/* What the stream is made of so far; marker not set. */
const struct stream_end *endpoint_stream_out_counts(const struct endpoint *ep);

#endif
