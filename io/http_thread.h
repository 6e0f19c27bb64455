/* http_thread.h - a lane with a thread, a reactor and connections of its own; private to http.c.
 *
 * Knows:         how an exchange goes over to another thread, when that thread ends.
 * Must not know: requests' callers, which lane is the better one.
 * Threads:       everything here is called from the thread that made it, but `ended`, which runs on the new
 *                one. What is shared is one list, behind one lock: exchanges go over whole, and neither the
 *                exchange nor the memory its request borrows is touched here until ended has told.
 */
#ifndef IO_HTTP_THREAD_H
#define IO_HTTP_THREAD_H

#include "io/http_lane.h"

struct http_thread;

/* ---- Life ---- */
/* Returns when the thread is ready to serve. All signals are blocked in it. */
struct http_thread *http_thread_new(enum reactor_backend backend, unsigned transfers_max,
                                    http_lane_ended_fn *ended, void *owner, struct err *e);
void http_thread_free(struct http_thread *t); /* joins; asserts that it has no exchange */

/* ---- Use ---- */
/* The exchange is the thread's until ended. False: the kernel no longer serves that thread; ex is still
 * the caller's. */
bool http_thread_give(struct http_thread *t, struct http_exchange *ex);
/* What was given and not ended ends with ERR_CANCELED, unless it ends otherwise before. What the thread
 * has not taken yet comes back in *out_untaken, to be ended by the caller. */
void http_thread_cancel(struct http_thread *t, struct exchange_list *out_untaken);

/* ---- Look ---- */
uint64_t http_thread_cpu_ns(const struct http_thread *t); /* of the thread, since it began */

#endif
