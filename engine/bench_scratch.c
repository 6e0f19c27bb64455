/* bench_scratch.c - see bench_scratch.h: names, tries, and a scratch in a container. */

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bench_scratch_internal.h"
#include "io/clock.h"

/* ---- Names ---- */

void bench_scratch_name(const char *id, char out_name[BENCH_SCRATCH_NAME_MAX_BYTES])
{
    snprintf(out_name, BENCH_SCRATCH_NAME_MAX_BYTES, BENCH_SCRATCH_PREFIX "%s", id);
}

bool bench_scratch_is_id(const char *text)
{
    return strlen(text) == BENCH_SCRATCH_ID_BYTES - 1 &&
           strspn(text, "0123456789abcdef") == BENCH_SCRATCH_ID_BYTES - 1;
}

bool bench_scratch_url(const struct secret_url *container, const char *id,
                       struct secret_url *out_url, struct err *e)
{
    char name[BENCH_SCRATCH_NAME_MAX_BYTES];

    bench_scratch_name(id, name);
    return secret_url_of_blob(container, name, out_url, e);
}

/* The value of a parameter of the query, not decoded; NULL: there is none. */
static const char *parameter(const char *query, const char *name, size_t *out_bytes)
{
    size_t length = strlen(name);

    for (const char *at = query; *at; at += strcspn(at, "&"), at += *at == '&')
        if (strncmp(at, name, length) == 0 && at[length] == '=') {
            *out_bytes = strcspn(at + length + 1, "&");
            return at + length + 1;
        }
    return NULL;
}

bool bench_scratch_check(const struct secret_url *container, struct err *e)
{
    size_t kind_bytes, bytes;
    const char *kind = parameter(container->query, "sr", &kind_bytes);
    const char *permissions = parameter(container->query, "sp", &bytes);

    if (kind && (kind_bytes != 1 || *kind != 'c'))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "%.200s: its SAS is for one blob (sr=%.*s), and bench makes one of its own: "
                       "give a container's (sr=c)",
                       container->address, kind_bytes > 4 ? 4 : (int)kind_bytes, kind);
    for (const char *needed = "rwd"; permissions && *needed; needed++)
        if (!memchr(permissions, *needed, bytes))
            return err_set(
                e, ERR_USAGE, RETRY_NEVER,
                "%.200s: its SAS does not permit '%c': bench makes, writes, looks at and "
                "deletes a blob of its own (sp=rwd)",
                container->address, *needed);
    return true;
}

/* ---- Life ---- */

bool bench_scratch_open(struct bench_scratch *scratch, const struct bench_place *place,
                        struct err *e)
{
    struct secret_url url = {0};

    assert(bench_scratch_is_id(scratch->id) && scratch->done);
    scratch->http = place->http;
    scratch->reactor = http_reactor(place->http);
    scratch->random.state = reactor_now_ns(scratch->reactor);
    if (place->relay)
        return bench_scratch_open_relay(scratch, place, e);
    if (!bench_scratch_url(place->url, scratch->id, &url, e))
        return false;
    scratch->blob = pageblob_new(place->http, &url, false, e);
    return scratch->blob != NULL;
}

void bench_scratch_close(struct bench_scratch *scratch)
{
    pageblob_free(scratch->blob);
    pageblob_metadata_fini(&scratch->metadata);
    scratch->blob = NULL;
    bench_relay_close(&scratch->relay);
}

/* ---- Tries ---- */

static struct bench_scratch *scratch_of(struct pageblob_op *op)
{
    return (struct bench_scratch *)((char *)op - offsetof(struct bench_scratch, op));
}

static void on_time(struct timer *timer)
{
    struct bench_scratch *scratch =
        (struct bench_scratch *)((char *)timer - offsetof(struct bench_scratch, timer));

    scratch->again(scratch);
}

static void begin(struct bench_scratch *scratch, void (*verb)(struct bench_scratch *scratch))
{
    scratch->err = (struct err){0};
    scratch->was_there = scratch->may_be_there = false;
    scratch->attempts = 0;
    scratch->again = verb;
    verb(scratch);
}

