/* upstream.h - a control plane for tests: takes posted events and answers as it is told; beside it, on one
 * reactor, a reporter.
 *
 * Knows:         HTTP, batches, the rule by which a line that came twice is told.
 * Must not know: how event_http works.
 * Threads:       one test's.
 */
#ifndef TESTS_SUPPORT_UPSTREAM_H
#define TESTS_SUPPORT_UPSTREAM_H

#include <stdio.h>

#include "engine/event_http.h"
#include "io/http_server.h"
#include "tests/support/test_reactor.h"

#define UPSTREAM_POSTS_MAX 4096u
#define UPSTREAM_TOKEN     "t0psecret-token"
#define UPSTREAM_QUERY     "code=qu3rysecret"
#define UPSTREAM_HOLD      0 /* a status: no answer at all */

struct upstream_post {
    int status; /* answered; UPSTREAM_HOLD */
    unsigned lines;
    size_t bytes;
    uint64_t at_ns; /* the reactor's time */
    char stream[40], numbers[48];
};

struct upstream {
    struct rig rig;
    struct http *http;
    struct http_server *server; /* NULL: not there */
    uint16_t port;              /* stays the same */
    char url[128], folder[TEST_PATH_MAX_BYTES];
    /* what it shall answer; NULL: 200 */
    int (*answer)(struct upstream *up, const struct upstream_post *post, const char *body);
    const char *retry_after;
    unsigned answers_left; /* for answer's own use */
    /* what it saw */
    struct upstream_post posts[UPSTREAM_POSTS_MAX];
    unsigned posts_count;
    char content_type[64], authorization[64], query[64]; /* of the last post */
    char *text; /* the lines that were taken and new, in the order they came */
    size_t text_bytes;
    unsigned taken_lines, repeated_lines; /* answered with 2xx, or stored */
    struct {
        char stream[40];
        unsigned long long highest;
    } streams[16];
    unsigned streams_count;
    char said[16384]; /* by reporters: sentences, a line each */
};

/* simulated: time moves by upstream_until and upstream_pass alone. The server is up, the folder not made. */
void upstream_begin(struct upstream *up, bool simulated);
void upstream_end(struct upstream *up);  /* removes the folder */
void upstream_down(struct upstream *up); /* connections are refused */
void upstream_up(struct upstream *up);

struct event_http *
upstream_reporter(struct upstream *up); /* with the folder, 100 ms, UPSTREAM_TOKEN */
struct event_http *upstream_reporter_of(struct upstream *up, struct event_http_setup setup);
/* Frees it after a finish of so many ms. */
void upstream_finish(struct upstream *up, struct event_http *h, uint32_t wait_ms);
void upstream_tell(struct event_http *h, enum event_kind kind, const char *disk, const char *line);
void upstream_tell_numbered(struct event_http *h, enum event_kind kind, unsigned first,
                            unsigned count);

/* Turns, and moves simulated time by 20 ms a turn, until so many lines were taken in all. */
void upstream_until(struct upstream *up, unsigned taken_lines);
void upstream_until_posts(struct upstream *up, unsigned posts);
void upstream_until_said(struct upstream *up, const char *words);
void upstream_pass(struct upstream *up, uint32_t ms); /* simulated alone */

/* The text is lines {"n":first} ... of upstream_tell_numbered, whole, in order, each once. */
void upstream_expect_numbered(const struct upstream *up, unsigned first, unsigned count);
unsigned upstream_files(const struct upstream *up); /* in the folder */
/* No secret is in a name or a file of the folder, or was said. */
void upstream_expect_no_secret(const struct upstream *up);

#endif
