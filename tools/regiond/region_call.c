/* region_call.c - moves one request from its head to its answer, asking each hook in its turn.
 *
 * Order: target, headers, verb, caller, fault script (all before the body), body, fault and shape (may
 * hold the request back), the verb itself, fault and shape again for what leaves, the answer.
 */
#include "tools/regiond/region_call.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "tools/regiond/call_fault.h"
#include "tools/regiond/call_fault_request.h"
#include "tools/regiond/dispatch.h"
#include "tools/regiond/region_auth.h"
#include "tools/regiond/region_clock.h"
#include "tools/regiond/request_log.h"

/* A random UUID, version 4. */
static void request_id_make(char out[REQUEST_ID_MAX_BYTES])
{
    unsigned char b[16];

    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        memset(b, 0, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, REQUEST_ID_MAX_BYTES,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

static void client_of(struct call *call)
{
    const union MHD_ConnectionInfo *info;
    struct request *r = &call->x.request;

    info = MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info && info->client_addr)
        memcpy(&r->peer, info->client_addr,
               info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                        : sizeof(struct sockaddr_in));
    info = MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info)
        r->connection_id = (uint64_t)(uintptr_t)info->socket_context;
    r->tls = call->config->tls_certificate != NULL;
}

struct call *call_new(const struct region_server_config *config, struct call_timer *timer,
                      struct MHD_Connection *connection, const char *target)
{
    struct call *call = calloc(1, sizeof *call);

    if (!call)
        return NULL;
    call->config = config;
    call->timer = timer;
    call->connection = connection;
    call->x.parts = &config->parts;
    call->x.answer.fd = -1;
    call->x.request.started_ns = region_clock_monotonic_ns();
    request_id_make(call->x.request.id);
    client_of(call);
    request_set_target(&call->x.request, target, &call->x.error);
    return call;
}

static void call_log(struct call *call)
{
    const struct exchange *x = &call->x;
    struct request_log_end end = {
        .status = call->state == CALL_SENT ? x->answer.status : 0,
        .code = x->error.code,
        .fault = call->has_fault ? call->fault.name : NULL,
        .bytes_in = x->body.arrived_bytes,
        .now_ns = region_clock_monotonic_ns(),
    };

    if (x->answer.body != ANSWER_EMPTY && strcmp(x->request.method, "HEAD") != 0)
        end.bytes_out = x->answer.body_bytes;
    request_log_line(call->config->log, x, &end);
    call->logged = true;
}

void call_free(struct call *call)
{
    struct answer *a;

    if (!call)
        return;
    if (!call->logged)
        call_log(call);
    a = &call->x.answer;
    if (a->context_free)
        a->context_free(a->context);
    if (a->fd >= 0)
        close(a->fd);
    free(a->text);
    buffer_release(call->config->parts.buffers, a->buffer);
    text_out_fini(&a->headers);
    body_fini(&call->x.body);
    request_fini(&call->x.request);
    free(call);
}

/* ---- The head ---- */

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct call *call = context;
    struct request *r = &call->x.request;

    (void)kind;
    if (r->header_count == REQUEST_HEADER_MAX_COUNT) {
        if (call->x.error.status == 0)
            service_fail(&call->x.error, CODE_INVALID_INPUT);
        return MHD_NO;
    }
    r->headers[r->header_count++] = (struct request_pair){name, value ? value : ""};
    return MHD_YES;
}

