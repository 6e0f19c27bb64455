/* metrics.h - what a process counts while it works: requests by verb and status, how long they took, events.
 *
 * Knows:         the verbs of the service and of the relay, statuses worth a name, buckets of time.
 * Must not know: how it is shown (metrics_text.h), who asks.
 * Threads:       the reactor's. To count is a few additions, whatever was counted before.
 *
 * All sets of labels are closed: what is not known is "other", so that no peer makes the tables grow.
 */
#ifndef ENGINE_METRICS_H
#define ENGINE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/event.h"
#include "io/http_options.h"

#define METRICS_VERBS_COUNT    20u /* the last is "other" */
#define METRICS_STATUSES_COUNT 26u /* the first is "error": no whole answer; the last "other" */
#define METRICS_BUCKETS_COUNT  13u /* of latency; what took longer is in none but +Inf */
#define METRICS_KINDS_COUNT    16u /* of errors, by enum err_kind */

struct metrics_latency {
    uint64_t within_count[METRICS_BUCKETS_COUNT]; /* each alone, not summed up */
    uint64_t count, sum_ns;
};

struct metrics_verb {
    uint64_t by_status[METRICS_STATUSES_COUNT];
    struct metrics_latency latency;
};

struct metrics { /* a value to look at; changed by its observer and its sink alone */
    struct http_observer observer;
    struct event_sink sink;
    struct metrics_verb verbs[METRICS_VERBS_COUNT];
    uint64_t sent_bytes, received_bytes; /* bodies */
    uint64_t throttles_count;            /* answers 429 and 503 */
    uint64_t resendings_count;           /* by the HTTP client itself, on a fresh connection */
    uint64_t error_kinds[METRICS_KINDS_COUNT];   /* of exchanges without a whole answer */
    uint64_t failure_kinds[METRICS_KINDS_COUNT]; /* of disks that ended in a failure */
    uint64_t event_kinds[EVENT_END + 1];
};

/* ---- Life ---- */
/* &metrics->observer is for http_options, &metrics->sink for run_add_sink. Not moved afterwards. */
void metrics_init(struct metrics *metrics);

/* ---- Look: names of the labels, static ---- */
const char *metrics_verb_name(uint32_t verb);
const char *metrics_status_name(uint32_t status); /* "error", "206", "other" */
uint64_t metrics_bucket_ns(uint32_t bucket);      /* its upper edge */

#endif
