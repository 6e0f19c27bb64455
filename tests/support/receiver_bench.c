/* receiver_bench.c - see receiver_bench.h. */
#include "tests/support/receiver_bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Targets ---- */

static void keep_open(struct endpoint *ep)
{
    (void)ep;
}

static struct endpoint *open_target(void *arg, const char *name, bool writable, struct err *e)
{
    struct receiver_bench *b = arg;

    (void)writable;
    for (unsigned i = 0; i < b->target_count; i++)
        if (strcmp(b->targets[i].name, name) == 0) {
            b->opened++;
            return b->targets[i].ep;
        }
    err_set(e, ERR_USAGE, RETRY_NEVER, "no such target in this test");
    return NULL;
}

static void on_say(void *arg, const char *name, const char *text)
{
    struct receiver_bench *b = arg;

    cr_assert(name && text[0]);
    b->said++;
}

void receiver_bench_add(struct receiver_bench *b, const char *name, struct endpoint *ep)
{
    struct bench_target *target = &b->targets[b->target_count++];

    cr_assert(b->target_count <= RECEIVER_BENCH_TARGETS);
    snprintf(target->name, sizeof target->name, "%s", name);
    target->ep = ep;
    target->was = ep->ops;
    target->lent = *ep->ops;
    target->lent.close = keep_open;
    ep->ops = &target->lent;
}

struct endpoint *receiver_bench_mem(struct receiver_bench *b, const char *name, uint64_t bytes)
{
    struct err e = {0};
    struct endpoint *ep = endpoint_mem_new(b->rig->r, bytes, &e);

    cr_assert(ep, "%s", e.text);
    receiver_bench_add(b, name, ep);
    return ep;
}

/* ---- Life ---- */

static void start(struct receiver_bench *b, uint16_t port)
{
    const struct http_server_options options = {.host = "127.0.0.1",
                                                .port = port,
                                                .memory_budget_bytes =
                                                    8ull * HTTP_SERVER_BODY_MAX_BYTES};
    struct http_server_handler handler;
    struct err e = {0};

    b->receiver = receiver_new(&b->setup, &e);
    cr_assert(b->receiver, "%s", e.text);
    receiver_handle(b->receiver, &handler);
    b->server = http_server_new(b->rig->r, &options, &handler, &e);
    cr_assert(b->server, "%s", e.text);
}

static void stop(struct receiver_bench *b)
{
    http_server_drain(b->server);
    receiver_stop(b->receiver);
    while (!receiver_idle(b->receiver))
        rig_turn(b->rig);
    http_server_free(b->server);
    receiver_free(b->receiver);
}

static void begin(struct receiver_bench *b, struct rig *rig)
{
    const struct http_options client = {0};
    struct err e = {0};

    b->rig = rig;
    b->http = http_new(b->rig->r, &client, &e);
    cr_assert(b->http, "%s", e.text);
    b->pool = bufpool_new(b->rig->r, 4 * BUF_BYTES, 4 * BUF_BYTES, &e);
    cr_assert(b->pool, "%s", e.text);
    b->workers = workers_new(b->rig->r, 2, &e);
    cr_assert(b->workers, "%s", e.text);
    test_temp_path(b->index_folder, "index");
    cr_assert_eq(mkdir(b->index_folder, 0700), 0);
    b->setup = (struct receiver_setup){.reactor = b->rig->r,
                                       .pool = b->pool,
                                       .workers = b->workers,
                                       .random_seed = 7,
                                       .index_folder = b->index_folder,
                                       .index_bytes = 1u << 20,
                                       .any_peer = true,
                                       .open = open_target,
                                       .say = on_say,
                                       .arg = b};
    start(b, 0);
}

void receiver_bench_begin(struct receiver_bench *b, enum reactor_backend backend)
{
    memset(b, 0, sizeof *b);
    rig_open(&b->own, backend);
    begin(b, &b->own);
}

void receiver_bench_begin_on(struct receiver_bench *b, struct rig *rig)
{
    memset(b, 0, sizeof *b);
    begin(b, rig);
}

void receiver_bench_restart(struct receiver_bench *b)
{
    uint16_t port = http_server_port(b->server);

    stop(b);
    start(b, port);
}

