/* command_bench.c - snapferry bench: what a pair of regions carries, and what limits it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "blockmap/stream_pack.h"
#include "engine/bench.h"
#include "io/compress_level.h"
#include "tools/snapferry/bench_html.h"
#include "tools/snapferry/bench_limits.h"
#include "tools/snapferry/bench_record.h"
#include "tools/snapferry/bench_show.h"
#include "tools/snapferry/profile.h"
#include "tools/snapferry/stage.h"

struct benching {
    struct stage *stage;
    struct end_spec source, target;  /* a blob or snapshot; a container or a relay */
    struct bench_relay_access relay; /* of that */
    struct bench_record record;
    struct http_options http;
    struct bench_setup setup;
    struct bench *bench;
    const struct bench_result *shown; /* last; the bench's */
    bool ended;
};

/* ---- What the bench tells ---- */

static void on_left(void *arg, const char *id, const struct err *why)
{
    struct benching *b = arg;
    char sentence[ERR_TEXT_MAX_BYTES + 100];

    if (err_is_set(why)) {
        snprintf(sentence, sizeof sentence, "An earlier bench left " BENCH_SCRATCH_PREFIX "%s: %s",
                 id, why->text);
        view_say(&b->stage->view, sentence);
        return;
    }
    bench_record_forget(&b->record, id);
    snprintf(sentence, sizeof sentence,
             "What an earlier bench left is gone: " BENCH_SCRATCH_PREFIX "%s.", id);
    view_say(&b->stage->view, sentence);
}

static void on_looked(void *arg, uint64_t source_bytes, uint64_t data_bytes)
{
    struct benching *b = arg;

    bench_show_source(&b->stage->view, source_bytes, data_bytes);
}

static void on_measured(void *arg, const struct bench_result *result)
{
    struct benching *b = arg;

    bench_show_point(&b->stage->view, result, b->shown);
    b->shown = result;
}

static void on_done(void *arg)
{
    struct benching *b = arg;

    b->ended = true;
}

/* ---- What the session asks ---- */

static bool benching_ended(void *arg)
{
    const struct benching *b = arg;

    return b->ended;
}

static void benching_stop(void *arg)
{
    struct benching *b = arg;

    view_say(&b->stage->view, "Stopping: what was made is removed. Once more ends at once.");
    bench_stop(b->bench);
}

static void benching_abandon(void *arg)
{
    struct benching *b = arg;
    struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

    err_set(&outcome.error, ERR_CANCELED, RETRY_LATER,
            "ended at once on request; the next bench removes what this one made");
    view_end(&b->stage->view, &outcome);
}

static void benching_tick(void *arg)
{
    (void)arg;
}

/* ---- From arguments to a bench ---- */

static bool parse_source(struct benching *b, const struct options *o, struct err *e)
{
    if (!end_spec_parse(END_SOURCE, o->ends[0], &b->source, e))
        return false;
    if (b->source.kind != END_BLOB)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "bench measures services: SOURCE is the URL of a page blob or a snapshot "
                       "with its SAS");
    if (b->source.url.upload_disk)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "SOURCE: an upload disk cannot be read");
    return end_url_check(END_SOURCE, &b->source.url, o->allow_http, e);
}

static bool check_container(const struct benching *b, const struct options *o, struct err *e)
{
    const struct secret_url *url = &b->target.url;

    if (!end_url_check(END_TARGET, url, o->allow_http, e))
        return false;
    if (url->managed_disk || url->upload_disk || url->snapshot)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "TARGET: bench makes a blob of its own in a container; a managed disk or a "
                       "snapshot is one blob");
    if (o->client_cert || o->compress != COMPRESS_AUTO)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--client-cert, --client-key and --compress are for a TARGET that is a "
                       "relay");
    return bench_scratch_check(url, e);
}

static bool check_relay(const struct options *o, struct err *e)
{
    if (!o->client_cert)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "TARGET: a receiver wants to see a certificate: --client-cert FILE "
                       "--client-key FILE");
    return true;
}

static bool parse_ends(struct benching *b, struct err *e)
{
    const struct options *o = b->stage->options;

    if (!parse_source(b, o, e) || !end_spec_parse(END_TARGET, o->ends[1], &b->target, e))
        return false;
    if (b->target.kind == END_RELAY)
        return check_relay(o, e);
    if (b->target.kind == END_BLOB)
        return check_container(b, o, e);
    return err_set(e, ERR_USAGE, RETRY_NEVER,
                   "bench measures services: TARGET is the URL of a container with its SAS, or "
                   "relay:https://HOST:PORT/NAME");
}

static bool find_state_folder(struct benching *b, struct err *e)
{
    struct stage *stage = b->stage;
    const char *given = stage->options->state_folder;

    if (!given)
        stage_default_state_folder(getenv("XDG_STATE_HOME"), getenv("HOME"), stage->state_folder);
    else if (snprintf(stage->state_folder, sizeof stage->state_folder, "%s", given) >=
             (int)sizeof stage->state_folder)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "--state-dir: the path is too long");
    if (!stage->state_folder[0])
        view_say(&stage->view, "There is no state folder (HOME is not set): should this process be "
                               "killed, no later bench knows what it left.");
    return true;
}

