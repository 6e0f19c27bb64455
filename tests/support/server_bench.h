/* server_bench.h - an http_server and a client on one reactor, and a handler that does as it is told.
 *
 * Knows: how both begin and end, so that leaks show. Must not know: what is tested. Threads: one test's.
 */
#ifndef SUPPORT_SERVER_BENCH_H
#define SUPPORT_SERVER_BENCH_H

#include "io/http.h"
#include "io/http_server.h"
#include "tests/support/test_reactor.h"

#define SERVER_BENCH_HELD_MAX 16u

struct server_bench {
    struct rig rig;
    struct http *http;
    struct http_server *server;
    bool tls;
    const char *host;
    /* what the handler shall do */
    int refuse_status;   /* in begin; 0: nothing */
    size_t answer_bytes; /* 0: a few of JSON */
    bool hold;           /* keeps ready calls in held instead of answering them */
    /* what it saw */
    unsigned begun_count, ready_count, gone_count, refused_count;
    char refused_id[ERR_REQUEST_ID_MAX_BYTES];
    struct http_call *held[SERVER_BENCH_HELD_MAX]; /* in the order they came */
    unsigned held_count;
    struct http_peer peer; /* of the last call */
    char path[HTTP_SERVER_PATH_MAX_BYTES + 1], query_a[64], header_x[64];
    size_t body_bytes;
    uint64_t body_sum; /* of the last body's bytes */
};

struct bench_request {
    struct http_req req; /* method, body, headers: the caller's */
    struct secret_url url;
    bool done;
    char answer[256]; /* of whatever status, cut */
};

/* Zeroed options: plain HTTP, at 127.0.0.1, two bodies' memory. With TLS trust says who the client is. */
void server_bench_begin(struct server_bench *b, enum reactor_backend backend,
                        const struct http_server_options *options,
                        const struct http_options *trust);
/* The same by a clock that stands still until the test moves it; sockets only, no client. */
void server_bench_begin_simulated(struct server_bench *b,
                                  const struct http_server_options *options);
void server_bench_end(struct server_bench *b);
void server_bench_stop(struct server_bench *b); /* the server alone ends, as in server_bench_end */

/* target: "/path?query". */
void server_bench_send(struct server_bench *b, struct bench_request *request, const char *target);
void server_bench_fini(struct bench_request *request);
/* Sends, waits, ends: the status, or 0 when no answer came. */
int server_bench_exchange(struct server_bench *b, struct bench_request *request,
                          const char *target);
/* Answers the first call that is held. */
void server_bench_answer(struct server_bench *b, int status);
/* Turns until *count is at least wanted. */
void server_bench_until(struct server_bench *b, const unsigned *count, unsigned wanted);

/* ---- Bytes on a socket, on this thread: turns while it waits ---- */
/* A connection of its own: sends bytes and reads until the end of the connection or until is seen (NULL:
 * the end). Returns what came, in a static buffer. */
const char *server_bench_raw(struct server_bench *b, const char *bytes, const char *until);
int server_bench_connect(struct server_bench *b); /* the caller closes it */
void server_bench_write(int fd, const char *bytes);
/* Moves the simulated clock, and turns. */
void server_bench_pass(struct server_bench *b, uint64_t seconds);
/* Did the other side end it? Turns a while to see. */
bool server_bench_is_ended(struct server_bench *b, int fd);
/* What came on fd until its end or until `until` was seen; static buffer. */
const char *server_bench_read(struct server_bench *b, int fd, const char *until);

#endif