void receiver_bench_end(struct receiver_bench *b)
{
    stop(b);
    http_free(b->http);
    workers_free(b->workers);
    bufpool_free(b->pool);
    if (b->rig == &b->own)
        rig_until_idle(b->rig);
    for (unsigned i = 0; i < b->target_count; i++) {
        b->targets[i].ep->ops = b->targets[i].was;
        endpoint_close(b->targets[i].ep);
    }
    if (b->rig == &b->own)
        rig_close(b->rig);
}

/* ---- Requests ---- */

void receiver_bench_uuid(char out[MARKER_UUID_MAX_BYTES], unsigned a, unsigned b)
{
    snprintf(out, MARKER_UUID_MAX_BYTES, "%08x-0000-4000-8000-%012x", a, b);
}

struct bench_sender receiver_bench_sender(unsigned number)
{
    struct bench_sender sender = {0};

    receiver_bench_uuid(sender.uuid, number, 1);
    return sender;
}

static void on_done(struct http_req *req)
{
    struct bench_ask *ask = (struct bench_ask *)req;

    ask->done = true;
    if (!err_is_set(&req->err) && req->answer.status != 200)
        relay_error_parse(req->answer.status, req->answer.error_body, req->answer.error_body_bytes,
                          &ask->refusal);
}

static bool keep(struct http_req *req, const void *bytes, size_t count, struct err *e)
{
    struct bench_ask *ask = (struct bench_ask *)req;

    (void)e;
    ask->answer = realloc(ask->answer, ask->answer_bytes + count + 1);
    cr_assert(ask->answer);
    memcpy(ask->answer + ask->answer_bytes, bytes, count);
    ask->answer_bytes += count;
    ask->answer[ask->answer_bytes] = '\0';
    return true;
}

void receiver_bench_send(struct receiver_bench *b, const struct bench_sender *sender,
                         struct bench_ask *ask, enum relay_verb verb, const char *name,
                         const char *query, const void *body, size_t bytes)
{
    struct http_header headers[8];
    char url[1024], generation[24], size[24];
    size_t count = 0;
    struct err e = {0};
    bool get = verb == RELAY_STAT || verb == RELAY_LIST || verb == RELAY_READ;

    memset(ask, 0, sizeof *ask);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/%s/%s%s%s", http_server_port(b->server),
             relay_verb_name(verb), name, query ? "?" : "", query ? query : "");
    cr_assert(secret_url_parse(url, &ask->url, &e), "%s", e.text);
    snprintf(generation, sizeof generation, "%llu", (unsigned long long)sender->generation);
    snprintf(size, sizeof size, "%llu", (unsigned long long)sender->size_bytes);
    headers[count++] = (struct http_header){RELAY_HEADER_VERSION, RELAY_VERSION};
    headers[count++] = (struct http_header){RELAY_HEADER_SENDER, sender->uuid};
    headers[count++] = (struct http_header){RELAY_HEADER_GENERATION, generation};
    if (sender->lease[0])
        headers[count++] = (struct http_header){RELAY_HEADER_LEASE, sender->lease};
    if (sender->copy[0])
        headers[count++] = (struct http_header){RELAY_HEADER_COPY, sender->copy};
    if (sender->size_bytes)
        headers[count++] = (struct http_header){RELAY_HEADER_SIZE, size};
    ask->req = (struct http_req){.method = get ? HTTP_GET : HTTP_POST,
                                 .url = &ask->url,
                                 .headers = headers,
                                 .header_count = count,
                                 .body = body,
                                 .body_bytes = bytes,
                                 .push = keep,
                                 .done = on_done};
    http_send(b->http, &ask->req);
}

int receiver_bench_wait(struct receiver_bench *b, struct bench_ask *ask)
{
    rig_until(b->rig, &ask->done);
    return err_is_set(&ask->req.err) ? 0 : ask->req.answer.status;
}

int receiver_bench_ask(struct receiver_bench *b, const struct bench_sender *sender,
                       struct bench_ask *ask, enum relay_verb verb, const char *name,
                       const char *query, const void *body, size_t bytes)
{
    receiver_bench_send(b, sender, ask, verb, name, query, body, bytes);
    return receiver_bench_wait(b, ask);
}

void receiver_bench_fini(struct bench_ask *ask)
{
    secret_url_fini(&ask->url);
    free(ask->answer);
    ask->answer = NULL;
}

