/* bench.c - see bench.h. One step after the other; each ends in a completion that begins the next. */
#include "engine/bench.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/stream_pack.h"
#include "engine/bench_point.h"
#include "engine/bench_scratch.h"
#include "io/compress_level.h"
#include "io/pageblob_list.h"

#define CONTROL_CONNECTIONS 2u

struct bench {
    struct bench_setup setup;
    struct http *http; /* for all but the data */
    struct pageblob *source;
    struct pageblob_op op;
    struct pageblob_list list;
    struct extent_set data;
    uint64_t source_bytes;
    struct bench_place place; /* of both: */
    struct bench_scratch scratch, old;
    uint32_t left_at;
    bool made, stopping, cleaning, ended;
    struct bench_plan plan;
    struct bench_point *point;
    struct bench_walk walk;
    enum bench_leg walked; /* by whom; BENCH_LEGS_COUNT: nobody yet */
    uint64_t write_at;
    struct bench_result *results[BENCH_PLAN_STEPS_MAX]; /* owned */
    uint32_t results_count;
    struct reactor_task task;
    struct err error;
};

/* ---- Life ---- */

static bool open_source(struct bench *b, struct err *e)
{
    char *text = secret_url_full(b->setup.source, NULL);
    struct secret_url url = {0};
    bool ok;

    if (!text)
        return err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a URL");
    ok = secret_url_parse(text, &url, e);
    secret_wipe_free(text);
    if (ok)
        b->source = pageblob_new(b->http, &url, url.managed_disk, e);
    return b->source != NULL;
}

static void on_made(struct bench_scratch *scratch);

struct bench *bench_new(const struct bench_setup *setup, struct err *e)
{
    struct bench *b = calloc(1, sizeof *b);
    struct http_options how = *setup->http;

    assert(setup->watch.done && setup->left_count <= BENCH_LEFT_MAX);
    if (!b) {
        err_set(e, ERR_LIMIT, RETRY_NEVER, "no memory for a measurement");
        return NULL;
    }
    b->setup = *setup;
    b->walked = BENCH_LEGS_COUNT;
    how.connections_max = CONTROL_CONNECTIONS;
    how.threads = 1;
    how.observer = NULL;
    b->scratch =
        (struct bench_scratch){.id = setup->id, .bytes = BENCH_SCRATCH_BYTES, .done = on_made};
    b->http = http_new(setup->reactor, &how, e);
    b->place = (struct bench_place){
        .http = b->http, .url = setup->target, .options = setup->http, .relay = setup->relay};
    if (!b->http || !open_source(b, e) || !bench_scratch_open(&b->scratch, &b->place, e)) {
        bench_free(b);
        return NULL;
    }
    return b;
}

void bench_free(struct bench *bench)
{
    if (!bench)
        return;
    bench_point_free(bench->point);
    bench_scratch_close(&bench->scratch);
    bench_scratch_close(&bench->old);
    pageblob_free(bench->source);
    http_free(bench->http);
    extent_set_fini(&bench->data);
    for (uint32_t i = 0; i < bench->results_count; i++)
        free(bench->results[i]);
    free(bench);
}

/* ---- The end ---- */

static void end(struct bench *b)
{
    if (b->stopping && !err_is_set(&b->error))
        err_set(&b->error, ERR_CANCELED, RETRY_LATER, "stopped on request");
    b->ended = true;
    b->setup.watch.done(b->setup.watch.arg);
}

static void on_removed(struct bench_scratch *scratch)
{
    struct bench *b = (struct bench *)((char *)scratch - offsetof(struct bench, scratch));

    b->made = err_is_set(&scratch->err);
    if (b->made) {
        if (!err_is_set(&b->error))
            b->error = scratch->err;
        err_prefix(&b->error, "what was made, %s%s, could not be removed: ", BENCH_SCRATCH_PREFIX,
                   scratch->id);
    }
    end(b);
}

/* From here on the only thing left to do is to clean up. */
static void finish(struct bench *b)
{
    b->cleaning = true;
    if (!b->made) {
        end(b);
        return;
    }
    b->scratch.done = on_removed;
    bench_scratch_remove(&b->scratch);
}

static void fail(struct bench *b, const struct err *why)
{
    if (!b->stopping)
        b->error = *why;
    finish(b);
}

/* ---- Measuring ---- */

static void next_point(struct bench *b);

static void keep_result(struct bench *b, const struct bench_result *found)
{
    struct bench_result *kept = malloc(sizeof *kept);

    assert(b->results_count < BENCH_PLAN_STEPS_MAX);
    if (!kept) {
        err_set(&b->error, ERR_LIMIT, RETRY_NEVER, "no memory for a result");
        return;
    }
    *kept = *found;
    b->results[b->results_count++] = kept;
    if (b->setup.watch.measured)
        b->setup.watch.measured(b->setup.watch.arg, kept);
}

