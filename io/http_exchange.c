/* http_exchange.c - see http_exchange.h. */
#include "io/http_exchange.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/crc64.h"
#include "io/http_lane.h"
#include "io/http_verdict.h"
#include "io/tls_ahead.h"

#define RECEIVE_BUFFER_BYTES (128u << 10)
#define SEND_BUFFER_BYTES    (512u << 10)
#define SUM_STEP_BYTES       (64u << 10) /* summed while it is in the cache */
#define SHOWN_ADDRESS_BYTES  160
_Static_assert(RECEIVE_BUFFER_BYTES <= CURL_MAX_READ_SIZE, "libcurl takes no larger one");

/* ---- Answers ---- */

/* The blank line: what must be known before a byte of the body goes to memory. */
static bool check_headers(struct http_exchange *ex)
{
    const struct http_req *req = ex->req;
    const struct http_answer *answer = &req->answer;
    uint64_t last = req->range_first + req->memory_bytes - 1;

    if (!req->expect_range || answer->status != 206)
        return true;
    if (answer->range_known && answer->range_first == req->range_first &&
        (answer->range_last == last || (!req->exact && answer->range_last < last)))
        return true;
    if (!answer->range_known)
        return err_set(&ex->err, ERR_CORRUPT, RETRY_LATER,
                       "the host sent a part of the blob and did not say which");
    return err_set(&ex->err, ERR_CORRUPT, RETRY_LATER,
                   "the host sent the range %" PRIu64 "-%" PRIu64 " where %" PRIu64 "-%" PRIu64
                   " was asked for",
                   answer->range_first, answer->range_last, req->range_first, last);
}

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
    struct http_exchange *ex = user;
    size_t bytes = size * count;

    ex->moved_ns = reactor_now_ns(ex->lane->reactor);
    switch (http_head_push(&ex->head, line, bytes, reactor_wall_ns(ex->lane->reactor) / NS_PER_MS,
                           &ex->err)) {
    case HTTP_HEAD_MORE:
        break;
    case HTTP_HEAD_END:
        return check_headers(ex) ? bytes : 0;
    case HTTP_HEAD_BAD:
        return 0;
    }
    return bytes;
}

/* Of memory, up to `count` bytes from its beginning. */
static void sum_up_to(struct http_exchange *ex, size_t count)
{
    struct http_req *req = ex->req;

    if (req->crc64)
        req->answer.crc64 = crc64_update(req->answer.crc64, req->memory + ex->summed_bytes,
                                         count - ex->summed_bytes);
    ex->summed_bytes = count;
    if (req->landed)
        req->landed(req, count);
}

static bool to_memory(struct http_exchange *ex, const char *bytes, size_t count)
{
    struct http_req *req = ex->req;
    size_t had = (size_t)req->answer.body_bytes;

    if (count > req->memory_bytes - had)
        return err_set(&ex->err, req->exact ? ERR_CORRUPT : ERR_LIMIT,
                       req->exact ? RETRY_LATER : RETRY_NEVER, "the host sent more than %zu bytes",
                       req->memory_bytes);
    memcpy(req->memory + had, bytes, count);
    if (had + count - ex->summed_bytes >= SUM_STEP_BYTES)
        sum_up_to(ex, had + count);
    return true;
}

/* False: there was enough of it. Who sends without an end is not listened to for ever. */
static bool drop(struct http_exchange *ex, size_t count)
{
    ex->dropped_bytes += count;
    ex->enough = ex->dropped_bytes > HTTP_DROPPED_MAX_BYTES;
    return !ex->enough;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct http_exchange *ex = user;
    struct http_req *req = ex->req;
    size_t total = size * count;

    ex->moved_ns = reactor_now_ns(ex->lane->reactor);
    ex->counts.received_bytes += total;
    if (req->answer.status >= 300) {
        size_t room = HTTP_ERROR_BODY_MAX_BYTES - ex->refusal_bytes;

        memcpy(ex->refusal + ex->refusal_bytes, bytes, total < room ? total : room);
        ex->refusal_bytes += total < room ? total : room;
        return drop(ex, total) ? total : 0;
    }
    if (!req->memory && !req->push && !drop(ex, total))
        return 0;
    if (req->memory && !to_memory(ex, bytes, total))
        return 0;
    if (req->push && !req->push(req, bytes, total, &ex->err)) {
        assert(err_is_set(&ex->err));
        return 0;
    }
    req->answer.body_bytes += total;
    return total;
}