/* What this service does not do is refused, never ignored: silence could pass for encryption. */
static bool refuse_unsupported(struct exchange *x)
{
    static const char *const names[] = {"x-ms-encryption-key", "x-ms-encryption-scope",
                                        "x-ms-structured-body"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (request_header(&x->request, names[i]))
            return service_fail_header(&x->error, CODE_UNSUPPORTED_HEADER, names[i], NULL);
    return true;
}

static bool judge_length(struct exchange *x)
{
    const struct request *r = &x->request;

    if (strcmp(r->method, "PUT") == 0 && !r->has_content_length)
        return service_fail(&x->error, CODE_MISSING_CONTENT_LENGTH_HEADER);
    if (!(x->verb->flags & VERB_TAKES_BODY))
        return true;
    if (r->content_length > BUFFER_BYTES)
        return service_fail_with(&x->error, CODE_REQUEST_BODY_TOO_LARGE, "MaxLimit", "4194304");
    return true;
}

static bool judge_snapshot(struct exchange *x)
{
    const char *text = request_param(&x->request, "snapshot");
    uint64_t ticks;

    if (!text)
        return true;
    if (!(x->verb->flags & VERB_OF_SNAPSHOT))
        return service_fail_query(&x->error, CODE_UNSUPPORTED_QUERY_PARAMETER, "snapshot", text);
    if (!store_snapshot_parse(text, &ticks))
        return service_fail_query(&x->error, CODE_INVALID_QUERY_PARAMETER_VALUE, "snapshot", text);
    return true;
}

static bool judge_head(struct exchange *x)
{
    struct request *r = &x->request;

    if (x->error.status != 0 || !request_read_headers(r, &x->error))
        return false;
    x->verb = dispatch_find(r, &x->error);
    if (!x->verb)
        return false;
    return region_auth_check(x->parts->auth, r, &x->verb->need, &x->error) &&
           dispatch_host_allows(x->verb, r, &x->error) && refuse_unsupported(x) &&
           judge_snapshot(x) && judge_length(x);
}

/* A client that waits for the head's acknowledgement before it sends a small body (Nagle) would
 * wait 40 ms for ours, which the kernel delays unless told. */
static void acknowledge_now(struct call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int one = 1;

    if (info)
        setsockopt(info->connect_fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

/* A refused request's body is still read, so that the client reads the refusal, not a reset. */
static enum MHD_Result call_head(struct call *call, const char *method)
{
    struct exchange *x = &call->x;
    bool takes_body;

    x->request.method = method;
    MHD_get_connection_values(call->connection, MHD_HEADER_KIND, take_header, call);
    takes_body =
        judge_head(x) && x->request.content_length > 0 && (x->verb->flags & VERB_TAKES_BODY);
    if (takes_body && !body_begin(&x->body, x->parts->buffers,
                                  request_header(&x->request, "Content-MD5") != NULL))
        service_fail(&x->error, CODE_SERVER_BUSY);
    if (x->request.content_length > 0)
        acknowledge_now(call);
    call_fault_ask(call);
    call->state = CALL_BODY;
    return MHD_YES;
}

/* ---- The verb ---- */

static void call_run(struct call *call)
{
    struct exchange *x = &call->x;

    if (x->error.status == 0 && !x->verb->run(x))
        assert(x->error.status != 0);
    if (x->error.status == 0 && x->answer.headers.failed)
        service_fail(&x->error, CODE_INTERNAL_ERROR);
    if (x->error.status != 0)
        answer_error(&x->answer, &x->request, &x->error);
    call->state = CALL_RAN;
}

/* On a worker: the connection is suspended, so the call is ours until it is resumed. */
static void run_on_worker(struct call_ticket *ticket)
{
    struct call *call = (struct call *)ticket;

    call_run(call);
    MHD_resume_connection(call->connection);
}

static void resume(struct call_ticket *ticket)
{
    MHD_resume_connection(((struct call *)ticket)->connection);
}

void call_hold(struct call *call, uint64_t until_ns)
{
    call->ticket.due = resume;
    MHD_suspend_connection(call->connection);
    call_timer_at(call->timer, &call->ticket, until_ns);
}

static enum MHD_Result call_arrived(struct call *call)
{
    if (!call->judged_arrived) {
        enum call_verdict verdict = call_fault_arrived(call);

        call->judged_arrived = true;
        if (verdict != CALL_GO_ON)
            return verdict == CALL_HOLD ? MHD_YES : MHD_NO;
    }
    if (call->x.error.status == 0 && (call->x.verb->flags & VERB_MAY_WAIT)) {
        call->state = CALL_RUNNING;
        call->ticket.due = run_on_worker;
        MHD_suspend_connection(call->connection);
        call_timer_work(call->timer, &call->ticket);
        return MHD_YES;
    }
    call_run(call);
    return MHD_YES;
}

static enum MHD_Result call_ran(struct call *call)
{
    if (!call->judged_leaving) {
        enum call_verdict verdict = call_fault_leaving(call);

        call->judged_leaving = true;
        if (verdict != CALL_GO_ON)
            return verdict == CALL_HOLD ? MHD_YES : MHD_NO;
    }
    call->state = CALL_SENT;
    call_log(call); /* before a byte leaves: whoever has the answer finds the line */
    return call_send(call);
}

enum MHD_Result call_continue(struct call *call, const char *method, const char *upload,
                              size_t *io_upload_bytes)
{
    if (call->state == CALL_HEAD)
        return call_head(call, method);
    if (call->state == CALL_BODY && *io_upload_bytes > 0) {
        body_take(&call->x.body, upload, *io_upload_bytes);
        *io_upload_bytes = 0;
        if (!call_fault_taking(call))
            return MHD_NO;
        return call->x.body.arrived_bytes <= CALL_DRAIN_MAX_BYTES ? MHD_YES : MHD_NO;
    }
    if (call->state == CALL_BODY) {
        body_end(&call->x.body);
        call->x.request.body = call->x.body.buffer;
        call->x.request.body_bytes = call->x.body.bytes;
        call->state = CALL_ARRIVED;
    }
    if (call->state == CALL_ARRIVED && call_arrived(call) != MHD_YES)
        return MHD_NO;
    return call->state == CALL_RAN ? call_ran(call) : MHD_YES;
}
