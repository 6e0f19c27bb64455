/* event_out.h - events to a descriptor, a line each: stdout, or one peer of the control socket.
 *
 * Knows:         a queue, a stream that may be slow or gone.
 * Must not know: what the events say.
 * Threads:       the reactor's. Never blocks: what the reader does not take waits in the queue.
 */
#ifndef ENGINE_EVENT_OUT_H
#define ENGINE_EVENT_OUT_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "engine/event_queue.h"
#include "io/reactor.h"

struct event_out;

/* fd: a file, pipe, socket or terminal; owned: closed with it. */
struct event_out *event_out_new(struct reactor *r, int fd, bool owned, const char *name,
                                struct err *e);
void event_out_free(struct event_out *out); /* NULL is fine; what was not written is lost */
struct event_sink *event_out_sink(struct event_out *out);
/* Nothing waits, or the reader is gone. */
bool event_out_idle(const struct event_out *out);
const struct err *event_out_error(const struct event_out *out); /* the reader is gone */
struct event_queue_counts event_out_count(const struct event_out *out);

#endif
