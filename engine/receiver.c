/* receiver.c - see receiver.h: requests come in, are held against the protocol, and are answered. */
#include "engine/receiver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/receiver_batch.h"
#include "engine/receiver_call.h"
#include "io/crc64.h"

#define SWEEP_NS (60ull * NS_PER_S)

static void (*const ready_verbs[RELAY_VERBS])(struct receiver_call *) = {
    [RELAY_STAT] = receiver_ready_stat,   [RELAY_SETUP] = receiver_ready_setup,
    [RELAY_LIST] = receiver_ready_list,   [RELAY_READ] = receiver_ready_read,
    [RELAY_HAVE] = receiver_ready_have,   [RELAY_WRITE] = receiver_ready_write,
    [RELAY_FLUSH] = receiver_ready_flush,
};

/* ---- Answers ---- */

static void answer(struct receiver_call *call, int status, struct http_reply *reply,
                   const struct http_header *more)
{
    struct http_header headers[3] = {{"x-ms-request-id", call->request_id}};
    struct receiver *receiver = call->receiver;

    reply->status = status;
    reply->headers = headers;
    reply->header_count = 1;
    if (more && more->name)
        headers[reply->header_count++] = *more;
    if (call->under_way) {
        call->under_way = false;
        receiver->under_way--;
    }
    receiver_desk_leave(call);
    http_call_answer(call->http, reply); /* gone may run before this returns */
}

void receiver_answer_json(struct receiver_call *call, char *take_json)
{
    struct http_reply reply = {.body = take_json, .body_bytes = strlen(take_json)};

    answer(call, 200, &reply, NULL);
    free(take_json);
}

void receiver_answer_bytes(struct receiver_call *call, const void *bytes, size_t count)
{
    struct http_reply reply = {.content_type = "application/octet-stream",
                               .body = bytes,
                               .body_bytes = count};

    answer(call, 200, &reply, NULL);
}

struct lent_buf {
    struct receiver_desk *desk;
    struct buf *buf;
};

static void buf_was_sent(void *arg)
{
    struct lent_buf *lent = arg;

    receiver_buffer_give(lent->desk, lent->buf);
    free(lent);
}

void receiver_answer_buf(struct receiver_call *call, size_t count, uint64_t crc64)
{
    struct lent_buf *lent = malloc(sizeof *lent);
    char text[CRC64_HEADER_MAX_BYTES];
    struct http_header header = {"x-ms-content-crc64", text};
    struct http_reply reply = {.content_type = "application/octet-stream",
                               .body = call->buf->memory,
                               .body_bytes = count,
                               .free_body = buf_was_sent,
                               .free_arg = lent};

    assert(lent);
    *lent = (struct lent_buf){call->desk, call->buf};
    crc64_to_header(crc64, text);
    answer(call, 200, &reply, &header);
}

void receiver_refuse(struct receiver_call *call, const struct err *error)
{
    struct err told = *error;
    struct http_header after = {NULL, NULL};
    struct http_reply reply = {0};
    char seconds[16];
    int status;
    char *json;

    if (call->batch) { /* ends first, and comes back here without it */
        receiver_batch_interrupt(call->batch, error);
        receiver_batch_end(call->batch);
        return;
    }
    if (call->desk && (told.kind == ERR_GONE || told.retry == RETRY_AFTER_RENEWAL))
        call->desk->stale = true;
    if (told.retry == RETRY_AFTER_RENEWAL) {
        /* Of our access to the target, which no sender can renew; opened again it may have a new one. */
        told.retry = RETRY_LATER;
        err_prefix(&told, "the receiver's own access: ");
    }
    if (!told.request_id[0])
        snprintf(told.request_id, sizeof told.request_id, "%s", call->request_id);
    status = call->refusal_status ? call->refusal_status : relay_error_status(&told);
    if (status == 503) {
        if (!told.retry_after_ms)
            told.retry_after_ms = RECEIVER_RETRY_AFTER_MS;
        snprintf(seconds, sizeof seconds, "%u", (told.retry_after_ms + 999) / 1000);
        after = (struct http_header){"retry-after", seconds};
    }
    json = relay_error_json(&told);
    reply.body = json;
    reply.body_bytes = strlen(json);
    call->receiver->counts.refused++;
    answer(call, status, &reply, &after);
    free(json);
}

