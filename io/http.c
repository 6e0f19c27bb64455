/* http.c - see http.h. Which thread runs an exchange, and the end of each, on the caller's.
 *
 * Whose is what: an exchange is prepared here, where *url cannot change meanwhile; then it is its lane's with
 * all its request lends, memory and body and answer, until the lane posts the end of it to our reactor. That
 * post, and the lock by which it went there, order memory; so nothing else of an exchange is locked. A
 * request with `push` stays on our own lane, because what push feeds (a parser of lists, a caller's sets)
 * is not its request's alone.
 */
#include "io/http.h"

#include <assert.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "io/curl_memory.h"
#include "io/http_exchange.h"
#include "io/http_lane.h"
#include "io/http_thread.h"

/* What a request without data weighs beside the bytes of others, when the least laden lane is sought. */
#define REQUEST_WEIGHT_BYTES (64u << 10)

/* libcurl allocates its buffers, up to 512 KiB each, when an exchange begins and frees them when it ends.
 * With glibc's defaults the kernel gets that memory back each time, and every exchange begins with 128
 * page faults: a tenth of the CPU time of a read. So what is freed is kept, up to this. */
#define MALLOC_KEEP_BYTES (64 << 20)

/* A lane as the caller sees it: what is under way there, by the caller's own count. */
struct lane_side {
    struct http_thread *thread; /* NULL: our own, which is the first */
    struct http_exchange *idle; /* whose last request ran there */
    bool failed;                /* its thread serves no more */
    unsigned transfers_max;
    unsigned live;       /* given, and done has not run */
    uint64_t live_bytes; /* of their weights */
    struct http_lane_count count;
};

struct http {
    /* set once */
    struct reactor *reactor;
    struct http_trust trust;
    bool allow_plain;
    struct http_observer *observer; /* NULL: nobody looks */
    unsigned lanes_count;
    struct err fewer; /* why there are fewer than asked for */
    pthread_t thread;
    /* changes, reactor thread only */
    struct http_lane own;
    struct lane_side lanes[HTTP_THREADS_MAX];
    unsigned live; /* requests whose done has not run */
    struct http_counts counts;
};

/* ---- The end of a request ---- */

static void tell_observer(const struct http *http, const struct http_exchange *ex)
{
    const struct http_req *req = ex->req;
    struct http_seen seen = {.method = req->method,
                             .verb = req->verb,
                             .status = err_is_set(&req->err) ? 0 : req->answer.status,
                             .kind = req->err.kind,
                             .sendings = ex->sendings,
                             .sent_bytes = ex->sent_bytes,
                             .received_bytes = ex->counts.received_bytes,
                             .elapsed_ns = reactor_now_ns(http->reactor) - ex->asked_ns};

    if (http->observer && ex->begun_ns)
        http->observer->seen(http->observer, &seen);
}

static uint64_t weight(const struct http_req *req)
{
    return REQUEST_WEIGHT_BYTES +
           (req->body_bytes > req->memory_bytes ? req->body_bytes : req->memory_bytes);
}

static void add_counts(struct http *http, const struct http_exchange *ex)
{
    struct http_lane_count *lane = &http->lanes[ex->lane_number].count;
    const struct http_counts *more = &ex->counts;

    http->counts.requests += more->requests;
    http->counts.sent_bytes += more->sent_bytes;
    http->counts.received_bytes += more->received_bytes;
    http->counts.sent_head_bytes += more->sent_head_bytes;
    http->counts.received_head_bytes += more->received_head_bytes;
    http->counts.connections += more->connections;
    lane->requests += more->requests;
    lane->sent_bytes += more->sent_bytes;
    lane->received_bytes += more->received_bytes;
}

static void give_back(struct http *http, struct http_exchange *ex)
{
    struct lane_side *side = &http->lanes[ex->lane_number];

    ex->next = side->idle;
    side->idle = ex;
}

static void on_task(struct reactor_task *task)
{
    struct http_req *req = (struct http_req *)((char *)task - offsetof(struct http_req, task));
    struct http_exchange *ex = req->exchange;
    struct lane_side *side;

    req->exchange = NULL;
    if (!ex) { /* refused before it had one */
        req->done(req);
        return;
    }
    side = &ex->http->lanes[ex->lane_number];
    http_exchange_finish(ex);
    add_counts(ex->http, ex);
    side->live--;
    side->live_bytes -= ex->weight;
    if (side->thread)
        reactor_release(ex->http->reactor);
    tell_observer(ex->http, ex);
    req->done(req); /* may free req, may send another */
    ex->http->live--;
    ex->req = NULL;
    give_back(ex->http, ex);
}

