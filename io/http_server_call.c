/* http_server_call.c - one request: met, judged, its body taken, answered.
 *
 * Knows:         libmicrohttpd's callbacks for a request, and in which order they come.
 * Must not know: sockets, who waits for memory, what a request means.
 * Threads:       the reactor's.
 */
#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "blockmap/bytes.h"
#include "io/http_server_parts.h"

#define ANSWER_GRACE_S          60u         /* an answer must be taken within this, and ... */
#define ANSWER_BYTES_PER_SECOND (16u << 10) /* ... its size at this rate */
#define REQUEST_ID_BYTES        8u
#define RETRY_AFTER_S           1u
#define RETRY_AFTER_TEXT        "1"
#define IDLE_NS                 (HTTP_SERVER_IDLE_S * NS_PER_S)
#define DROP_NS                 (60 * NS_PER_S) /* a refused body must come within this, whatever its size */

/* ---- Answers ---- */

static enum MHD_Result queue(struct http_call *call, uint64_t bytes)
{
    enum MHD_Result queued;

    if (!call->response)
        return MHD_NO; /* there was no memory for it: the connection ends */
    http_link_expect(call->link, (ANSWER_GRACE_S + bytes / ANSWER_BYTES_PER_SECOND) * NS_PER_S);
    queued = MHD_queue_response(call->connection, call->status, call->response);
    MHD_destroy_response(call->response);
    call->response = NULL;
    return queued;
}

static enum MHD_Result queue_answer(struct http_call *call)
{
    return queue(call, call->answer_bytes);
}

static void tell_refused(struct http_call *call, struct http_refusal *refusal)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *peer = info ? info->client_addr : NULL;
    socklen_t bytes = peer && peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                          : sizeof(struct sockaddr_in);
    char address[NI_MAXHOST] = "?";

    if (!call->server->refused)
        return;
    if (peer)
        getnameinfo(peer, bytes, address, sizeof address, NULL, 0, NI_NUMERICHOST);
    refusal->address = address;
    call->server->refused(call->server->refused_arg, refusal);
}

static void make_request_id(char out_id[REQUEST_ID_BYTES * 2 + 1])
{
    unsigned char random[REQUEST_ID_BYTES];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memset(random, 0, sizeof random); /* a name for a sentence, no more */
    bytes_hex(random, sizeof random, out_id);
}

/* All members of relay_protocol.md "Refusals", so that a sender gives the sentence on. malloc'd. */
static char *relay_shape(const struct http_refusal *refusal)
{
    const char *kind = refusal->status == 403   ? "auth"
                       : refusal->status == 503 ? "throttled"
                       : refusal->status == 413 ? "limit"
                                                : "usage";
    bool later = refusal->status == 503;
    char *text = NULL;

    if (asprintf(&text,
                 "{\"kind\":\"%s\",\"retry\":\"%s\",\"httpStatus\":0,\"sysErrno\":0,"
                 "\"code\":\"\",\"requestId\":\"%s\",\"retryAfterMs\":%u,\"text\":\"%s\"}\n",
                 kind, later ? "later" : "never", refusal->request_id,
                 later ? RETRY_AFTER_S * 1000 : 0, refusal->why) < 0)
        return NULL;
    return text;
}

/* Takes text; NULL: no memory. */
static struct MHD_Response *make_refusal(const struct http_call *call, char *text,
                                         const struct http_refusal *refusal)
{
    struct MHD_Response *response =
        text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;

    if (!response) {
        free(text);
        return NULL;
    }
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "Connection", "close");
    MHD_add_response_header(response, "x-ms-request-id", refusal->request_id);
    if (refusal->status == 503)
        MHD_add_response_header(response, "Retry-After", RETRY_AFTER_TEXT);
    if (refusal->status == 405)
        MHD_add_response_header(response, "Allow",
                                call->server->patch ? "GET, HEAD, PUT, POST, PATCH, DELETE"
                                                    : "GET, HEAD, PUT, POST, DELETE");
    return response;
}

/* Who asks before it sends is spared the sending. */
static bool asks_first(const struct http_call *call)
{
    return http_call_header(call, "Expect") && call->length_bytes > 0;
}

