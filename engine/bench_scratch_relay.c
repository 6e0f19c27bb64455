/* bench_scratch_relay.c - a scratch at a receiver; see bench_scratch.h. It bears the marker of a copy that
 * never ends, whose UUID is made of the id: whoever knows the id, as the next bench after a killed one, can
 * remove it. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine/bench_scratch_internal.h"

static struct bench_scratch *of_stat(struct stat_req *req)
{
    return (struct bench_scratch *)((char *)req - offsetof(struct bench_scratch, stat));
}

static struct bench_scratch *of_setup(struct setup_req *req)
{
    return (struct bench_scratch *)((char *)req - offsetof(struct bench_scratch, setup));
}

/* ---- Life ---- */

static void uuid_of(const char *id, char out_uuid[MARKER_UUID_MAX_BYTES])
{
    unsigned char bytes[(BENCH_SCRATCH_ID_BYTES - 1) / 2] = {0};

    for (size_t i = 0; id[i]; i++) {
        unsigned digit = (unsigned)(id[i] <= '9' ? id[i] - '0' : id[i] - 'a' + 10);

        bytes[i / 2] = (unsigned char)(bytes[i / 2] * 16u + digit);
    }
    marker_uuid_from(bytes, out_uuid);
}

bool bench_scratch_open_relay(struct bench_scratch *scratch, const struct bench_place *place,
                              struct err *e)
{
    char name[BENCH_SCRATCH_NAME_MAX_BYTES];

    bench_scratch_name(scratch->id, name);
    scratch->marker = (struct marker){.state = MARKER_COPYING,
                                      .source = "snapferry bench",
                                      .size_bytes = scratch->bytes};
    uuid_of(scratch->id, scratch->marker.copy_uuid);
    return bench_relay_open(&scratch->relay, scratch->reactor, place->options, place->relay,
                            place->url, name, retry_random_next(&scratch->random), e);
}

static void look(struct bench_scratch *scratch, void (*done)(struct stat_req *req))
{
    scratch->stat = (struct stat_req){.done = done};
    endpoint_stat(scratch->relay.ep, &scratch->stat);
}

static bool is_ours(const struct bench_scratch *scratch)
{
    return scratch->stat.marker.state != MARKER_NONE &&
           strcmp(scratch->stat.marker.copy_uuid, scratch->marker.copy_uuid) == 0;
}

static void ask(struct bench_scratch *scratch, enum setup_verb verb,
                void (*done)(struct setup_req *req))
{
    scratch->setup = (struct setup_req){
        .verb = verb, .size_bytes = scratch->bytes, .marker = &scratch->marker, .done = done};
    endpoint_setup(scratch->relay.ep, &scratch->setup);
}

/* ---- Make ---- */

static void on_created(struct setup_req *req)
{
    struct bench_scratch *scratch = of_setup(req);

    if (err_is_set(&req->err))
        bench_scratch_failed(scratch, &req->err);
    else
        scratch->done(scratch);
}

static void on_looked(struct stat_req *req)
{
    struct bench_scratch *scratch = of_stat(req);
    unsigned able = scratch->relay.ep->capabilities;

    if (err_is_set(&req->err)) {
        bench_scratch_failed(scratch, &req->err);
        return;
    }
    if (req->exists && !(is_ours(scratch) && scratch->attempts > 0))
        err_set(&scratch->err, ERR_CONFLICT, RETRY_NEVER,
                "another target has the name that was drawn for a new one");
    else if (!(able & ENDPOINT_CAN_CREATE) || !(able & ENDPOINT_CAN_REMOVE))
        err_set(&scratch->err, ERR_USAGE, RETRY_NEVER,
                "%.160s: this receiver cannot make a target and remove it again: is it older?",
                scratch->relay.ep->name);
    if (req->exists || err_is_set(&scratch->err)) { /* there: an answer was lost */
        scratch->done(scratch);
        return;
    }
    scratch->may_be_there = true; /* an answer may be lost */
    ask(scratch, SETUP_CREATE, on_created);
}

void bench_scratch_make_relay(struct bench_scratch *scratch)
{
    look(scratch, on_looked);
}

/* ---- Remove ---- */

static void on_removed(struct setup_req *req)
{
    struct bench_scratch *scratch = of_setup(req);

    if (err_is_set(&req->err) && req->err.kind != ERR_GONE) {
        bench_scratch_failed(scratch, &req->err);
        return;
    }
    scratch->was_there = true;
    scratch->done(scratch);
}

static void on_found(struct stat_req *req)
{
    struct bench_scratch *scratch = of_stat(req);

    if (err_is_set(&req->err))
        bench_scratch_failed(scratch, &req->err);
    else if (!req->exists || !is_ours(scratch)) /* never made, gone, or somebody else's by now */
        scratch->done(scratch);
    else
        ask(scratch, SETUP_REMOVE, on_removed);
}

void bench_scratch_remove_relay(struct bench_scratch *scratch)
{
    look(scratch, on_found);
}
