/* call_send.c - turns an answer into libmicrohttpd's response. The call owns whatever the body's
 * bytes depend on, and is freed only after libmicrohttpd has let go of the request.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tools/regiond/call_fault.h"
#include "tools/regiond/region_call.h"

#define STREAM_BLOCK_BYTES          (256u << 10)
#define CLIENT_REQUEST_ID_MAX_BYTES 1024u

static ssize_t stream_bytes(void *context, uint64_t at, char *out, size_t max_bytes)
{
    struct call *call = context;
    ssize_t n = answer_body_read(&call->x.answer, at, out, max_bytes);

    if (n > 0)
        return n;
    return n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* A HEAD says how long the body would be, and is never asked for it. */
static ssize_t no_bytes(void *context, uint64_t at, char *out, size_t max_bytes)
{
    (void)context;
    (void)at;
    (void)out;
    (void)max_bytes;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *response_of(struct call *call)
{
    struct answer *a = &call->x.answer;
    struct MHD_Response *response;

    if (call_fault_wants_body(call))
        return MHD_create_response_from_callback(a->body_bytes, STREAM_BLOCK_BYTES, call_fault_body,
                                                 call, NULL);
    /* libmicrohttpd 0.9.75 ends the chunks of a HEAD's absent body all the same; the client would take
     * those bytes for the next answer. */
    if (a->body == ANSWER_TEXT && strcmp(call->x.request.method, "HEAD") == 0)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    switch (a->body) {
    case ANSWER_TEXT: /* chunked, as the service sends its lists and errors */
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, stream_bytes,
                                                 call, NULL);
    case ANSWER_BUFFER:
        return MHD_create_response_from_buffer(a->body_bytes, a->buffer, MHD_RESPMEM_PERSISTENT);
    case ANSWER_FILE:
        response = MHD_create_response_from_fd_at_offset64(a->body_bytes, a->fd, a->fd_offset);
        if (response)
            a->fd = -1; /* libmicrohttpd closes it */
        return response;
    case ANSWER_STREAM:
        return MHD_create_response_from_callback(a->body_bytes == ANSWER_BYTES_UNKNOWN
                                                     ? MHD_SIZE_UNKNOWN
                                                     : a->body_bytes,
                                                 STREAM_BLOCK_BYTES, stream_bytes, call, NULL);
    case ANSWER_EMPTY:
        break;
    }
    if (a->body_bytes > 0)
        return MHD_create_response_from_callback(a->body_bytes, 1024, no_bytes, NULL, NULL);
    return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
}

static bool add_headers(struct MHD_Response *response, const struct text_out *headers)
{
    const char *at = headers->bytes;
    const char *end = at + headers->length;

    while (at < end) {
        const char *value = at + strlen(at) + 1;

        if (MHD_add_response_header(response, at, value) != MHD_YES)
            return false;
        at = value + strlen(value) + 1;
    }
    return true;
}

static void common_headers(struct call *call)
{
    const struct request *r = &call->x.request;
    const char *client_id = request_header(r, "x-ms-client-request-id");

    answer_header(&call->x.answer, "Server", "regiond");
    answer_header(&call->x.answer, "x-ms-request-id", r->id);
    if (r->version[0])
        answer_header(&call->x.answer, "x-ms-version", r->version);
    if (client_id && strlen(client_id) <= CLIENT_REQUEST_ID_MAX_BYTES)
        answer_header(&call->x.answer, "x-ms-client-request-id", client_id);
}

enum MHD_Result call_send(struct call *call)
{
    struct MHD_Response *response;
    enum MHD_Result queued = MHD_NO;

    assert(call->x.answer.status != 0);
    common_headers(call);
    if (call->x.answer.headers.failed)
        return MHD_NO; /* no memory for an answer: the client sees a broken connection */
    response = response_of(call);
    if (!response)
        return MHD_NO;
    if (add_headers(response, &call->x.answer.headers))
        queued = MHD_queue_response(call->connection, call->x.answer.status, response);
    MHD_destroy_response(response);
    return queued;
}