/* Our own refusal, before a byte of the body was used; the connection ends with it. */
static enum MHD_Result refuse(struct http_call *call, unsigned status, const char *why)
{
    char id[REQUEST_ID_BYTES * 2 + 1], *text;
    struct http_refusal refusal = {.status = status, .why = why, .request_id = id};
    const struct http_server *server = call->server;

    make_request_id(id);
    tell_refused(call, &refusal);
    text = server->shape ? server->shape(server->refused_arg, &refusal) : relay_shape(&refusal);
    call->answer_bytes = text ? strlen(text) : 0;
    call->status = status;
    call->response = make_refusal(call, text, &refusal);
    if (server->shape && call->state == CALL_NEW && call->length_known && !asks_first(call) &&
        call->length_bytes <= HTTP_SERVER_DROP_MAX_BYTES) {
        call->state = CALL_ANSWERED;
        http_link_expect(call->link, DROP_NS); /* a stranger's, for all we know */
        return MHD_YES;
    }
    call->state = CALL_REFUSED;
    return queue_answer(call);
}

static struct MHD_Response *make_response(const struct http_reply *reply)
{
    struct MHD_Response *response;
    void *bytes = (void *)(uintptr_t)(reply->body ? reply->body : "");

    if (reply->free_body) {
        response = MHD_create_response_from_buffer_with_free_callback_cls(reply->body_bytes, bytes,
                                                                          reply->free_body,
                                                                          reply->free_arg);
        if (!response)
            reply->free_body(reply->free_arg);
    } else {
        response = MHD_create_response_from_buffer(reply->body_bytes, bytes, MHD_RESPMEM_MUST_COPY);
    }
    if (!response)
        return NULL;
    MHD_add_response_header(response, "Content-Type",
                            reply->content_type ? reply->content_type : "application/json");
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    return response;
}

void http_call_answer(struct http_call *call, const struct http_reply *reply)
{
    bool suspended = call->state == CALL_READY || call->state == CALL_WAITING;

    assert(call->begun && call->state != CALL_ANSWERED);
    call->response = make_response(reply);
    call->status = (unsigned)reply->status;
    call->answer_bytes = reply->body_bytes;
    http_budget_leave(call); /* reply->body may have been a part of the body: it is copied by now */
    call->state = CALL_ANSWERED;
    if (!suspended)
        return;
    MHD_resume_connection(call->connection);
    http_server_wake(call->server);
}

/* ---- Requests ---- */

static const char *judge_peer(struct http_call *call)
{
    const union MHD_ConnectionInfo *info;

    if (!call->server->tls)
        return NULL;
    info = MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return http_server_tls_peer(info ? info->tls_session : NULL, call->server->certs_optional,
                                &call->peer);
}

static void begin(struct http_call *call)
{
    struct http_server *server = call->server;

    call->begun = true;
    call->older = server->live;
    if (server->live)
        server->live->newer = call;
    server->live = call;
    server->calls_count++;
    call->state = CALL_RECEIVING;
    server->handler.begin(server->handler.arg, call);
}

/* Its head is here. The certificate is judged for each request anew: connections outlive certificates. */
static enum MHD_Result meet(struct http_call *call, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    const char *why;
    unsigned status;

    call->link = info ? info->socket_context : NULL;
    if (!call->link)
        return MHD_NO;
    why = judge_peer(call);
    if (why)
        return refuse(call, 403, why);
    status = http_call_check_head(call, method, &why);
    if (status)
        return refuse(call, status, why);
    if (call->server->draining)
        return refuse(call, 503, "this server is about to end");
    begin(call);
    if (call->state == CALL_RECEIVING) {
        if (http_budget_ask(call) && call->length_bytes > 0 && !call->body)
            return refuse(call, 503, "no memory for the body");
        return MHD_YES;
    }
    http_body_expect(call);
    /* A body that is on its way is let come, so that the answer is not lost in the ruins of the
     * connection. */
    if (asks_first(call))
        return queue_answer(call);
    return MHD_YES;
}

