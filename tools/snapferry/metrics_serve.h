/* metrics_serve.h - GET /metrics for a Prometheus: a small HTTP server on the reactor.
 *
 * Knows:         one address, one page, how often it is made anew.
 * Must not know: what is on the page (engine/metrics_page.h).
 * Threads:       the reactor's. Never in the way of data: few connections, a page is made at most every
 *                METRICS_FRESH_MS and shared by all who ask meanwhile; who asks too often is told 429.
 * Errors:        of the setup alone; a client that fails has only its own connection to lose.
 *
 * Plain HTTP, no password: it listens on this machine's loopback alone, whoever asks for more. There is no
 * secret on the page, but the names of disks and restore points are.
 */
#ifndef SNAPFERRY_METRICS_SERVE_H
#define SNAPFERRY_METRICS_SERVE_H

#include <stdint.h>

#include "blockmap/err.h"
#include "engine/metrics_page.h"
#include "io/reactor.h"

#define METRICS_FRESH_MS        250u
#define METRICS_CONNECTIONS_MAX 16u
/* Given in one second; the rest is told 429. */
#define METRICS_ASKED_MAX       16u
#define METRICS_GIVEN_MAX_BYTES (16ull << 20)

struct metrics_serve;

struct metrics_serve_setup {
    struct reactor *reactor; /* borrowed */
    const char *listen;      /* 127.0.0.1:9464, [::1]:9464, localhost:9464; port 0: any free one */
    struct metrics_sources sources; /* what it points to is borrowed */
};

/* ---- Life ---- */
struct metrics_serve *metrics_serve_new(const struct metrics_serve_setup *setup, struct err *e);
/* NULL is fine. Ends every connection; before the sources are freed, never inside its own callbacks. */
void metrics_serve_free(struct metrics_serve *serve);

/* ---- Look ---- */
const char *metrics_serve_address(const struct metrics_serve *serve); /* "127.0.0.1:9464" */

#endif