static void on_measured(void *arg)
{
    struct bench *b = arg;
    struct bench_point *point = b->point;

    b->error = *bench_point_error(point);
    if (!b->stopping && !err_is_set(&b->error)) {
        bench_plan_note(&b->plan, bench_point_result(point));
        keep_result(b, bench_point_result(point));
    }
    b->write_at = bench_point_written_to(point);
    bench_point_free(point);
    b->point = NULL;
    if (b->stopping || err_is_set(&b->error))
        finish(b);
    else
        next_point(b);
}

/* A relay's leg begins the same scattered way as the others of its kind: content matters there. */
static void begin_walk(struct bench *b, enum bench_leg leg)
{
    bool relays = bench_leg_relays(leg);

    if (b->walked == BENCH_LEGS_COUNT || (relays && leg != b->walked))
        bench_walk_init(&b->walk, &b->data, b->source_bytes, relays);
    b->walked = leg;
}

static int level_of(const struct bench *b, enum bench_leg leg)
{
    return leg == BENCH_LEG_RELAY_OFF    ? STREAM_LEVEL_RAW
           : leg == BENCH_LEG_RELAY_AUTO ? COMPRESS_AUTO
           : b->setup.relay              ? b->setup.relay->level
                                         : 0;
}

static void next_point(struct bench *b)
{
    struct bench_point_setup setup = {
        .reactor = b->setup.reactor,
        .http = b->setup.http,
        .source = b->setup.source,
        .walk = &b->walk,
        .target = bench_scratch_of(&b->scratch),
        .relay = bench_scratch_relay(&b->scratch),
        .target_bytes = BENCH_SCRATCH_BYTES,
        .write_from = b->write_at,
        .random_seed = b->setup.random_seed + b->results_count,
        .done = on_measured,
        .arg = b,
    };
    struct bench_step step;
    struct err e = {0};

    if (!bench_plan_next(&b->plan, &step)) {
        finish(b);
        return;
    }
    begin_walk(b, step.leg);
    setup.leg = step.leg;
    setup.level = level_of(b, step.leg);
    setup.request_bytes = step.request_bytes;
    setup.connections = step.connections;
    setup.budget_bytes = step.budget_bytes;
    setup.duration_ns = step.duration_ns;
    b->point = bench_point_new(&setup, &e);
    if (b->point)
        bench_point_start(b->point);
    else
        fail(b, &e);
}

static void on_made(struct bench_scratch *scratch)
{
    struct bench *b = (struct bench *)((char *)scratch - offsetof(struct bench, scratch));

    if (err_is_set(&scratch->err)) {
        b->made = scratch->may_be_there;
        fail(b, &scratch->err);
    } else if (b->stopping) {
        finish(b);
    } else {
        next_point(b);
    }
}

/* ---- Looking at the source ---- */

/* Sizes that no request can have there are left out. */
static bool cut_sizes(struct bench *b, struct err *e)
{
    struct bench_plan_limits limits = b->setup.limits;

    limits.sizes_count = 0;
    for (uint32_t i = 0; i < b->setup.limits.sizes_count; i++)
        if (b->setup.limits.sizes_bytes[i] <= b->source_bytes)
            limits.sizes_bytes[limits.sizes_count++] = b->setup.limits.sizes_bytes[i];
    if (limits.sizes_count == 0)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "%.160s is smaller than the smallest request",
                       b->setup.source->address);
    bench_plan_init(&b->plan, &limits);
    return true;
}

static void on_listed(struct pageblob_list *list)
{
    struct bench *b = (struct bench *)((char *)list - offsetof(struct bench, list));
    struct err e = list->err;

    if (!err_is_set(&e) && b->data.count == 0)
        err_set(&e, ERR_USAGE, RETRY_NEVER,
                "%.160s holds no data that could be read: give one that does",
                b->setup.source->address);
    if (b->stopping || err_is_set(&e) || !cut_sizes(b, &e)) {
        fail(b, &e);
        return;
    }
    if (b->setup.watch.looked)
        b->setup.watch.looked(b->setup.watch.arg, b->source_bytes, b->data.total_bytes);
    b->made = true; /* until the contrary is known */
    bench_scratch_make(&b->scratch);
}

