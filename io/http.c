/* http.c - see http.h. Which exchange runs, which waits, and when one ends. */
#include "io/http.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "io/curl_loop.h"
#include "io/curl_memory.h"
#include "io/http_exchange.h"

#define BYTES_PER_MIB 1048576u
/* Connections kept for two hosts: with no more than there are transfers, each host's idle ones would be
 * closed to make room for the other's. */
#define CONNECTIONS_PER_TRANSFER 2u

/* libcurl allocates its buffers, up to 512 KiB each, when an exchange begins and frees them when it ends.
 * With glibc's defaults the kernel gets that memory back each time, and every exchange begins with 128
 * page faults: a tenth of the CPU time of a read. So what is freed is kept, up to this. */
#define MALLOC_KEEP_BYTES (64 << 20)

struct exchange_list {
    struct http_exchange *first, *last;
};

struct http {
    /* set once */
    struct reactor *reactor;
    struct curl_loop *loop;
    struct http_trust trust;
    unsigned transfers_max;
    bool allow_plain;
    struct http_observer *observer; /* NULL: nobody looks */
    /* changes, reactor thread only */
    struct exchange_list running, waiting;
    struct http_exchange *idle;
    unsigned running_count;
    unsigned live; /* requests whose done has not run */
    struct http_counts counts;
};

/* ---- Lists ---- */

static void list_append(struct exchange_list *list, struct http_exchange *ex)
{
    ex->next = NULL;
    ex->previous = list->last;
    if (list->last)
        list->last->next = ex;
    else
        list->first = ex;
    list->last = ex;
}

static void list_remove(struct exchange_list *list, struct http_exchange *ex)
{
    if (ex->previous)
        ex->previous->next = ex->next;
    else
        list->first = ex->next;
    if (ex->next)
        ex->next->previous = ex->previous;
    else
        list->last = ex->previous;
}

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
                             .received_bytes = ex->received_bytes,
                             .elapsed_ns = reactor_now_ns(http->reactor) - ex->asked_ns};

    if (http->observer && ex->begun_ns)
        http->observer->seen(http->observer, &seen);
}

static void on_task(struct reactor_task *task)
{
    struct http_req *req = (struct http_req *)((char *)task - offsetof(struct http_req, task));
    struct http_exchange *ex = req->exchange;

    req->exchange = NULL;
    if (!ex) { /* refused before it had one */
        req->done(req);
        return;
    }
    tell_observer(ex->http, ex);
    req->done(req); /* may free req, may send another */
    ex->http->live--;
    ex->req = NULL;
    ex->next = ex->http->idle;
    ex->http->idle = ex;
}

static void start_waiting(struct http *http);

/* The exchange is off every list; req->err and req->answer are final. */
static void post_end(struct http_exchange *ex)
{
    reactor_disarm(ex->reactor, &ex->deadline);
    reactor_post(ex->reactor, &ex->req->task, on_task);
}

static void on_ended(void *owner, CURL *easy, CURLcode result)
{
    struct http *http = owner;
    char *private = NULL;
    struct http_exchange *ex;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    ex = (struct http_exchange *)(void *)private;
    list_remove(&http->running, ex);
    http->running_count--;
    http_exchange_judge(ex, result);
    post_end(ex);
    start_waiting(http);
}

/* Ends a running exchange with the error in ex->err. */
static void stop_running(struct http *http, struct http_exchange *ex)
{
    assert(err_is_set(&ex->err));
    curl_loop_remove(http->loop, ex->easy);
    on_ended(http, ex->easy, CURLE_OK);
}

/* ---- Deadlines ---- */

static uint32_t stall_ms(const struct http_req *req)
{
    return req->deadlines.stall_ms ? req->deadlines.stall_ms : HTTP_STALL_MS;
}