void bench_scratch_failed(struct bench_scratch *scratch, const struct err *why)
{
    struct retry_verdict verdict;

    scratch->attempts++;
    verdict = retry_judge(why, scratch->attempts, &scratch->random);
    if (verdict.action == RETRY_ACT_AGAIN && scratch->attempts < BENCH_SCRATCH_ATTEMPTS_MAX) {
        reactor_arm(scratch->reactor, &scratch->timer,
                    reactor_now_ns(scratch->reactor) + verdict.delay_ns, on_time);
        return;
    }
    scratch->err = *why;
    scratch->done(scratch);
}

static void failed(struct bench_scratch *scratch)
{
    bench_scratch_failed(scratch, &scratch->op.err);
}

/* ---- Make ---- */

static void send_create(struct bench_scratch *scratch);

/* A lost answer may have been a success: then it is there, and ours. */
static void on_look_again(struct pageblob_op *op)
{
    struct bench_scratch *scratch = scratch_of(op);
    const char *id = pageblob_metadata_get(&scratch->metadata, BENCH_SCRATCH_METADATA);

    if (err_is_set(&op->err)) {
        failed(scratch);
        return;
    }
    if (!id || strcmp(id, scratch->id) != 0)
        err_set(&scratch->err, ERR_CONFLICT, RETRY_NEVER,
                "another blob has the name that was drawn for a new one");
    scratch->done(scratch);
}

static void look(struct bench_scratch *scratch, void (*done)(struct pageblob_op *op))
{
    pageblob_metadata_fini(&scratch->metadata);
    scratch->op = (struct pageblob_op){.out_metadata = &scratch->metadata, .done = done};
    pageblob_properties(scratch->blob, &scratch->op);
}

static void on_created(struct pageblob_op *op)
{
    struct bench_scratch *scratch = scratch_of(op);

    /* Of a refusal it is known that nothing was made; of a lost answer it is not. */
    scratch->may_be_there |= op->err.http_status == 0 || op->err.http_status >= 500;
    if (!err_is_set(&op->err))
        scratch->done(scratch);
    else if (op->err.http_status == 409 && scratch->attempts > 0)
        look(scratch, on_look_again);
    else
        failed(scratch);
}

static void send_create(struct bench_scratch *scratch)
{
    struct err e = {0};

    pageblob_metadata_fini(&scratch->metadata);
    scratch->op = (struct pageblob_op){.length = scratch->bytes,
                                       .metadata = &scratch->metadata,
                                       .done = on_created};
    if (!pageblob_metadata_set(&scratch->metadata, BENCH_SCRATCH_METADATA, scratch->id, &e)) {
        scratch->op.err = e;
        failed(scratch);
        return;
    }
    pageblob_create(scratch->blob, &scratch->op);
}

void bench_scratch_make(struct bench_scratch *scratch)
{
    begin(scratch, scratch->blob ? send_create : bench_scratch_make_relay);
}

/* ---- Remove ---- */

static void on_deleted(struct pageblob_op *op)
{
    struct bench_scratch *scratch = scratch_of(op);

    if (err_is_set(&op->err) && op->err.http_status != 404) {
        failed(scratch);
        return;
    }
    scratch->was_there = true;
    scratch->done(scratch);
}

static void on_seen(struct pageblob_op *op)
{
    struct bench_scratch *scratch = scratch_of(op);
    const char *id = pageblob_metadata_get(&scratch->metadata, BENCH_SCRATCH_METADATA);

    if (op->err.http_status == 404) { /* never made, or gone already */
        scratch->done(scratch);
        return;
    }
    if (err_is_set(&op->err)) {
        failed(scratch);
        return;
    }
    if (!id || strcmp(id, scratch->id) != 0) { /* somebody else's by now */
        scratch->done(scratch);
        return;
    }
    scratch->op = (struct pageblob_op){.done = on_deleted};
    pageblob_delete(scratch->blob, &scratch->op);
}

static void send_look(struct bench_scratch *scratch)
{
    look(scratch, on_seen);
}

void bench_scratch_remove(struct bench_scratch *scratch)
{
    begin(scratch, scratch->blob ? send_look : bench_scratch_remove_relay);
}

void bench_scratch_cancel(struct bench_scratch *scratch)
{
    http_cancel_all(scratch->blob ? scratch->http : scratch->relay.http);
}

/* ---- Look ---- */

const struct secret_url *bench_scratch_of(const struct bench_scratch *scratch)
{
    return scratch->blob ? pageblob_url(scratch->blob) : NULL;
}

struct bench_relay *bench_scratch_relay(struct bench_scratch *scratch)
{
    return scratch->blob ? NULL : &scratch->relay;
}