/* ---- Requests ---- */

static size_t on_send(char *buffer, size_t size, size_t count, void *user)
{
    struct http_exchange *ex = user;
    size_t left = ex->req->body_bytes - ex->sent_bytes;
    size_t step = size * count < left ? size * count : left;

    ex->moved_ns = reactor_now_ns(ex->lane->reactor);
    if (step) {
        memcpy(buffer, (const char *)ex->req->body + ex->sent_bytes, step);
        ex->sent_bytes += step;
        ex->counts.sent_bytes += step;
    }
    return step;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct http_exchange *ex = user;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > ex->req->body_bytes)
        return CURL_SEEKFUNC_CANTSEEK;
    ex->sent_bytes = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* Runs before each sending: libcurl sends a request again by itself when a kept connection turns out
 * to be dead, which for some writes may do harm (http.h: send_once). */
static int on_ready_to_send(void *user, char *a, char *b, int c, int d)
{
    struct http_exchange *ex = user;

    (void)a, (void)b, (void)c, (void)d;
    if (ex->sendings++ > 0 && ex->req->send_once)
        return CURL_PREREQFUNC_ABORT;
    ex->counts.requests++;
    return CURL_PREREQFUNC_OK;
}

static bool has_control_bytes(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' && *text != '\t')
            return true;
    return false;
}

static void wipe_headers(struct http_exchange *ex)
{
    if (ex->header_text)
        explicit_bzero(ex->header_text, ex->header_capacity);
    free(ex->header_text);
}

/* The lines of the header list, one after the other in header_text. */
static bool write_headers(struct http_exchange *ex, const struct http_req *req, struct err *e)
{
    size_t bytes = 0, used = 0;

    assert(req->header_count <= HTTP_HEADERS_MAX - 1);
    for (size_t i = 0; i < req->header_count; i++) {
        bytes += strlen(req->headers[i].name) + strlen(req->headers[i].value) + 3;
        if (has_control_bytes(req->headers[i].value))
            return err_set(e, ERR_USAGE, RETRY_NEVER, "the header %s has a control character",
                           req->headers[i].name);
    }
    if (bytes > HTTP_HEADERS_MAX_BYTES)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "the request's headers have more than %u bytes",
                       HTTP_HEADERS_MAX_BYTES);
    if (bytes > ex->header_capacity) {
        char *larger = malloc(bytes);

        if (!larger)
            return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a request's headers");
        wipe_headers(ex);
        ex->header_text = larger;
        ex->header_capacity = bytes;
    }
    for (size_t i = 0; i < req->header_count; i++) {
        const struct http_header *h = &req->headers[i];

        ex->header_nodes[i].data = ex->header_text + used;
        ex->header_nodes[i].next = &ex->header_nodes[i + 1];
        used += (size_t)sprintf(ex->header_text + used, "%s%s%s", h->name, *h->value ? ": " : ";",
                                h->value) +
                1;
    }
    ex->header_nodes[req->header_count].data =
        (char *)(uintptr_t) "Expect:"; /* libcurl only reads */
    ex->header_nodes[req->header_count].next = NULL;
    return true;
}

