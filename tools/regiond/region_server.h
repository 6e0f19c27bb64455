/* region_server.h - the HTTP server: listens on loopback, turns connections into calls.
 *
 * Knows:         libmicrohttpd's daemon, threads, TLS, sockets.
 * Must not know: what a request means (region_call.c, dispatch.c and the verbs do).
 * Threads:       started and stopped by one thread; serves on its own.
 */
#ifndef REGIOND_REGION_SERVER_H
#define REGIOND_REGION_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/regiond/exchange.h"

#define SERVER_THREADS_DEFAULT         2u
#define SERVER_THREADS_MAX             64u
#define SERVER_CONNECTION_MAX_COUNT    4096u
#define SERVER_CONNECTION_MEMORY_BYTES (1u << 20) /* PUT: 1.8 GB/s; with 32 KiB 1.3 */
#define SERVER_CONNECTION_IDLE_SECONDS 120u

struct call_timer;
struct fault_plan;
struct region_server;
struct request_log;
struct traffic_shape;

/* Everything is borrowed and outlives the server. */
struct region_server_config {
    const char *host;            /* a loopback address, "127.0.0.1" or "::1" */
    uint16_t port;               /* 0: any free one */
    unsigned threads;            /* 0: SERVER_THREADS_DEFAULT */
    const char *tls_certificate; /* PEM text; NULL: plain HTTP */
    const char *tls_key;         /* PEM text */
    struct exchange_parts parts;
    struct request_log *log;     /* NULL: none */
    struct fault_plan *faults;   /* NULL: none */
    struct traffic_shape *shape; /* NULL: none */
};

/* NULL on failure, with a sentence in out_text. */
struct region_server *region_server_start(const struct region_server_config *config, char *out_text,
                                          size_t text_bytes);
void region_server_stop(
    struct region_server *server); /* waits for running requests; NULL is fine */

uint16_t region_server_port(const struct region_server *server);

#endif