static void on_source(struct pageblob_op *op)
{
    struct bench *b = (struct bench *)((char *)op - offsetof(struct bench, op));
    struct err e = op->err;

    b->source_bytes = op->head.blob_known ? op->head.blob_bytes : op->head.content_bytes;
    if (!err_is_set(&e) && op->head.blob_type[0] && strcmp(op->head.blob_type, "PageBlob") != 0)
        err_set(&e, ERR_USAGE, RETRY_NEVER, "%.160s is not a page blob", b->setup.source->address);
    if (!err_is_set(&e) && b->source_bytes % PAGEBLOB_PAGE_BYTES)
        err_set(&e, ERR_CORRUPT, RETRY_NEVER, "%.160s is not of whole pages",
                b->setup.source->address);
    if (b->stopping || err_is_set(&e)) {
        fail(b, &e);
        return;
    }
    b->list = (struct pageblob_list){.within = {0, b->source_bytes},
                                     .size_bytes = b->source_bytes,
                                     .out_data = &b->data,
                                     .done = on_listed};
    pageblob_list(b->source, &b->list);
}

/* ---- What was left ---- */

static void next_left(struct bench *b);

static void on_next_left(struct reactor_task *task)
{
    next_left((struct bench *)((char *)task - offsetof(struct bench, task)));
}

static void tell_left(struct bench *b, const struct err *why)
{
    if (b->setup.watch.left)
        b->setup.watch.left(b->setup.watch.arg, b->setup.left[b->left_at], why);
    b->left_at++;
    reactor_post(b->setup.reactor, &b->task, on_next_left); /* not inside its own completion */
}

static void on_left(struct bench_scratch *scratch)
{
    tell_left((struct bench *)((char *)scratch - offsetof(struct bench, old)), &scratch->err);
}

static void next_left(struct bench *b)
{
    struct err e = {0};

    bench_scratch_close(&b->old);
    if (b->left_at < b->setup.left_count && !b->stopping) {
        b->old = (struct bench_scratch){.id = b->setup.left[b->left_at],
                                        .bytes = BENCH_SCRATCH_BYTES,
                                        .done = on_left};
        if (bench_scratch_open(&b->old, &b->place, &e))
            bench_scratch_remove(&b->old);
        else
            tell_left(b, &e);
        return;
    }
    if (b->stopping) {
        finish(b);
        return;
    }
    b->op = (struct pageblob_op){.done = on_source};
    pageblob_properties(b->source, &b->op);
}

/* ---- Use ---- */

void bench_start(struct bench *bench)
{
    reactor_post(bench->setup.reactor, &bench->task, on_next_left);
}

void bench_stop(struct bench *bench)
{
    if (bench->stopping || bench->ended)
        return;
    bench->stopping = true;
    if (bench->point)
        bench_point_stop(bench->point);
    else if (!bench->cleaning) {
        http_cancel_all(bench->http);
        bench_scratch_cancel(&bench->scratch);
    }
}

/* ---- Look ---- */

const struct err *bench_error(const struct bench *bench)
{
    return &bench->error;
}

bool bench_cleaned(const struct bench *bench)
{
    return !bench->made;
}

uint32_t bench_results_count(const struct bench *bench)
{
    return bench->results_count;
}

const struct bench_result *bench_result_at(const struct bench *bench, uint32_t i)
{
    assert(i < bench->results_count);
    return bench->results[i];
}

const struct bench_result *bench_best_of(const struct bench *bench, enum bench_leg leg)
{
    const struct bench_best *best = &bench->plan.best[leg];

    for (uint32_t i = 0; best->known && i < bench->results_count; i++) {
        const struct bench_result *r = bench->results[i];

        if (r->leg == leg && r->request_bytes == best->request_bytes &&
            r->connections == best->connections)
            return r;
    }
    return NULL;
}

void bench_judge(const struct bench *bench, struct bench_verdict *out_verdict)
{
    unsigned threads = bench->setup.http->threads ? bench->setup.http->threads : 1;
    struct bench_leg_facts facts[BENCH_LEGS_COUNT] = {0};

    for (int leg = 0; leg < BENCH_LEGS_COUNT; leg++) {
        const struct bench_result *best = bench_best_of(bench, (enum bench_leg)leg);

        if (best)
            facts[leg] = (struct bench_leg_facts){
                .rate = bench_span_of(&best->estimate),
                .cpu_permille = best->cpu_permille,
                .machine_permille = best->machine_permille,
                .wire = bench_span_of(&best->relayed.wire),
                .source_bytes = best->relayed.source_bytes,
                .wire_bytes = best->written_bytes,
                .level = best->relayed.level,
            };
    }
    for (uint32_t i = 0; i < bench->results_count; i++) {
        const struct bench_result *r = bench->results[i];

        facts[r->leg].requests_count += r->requests_count;
        facts[r->leg].throttles_count += r->throttles_count;
    }
    if (bench->setup.relay)
        bench_verdict_find_relay(facts, workers_threads(bench->setup.relay->workers), out_verdict);
    else
        bench_verdict_find(facts, threads, out_verdict);
}

uint32_t bench_skipped_count(const struct bench *bench)
{
    return bench->plan.skipped_count;
}