void receiver_say(struct receiver *receiver, const char *name, const char *text)
{
    if (receiver->setup.say)
        receiver->setup.say(receiver->setup.arg, name, text);
}

/* ---- Headers ---- */

static bool take_uuid(const struct receiver_call *call, const char *header, char *out,
                      struct err *e)
{
    const char *value = http_call_header(call->http, header);

    out[0] = '\0';
    if (!value || !value[0])
        return true;
    if (!relay_uuid_ok(value))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s is no UUID", header);
    snprintf(out, MARKER_UUID_MAX_BYTES, "%s", value);
    return true;
}

static bool take_number(const struct receiver_call *call, const char *header, uint64_t *out,
                        struct err *e)
{
    const char *value = http_call_header(call->http, header);

    *out = 0;
    if (value && !relay_number_parse(value, INT64_MAX, out))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s is no number", header);
    return true;
}

/* Is it a request of this protocol, for a name that is the client's? */
static bool call_is_ours(struct receiver_call *call, struct err *e)
{
    const char *version = http_call_header(call->http, RELAY_HEADER_VERSION);
    const struct http_peer *peer = http_call_peer(call->http);
    const char *name = NULL;
    enum http_method method = http_call_method(call->http);

    if (!version || strcmp(version, RELAY_VERSION) != 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "this receiver speaks version " RELAY_VERSION " of the relay protocol");
    if (!relay_path_parse(http_call_path(call->http), &call->verb, &name)) {
        call->refusal_status = 404;
        return err_set(e, ERR_USAGE, RETRY_NEVER, "no such verb, or no name of a target");
    }
    snprintf(call->name, sizeof call->name, "%s", name);
    if (!call->receiver->setup.any_peer && !relay_name_belongs(name, peer->name))
        return err_set(e, ERR_AUTH, RETRY_NEVER,
                       "%.200s does not begin with the name that the certificate says", name);
    if (method != (call->verb == RELAY_STAT || call->verb == RELAY_LIST || call->verb == RELAY_READ
                       ? HTTP_GET
                       : HTTP_POST))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s is not asked for by this method",
                       relay_verb_name(call->verb));
    return true;
}

static bool call_take_headers(struct receiver_call *call, struct err *e)
{
    if (!call_is_ours(call, e) || !take_uuid(call, RELAY_HEADER_SENDER, call->sender, e) ||
        !take_uuid(call, RELAY_HEADER_LEASE, call->lease, e) ||
        !take_uuid(call, RELAY_HEADER_COPY, call->copy, e) ||
        !take_number(call, RELAY_HEADER_GENERATION, &call->generation, e) ||
        !take_number(call, RELAY_HEADER_SIZE, &call->size_bytes, e))
        return false;
    if ((call->verb == RELAY_SETUP || call->verb == RELAY_WRITE) && !call->sender[0])
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s is missing", RELAY_HEADER_SENDER);
    if (call->verb == RELAY_WRITE &&
        (call->size_bytes == 0 || call->size_bytes % ENDPOINT_PAGE_BYTES != 0 ||
         call->size_bytes > STREAM_DISK_MAX_BYTES))
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%s is missing, or no size of a target",
                       RELAY_HEADER_SIZE);
    return true;
}

static bool call_fits(const struct receiver_call *call, struct err *e)
{
    const struct receiver *receiver = call->receiver;

    if (receiver->stopping)
        return err_set(e, ERR_CANCELED, RETRY_LATER, "the receiver is ending");
    if (receiver->live > RECEIVER_CALLS_MAX ||
        (call->verb == RELAY_WRITE && receiver->batches >= RECEIVER_BATCHES_MAX))
        return err_set(e, ERR_THROTTLED, RETRY_LATER, "the receiver has too much to do at once");
    return true;
}

/* ---- A server's handler ---- */

