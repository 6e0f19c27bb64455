/* event_http.h - events to a control plane: posted in batches, kept on disk while it does not answer.
 *
 * Knows:         one URL, a bearer token, back-off, a spool.
 * Must not know: what the events say but for what may be dropped.
 * Threads:       the reactor's. Never in the way of data: a client of its own, one request at a time.
 *
 * POST, Content-Type application/x-ndjson: the lines of a batch, in order, each batch with a number and the
 * id of this stream of events, so that one which came twice can be told. 2xx: taken. Else it is tried again
 * with back-off, for ever; what waits meanwhile goes to the spool (format: engine/event_spool.md), from
 * which this process or the next one that reports to the same URL delivers it.
 */
#ifndef ENGINE_EVENT_HTTP_H
#define ENGINE_EVENT_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/event.h"
#include "io/http.h"

#define EVENT_HTTP_BATCH_MAX_BYTES (256u << 10)
#define EVENT_HTTP_SPOOL_MAX_BYTES (256ull << 20) /* progress is left out above half of it */

struct event_http;

struct event_http_setup { /* texts are copied */
    struct reactor *reactor;
    struct http *http;        /* borrowed; for reports alone */
    const char *url;          /* secret */
    const char *token;        /* secret; NULL = none */
    const char *spool_folder; /* 0700; NULL: nothing is kept on disk, and that is said */
    uint32_t interval_ms;     /* a batch waits so long for more lines */
    uint64_t random_seed;     /* of the back-off's jitter, and of the stream's id */
    void (*say)(void *arg,
                const char *sentence); /* once each: upstream is down, it is back, it was spooled */
    void *arg;
};

struct event_http_counts {
    uint64_t posted_lines, posted_batches, failed_posts, dropped_lines;
    uint64_t waiting_lines; /* in memory and in the spool */
};

struct event_http *event_http_new(const struct event_http_setup *setup, struct err *e);
void event_http_free(struct event_http *http); /* NULL is fine; what waits stays in the spool */
struct event_sink *event_http_sink(struct event_http *http);
/* No more events come: deliver what waits, but no longer than wait_ns; then done, once. What was not
 * delivered is in the spool (or lost without one), and said. */
void event_http_finish(struct event_http *http, uint64_t wait_ns, void (*done)(void *arg),
                       void *arg);
struct event_http_counts event_http_count(const struct event_http *http);

#endif
