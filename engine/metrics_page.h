/* metrics_page.h - everything a process has to tell, as one page of Prometheus' text format 0.0.4.
 *
 * Knows:         each metric's name, type and sentence (tools/snapferry/metrics.md has the same list), where
 *                its value is found.
 * Must not know: HTTP, who asks.
 * Threads:       the reactor's. A page is made at once; METRICS_PAGE_MAX_BYTES bounds how long that takes.
 */
#ifndef ENGINE_METRICS_PAGE_H
#define ENGINE_METRICS_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/job.h"
#include "engine/metrics.h"
#include "io/bufpool.h"

#define METRICS_PAGE_MAX_BYTES (4u << 20) /* the disks that do not fit are counted, not shown */

struct metrics_events { /* lines of events and their readers */
    uint64_t dropped;   /* ever */
    uint64_t waiting, posted, failed_posts;
};

/* Where the values are; all borrowed. What is NULL is left out of the page. */
struct metrics_sources {
    const struct metrics *metrics;
    const struct bufpool *pool;
    uint32_t disks_count;
    /* As job_look. Called for each disk once a page. */
    void (*look)(void *arg, uint32_t disk, struct job_disk_view *out_view);
    /* Of all clients together. */
    void (*http)(void *arg, struct http_counts *out_counts);
    /* As http_lanes, of the client that moves the data. */
    unsigned (*lanes)(void *arg, struct http_lane_count out[HTTP_THREADS_MAX]);
    /* The limits in force, live changes included. */
    void (*limits)(void *arg, struct job_limits *out_limits);
    void (*events)(void *arg, struct metrics_events *out_events);
    void *arg;
    const char *version;      /* of the program; NULL: not shown */
    uint64_t started_wall_ns; /* of process_usage_started_ns; 0: not shown */
};

/* malloc'd, ends with a newline and a NUL that is not counted; NULL: no memory. */
char *metrics_page_make(const struct metrics_sources *sources, size_t *out_bytes);

/* ---- Look: the list of metrics ---- */
struct metrics_family {
    const char *name, *type, *help;
};
const struct metrics_family *metrics_family_at(uint32_t index); /* NULL after the last */

#endif