int receiver_bench_setup(struct receiver_bench *b, const struct bench_sender *sender,
                         const char *name, const struct setup_req *req, struct err *out_refusal)
{
    char *json = relay_setup_json(req);
    struct bench_ask ask;
    int status = receiver_bench_ask(b, sender, &ask, RELAY_SETUP, name, NULL, json, strlen(json));

    if (out_refusal)
        *out_refusal = ask.refusal;
    receiver_bench_fini(&ask);
    free(json);
    return status;
}

struct marker receiver_bench_marker(const struct bench_sender *sender, enum marker_state state)
{
    struct marker marker = {.state = state, .size_bytes = sender->size_bytes};

    snprintf(marker.copy_uuid, sizeof marker.copy_uuid, "%s", sender->copy);
    snprintf(marker.source, sizeof marker.source, "source");
    return marker;
}

void receiver_bench_open(struct receiver_bench *b, struct bench_sender *sender, const char *name,
                         unsigned number)
{
    struct setup_req lease = {.verb = SETUP_LEASE, .lease_id = sender->lease};
    struct setup_req mark = {.verb = SETUP_MARK};
    struct marker marker;

    for (unsigned i = 0; i < b->target_count; i++)
        if (strcmp(b->targets[i].name, name) == 0)
            sender->size_bytes = b->targets[i].ep->size_bytes;
    receiver_bench_uuid(sender->lease, number, 2);
    receiver_bench_uuid(sender->copy, number, 3);
    marker = receiver_bench_marker(sender, MARKER_COPYING);
    mark.marker = &marker;
    cr_assert_eq(receiver_bench_setup(b, sender, name, &lease, NULL), 200);
    cr_assert_eq(receiver_bench_setup(b, sender, name, &mark, NULL), 200);
}

/* ---- Batches ---- */

void bench_batch_begin(struct bench_batch *batch)
{
    struct err e = {0};

    *batch = (struct bench_batch){.bytes = malloc(RECEIVER_BENCH_BODY)};
    batch->packer = stream_packer_new(&e);
    cr_assert(batch->bytes && batch->packer);
}

void bench_batch_end(struct bench_batch *batch)
{
    stream_packer_free(batch->packer);
    free(batch->bytes);
}

void bench_batch_data(struct bench_batch *batch, uint64_t offset, const void *bytes, uint32_t count)
{
    const struct stream_part part = {.offset = offset, .length = count, .bytes = bytes};
    unsigned char *record = malloc(STREAM_FRAME_BYTES + STREAM_PAYLOAD_MAX_BYTES);
    struct stream_packed packed;
    struct err e = {0};

    cr_assert(stream_pack(batch->packer, batch->number++, &part, 1, 1, record, &packed, &e));
    cr_assert_leq(packed.record_bytes, RECEIVER_BENCH_BODY - batch->used);
    memcpy(batch->bytes + batch->used, record, packed.record_bytes);
    batch->used += packed.record_bytes;
    free(record);
}

void bench_batch_zero(struct bench_batch *batch, uint64_t offset, uint64_t length)
{
    const struct stream_piece piece = {offset, length};
    uint32_t bytes = stream_zero_encode(batch->number++, &piece, 1, batch->bytes + batch->used,
                                        (uint32_t)(RECEIVER_BENCH_BODY - batch->used));

    cr_assert(bytes > 0);
    batch->used += bytes;
}

void bench_batch_copy(struct bench_batch *batch, const struct stream_copy_piece *pieces,
                      uint32_t count)
{
    uint32_t bytes = stream_copy_encode(batch->number++, pieces, count, batch->bytes + batch->used,
                                        (uint32_t)(RECEIVER_BENCH_BODY - batch->used));

    cr_assert(bytes > 0);
    batch->used += bytes;
}

int bench_batch_write(struct receiver_bench *b, const struct bench_sender *sender, const char *name,
                      struct bench_batch *batch, uint32_t *out_missing, struct err *out_refusal)
{
    struct relay_missing missing[256];
    struct bench_ask ask;
    struct err e = {0};
    uint32_t count = 0;
    int status =
        receiver_bench_ask(b, sender, &ask, RELAY_WRITE, name, NULL, batch->bytes, batch->used);

    if (status == 200)
        cr_assert(relay_missing_parse((const char *)ask.answer, ask.answer_bytes, missing, 256,
                                      &count, &e),
                  "%s", e.text);
    if (out_missing)
        *out_missing = count;
    if (out_refusal)
        *out_refusal = ask.refusal;
    receiver_bench_fini(&ask);
    batch->used = 0;
    batch->number = 0;
    return status;
}
