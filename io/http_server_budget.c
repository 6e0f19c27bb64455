/* http_server_budget.c - which calls may bring their bodies into memory.
 *
 * Knows:         one budget, and a queue: who came first is served first, whatever the size.
 * Must not know: requests, what is done with the bodies.
 * Threads:       the reactor's.
 *
 * A call asks before its body is read and keeps its share until it was answered. One that does not fit is
 * suspended: its connection is not read, so that the kernel's buffers and then the client are the queue.
 */
#include <assert.h>
#include <stdlib.h>

#include "io/http_server_parts.h"

#define BODY_GRACE_S          60u         /* a body must come within this, and ... */
#define BODY_BYTES_PER_SECOND (16u << 10) /* ... its size at this rate */

void http_body_expect(struct http_call *call)
{
    http_link_expect(call->link,
                     (BODY_GRACE_S + call->length_bytes / BODY_BYTES_PER_SECOND) * NS_PER_S);
}

static bool grant(struct http_call *call)
{
    struct http_server *server = call->server;
    uint64_t rest = server->budget_bytes - server->granted_bytes;

    if (call->length_bytes > rest)
        return false;
    if (call->length_bytes > 0)
        call->body = malloc(call->length_bytes);
    call->granted_bytes = call->length_bytes;
    server->granted_bytes += call->granted_bytes;
    call->state = CALL_RECEIVING;
    http_body_expect(call);
    return true;
}

bool http_budget_ask(struct http_call *call)
{
    struct http_call_list *waiting = &call->server->waiting;

    /* Who needs nothing passes those who wait. */
    if ((!waiting->first || call->length_bytes == 0) && grant(call))
        return true;
    call->state = CALL_WAITING;
    call->next = NULL;
    if (waiting->last)
        waiting->last->next = call;
    else
        waiting->first = call;
    waiting->last = call;
    http_link_rest(call->link); /* it is for us to move */
    MHD_suspend_connection(call->connection);
    return false;
}

static void leave_queue(struct http_call *call)
{
    struct http_call_list *waiting = &call->server->waiting;
    struct http_call *before = NULL;

    for (struct http_call *at = waiting->first; at != call; at = at->next) {
        assert(at);
        before = at;
    }
    if (before)
        before->next = call->next;
    else
        waiting->first = call->next;
    if (waiting->last == call)
        waiting->last = before;
    call->next = NULL;
}

static void grant_waiting(struct http_server *server)
{
    while (server->waiting.first && grant(server->waiting.first)) {
        struct http_call *call = server->waiting.first;

        server->waiting.first = call->next;
        if (!call->next)
            server->waiting.last = NULL;
        call->next = NULL;
        MHD_resume_connection(call->connection);
        http_server_wake(server);
    }
}

void http_budget_leave(struct http_call *call)
{
    struct http_server *server = call->server;

    if (call->state == CALL_WAITING)
        leave_queue(call);
    assert(server->granted_bytes >= call->granted_bytes);
    server->granted_bytes -= call->granted_bytes;
    call->granted_bytes = 0;
    free(call->body);
    call->body = NULL;
    if (!server->closing)
        grant_waiting(server);
}
