/* http_bench.h - one HTTP client and one scripted server, for tests of a single exchange.
 *
 * Knows: how both begin and end, so that leaks show. Must not know: what is tested. Threads: one test's.
 */
#ifndef SUPPORT_HTTP_BENCH_H
#define SUPPORT_HTTP_BENCH_H

#include "io/http.h"
#include "tests/support/script_server.h"

#define HTTP_BENCH_OK(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"
#define HTTP_BENCH_PART(range, length)                                                             \
    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " range "\r\nContent-Length: " length    \
    "\r\n\r\n"

struct http_bench {
    struct clock clock;
    struct reactor *reactor;
    struct http *http; /* at most 4 connections, where the test did not ask for others */
    struct script_server *server;
    struct secret_url url; /* of the server; its SAS is "sig=topsecret" */
};

struct http_call {
    struct http_req req; /* url and done are set by http_bench_send */
    unsigned done_count;
    char body[HTTP_ERROR_BODY_MAX_BYTES + 1]; /* of a refusal, copied in done */
};

void http_bench_setup(struct http_bench *b, const struct script_answer *answers, size_t count);
void http_bench_setup_with(struct http_bench *b, const struct http_options *options,
                           const struct script_answer *answers, size_t count);
void http_bench_finish(struct http_bench *b);

void http_bench_send(struct http_bench *b, struct http_call *call);
/* Turns the reactor until done ran; asserts that it ran once and that no secret is in the error. */
void http_bench_run(struct http_bench *b, struct http_call *call);
void http_bench_exchange(struct http_bench *b, struct http_call *call); /* both */

#endif
