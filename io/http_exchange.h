/* http_exchange.h - one easy handle and what it moves; private to http*.c.
 *
 * Knows:         how a request becomes options of libcurl, how an answer arrives piece by piece.
 * Must not know: queues, the reactor's tasks, when an exchange begins or ends.
 * Threads:       one at a time. The caller of http_send prepares it; then it is its lane's, whose thread
 *                runs the callbacks (inside libcurl: they note what happened and no more) and judges it;
 *                then the caller's again, who finishes it. What hands it over orders memory.
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

struct http_lane;

struct http_exchange {
    /* set once */
    struct http *http;
    unsigned lane_number; /* of http's */
    CURL *easy;
    /* set for each request */
    struct http_req *req;
    struct http_exchange *next, *previous; /* in the list it is on */
    struct http_lane *lane;                /* once begun */
    struct timer deadline;
    uint64_t weight;           /* the caller's; see http.c */
    uint64_t asked_ns;         /* http_send, by the caller's reactor */
    uint64_t begun_ns;         /* a connection was free for it; 0 = not yet */
    struct http_counts counts; /* of this exchange alone */
    /* changes while it runs */
    uint64_t moved_ns;   /* when the last byte went either way */
    size_t sent_bytes;   /* of the body, given to libcurl */
    unsigned sendings;   /* times the request was put on a connection */
    size_t summed_bytes; /* of memory: in answer.crc64, and told of */
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
struct http_exchange *http_exchange_new(struct http *http, unsigned lane_number,
                                        const struct http_trust *trust);
void http_exchange_free(struct http_exchange *ex); /* NULL is fine; not while it runs */

/* ---- Use ---- */
/* Copies everything that http.h says is copied, the URL as it is now included. */
bool http_exchange_prepare(struct http_exchange *ex, struct http_req *req, struct err *e);
/* The transfer ended, or will not begin: writes req->answer's rest and, if no whole answer came, ex->err. */
void http_exchange_judge(struct http_exchange *ex, CURLcode result);
/* The caller's half of it: req->err, which names the URL. */
void http_exchange_finish(struct http_exchange *ex);

#endif