static enum MHD_Result take(struct http_call *call, const char *upload, size_t *io_upload_bytes)
{
    if (*io_upload_bytes > call->length_bytes - call->received_bytes)
        return MHD_NO;
    if (call->state == CALL_RECEIVING)
        memcpy(call->body + call->received_bytes, upload, *io_upload_bytes);
    call->received_bytes += *io_upload_bytes;
    *io_upload_bytes = 0;
    return MHD_YES;
}

static enum MHD_Result end_body(struct http_call *call)
{
    struct http_call_list *ready = &call->server->ready;

    if (call->state == CALL_ANSWERED)
        return queue_answer(call);
    call->state = CALL_READY;
    call->next = NULL;
    if (ready->last)
        ready->last->next = call;
    else
        ready->first = call;
    ready->last = call;
    http_link_rest(call->link);
    MHD_suspend_connection(call->connection);
    return MHD_YES;
}

static void end(struct http_call *call)
{
    struct http_server *server = call->server;

    server->handler.gone(server->handler.arg, call);
    if (call->newer)
        call->newer->older = call->older;
    else
        server->live = call->older;
    if (call->older)
        call->older->newer = call->newer;
    server->calls_count--;
}

void *http_call_new(void *server, const char *target, struct MHD_Connection *connection)
{
    struct http_call *call = calloc(1, sizeof *call);

    if (!call)
        return NULL;
    call->server = server;
    call->connection = connection;
    http_call_parse_target(call, target, call->server->path_max_bytes);
    return call;
}

enum MHD_Result http_call_continue(void *server, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *io_upload_bytes, void **io_call)
{
    struct http_call *call = *io_call;

    (void)connection, (void)url, (void)version;
    if (!call || ((struct http_server *)server)->closing)
        return MHD_NO;
    switch (call->state) {
    case CALL_NEW:
        return meet(call, method);
    case CALL_RECEIVING:
        if (call->length_bytes > 0 && !call->body) /* granted after a wait */
            return refuse(call, 503, "no memory for the body");
        break;
    case CALL_ANSWERED:
        break;
    case CALL_WAITING:
    case CALL_READY:
    case CALL_REFUSED:
        return MHD_NO; /* libmicrohttpd does not ask then */
    }
    if (*io_upload_bytes > 0)
        return take(call, upload, io_upload_bytes);
    return call->received_bytes == call->length_bytes ? end_body(call) : MHD_YES;
}

void http_call_completed(void *server, struct MHD_Connection *connection, void **io_call,
                         enum MHD_RequestTerminationCode code)
{
    struct http_call *call = *io_call;

    (void)server, (void)connection, (void)code;
    *io_call = NULL;
    if (!call)
        return;
    if (call->link)
        http_link_expect(call->link, IDLE_NS);
    http_budget_leave(call);
    if (call->response)
        MHD_destroy_response(call->response);
    if (call->begun)
        end(call);
    free(call->target);
    free(call);
}

/* ---- Look ---- */

enum http_method http_call_method(const struct http_call *call)
{
    return call->method;
}

const char *http_call_path(const struct http_call *call)
{
    return call->path;
}

const char *http_call_query(const struct http_call *call, const char *name)
{
    for (unsigned i = 0; i < call->query_count; i++)
        if (strcmp(call->query[i].name, name) == 0)
            return call->query[i].value;
    return NULL;
}

bool http_call_query_at(const struct http_call *call, unsigned index, const char **out_name,
                        const char **out_value)
{
    if (index >= call->query_count)
        return false;
    *out_name = call->query[index].name;
    *out_value = call->query[index].value;
    return true;
}

const char *http_call_header(const struct http_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

const struct http_peer *http_call_peer(const struct http_call *call)
{
    return &call->peer;
}

const void *http_call_body(const struct http_call *call, size_t *out_bytes)
{
    assert(call->state == CALL_READY);
    *out_bytes = call->length_bytes;
    return call->body;
}

void http_call_set_user(struct http_call *call, void *user)
{
    call->user = user;
}

void *http_call_user(const struct http_call *call)
{
    return call->user;
}
