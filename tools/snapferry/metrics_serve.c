/* metrics_serve.c - see metrics_serve.h.
 *
 * A page is shared by all who ask while it is fresh and freed when the last of them has it: so neither many
 * who ask nor one who takes it slowly costs more than METRICS_CONNECTIONS_MAX pages of memory.
 */
#include "tools/snapferry/metrics_serve.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/http_server.h"
#include "io/listen_at.h"
#include "io/process_usage.h"

#define PAGE_TYPE    "text/plain; version=0.0.4; charset=utf-8"
#define PLAIN_TYPE   "text/plain; charset=utf-8"
#define PAGE_PATH    "/metrics"
#define ADDRESS_ROOM 300u
_Static_assert((uint64_t)METRICS_CONNECTIONS_MAX *METRICS_PAGE_MAX_BYTES <= (64u << 20),
               "readers that stand still hold little");
_Static_assert(METRICS_GIVEN_MAX_BYTES >= METRICS_PAGE_MAX_BYTES, "the largest page can be given");

struct metrics_copy { /* of the page, as it was once */
    char *bytes;
    size_t count;
    unsigned users; /* answers under way, and the server while it is the newest */
};

struct metrics_serve {
    /* set once */
    struct reactor *reactor;
    struct http_server *server;
    struct metrics_sources sources;
    char address[ADDRESS_ROOM];
    /* changes */
    struct metrics_copy *newest; /* NULL: none yet */
    uint64_t newest_ns;
    uint64_t second_ns; /* when the second began in which so much was given: */
    unsigned given_count;
    uint64_t given_bytes;
};

/* ---- The page ---- */

static void copy_release(void *arg)
{
    struct metrics_copy *copy = arg;

    if (!copy || --copy->users > 0)
        return;
    free(copy->bytes);
    free(copy);
}

/* NULL: no memory. */
static struct metrics_copy *fresh_copy(struct metrics_serve *serve)
{
    uint64_t now = reactor_now_ns(serve->reactor);
    struct metrics_copy *copy;

    if (serve->newest && now - serve->newest_ns < METRICS_FRESH_MS * NS_PER_MS)
        return serve->newest;
    copy = calloc(1, sizeof *copy);
    if (!copy)
        return NULL;
    copy->bytes = metrics_page_make(&serve->sources, &copy->count);
    if (!copy->bytes) {
        free(copy);
        return NULL;
    }
    copy->users = 1;
    copy_release(serve->newest);
    serve->newest = copy;
    serve->newest_ns = now;
    return copy;
}

/* ---- Answers ---- */

/* Every connection ends with its answer: none of the few is kept by someone who does not ask. */
static void answer(struct http_call *call, struct http_reply *reply, const char *name,
                   const char *value)
{
    struct http_header headers[2] = {{"Connection", "close"}, {name, value}};

    reply->headers = headers;
    reply->header_count = name ? 2 : 1;
    http_call_answer(call, reply);
}

static void answer_sentence(struct http_call *call, int status, const char *sentence,
                            const char *name, const char *value)
{
    struct http_reply reply = {.status = status,
                               .content_type = PLAIN_TYPE,
                               .body = sentence,
                               .body_bytes = strlen(sentence)};

    answer(call, &reply, name, value);
}

static bool may_give(struct metrics_serve *serve)
{
    uint64_t now = reactor_now_ns(serve->reactor);

    if (now - serve->second_ns >= NS_PER_S) {
        serve->second_ns = now;
        serve->given_count = 0;
        serve->given_bytes = 0;
    }
    return serve->given_count < METRICS_ASKED_MAX && serve->given_bytes < METRICS_GIVEN_MAX_BYTES;
}

static void answer_page(struct metrics_serve *serve, struct http_call *call)
{
    struct http_reply reply = {.status = 200, .content_type = PAGE_TYPE, .free_body = copy_release};
    struct metrics_copy *copy;

    if (!may_give(serve)) {
        answer_sentence(call, 429, "asked too often\n", "Retry-After", "1");
        return;
    }
    copy = fresh_copy(serve);
    if (!copy) {
        answer_sentence(call, 503, "no memory for the page\n", "Retry-After", "1");
        return;
    }
    copy->users++;
    serve->given_count++;
    if (http_call_method(call) == HTTP_GET)
        serve->given_bytes += copy->count;
    reply.body = copy->bytes;
    reply.body_bytes = copy->count;
    reply.free_arg = copy;
    answer(call, &reply, NULL, NULL);
}

/* ---- The server's questions ---- */

static void on_begin(void *arg, struct http_call *call)
{
    struct metrics_serve *serve = arg;
    const char *path = http_call_path(call);
    enum http_method method = http_call_method(call);

    if (method != HTTP_GET && method != HTTP_HEAD)
        answer_sentence(call, 405, "only GET and HEAD\n", "Allow", "GET, HEAD");
    else if (strcmp(path, PAGE_PATH) == 0)
        answer_page(serve, call);
    else if (strcmp(path, "/") == 0)
        answer_sentence(call, 200, "snapferry: the metrics are at " PAGE_PATH "\n", NULL, NULL);
    else
        answer_sentence(call, 404, "the metrics are at " PAGE_PATH "\n", NULL, NULL);
}

static void on_ready(void *arg, struct http_call *call)
{
    (void)arg, (void)call;
    assert(!"every call is answered when it begins");
}

static void on_gone(void *arg, struct http_call *call)
{
    (void)arg, (void)call;
}

/* ---- Life ---- */

static bool listen_to(struct metrics_serve *serve, const struct metrics_serve_setup *setup,
                      struct err *e)
{
    const struct http_server_handler handler = {
        .begin = on_begin, .ready = on_ready, .gone = on_gone, .arg = serve};
    struct listen_at at;
    struct http_server_options options = {.host = at.host,
                                          .connections_max = METRICS_CONNECTIONS_MAX,
                                          .memory_budget_bytes = HTTP_SERVER_BODY_MAX_BYTES};

    if (!listen_at_parse(&at, "--metrics", "127.0.0.1:9464 or [::1]:9464", setup->listen, e))
        return false;
    if (!listen_at_is_loopback(&at))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--metrics %.100s: others could read it there, without a password; take "
                       "127.0.0.1, and put a proxy before it",
                       at.host);
    options.port = at.port;
    serve->server = http_server_new(setup->reactor, &options, &handler, e);
    if (!serve->server) {
        err_prefix(e, "--metrics: ");
        return false;
    }
    snprintf(serve->address, sizeof serve->address, "%s%s%s:%u", at.six ? "[" : "", at.host,
             at.six ? "]" : "", http_server_port(serve->server));
    return true;
}

struct metrics_serve *metrics_serve_new(const struct metrics_serve_setup *setup, struct err *e)
{
    struct metrics_serve *serve = calloc(1, sizeof *serve);

    if (!serve) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for --metrics");
        return NULL;
    }
    serve->reactor = setup->reactor;
    serve->sources = setup->sources;
    serve->sources.version = SNAPFERRY_VERSION;
    serve->sources.started_wall_ns = process_usage_started_ns(reactor_wall_ns(setup->reactor));
    serve->second_ns = reactor_now_ns(setup->reactor);
    if (!listen_to(serve, setup, e)) {
        metrics_serve_free(serve);
        return NULL;
    }
    return serve;
}

void metrics_serve_free(struct metrics_serve *serve)
{
    if (!serve)
        return;
    http_server_free(serve->server);
    copy_release(serve->newest);
    free(serve);
}

const char *metrics_serve_address(const struct metrics_serve *serve)
{
    return serve->address;
}