uint32_t http_total_ms(uint64_t body_bytes)
{
    uint64_t mib = body_bytes / BYTES_PER_MIB + (body_bytes % BYTES_PER_MIB != 0);
    uint64_t ms = HTTP_TOTAL_MS + mib * HTTP_TOTAL_MS_PER_MIB;

    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static uint32_t total_ms(const struct http_req *req)
{
    size_t bytes = req->body_bytes > req->memory_bytes ? req->body_bytes : req->memory_bytes;

    return req->deadlines.total_ms ? req->deadlines.total_ms : http_total_ms(bytes);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void on_deadline(struct timer *timer)
{
    struct http_exchange *ex =
        (struct http_exchange *)((char *)timer - offsetof(struct http_exchange, deadline));
    uint64_t now = reactor_now_ns(ex->reactor);
    uint64_t total = ex->begun_ns + total_ms(ex->req) * NS_PER_MS;
    uint64_t stall = ex->moved_ns + stall_ms(ex->req) * NS_PER_MS;

    if (now < total && now < stall) {
        reactor_arm(ex->reactor, &ex->deadline, min_u64(total, stall), on_deadline);
        return;
    }
    if (now >= total)
        err_set(&ex->err, ERR_NET, RETRY_LATER, "not done after %u.%u s", total_ms(ex->req) / 1000,
                total_ms(ex->req) % 1000 / 100);
    else
        err_set(&ex->err, ERR_NET, RETRY_LATER, "stalled: no byte moved for %u.%u s",
                stall_ms(ex->req) / 1000, stall_ms(ex->req) % 1000 / 100);
    stop_running(ex->http, ex);
}

/* ---- The beginning of a request ---- */

static void start(struct http *http, struct http_exchange *ex)
{
    uint64_t now = reactor_now_ns(http->reactor);

    if (!curl_loop_add(http->loop, ex->easy, &ex->err)) {
        http_exchange_judge(ex, CURLE_OK);
        post_end(ex);
        return;
    }
    list_append(&http->running, ex);
    http->running_count++;
    ex->begun_ns = ex->moved_ns = now;
    reactor_arm(http->reactor, &ex->deadline,
                now + min_u64(total_ms(ex->req), stall_ms(ex->req)) * NS_PER_MS, on_deadline);
}

static void start_waiting(struct http *http)
{
    while (http->waiting.first && http->running_count < http->transfers_max) {
        struct http_exchange *ex = http->waiting.first;

        list_remove(&http->waiting, ex);
        start(http, ex);
    }
}

static struct http_exchange *take_exchange(struct http *http)
{
    struct http_exchange *ex = http->idle;

    if (ex) {
        http->idle = ex->next;
        return ex;
    }
    return http_exchange_new(http, http->reactor, &http->counts, &http->trust);
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
    } else if (!(ex = take_exchange(http))) {
        err_set(&req->err, ERR_LIMIT, RETRY_LATER, "no memory for a request");
    } else if (!http_exchange_prepare(ex, req, &req->err)) {
        ex->next = http->idle;
        http->idle = ex;
        ex = NULL;
    }
    if (!ex) {
        reactor_post(http->reactor, &req->task, on_task);
        return;
    }
    req->exchange = ex;
    http->live++;
    if (req->urgent || (http->running_count < http->transfers_max && !http->waiting.first))
        start(http, ex);
    else
        list_append(&http->waiting, ex);
}

void http_cancel_all(struct http *http)
{
    while (http->waiting.first) {
        struct http_exchange *ex = http->waiting.first;

        list_remove(&http->waiting, ex);
        err_set(&ex->err, ERR_CANCELED, RETRY_NEVER, "canceled");
        http_exchange_judge(ex, CURLE_OK);
        post_end(ex);
    }
    while (http->running.first) {
        err_set(&http->running.first->err, ERR_CANCELED, RETRY_NEVER, "canceled");
        stop_running(http, http->running.first);
    }
}

/* ---- Life and look ---- */

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
    http->transfers_max =
        options->connections_max ? options->connections_max : HTTP_CONNECTIONS_DEFAULT;
    http->allow_plain = options->allow_plain;
    http->observer = options->observer;
    if (take_trust(&http->trust, options, e))
        http->loop =
            curl_loop_new(r, http->transfers_max * CONNECTIONS_PER_TRANSFER, on_ended, http, e);
    if (!http->loop) {
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
    while (http->idle) {
        struct http_exchange *ex = http->idle;

        http->idle = ex->next;
        http_exchange_free(ex);
    }
    curl_loop_free(http->loop);
    drop_trust(&http->trust);
    free(http);
    curl_global_cleanup();
}

struct reactor *http_reactor(const struct http *http)
{
    return http->reactor;
}

const struct http_counts *http_count(const struct http *http)
{
    return &http->counts;
}
