/* http_options.h - how a client of HTTP is set up, and who is told of every exchange.
 *
 * Knows: names and defaults. Must not know: how an exchange is done (http.h).
 */
#ifndef IO_HTTP_OPTIONS_H
#define IO_HTTP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"

#define HTTP_CONNECTIONS_DEFAULT 64u
#define HTTP_THREADS_MAX         64u

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_POST, HTTP_DELETE, HTTP_PATCH };

/* One exchange that was begun and has ended, whatever came of it. */
struct http_seen {
    enum http_method method;
    const char *verb;                    /* http_req's; static; NULL: it had none */
    int status;                          /* 0: no whole answer */
    enum err_kind kind;                  /* ERR_NONE: there was a whole answer */
    unsigned sendings;                   /* above 1: put on fresh connections by libcurl itself */
    uint64_t sent_bytes, received_bytes; /* bodies, of the last sending */
    uint64_t elapsed_ns; /* from http_send to its end, waiting for a connection included */
};

struct http_observer {
    /* On the caller's reactor, just before done; begins and frees nothing of HTTP. */
    void (*seen)(struct http_observer *observer, const struct http_seen *seen);
};

/* What one thread did of ended exchanges. Of the caller's own, cpu_ns holds whatever else it does. */
struct http_lane_count {
    uint64_t requests, sent_bytes, received_bytes; /* as in http_counts */
    uint64_t cpu_ns;
};

struct http_options {         /* zeroed = all defaults */
    unsigned connections_max; /* 0 = HTTP_CONNECTIONS_DEFAULT; requests above it wait their turn */
    /* 0 and 1: exchanges run on the reactor of http_new alone. More: so many threads share them, the caller's
     * among them, each with a reactor and connections of its own (their part of connections_max, at least
     * one); done still runs on the caller's. With a simulated clock there is always one. */
    unsigned threads;
    struct http_observer *observer; /* borrowed as long as the client lives; NULL: nobody looks */
    const char *ca_file; /* PEM; NULL = the system's. Files: borrowed until http_new returns */
    bool allow_plain;    /* http:// also to hosts other than this one */
    const char *client_cert, *client_key; /* PEM; both, or NULL: TLS 1.3 with one of ours */
};

#endif
