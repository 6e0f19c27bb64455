/* call_late.c - the request's strings are copied, because libmicrohttpd's die with the request. */
#include "tools/regiond/call_late.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/regiond/dispatch.h"

struct call_late {
    struct call_ticket ticket; /* first: a ticket is its call */
    struct exchange x;
    struct text_out headers; /* what x.request.headers point into */
    struct call_timer *timer;
};

static void call_late_free(struct call_late *late)
{
    struct answer *a = &late->x.answer;

    if (a->context_free)
        a->context_free(a->context);
    if (a->fd >= 0)
        close(a->fd);
    free(a->text);
    buffer_release(late->x.parts->buffers, a->buffer);
    text_out_fini(&a->headers);
    body_fini(&late->x.body);
    request_fini(&late->x.request);
    text_out_fini(&late->headers);
    free(late);
}

/* All names and values into one block first, then the pointers: the block moves while it grows. */
static bool copy_headers(struct call_late *late, const struct request *from)
{
    struct request *r = &late->x.request;
    const char *at;

    for (size_t i = 0; i < from->header_count; i++) {
        text_out_bytes(&late->headers, from->headers[i].name, strlen(from->headers[i].name) + 1);
        text_out_bytes(&late->headers, from->headers[i].value, strlen(from->headers[i].value) + 1);
    }
    if (late->headers.failed)
        return false;
    at = late->headers.bytes;
    for (size_t i = 0; i < from->header_count; i++) {
        r->headers[i].name = at;
        at += strlen(at) + 1;
        r->headers[i].value = at;
        at += strlen(at) + 1;
    }
    return true;
}

static struct call_late *call_late_new(const struct exchange *x)
{
    struct call_late *late = calloc(1, sizeof *late);
    struct service_error none = {0};

    if (!late)
        return NULL;
    late->x.parts = x->parts;
    late->x.verb = x->verb;
    late->x.answer.fd = -1;
    late->x.request = x->request;
    late->x.request.method = late->x.verb->method;
    late->x.request.target = NULL;
    late->x.request.param_count = 0;
    if (request_set_target(&late->x.request, x->request.target, &none) &&
        copy_headers(late, &x->request))
        return late;
    call_late_free(late);
    return NULL;
}

static void late_work(struct call_ticket *ticket)
{
    struct call_late *late = (struct call_late *)ticket;

    late->x.verb->run(&late->x); /* whether it can still be done: nobody is there to be told */
    call_late_free(late);
}

static void late_due(struct call_ticket *ticket)
{
    struct call_late *late = (struct call_late *)ticket;

    late->ticket.due = late_work;
    call_timer_work(late->timer, &late->ticket);
}

bool call_late_run(struct exchange *x, struct call_timer *timer, uint64_t due_ns)
{
    struct call_late *late = call_late_new(x);

    if (!late)
        return false;
    late->x.body = x->body;
    x->body = (struct body_intake){.arrived_bytes = x->body.arrived_bytes};
    late->timer = timer;
    late->ticket.due = late_due;
    call_timer_at(timer, &late->ticket, due_ns);
    return true;
}