/* Both legs of a relay are always measured; another level only if it was asked for. */
static bool open_relay(struct benching *b, struct err *e)
{
    const struct options *o = b->stage->options;

    b->setup.limits.legs = BENCH_PLAN_PAIR;
    if (b->target.kind != END_RELAY)
        return true;
    b->relay = (struct bench_relay_access){.workers = session_workers(&b->stage->session, e),
                                           .client_cert = o->client_cert,
                                           .client_key = o->client_key,
                                           .level = o->compress};
    b->setup.relay = &b->relay;
    b->setup.limits.legs = BENCH_PLAN_RELAY;
    if (o->compress != COMPRESS_AUTO && o->compress != STREAM_LEVEL_RAW)
        b->setup.limits.legs |= 1u << BENCH_LEG_RELAY_LEVEL;
    return b->relay.workers != NULL;
}

static bool open_bench(struct benching *b, struct err *e)
{
    const struct options *o = b->stage->options;
    struct session *session = &b->stage->session;

    b->http = (struct http_options){.threads = session_threads(o),
                                    .ca_file = o->ca_file,
                                    .allow_plain = o->allow_http};
    b->setup.reactor = session->reactor;
    b->setup.http = &b->http;
    b->setup.source = &b->source.url;
    b->setup.target = &b->target.url;
    b->setup.id = b->record.own.id;
    for (uint32_t i = 0; i < b->record.left_count; i++)
        b->setup.left[i] = b->record.left[i].id;
    b->setup.left_count = b->record.left_count;
    b->setup.watch = (struct bench_watch){
        .left = on_left, .looked = on_looked, .measured = on_measured, .done = on_done, .arg = b};
    if (getrandom(&b->setup.random_seed, sizeof b->setup.random_seed, 0) !=
        (ssize_t)sizeof b->setup.random_seed)
        return err_set_errno(e, errno, RETRY_NEVER, "the kernel gives no random bytes");
    if (!open_relay(b, e))
        return false;
    b->bench = bench_new(&b->setup, e);
    return b->bench != NULL;
}

static bool benching_open(struct benching *b, struct err *e)
{
    const struct options *o = b->stage->options;

    if (!bench_limits_read(o, &b->setup.limits, e) || !parse_ends(b, e)) {
        e->kind = ERR_USAGE; /* also an @FILE that cannot be read: nothing was touched */
        return false;
    }
    view_name_disk(&b->stage->view, b->source.url.address);
    if (!find_state_folder(b, e) || !session_open(&b->stage->session, o, e) ||
        !bench_record_open(&b->record, b->stage->state_folder, b->target.url.address, e))
        return false;
    bench_record_find_left(&b->record, b->target.url.address);
    return open_bench(b, e);
}

static void benching_close(struct benching *b)
{
    bench_free(b->bench);
    bench_record_close(&b->record);
    end_spec_fini(&b->source);
    end_spec_fini(&b->target);
}

/* ---- The command ---- */

static void benching_report(struct benching *b, const struct bench_pair *pair, struct err *e)
{
    const struct options *o = b->stage->options;
    uint64_t wall_ns = clock_wall_ns(&b->stage->clock);

    bench_show_end(&b->stage->view, pair, b->bench);
    if (o->bench.html && !bench_html_write(o->bench.html, pair, b->bench, wall_ns, e))
        return;
    if (o->profile)
        profile_write(o->profile, pair, b->bench, wall_ns, e);
}

static void benching_run(struct benching *b, struct view_outcome *outcome)
{
    struct session_work work = {.ended = benching_ended,
                                .stop = benching_stop,
                                .abandon = benching_abandon,
                                .tick = benching_tick,
                                .tick_ns = VIEW_TICK_NS,
                                .arg = b};
    struct bench_pair pair = {b->source.url.address, b->target.url.address};

    bench_show_cost(&b->stage->view, &b->stage->options->bench, b->setup.relay != NULL);
    bench_start(b->bench);
    stage_run(b->stage, &work);
    outcome->error = *bench_error(b->bench);
    if (!err_is_set(&outcome->error))
        benching_report(b, &pair, &outcome->error);
    if (!bench_cleaned(b->bench))
        view_say(&b->stage->view,
                 "What bench made may still be there; the next bench to that TARGET "
                 "removes it.");
}

void command_bench(struct stage *stage, struct view_outcome *outcome)
{
    struct benching b = {.stage = stage, .record = {.own = {.fd = -1}}};
    bool opened = benching_open(&b, &outcome->error);

    if (opened)
        benching_run(&b, outcome);
    if (b.record.own.id[0] && (!b.bench || bench_cleaned(b.bench)))
        bench_record_forget(&b.record, b.record.own.id);
    benching_close(&b);
}
