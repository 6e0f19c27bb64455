/* arm_client_work.c - see arm_client_work.h: one request, sent until there is an answer to go by. */
#include "tools/snapferry/arm_client_work.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snapferry/arm_answer.h"

#define BODY_START_BYTES 16384u

static void send_now(struct arm_work *work);

static void wipe(char **text, size_t room)
{
    if (*text)
        explicit_bzero(*text, room);
    free(*text);
    *text = NULL;
}

/* ---- The end ---- */

/* The service may say our own token again, in what it refuses. */
static void hide_token(const struct arm_client *client, struct err *e)
{
    const char *token = client->authorization + strlen("Bearer ");
    char *at;

    while ((at = strstr(e->text, token)))
        memset(at, '*', strlen(token));
}

static void finish(struct arm_work *work)
{
    struct arm_client *client = work->client;
    struct arm_call *call = work->call;
    struct arm_work **at = &client->works;

    while (*at != work)
        at = &(*at)->next;
    *at = work->next;
    secret_url_fini(&work->url);
    wipe(&work->body, work->body_room);
    secret_wipe_free(work->state_url);
    secret_wipe_free(work->result_url);
    free(work);
    hide_token(client, &call->err);
    call->work = NULL;
    call->done(call);
}

void arm_work_end(struct arm_work *work, json_t *answer)
{
    work->call->answer = json_incref(answer);
    finish(work);
}

void arm_work_fail(struct arm_work *work)
{
    assert(err_is_set(&work->call->err));
    finish(work);
}

/* ---- Pauses ---- */

static void timer_came(struct timer *timer)
{
    struct arm_work *work = (struct arm_work *)((char *)timer - offsetof(struct arm_work, timer));

    work->waiting = false;
    send_now(work);
}

static void pause_for(struct arm_work *work, uint64_t pause_ms)
{
    struct reactor *r = work->client->reactor;

    if (pause_ms > ARM_PAUSE_MAX_MS)
        pause_ms = ARM_PAUSE_MAX_MS;
    work->waiting = true;
    reactor_arm(r, &work->timer, reactor_now_ns(r) + pause_ms * NS_PER_MS, timer_came);
}

static void task_came(struct reactor_task *task)
{
    struct arm_work *work = (struct arm_work *)((char *)task - offsetof(struct arm_work, task));

    arm_work_fail(work);
}

static void fail_later(struct arm_work *work)
{
    reactor_post(work->client->reactor, &work->task, task_came);
}

void arm_work_cancel(struct arm_work *work)
{
    work->canceled = true;
    if (!work->waiting)
        return;
    work->waiting = false;
    reactor_disarm(work->client->reactor, &work->timer);
    err_set(&work->call->err, ERR_CANCELED, RETRY_LATER, "stopped on request");
    fail_later(work);
}

void arm_work_ask_later(struct arm_work *work)
{
    uint32_t wish_ms = work->req.answer.retry_after_ms;

    pause_for(work, wish_ms ? wish_ms : ARM_POLL_MS);
}

/* ---- Answers ---- */

static bool take_body(struct http_req *req, const void *bytes, size_t count, struct err *e)
{
    struct arm_work *work = (struct arm_work *)((char *)req - offsetof(struct arm_work, req));

    if (count > ARM_BODY_MAX_BYTES - work->body_bytes)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "the service answers more than %u bytes",
                       ARM_BODY_MAX_BYTES);
    if (count > work->body_room - work->body_bytes) { /* not realloc: that wipes nothing */
        size_t room = work->body_room ? work->body_room : BODY_START_BYTES;
        char *more;

        while (count > room - work->body_bytes)
            room *= 2;
        more = malloc(room);
        if (!more)
            return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for an answer");
        if (work->body)
            memcpy(more, work->body, work->body_bytes);
        wipe(&work->body, work->body_room);
        work->body = more;
        work->body_room = room;
    }
    memcpy(work->body + work->body_bytes, bytes, count);
    work->body_bytes += count;
    return true;
}

/* Absolute, or a path of the endpoint's host. The latest that is told counts. */
static void take_url(struct arm_work *work, char **at, const char *value)
{
    const char *endpoint = work->client->endpoint;
    char *text = NULL;

    if (strlen(value) > SECRET_URL_MAX_BYTES)
        return;
    if (value[0] != '/')
        text = strdup(value);
    else if (asprintf(&text, "%.*s%s",
                      (int)(strcspn(strstr(endpoint, "://") + 3, "/") + 3 +
                            (size_t)(strstr(endpoint, "://") - endpoint)),
                      endpoint, value) < 0)
        text = NULL;
    if (!text)
        return;
    secret_wipe_free(*at);
    *at = text;
}

static void take_header(struct http_req *req, const char *name, const char *value)
{
    struct arm_work *work = (struct arm_work *)((char *)req - offsetof(struct arm_work, req));

    if (strcmp(name, "azure-asyncoperation") == 0)
        take_url(work, &work->state_url, value);
    else if (strcmp(name, "location") == 0)
        take_url(work, &work->result_url, value);
}

