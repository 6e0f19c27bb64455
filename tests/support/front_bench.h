/* front_bench.h - the door of snapferryd on a reactor of the test's, and a client of bytes on sockets.
 *
 * Knows: how both begin and end, so that leaks show. Must not know: what is tested. Threads: one test's.
 *
 * Only for tests that link controld_core.
 */
#ifndef SUPPORT_FRONT_BENCH_H
#define SUPPORT_FRONT_BENCH_H

#include "tests/support/test_reactor.h"
#include "tools/controld/front.h"

#define FRONT_BENCH_TOKEN  "0123456789abcdef0123456789abcdef"
#define FRONT_BENCH_BEARER "Authorization: Bearer " FRONT_BENCH_TOKEN "\r\n"
#define FRONT_BENCH_HOST   "api.test:99" /* as the client of front_bench_exchange believes */

struct front_bench {
    struct rig rig;
    struct front_auth auth; /* the token, and certificates where there is a client_ca */
    struct front *front;
};

/* given: ask and arg at least; reactor, host and auth are set here. */
void front_bench_begin(struct front_bench *b, const struct front_setup *given);
void front_bench_end(struct front_bench *b);

/* head: the request line and headers, each with its \r\n; Host, Connection and Content-Length are added.
 * body: NULL: none. All that came, in a static buffer. */
const char *front_bench_exchange(struct front_bench *b, const char *head, const char *body);
/* The answer's body as JSON, a new reference; the test fails unless it has this status. */
json_t *front_bench_json(struct front_bench *b, const char *head, const char *body, int status);

int front_bench_connect(struct front_bench *b); /* the caller closes it */
void front_bench_send(int fd, const char *text);
/* What came until `until` was seen, or (NULL) the connection ended; the same static buffer. */
const char *front_bench_read(struct front_bench *b, int fd, const char *until);

/* The test fails unless `came` is this error in ARM's form. */
void front_bench_error(const char *came, int status, const char *code);

#endif
