/* stream_feed.h - the records of a stream, one when it is asked for, from a file or a pipe.
 *
 * Knows:         byte_stream.h, blockmap/stream_read.h.
 * Must not know: what is done with a record.
 * Threads:       the reactor's.
 * Errors:        of the bytes, or of the records (those name the record); final.
 */
#ifndef IO_STREAM_FEED_H
#define IO_STREAM_FEED_H

#include <stdbool.h>

#include "blockmap/stream_read.h"
#include "io/byte_stream.h"

struct stream_feed;

/* told: of the record that was asked for, a view that is valid until the next is asked for; NULL without
 * an error: the stream ended, whole. From the reactor, never inside stream_feed_next. in is borrowed. */
struct stream_feed *stream_feed_new(struct reactor *r, struct byte_stream *in,
                                    void (*told)(void *arg, const struct stream_record *record,
                                                 const struct err *error),
                                    void *arg, struct err *e);
void stream_feed_free(struct stream_feed *feed); /* not while it is busy; NULL is fine */

void stream_feed_next(struct stream_feed *feed); /* not while it is busy */
bool stream_feed_busy(const struct stream_feed *feed);
/* The HEAD comes next. False: a pipe, or no memory. */
bool stream_feed_rewind(struct stream_feed *feed);

#endif