static bool try_again(struct arm_work *work, const struct err *error)
{
    const struct http_answer *answer = &work->req.answer;
    uint64_t pause_ms = (uint64_t)ARM_PAUSE_FIRST_MS << work->tries;
    bool passes =
        err_is_set(error) ? error->retry == RETRY_LATER : arm_answer_passes(answer->status);

    if (!passes ||
        ++work->tries >= (work->phase == ARM_ASKING ? ARM_TRIES_MAX : ARM_POLL_TRIES_MAX))
        return false;
    pause_for(work, answer->retry_after_ms ? answer->retry_after_ms : pause_ms);
    return true;
}

/* What a refusal says, and what another answer does. */
static json_t *read_answer(const struct arm_work *work)
{
    const struct http_answer *answer = &work->req.answer;

    if (answer->status >= 300)
        return answer->error_body
                   ? json_loadb(answer->error_body, answer->error_body_bytes, 0, NULL)
                   : NULL;
    return work->body_bytes ? json_loadb(work->body, work->body_bytes, 0, NULL) : NULL;
}

static void request_done(struct http_req *req)
{
    struct arm_work *work = (struct arm_work *)((char *)req - offsetof(struct arm_work, req));
    struct err *e = &work->call->err;
    json_t *answer;

    if (work->canceled) {
        err_set(e, ERR_CANCELED, RETRY_LATER, "stopped on request");
        arm_work_fail(work);
        return;
    }
    if (try_again(work, &req->err))
        return;
    if (err_is_set(&req->err)) {
        *e = req->err;
        arm_work_fail(work);
        return;
    }
    answer = read_answer(work);
    if (req->answer.status >= 300) {
        arm_answer_refusal(req->answer.status, answer, req->answer.request_id, e);
        arm_work_fail(work);
    } else if (work->body_bytes && !answer) {
        err_set(e, ERR_CORRUPT, RETRY_NEVER, "%s answers something else than JSON", work->url.host);
        arm_work_fail(work);
    } else {
        work->tries = 0;
        arm_work_follow(work, req->answer.status, answer);
    }
    json_decref(answer);
}

/* ---- Requests ---- */

static void send_now(struct arm_work *work)
{
    struct http_req *req = &work->req;

    work->body_bytes = 0;
    memset(&req->answer, 0, sizeof req->answer);
    err_clear(&req->err);
    req->url = &work->url;
    req->headers = work->headers;
    req->push = take_body;
    req->header = take_header;
    req->done = request_done;
    http_send(work->client->http, req);
}

static bool address(struct arm_work *work, const char *url, struct err *e)
{
    struct secret_url parsed = {0};

    if (!secret_url_parse(url, &parsed, e))
        return false;
    secret_url_fini(&work->url);
    work->url = parsed;
    work->req.header_count = 0;
    work->headers[work->req.header_count++] = (struct http_header){"Accept", "application/json"};
    if (arm_answer_same_host(url, work->client->endpoint))
        work->headers[work->req.header_count++] =
            (struct http_header){"Authorization", work->client->authorization};
    return true;
}

void arm_work_ask(struct arm_work *work, const char *url)
{
    struct err *e = &work->call->err;
    uint64_t now_ns = reactor_now_ns(work->client->reactor);
    uint64_t limit_ns = work->call->limit_ns ? work->call->limit_ns : ARM_OPERATION_MAX_NS;

    if (now_ns - work->begun_ns > limit_ns)
        err_set(e, ERR_LIMIT, RETRY_LATER, "the operation takes more than %llu hours",
                (unsigned long long)(limit_ns / ARM_OPERATION_MAX_NS));
    else if (address(work, url, e)) {
        work->req.method = HTTP_GET;
        work->req.body = NULL;
        work->req.body_bytes = 0;
        arm_work_ask_later(work);
        return;
    }
    arm_work_fail(work);
}

static bool begin_request(struct arm_work *work, struct err *e)
{
    const struct arm_call *call = work->call;
    const char *endpoint = work->client->endpoint;
    char *url = NULL;
    bool ok = false;

    if (call->target[0] != '/') {
        if (!arm_answer_same_host(call->target, endpoint))
            return err_set(e, ERR_CORRUPT, RETRY_NEVER,
                           "the service names a next page on another host: it is not asked");
        ok = address(work, call->target, e);
    } else if (asprintf(&url, "%s%s", endpoint, call->target) < 0) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
    } else {
        ok = address(work, url, e);
        free(url);
    }
    work->req.method = call->method;
    work->req.body = call->body;
    work->req.body_bytes = call->body ? strlen(call->body) : 0;
    if (call->body)
        work->headers[work->req.header_count++] =
            (struct http_header){"Content-Type", "application/json"};
    return ok;
}

static void refused_came(struct reactor_task *task)
{
    struct arm_call *call = (struct arm_call *)((char *)task - offsetof(struct arm_call, task));

    call->done(call);
}

void arm_work_begin(struct arm_client *client, struct arm_call *call)
{
    struct arm_work *work = calloc(1, sizeof *work);

    if (!work) {
        err_set(&call->err, ERR_LIMIT, RETRY_LATER, "no memory for a request");
        reactor_post(client->reactor, &call->task, refused_came);
        return;
    }
    work->client = client;
    work->call = call;
    work->begun_ns = reactor_now_ns(client->reactor);
    work->next = client->works;
    client->works = work;
    call->work = work;
    if (begin_request(work, &call->err))
        send_now(work);
    else
        fail_later(work);
}
