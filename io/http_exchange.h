/* http_exchange.h - one easy handle and what it moves; private to http.c and http_exchange.c.
 *
 * Knows:         how a request becomes options of libcurl, how an answer arrives piece by piece.
 * Must not know: queues, the reactor's tasks, when an exchange begins or ends.
 * Threads:       the reactor's. The callbacks run inside libcurl: they note what happened and no more.
 */
#ifndef IO_HTTP_EXCHANGE_H
#define IO_HTTP_EXCHANGE_H

#include <curl/curl.h>

#include "io/http.h"
#include "io/http_head.h"

/* Files that say whom we trust and who we are; owned by http.c, NULL where none was named. */
struct http_trust {
    char *ca_file;
    char *client_cert, *client_key; /* both or none */
};

struct http_exchange {
    /* set once */
    struct http *http;
    struct reactor *reactor;
    struct http_counts *counts;
    CURL *easy;
    /* set for each request */
    struct http_req *req;
    struct http_exchange *next, *previous; /* in the list it is on; see http.c */
    struct timer deadline;
    uint64_t asked_ns, begun_ns; /* http_send; a connection was free for it: 0 = not yet */
    /* changes while it runs */
    uint64_t moved_ns;       /* when the last byte went either way */
    size_t sent_bytes;       /* of the body, given to libcurl */
    uint64_t received_bytes; /* of the body, dropped ones included */
    unsigned sendings;       /* times the request was put on a connection */
    size_t refusal_bytes;
    uint64_t dropped_bytes; /* of bodies that nobody wants */
    bool enough;            /* stopped by us in the midst of such a body: the answer is whole */
    struct http_head head;
    struct err err; /* what a callback found; the transfer is stopped then */
    char *header_text;
    size_t header_capacity;
    struct curl_slist header_nodes[HTTP_HEADERS_MAX + 1]; /* ours, so that no request allocates */
    char refusal[HTTP_ERROR_BODY_MAX_BYTES + 1];
    char curl_text[CURL_ERROR_SIZE];
};

/* ---- Life ---- */
/* NULL when memory ran out. */
struct http_exchange *http_exchange_new(struct http *http, struct reactor *r,
                                        struct http_counts *counts, const struct http_trust *trust);
void http_exchange_free(struct http_exchange *ex); /* NULL is fine; not while it runs */

/* ---- Use ---- */
/* Copies everything that http.h says is copied. */
bool http_exchange_prepare(struct http_exchange *ex, struct http_req *req, struct err *e);
/* The transfer ended: writes req->answer's rest and, if no whole answer came, req->err. */
void http_exchange_judge(struct http_exchange *ex, CURLcode result);

#endif
