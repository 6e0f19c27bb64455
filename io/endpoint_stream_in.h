/* endpoint_stream_in.h - a delta stream as a source: what it holds is read once, in rising order.
 *
 * Knows:         HEAD, PLAN, records that were read and not used up yet, where blocks can be read back.
 * Must not know: why a range is read, how a stream is made.
 * Threads:       the reactor's; decompressing on workers.
 * Errors:        name the record; one is final.
 *
 * Reads must lie in the plan's data and come in about rising order: what a pipe has passed cannot be read
 * again (a file is read again from its beginning). Holds at most STREAM_HOLD_MAX records.
 */
#ifndef IO_ENDPOINT_STREAM_IN_H
#define IO_ENDPOINT_STREAM_IN_H

#include "blockmap/stream.h"
#include "io/endpoint.h"
#include "io/workers.h"

/* path NULL: fd, which is not closed. Only opens it; endpoint_stat waits for the HEAD. Until then identity
 * and capabilities are not final; then identity is the source's, and CAN_DIFF says that there is a base.
 * workers and reactor are borrowed; endpoint_close turns the reactor until no worker has our memory. */
struct endpoint *endpoint_stream_in_open(struct reactor *r, struct workers *workers,
                                         const char *path, int fd, struct err *e);

/* Before the first read: where blocks that come again are read back from. target is borrowed. What was read
 * of the stream counts as being written until it is said that it was. */
void endpoint_stream_in_target(struct endpoint *ep, struct endpoint *target);
void endpoint_stream_in_wrote(struct endpoint *ep, struct extent extent); /* it is there now */

/* After a good stat. */
const struct stream_head *endpoint_stream_in_head(const struct endpoint *ep);

/* What a file's END says, before all else was read and checked; NULL: it says nothing, or is a pipe. */
const struct stream_end *endpoint_stream_in_said(const struct endpoint *ep);

/* The base as the stream names it: it can be looked at, and nothing else. head is copied. */
struct endpoint *endpoint_stream_base_new(struct reactor *r, const struct stream_head *head,
                                          struct err *e);

#endif