static void ended_here(void *owner, struct http_exchange *ex)
{
    struct http *http = owner;

    reactor_post(http->reactor, &ex->req->task, on_task);
}

/* On a lane's thread. */
static void ended_there(void *owner, struct http_exchange *ex)
{
    struct http *http = owner;

    reactor_post_remote(http->reactor, &ex->req->task, on_task);
}

/* ---- Which lane ---- */

/* Ours counts for a quarter more than it has, as its thread runs the engine too. */
static uint64_t load(const struct lane_side *side)
{
    return side->thread ? side->live_bytes : side->live_bytes + side->live_bytes / 4;
}

/* A lane where the request need not wait goes before one where it must. Where they are alike the first is
 * taken, so that one request after the other finds the connection of the one before. */
static bool better(const struct lane_side *a, const struct lane_side *b)
{
    bool a_waits = a->live >= a->transfers_max, b_waits = b->live >= b->transfers_max;

    return a_waits != b_waits ? b_waits : load(a) < load(b);
}

static unsigned pick_lane(const struct http *http, const struct http_req *req)
{
    unsigned best = 0;

    for (unsigned i = 1; i < http->lanes_count && !req->push; i++)
        if (!http->lanes[i].failed && better(&http->lanes[i], &http->lanes[best]))
            best = i;
    return best;
}

/* ---- The beginning of a request ---- */

static struct http_exchange *take_exchange(struct http *http, unsigned lane_number)
{
    struct lane_side *side = &http->lanes[lane_number];
    struct http_exchange *ex = side->idle;

    if (ex) {
        side->idle = ex->next;
        return ex;
    }
    return http_exchange_new(http, lane_number, &http->trust);
}

static void begin(struct http *http, struct http_exchange *ex)
{
    struct lane_side *side = &http->lanes[ex->lane_number];

    ex->weight = weight(ex->req);
    if (side->thread && !http_thread_give(side->thread, ex)) {
        side->failed = true;
        ex->lane_number = 0;
        side = &http->lanes[0];
    }
    side->live++;
    side->live_bytes += ex->weight;
    if (side->thread)
        reactor_hold(http->reactor);
    else
        http_lane_begin(&http->own, ex);
}

void http_send(struct http *http, struct http_req *req)
{
    struct http_exchange *ex = NULL;

    assert(req->done && req->url);
    assert(!err_is_set(&req->err));
    assert(!req->exact || req->memory);
    assert(!(req->memory && req->push));
    req->exchange = NULL;
    if (!req->url->tls && !req->url->loopback && !http->allow_plain) {
        err_set(&req->err, ERR_USAGE, RETRY_NEVER,
                "http://%.100s: without TLS everyone on the way can read the SAS; use https://, or "
                "allow it with --allow-http",
                req->url->host);
    } else if (!(ex = take_exchange(http, pick_lane(http, req)))) {
        err_set(&req->err, ERR_LIMIT, RETRY_LATER, "no memory for a request");
    } else if (!http_exchange_prepare(ex, req, &req->err)) {
        give_back(http, ex);
        ex = NULL;
    }
    if (!ex) {
        reactor_post(http->reactor, &req->task, on_task);
        return;
    }
    req->exchange = ex;
    ex->asked_ns = reactor_now_ns(http->reactor);
    http->live++;
    begin(http, ex);
}

void http_cancel_all(struct http *http)
{
    struct err why = {0};

    err_set(&why, ERR_CANCELED, RETRY_NEVER, "canceled");
    http_lane_end_all(&http->own, &why);
    for (unsigned i = 1; i < http->lanes_count; i++) {
        struct exchange_list untaken;

        http_thread_cancel(http->lanes[i].thread, &untaken);
        for (struct http_exchange *ex = untaken.first, *next; ex; ex = next) {
            next = ex->next;
            http_lane_end_unbegun(&http->own, ex, &why);
        }
    }
}

/* ---- Life ---- */

