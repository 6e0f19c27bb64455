/* relay_call.c - see relay_call.h. */
#include "io/relay_call.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/crc64.h"
#include "io/endpoint_relay_parts.h"

#define ANSWER_FIRST_BYTES 1024u
#define HEADERS_MAX        8u

struct relay_call *relay_call_take(struct endpoint_relay *ep, enum relay_verb verb)
{
    static const char *const names[RELAY_VERBS] = {
        [RELAY_STAT] = "relay_stat",  [RELAY_SETUP] = "relay_setup", [RELAY_LIST] = "relay_list",
        [RELAY_READ] = "relay_read",  [RELAY_HAVE] = "relay_have",   [RELAY_WRITE] = "relay_write",
        [RELAY_FLUSH] = "relay_flush"};
    struct relay_call *call = ep->idle_calls;

    if (call)
        ep->idle_calls = call->next;
    else
        call = calloc(1, sizeof *call);
    assert(call);
    call->http =
        (struct http_req){.method = HTTP_POST, .verb = names[verb], .url = &ep->urls[verb]};
    call->ep = ep;
    call->verb = verb;
    call->additions[0] = 0;
    call->answer_bytes = 0;
    call->crc64_told = false;
    return call;
}

void relay_call_give(struct relay_call *call)
{
    free(call->json);
    call->json = NULL;
    call->next = call->ep->idle_calls;
    call->ep->idle_calls = call;
}

void relay_call_free(struct relay_call *call)
{
    free(call->json);
    free(call->answer);
    free(call);
}

void relay_call_set_json(struct relay_call *call, char *json)
{
    call->json = json;
    call->http.body = json;
    call->http.body_bytes = strlen(json);
}

/* ---- Answers ---- */

static bool keep_answer(struct http_req *req, const void *bytes, size_t count, struct err *e)
{
    struct relay_call *call = (struct relay_call *)req;
    size_t room = call->answer_room ? call->answer_room : ANSWER_FIRST_BYTES;
    unsigned char *larger;

    if (count > RELAY_JSON_MAX_BYTES - call->answer_bytes)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "the receiver's answer has more than %u bytes",
                       RELAY_JSON_MAX_BYTES);
    while (room < call->answer_bytes + count)
        room *= 2;
    if (room > call->answer_room) {
        larger = realloc(call->answer, room);
        if (!larger)
            return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for the receiver's answer");
        call->answer = larger;
        call->answer_room = room;
    }
    memcpy(call->answer + call->answer_bytes, bytes, count);
    call->answer_bytes += count;
    return true;
}

static void take_header(struct http_req *req, const char *name, const char *value)
{
    struct relay_call *call = (struct relay_call *)req;

    if (strcmp(name, "x-ms-content-crc64") == 0)
        call->crc64_told = crc64_from_header(value, &call->crc64) == 1;
}

static void judge(struct relay_call *call)
{
    const struct http_answer *answer = &call->http.answer;
    struct err *e = &call->http.err;

    if (err_is_set(e) || answer->status / 100 == 2)
        return;
    relay_error_parse(answer->status, answer->error_body, answer->error_body_bytes, e);
    if (!e->request_id[0])
        memcpy(e->request_id, answer->request_id, sizeof e->request_id);
    if (answer->retry_after_ms > e->retry_after_ms)
        e->retry_after_ms = answer->retry_after_ms;
}

static void on_answer(struct http_req *req)
{
    struct relay_call *call = (struct relay_call *)req;

    judge(call);
    endpoint_relay_note_wire(call->ep);
    call->done(call);
}

/* ---- Requests ---- */

void relay_call_send(struct relay_call *call, void *owner, void (*done)(struct relay_call *))
{
    const struct endpoint_relay *ep = call->ep;
    struct http_header headers[HEADERS_MAX];
    size_t count = 0;

    call->owner = owner;
    call->done = done;
    snprintf(call->numbers[0], sizeof call->numbers[0], "%" PRIu64, ep->generation);
    snprintf(call->numbers[1], sizeof call->numbers[1], "%" PRIu64, ep->base.size_bytes);
    headers[count++] = (struct http_header){RELAY_HEADER_VERSION, RELAY_VERSION};
    headers[count++] = (struct http_header){RELAY_HEADER_SENDER, ep->sender};
    headers[count++] = (struct http_header){RELAY_HEADER_GENERATION, call->numbers[0]};
    if (ep->lease[0])
        headers[count++] = (struct http_header){RELAY_HEADER_LEASE, ep->lease};
    if (ep->copy_uuid[0])
        headers[count++] = (struct http_header){RELAY_HEADER_COPY, ep->copy_uuid};
    if (ep->base.size_bytes)
        headers[count++] = (struct http_header){RELAY_HEADER_SIZE, call->numbers[1]};
    if (call->http.method == HTTP_POST)
        headers[count++] =
            (struct http_header){"Content-Type",
                                 call->json ? "application/json" : "application/octet-stream"};
    assert(count <= HEADERS_MAX);
    call->http.headers = headers;
    call->http.header_count = count;
    call->http.additions = call->additions[0] ? call->additions : NULL;
    if (!call->http.memory)
        call->http.push = keep_answer;
    call->http.header = take_header;
    call->http.done = on_answer;
    http_send(ep->http, &call->http);
    call->http.headers = NULL; /* they were copied */
    call->http.header_count = 0;
}
