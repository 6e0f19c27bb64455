/* http.h - one HTTP exchange: a request sent, its answer received whole, or an error.
 *
 * Knows:         connections, TLS, deadlines, HTTP's own headers and the two every answer of the
 *                service carries (x-ms-error-code, x-ms-request-id).
 * Must not know: blobs, ranges of a plan, when to try again.
 * Threads:       the reactor's. A request belongs to its caller, alive and unmoved until `done` ran.
 *                done runs exactly once, from the reactor, never inside http_send. `push` and
 *                `header` run inside the transfer: they may copy, and call nothing of this file. With
 *                several threads (http_options.h) `header` may run on another one and touches nothing but
 *                what belongs to its request; memory is filled and body read there; push never is.
 * Errors:        req->err only when no whole answer came (a status is one); texts show no query.
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "io/http_options.h"
#include "io/reactor.h"
#include "io/secret.h"

#define HTTP_HEADERS_MAX          128u
#define HTTP_HEADERS_MAX_BYTES    (32u << 10)  /* of one request, names and values together */
#define HTTP_ANSWER_HEADERS_MAX   (256u << 10) /* bytes of one answer's, trailers included */
#define HTTP_ERROR_BODY_MAX_BYTES 4096u        /* the rest of a refusal's body is dropped, and */
#define HTTP_DROPPED_MAX_BYTES    (1u << 20)   /* no more than this of any is waited for */
#define HTTP_CONNECT_MS           10000u
#define HTTP_STALL_MS             60000u  /* no byte either way */
#define HTTP_TOTAL_MS             60000u  /* a whole exchange without data, ... */
#define HTTP_TOTAL_MS_PER_MIB     120000u /* ... and what each MiB may add (protocol A.1) */

struct http_req;

struct http_header {
    const char *name;
    const char *value; /* may be secret; "" is sent as an empty value */
};

struct http_deadlines {  /* 0 = the default */
    uint32_t connect_ms; /* name, TCP and TLS */
    uint32_t stall_ms;
    uint32_t total_ms; /* from the moment a connection is free for it */
};

struct http_answer {
    int status;
    uint64_t body_bytes;              /* received */
    uint64_t range_first, range_last; /* of Content-Range, if range_known */
    bool range_known;
    bool crc64_known; /* crc64 is of the bytes received into memory */
    uint64_t crc64;
    uint32_t retry_after_ms;                   /* Retry-After or x-ms-retry-after-ms; 0 = none */
    char code[64];                             /* x-ms-error-code */
    char request_id[ERR_REQUEST_ID_MAX_BYTES]; /* x-ms-request-id */
    const char *error_body;                    /* of a status >= 300; valid inside done only */
    size_t error_body_bytes;
};

struct http_req {
    /* in; additions and headers are copied by http_send, the rest is borrowed until done; what *url
     * says may be exchanged meanwhile (a renewed SAS) and counts for later requests */
    enum http_method method;
    const char *verb; /* for the observer: static, of a small set; NULL = none */
    const struct secret_url *url;
    const char *additions; /* to the query; NULL = none */
    const struct http_header *headers;
    size_t header_count;
    const void *body; /* sent with its length, 0 included, for PUT, POST and PATCH */
    size_t body_bytes;
    struct http_deadlines deadlines;
    bool send_once; /* never sent again by itself on a fresh connection (protocol A.5) */
    bool urgent;    /* waits for no other request to end; few may be */
    /* in: where the body of a 2xx goes. push: of any length. Neither memory nor push: it is dropped */
    unsigned char *memory;
    size_t memory_bytes;
    bool exact; /* the answer must fill memory_bytes, no byte less or more */
    bool crc64; /* of what goes to memory, computed piece by piece while it is in the cache */
    bool expect_range; /* a 206 must name range_first .. range_first + memory_bytes - 1 */
    uint64_t range_first;
    bool (*push)(struct http_req *, const void *bytes, size_t count, struct err *e);
    /* in: the first `count` bytes of memory have come, some of them since the last call, and are in the
     * cache; of a 2xx, last with all. Runs where the exchange does (as `header`). NULL = not wanted */
    void (*landed)(struct http_req *, size_t count);
    /* in: every header of the final answer, its name in lower case but for what follows x-ms-meta- */
    void (*header)(struct http_req *, const char *name, const char *value);
    /* out */
    struct http_answer answer;
    struct err err;
    void (*done)(struct http_req *);
    struct reactor_task task;       /* private */
    struct http_exchange *exchange; /* private */
};

struct http_counts {
    uint64_t requests;   /* sent, those that failed included */
    uint64_t sent_bytes; /* bodies */
    uint64_t received_bytes;
    uint64_t sent_head_bytes, received_head_bytes; /* first lines and headers */
    uint64_t connections;                          /* opened */
};

/* ---- Life ---- */
struct http *http_new(struct reactor *r, const struct http_options *options, struct err *e);
void http_free(struct http *http); /* NULL is fine; asserts that no request is live */

/* ---- Use ---- */
void http_send(struct http *http, struct http_req *req);
void http_cancel_all(struct http *http); /* every live request ends with ERR_CANCELED */

/* ---- Look ---- */
struct reactor *http_reactor(const struct http *http);
const struct http_counts *http_count(const struct http *http); /* view; of exchanges that ended */
/* How the threads share the work, the caller's first; returns how many there are. */
unsigned http_lanes(const struct http *http, struct http_lane_count out[HTTP_THREADS_MAX]);
const struct err *http_fewer_threads(const struct http *http); /* why; NULL: as many as asked for */
uint32_t http_total_ms(uint64_t body_bytes); /* the default total deadline for that much data */

#endif