static CURLcode set_method(struct http_exchange *ex, const struct http_req *req)
{
    CURLcode code = CURLE_OK;

    curl_easy_setopt(ex->easy, CURLOPT_CUSTOMREQUEST, NULL);
    curl_easy_setopt(ex->easy, CURLOPT_HTTPGET, 1L); /* also takes back HEAD and PUT */
    switch (req->method) {
    case HTTP_GET:
        break;
    case HTTP_HEAD:
        curl_easy_setopt(ex->easy, CURLOPT_NOBODY, 1L);
        break;
    case HTTP_PUT:
        curl_easy_setopt(ex->easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(ex->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)req->body_bytes);
        break;
    case HTTP_POST:
        curl_easy_setopt(ex->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(ex->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_bytes);
        break;
    case HTTP_PATCH:
        curl_easy_setopt(ex->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(ex->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_bytes);
        code = curl_easy_setopt(ex->easy, CURLOPT_CUSTOMREQUEST, "PATCH");
        break;
    case HTTP_DELETE:
        code = curl_easy_setopt(ex->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
        break;
    }
    return code;
}

bool http_exchange_prepare(struct http_exchange *ex, struct http_req *req, struct err *e)
{
    char *url = secret_url_full(req->url, req->additions);
    uint32_t connect_ms = req->deadlines.connect_ms;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    ex->req = req;
    ex->sent_bytes = ex->refusal_bytes = 0;
    ex->head = (struct http_head){.req = req};
    ex->summed_bytes = 0;
    ex->dropped_bytes = 0;
    ex->enough = false;
    ex->sendings = 0;
    ex->lane = NULL;
    ex->begun_ns = 0;
    ex->counts = (struct http_counts){0};
    ex->curl_text[0] = 0;
    err_clear(&ex->err);
    memset(&req->answer, 0, sizeof req->answer);
    if (!write_headers(ex, req, e)) {
        secret_wipe_free(url);
        return false;
    }
    if (url)
        code = curl_easy_setopt(ex->easy, CURLOPT_URL, url);
    secret_wipe_free(url);
    if (code == CURLE_OK)
        code = curl_easy_setopt(ex->easy, CURLOPT_PROXY, req->url->loopback ? "" : NULL);
    if (code == CURLE_OK)
        code = set_method(ex, req);
    if (code != CURLE_OK)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "cannot prepare a request: %s",
                       curl_easy_strerror(code));
    curl_easy_setopt(ex->easy, CURLOPT_HTTPHEADER, ex->header_nodes);
    curl_easy_setopt(ex->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(connect_ms ? connect_ms : HTTP_CONNECT_MS));
    return true;
}

/* ---- The end ---- */

static const char *method_name(enum http_method method)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",   [HTTP_HEAD] = "HEAD",     [HTTP_PUT] = "PUT",
        [HTTP_POST] = "POST", [HTTP_DELETE] = "DELETE", [HTTP_PATCH] = "PATCH"};

    return names[method];
}

static void describe_failure(struct http_exchange *ex, CURLcode result)
{
    const struct http_verdict *verdict = http_verdict_of(result);
    const char *detail = ex->curl_text[0] ? ex->curl_text : curl_easy_strerror(result);

    err_set(&ex->err, verdict->kind, verdict->retry, "%s (%.150s)", verdict->words, detail);
    secret_redact(ex->err.text);
}