static bool copy_path(char **out_copy, const char *path, struct err *e)
{
    *out_copy = path ? strdup(path) : NULL;
    if (path && !*out_copy)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the HTTP client");
    return true;
}

static bool take_trust(struct http_trust *trust, const struct http_options *options, struct err *e)
{
    assert(!options->client_cert == !options->client_key);
    return copy_path(&trust->ca_file, options->ca_file, e) &&
           copy_path(&trust->client_cert, options->client_cert, e) &&
           copy_path(&trust->client_key, options->client_key, e);
}

static void drop_trust(struct http_trust *trust)
{
    free(trust->ca_file);
    free(trust->client_cert);
    free(trust->client_key);
}

/* Where exchanges ran until now they run on, so fewer threads than asked for are no error. */
static void start_threads(struct http *http, unsigned threads, unsigned transfers_max)
{
    bool uring = strcmp(reactor_backend_name(http->reactor), "io_uring") == 0;

    while (http->lanes_count < threads && !err_is_set(&http->fewer)) {
        struct lane_side *side = &http->lanes[http->lanes_count];
        unsigned more = http->lanes_count <= transfers_max % threads; /* not to ours */
        unsigned each = transfers_max / threads + more;

        side->transfers_max = each ? each : 1;
        side->thread = http_thread_new(uring ? REACTOR_AUTO : REACTOR_EPOLL, side->transfers_max,
                                       ended_there, http, &http->fewer);
        if (side->thread)
            http->lanes_count++;
    }
    if (err_is_set(&http->fewer))
        err_prefix(&http->fewer, "%u of %u threads share the work: ", http->lanes_count, threads);
}

static bool open_lanes(struct http *http, const struct http_options *options, struct err *e)
{
    unsigned all = options->connections_max ? options->connections_max : HTTP_CONNECTIONS_DEFAULT;
    unsigned threads = reactor_simulated(http->reactor) || !options->threads ? 1 : options->threads;
    unsigned each = all > threads ? all / threads : 1;

    assert(threads <= HTTP_THREADS_MAX);
    http->lanes_count = 1;
    http->lanes[0].transfers_max = each;
    if (!http_lane_open(&http->own, http->reactor, each, ended_here, http, e))
        return false;
    start_threads(http, threads, all);
    return true;
}

struct http *http_new(struct reactor *r, const struct http_options *options, struct err *e)
{
    struct http *http = calloc(1, sizeof *http);

    if (!http || curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_memory_new, curl_memory_free,
                                      curl_memory_resize, curl_memory_copy,
                                      curl_memory_new_zeroed) != CURLE_OK) {
        free(http);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for the HTTP client");
        return NULL;
    }
    mallopt(M_MMAP_THRESHOLD, MALLOC_KEEP_BYTES / 2);
    mallopt(M_TRIM_THRESHOLD, MALLOC_KEEP_BYTES);
    http->reactor = r;
    http->thread = pthread_self();
    http->allow_plain = options->allow_plain;
    http->observer = options->observer;
    if (!take_trust(&http->trust, options, e) || !open_lanes(http, options, e)) {
        http_free(http);
        return NULL;
    }
    return http;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    assert(http->live == 0);
    for (unsigned i = 0; i < http->lanes_count; i++) {
        struct lane_side *side = &http->lanes[i];

        http_thread_free(side->thread);
        while (side->idle) {
            struct http_exchange *ex = side->idle;

            side->idle = ex->next;
            http_exchange_free(ex);
        }
    }
    http_lane_close(&http->own);
    drop_trust(&http->trust);
    free(http);
    curl_global_cleanup();
}

/* ---- Look ---- */

struct reactor *http_reactor(const struct http *http)
{
    return http->reactor;
}

const struct http_counts *http_count(const struct http *http)
{
    return &http->counts;
}

unsigned http_lanes(const struct http *http, struct http_lane_count out[HTTP_THREADS_MAX])
{
    for (unsigned i = 0; i < http->lanes_count; i++) {
        const struct lane_side *side = &http->lanes[i];

        out[i] = side->count;
        out[i].cpu_ns =
            side->thread ? http_thread_cpu_ns(side->thread) : clock_cpu_of_thread_ns(http->thread);
    }
    return http->lanes_count;
}

const struct err *http_fewer_threads(const struct http *http)
{
    return err_is_set(&http->fewer) ? &http->fewer : NULL;
}