static void on_begin(void *arg, struct http_call *http)
{
    struct receiver *receiver = arg;
    struct receiver_call *call = calloc(1, sizeof *call);
    uint64_t drawn[2] = {retry_random_next(&receiver->random),
                         retry_random_next(&receiver->random)};
    unsigned char random[16];
    struct err e = {0};

    assert(call);
    memcpy(random, drawn, sizeof random);
    marker_uuid_from(random, call->request_id);
    call->receiver = receiver;
    call->http = http;
    receiver->live++;
    receiver->counts.calls++;
    http_call_set_user(http, call);
    if (!call_take_headers(call, &e) || !call_fits(call, &e))
        receiver_refuse(call, &e);
}

static void on_ready(void *arg, struct http_call *http)
{
    struct receiver *receiver = arg;
    struct receiver_call *call = http_call_user(http);
    struct err e = {0};

    call->under_way = true;
    receiver->under_way++;
    if (!call_fits(call, &e)) /* what was free when it began may be taken now */
        receiver_refuse(call, &e);
    else
        ready_verbs[call->verb](call);
}

static void on_gone(void *arg, struct http_call *http)
{
    struct receiver *receiver = arg;
    struct receiver_call *call = http_call_user(http);

    assert(!call->under_way && receiver->live > 0);
    receiver->live--;
    if (call->client)
        receiver_client_give(receiver, call->client);
    free(call);
}

void receiver_handle(struct receiver *receiver, struct http_server_handler *out_handler)
{
    *out_handler = (struct http_server_handler){
        .begin = on_begin, .ready = on_ready, .gone = on_gone, .arg = receiver};
}

bool receiver_changes(const struct receiver_call *call)
{
    return call->verb == RELAY_SETUP || call->verb == RELAY_WRITE;
}

/* ---- Life ---- */

static void on_sweep(struct timer *timer)
{
    struct receiver *receiver =
        (struct receiver *)((char *)timer - offsetof(struct receiver, sweep));

    receiver_desks_sweep(receiver, RECEIVER_DESK_IDLE_NS);
    receiver_places_free(receiver, RECEIVER_DESK_IDLE_NS);
    reactor_arm(receiver->setup.reactor, timer, reactor_now_ns(receiver->setup.reactor) + SWEEP_NS,
                on_sweep);
}

struct receiver *receiver_new(const struct receiver_setup *setup, struct err *e)
{
    struct receiver *receiver = calloc(1, sizeof *receiver);

    assert(setup->reactor && setup->pool && setup->workers && setup->open);
    if (receiver) {
        receiver->setup = *setup;
        receiver->setup.index_folder = NULL;
        receiver->index_folder = setup->index_folder ? strdup(setup->index_folder) : NULL;
    }
    if (!receiver || (setup->index_folder && !receiver->index_folder)) {
        free(receiver);
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a receiver");
        return NULL;
    }
    if (!receiver->setup.patience_ns)
        receiver->setup.patience_ns = RECEIVER_PATIENCE_NS;
    receiver->random.state = setup->random_seed;
    reactor_arm(setup->reactor, &receiver->sweep, reactor_now_ns(setup->reactor) + SWEEP_NS,
                on_sweep);
    return receiver;
}

void receiver_stop(struct receiver *receiver)
{
    receiver->stopping = true;
    for (struct receiver_desk *desk = receiver->desks; desk; desk = desk->next) {
        for (struct receiver_batch *batch = desk->batches; batch; batch = batch->next)
            receiver_batch_cancel(batch);
        receiver_desk_post(desk);
    }
}

bool receiver_idle(const struct receiver *receiver)
{
    if (receiver->under_way > 0 || !receiver_places_idle(receiver))
        return false;
    for (const struct receiver_desk *desk = receiver->desks; desk; desk = desk->next)
        if (desk->task.posted || (desk->ep && desk->ep->inflight > 0))
            return false;
    return true;
}

const struct receiver_counts *receiver_count(const struct receiver *receiver)
{
    return &receiver->counts;
}

void receiver_free(struct receiver *receiver)
{
    if (!receiver)
        return;
    assert(receiver_idle(receiver) && receiver->live == 0);
    reactor_disarm(receiver->setup.reactor, &receiver->sweep);
    receiver_places_free(receiver, 0);
    receiver_desks_sweep(receiver, 0);
    assert(!receiver->desks && !receiver->readers);
    receiver_clients_free(receiver);
    free(receiver->index_folder);
    free(receiver);
}
