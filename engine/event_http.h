/* event_http.h - events to a control plane: posted in batches, kept on disk until it took them.
 *
 * Knows:         one URL, a bearer token, back-off, a spool.
 * Must not know: what the events say but for what may be dropped.
 * Threads:       the reactor's. Never in the way of data: a client of its own, one request at a time.
 *
 * POST, Content-Type application/x-ndjson: the lines of a batch, in order. X-Snapferry-Stream names
 * the process that wrote them, X-Snapferry-Lines the numbers of the first and the last ("101-150"):
 * whoever keeps the highest number he took of a stream knows which lines came twice, though batches
 * be cut otherwise the second time. 2xx: taken. Lines are in a file (engine/event_spool.md) before
 * they are sent, so that a kill, or an upstream that is down, loses none; this process delivers
 * them, or the next one that reports to the same URL, in the order they came, those of an earlier
 * process first.
 *
 * What is no 2xx: a 5xx, 408, 429 or no answer is tried again with back-off (a Retry-After is
 * honoured), for ever; 413 is tried with half as much from then on. 400 and 422 are tried with half
 * as many lines, and a single line that was refused EVENT_HTTP_REFUSALS_MAX times is set aside in a
 * file, so that it does not hold up the others; but never more than EVENT_HTTP_ASIDE_MAX in a row,
 * for then it is not the line. Everything else is tried every EVENT_HTTP_SLOW_MS and said with its
 * status.
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
#define EVENT_HTTP_POST_MS         30000u         /* a post without an answer has failed */
#define EVENT_HTTP_SLOW_MS         30000u
#define EVENT_HTTP_REFUSALS_MAX    5u /* of one line */
#define EVENT_HTTP_REFUSED_MS      5000u
#define EVENT_HTTP_ASIDE_MAX       8u
#define EVENT_HTTP_QUIET_MS        5000u              /* trouble that is shorter is not said */
#define EVENT_HTTP_FINISH_NS       (10ull * NS_PER_S) /* so long the end waits for it */
#define EVENT_HTTP_TOKEN_MAX_BYTES 8192u

struct event_http;

struct event_http_setup { /* texts are copied */
    struct reactor *reactor;
    struct http *http;        /* borrowed; for reports alone */
    const char *url;          /* secret */
    const char *token;        /* secret; NULL = none */
    const char *spool_folder; /* 0700; NULL: nothing is kept on disk, and that is said */
    uint64_t spool_max_bytes; /* 0: EVENT_HTTP_SPOOL_MAX_BYTES */
    uint32_t interval_ms;     /* a batch waits so long for more lines */
    uint64_t
        random_seed; /* of the back-off's jitter, and of the stream's id: never the same twice */
    /* A sentence for a person: upstream is down, it is back, what is kept where. From the reactor, or inside
     * event_http_new. It may tell an event; not so after event_http_finish, for END is the last. */
    void (*say)(void *arg, const char *sentence);
    void *arg;
};

struct event_http_counts {
    uint64_t posted_lines, posted_batches, failed_posts, dropped_lines, aside_lines;
    uint64_t waiting_lines; /* of this process, in memory and in the spool */
};

/* ---- Life ---- */
struct event_http *event_http_new(const struct event_http_setup *setup, struct err *e);
/* NULL is fine. After finish's done; before it (an error on the way) what is not yet in the spool
 * is lost, and the reactor must be turned until it is idle before http and reactor go. */
void event_http_free(struct event_http *http);

/* ---- Use ---- */
struct event_sink *event_http_sink(struct event_http *http);
/* No more events: what comes is discarded. Delivers what waits, but for no longer than wait_ns, and
 * gives up as soon as the next try would be later; then done, once, from the reactor. What was not
 * delivered is in the spool (or lost without one), and said. */
void event_http_finish(struct event_http *http, uint64_t wait_ns, void (*done)(void *arg),
                       void *arg);

/* ---- Look ---- */
struct event_http_counts event_http_count(const struct event_http *http);

#endif
