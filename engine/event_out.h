/* event_out.h - events to a descriptor, a line each: stdout, or one peer of the control socket.
 *
 * Knows:         a queue, a stream that may be slow or gone.
 * Must not know: what the events say.
 * Threads:       the reactor's. Never blocks: what the reader does not take waits in the queue.
 *
 * Lines keep their order and none is torn: one of up to PIPE_BUF bytes goes into a pipe at once, whoever
 * else writes there. A pipe or terminal is opened anew, so that the flags of a description that others
 * share (a parent, our stderr) stay as they are; where that is refused it is set to O_NONBLOCK until
 * event_out_free. A regular file is written where its description stands, and that is moved on.
 * The process ignores SIGPIPE.
 */
#ifndef ENGINE_EVENT_OUT_H
#define ENGINE_EVENT_OUT_H

#include <stdbool.h>

#include "blockmap/err.h"
#include "engine/event_queue.h"
#include "io/reactor.h"

#define EVENT_OUT_FINISH_NS (10ull * NS_PER_S) /* as long as a reader is waited for at the end */

struct event_out;

/* ---- Life ---- */
/* fd: a file, pipe, socket or terminal; owned: closed with it, also when this fails. */
struct event_out *event_out_new(struct reactor *r, int fd, bool owned, const char *name,
                                struct err *e);
/* NULL is fine; what was not written is lost. A write to a regular file that is under way ends in a later
 * turn of the reactor, which may be turned until it is idle. */
void event_out_free(struct event_out *out);

/* ---- Use ---- */
struct event_sink *event_out_sink(struct event_out *out);
/* No more events: what comes is discarded. done runs once, from the reactor: when all is written, the reader
 * is gone, or after wait_ns (EVENT_OUT_FINISH_NS); what a reader did not take by then is lost, and
 * event_out_error says so. */
void event_out_finish(struct event_out *out, uint64_t wait_ns, void (*done)(void *arg), void *arg);

/* ---- Look ---- */
/* Nothing waits, or the reader is gone. */
bool event_out_idle(const struct event_out *out);
const struct err *event_out_error(const struct event_out *out); /* the reader is gone */
struct event_queue_counts event_out_count(const struct event_out *out);

#endif