static void count_heads(struct http_exchange *ex)
{
    long connects = 0, sent_head = 0, received_head = 0;

    curl_easy_getinfo(ex->easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(ex->easy, CURLINFO_REQUEST_SIZE, &sent_head);
    curl_easy_getinfo(ex->easy, CURLINFO_HEADER_SIZE, &received_head);
    ex->counts.connections += (uint64_t)connects;
    ex->counts.sent_head_bytes += (uint64_t)sent_head;
    ex->counts.received_head_bytes += (uint64_t)received_head;
}

void http_exchange_judge(struct http_exchange *ex, CURLcode result)
{
    struct http_req *req = ex->req;

    if (ex->begun_ns) /* else the handle tells of the one before */
        count_heads(ex);
    if (req->memory && req->answer.body_bytes > ex->summed_bytes)
        sum_up_to(ex, (size_t)req->answer.body_bytes);
    ex->refusal[ex->refusal_bytes] = 0;
    req->answer.error_body = ex->refusal;
    req->answer.error_body_bytes = ex->refusal_bytes;
    req->answer.crc64_known = req->crc64;
    if (!err_is_set(&ex->err) && result != CURLE_OK && !ex->enough)
        describe_failure(ex, result);
    if (!err_is_set(&ex->err) && req->exact && req->answer.status / 100 == 2 &&
        req->answer.body_bytes != req->memory_bytes)
        err_set(&ex->err, ERR_NET, RETRY_LATER,
                "the host sent %" PRIu64 " bytes where %zu were asked for", req->answer.body_bytes,
                req->memory_bytes);
}

/* Not the lane's: the URL may be exchanged while it runs. */
void http_exchange_finish(struct http_exchange *ex)
{
    struct http_req *req = ex->req;

    if (!err_is_set(&ex->err))
        return;
    err_prefix(&ex->err, "%s %.*s: ", method_name(req->method), SHOWN_ADDRESS_BYTES,
               req->url->address);
    req->err = ex->err;
    req->err.http_status = req->answer.status;
    memcpy(req->err.request_id, req->answer.request_id, sizeof req->err.request_id);
}

/* ---- Life ---- */

/* Who asks for our certificate speaks TLS 1.3, where it does not travel in clear. */
static CURLcode set_trust(CURL *c, const struct http_trust *trust)
{
    CURLcode code = CURLE_OK;

    curl_easy_setopt(c, CURLOPT_SSLVERSION,
                     trust->client_cert ? (long)CURL_SSLVERSION_TLSv1_3
                                        : (long)CURL_SSLVERSION_TLSv1_2);
    if (trust->ca_file)
        code = curl_easy_setopt(c, CURLOPT_CAINFO, trust->ca_file);
    if (code == CURLE_OK && trust->client_cert)
        code = curl_easy_setopt(c, CURLOPT_SSLCERT, trust->client_cert);
    if (code == CURLE_OK && trust->client_key)
        code = curl_easy_setopt(c, CURLOPT_SSLKEY, trust->client_key);
    return code;
}

static CURLcode set_constants(struct http_exchange *ex, const struct http_trust *trust)
{
    CURL *c = ex->easy;

    curl_easy_setopt(c, CURLOPT_PRIVATE, ex);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, ex->curl_text);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "snapferry");
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L); /* a SAS must not travel */
    curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_BYTES);
    curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BUFFER_BYTES);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, ex);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, ex);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(c, CURLOPT_READDATA, ex);
    curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(c, CURLOPT_SEEKDATA, ex);
    curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_ready_to_send);
    curl_easy_setopt(c, CURLOPT_PREREQDATA, ex);
    if (set_trust(c, trust) != CURLE_OK || tls_ahead_enable(c) != CURLE_OK)
        return CURLE_OUT_OF_MEMORY;
    return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
}

struct http_exchange *http_exchange_new(struct http *http, unsigned lane_number,
                                        const struct http_trust *trust)
{
    struct http_exchange *ex = calloc(1, sizeof *ex);

    if (!ex)
        return NULL;
    ex->http = http;
    ex->lane_number = lane_number;
    ex->easy = curl_easy_init();
    if (!ex->easy || set_constants(ex, trust) != CURLE_OK) {
        http_exchange_free(ex);
        return NULL;
    }
    return ex;
}

void http_exchange_free(struct http_exchange *ex)
{
    if (!ex)
        return;
    if (ex->easy)
        curl_easy_cleanup(ex->easy);
    wipe_headers(ex);
    explicit_bzero(ex, sizeof *ex); /* a refusal may have repeated what it refused */
    free(ex);
}
