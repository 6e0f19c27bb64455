/* rp_carry.c - see rp_carry.h. */
#include "tools/snapferry/rp_carry.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "engine/event_out.h"
#include "engine/job_members.h"
#include "engine/job_parse.h"
#include "engine/run.h"
#include "engine/share.h"
#include "tools/snapferry/fleet_view.h"

#define TICK_NS       (100ull * NS_PER_MS)
#define EXTEND_TRY_NS (30ull * NS_PER_S) /* after a failure; the disk goes on as long as it can */
#define TIME_BYTES    40u

struct carrying {
    struct rp_desk *desk;
    struct rp_leg *legs;
    unsigned count;
    struct job_spec spec;
    struct share *share;
    struct run *run;
    struct event_out *out;   /* with --json */
    struct fleet_view *view; /* without, and not with --quiet */
    struct event_sink tell;  /* to out: all but the end, for access is ended after it */
    struct event_sink heed;
    bool finishing, out_done;
    struct err *e;
};

/* ---- The job ---- */

static bool put_text(json_t *object, const char *name, const char *text)
{
    return json_object_set_new(object, name, json_string(text)) == 0;
}

static bool put_time(json_t *object, const char *name, uint64_t at_s)
{
    time_t at = (time_t)at_s;
    char text[TIME_BYTES];
    struct tm tm;

    return gmtime_r(&at, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) &&
           put_text(object, name, text);
}

static json_t *job_disk(const struct carrying *c, const struct rp_leg *leg)
{
    const struct options *options = c->desk->options;
    json_t *disk = json_object(), *source = json_object(), *target = json_object();
    bool ok = put_text(disk, "id", leg->disk->name) &&
              put_text(source, "url", leg->source_grant.url) &&
              put_text(source, "identity", leg->disk->id_text) &&
              put_time(source, "expiresOn", leg->source_grant.expires_s) &&
              put_text(target, "url", leg->target);

    if (leg->has_base)
        ok = ok && put_text(source, "baseUrl", leg->base_grant.url) &&
             put_text(source, "baseIdentity", leg->base.id_text) &&
             put_time(source, "baseExpiresOn", leg->base_grant.expires_s);
    if (options->strip_footer)
        ok = ok && put_text(disk, "footer", "strip");
    if (options->verify)
        ok = ok && json_object_set_new(disk, "verify", json_true()) == 0;
    ok = ok && json_object_set(disk, "source", source) == 0 &&
         json_object_set(disk, "target", target) == 0;
    json_decref(source);
    json_decref(target);
    if (ok)
        return disk;
    job_members_wipe(disk);
    json_decref(disk);
    return NULL;
}

static void told_mistake(void *arg, bool warning, const char *path, const char *sentence)
{
    struct carrying *c = arg;

    if (!warning && !err_is_set(c->e))
        err_set(c->e, ERR_USAGE, RETRY_NEVER, "%.100s %.250s", path ? path : "", sentence);
}

static bool make_job(struct carrying *c, const char *point_id, struct err *e)
{
    json_t *disks = json_array(), *job;
    char *text = NULL;
    bool ok = true;

    for (unsigned i = 0; ok && i < c->count; i++)
        if (!c->legs[i].held)
            ok = json_array_append_new(disks, job_disk(c, &c->legs[i])) == 0;
    job = ok ? json_pack("{s:[{s:s,s:O}]}", "restorePoints", "id", point_id, "disks", disks) : NULL;
    text = job ? json_dumps(job, JSON_COMPACT) : NULL;
    ok = text && job_parse(text, strlen(text), &c->spec, told_mistake, c);
    if (!ok && !err_is_set(e))
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a job");
    secret_wipe_free(text);
    job_members_wipe(disks);
    json_decref(disks);
    json_decref(job);
    return ok;
}

/* ---- Access that ends ---- */

static struct rp_leg *leg_of(struct carrying *c, const char *disk)
{
    for (unsigned i = 0; disk && i < c->count; i++)
        if (strcmp(c->legs[i].disk->name, disk) == 0)
            return &c->legs[i];
    return NULL;
}

static void renew(struct carrying *c, const char *disk, const char *side,
                  const struct rp_grant *grant)
{
    json_t *line = json_pack("{s:s,s:s,s:s,s:s}", "command", "renewAccess", "disk", disk, "side",
                             side, "url", grant->url);
    char *text = line && put_time(line, "expiresOn", grant->expires_s)
                     ? json_dumps(line, JSON_COMPACT)
                     : NULL;

    if (text)
        run_command(c->run, text, strlen(text), NULL);
    secret_wipe_free(text);
    job_members_wipe(line);
    json_decref(line);
}

/* What was not extended is asked for again when the engine says that it waits. */
static void extended(struct rp_grant *grant, const struct err *error)
{
    struct carrying *c = grant->arg;

    if (c->finishing || run_ended(c->run))
        return;
    for (unsigned i = 0; i < c->count; i++) {
        struct rp_leg *leg = &c->legs[i];

        if (grant != &leg->source_grant && grant != &leg->base_grant)
            continue;
        if (error)
            run_warn(c->run, error->text);
        else
            renew(c, leg->disk->name, grant == &leg->source_grant ? "source" : "base", grant);
    }
}

static void extend(struct carrying *c, struct rp_grant *grant)
{
    grant->extended = extended;
    grant->arg = c;
    rp_grant_extend(grant);
}

/* A disk that waits for access waits for any side: both are asked for. */
static void heed(struct event_sink *sink, const struct event *event, const char *line, size_t bytes)
{
    struct carrying *c = (struct carrying *)((char *)sink - offsetof(struct carrying, heed));
    bool expiring = event->kind == EVENT_ACCESS_EXPIRING;
    bool waiting = event->kind == EVENT_STATE && event->code == EVENT_WAITING_FOR_ACCESS;
    struct rp_leg *leg = expiring || waiting ? leg_of(c, event->disk) : NULL;

    (void)line;
    (void)bytes;
    if (!leg)
        return;
    if (waiting || event->side == ACCESS_SOURCE)
        extend(c, &leg->source_grant);
    if (leg->has_base && (waiting || event->side == ACCESS_BASE))
        extend(c, &leg->base_grant);
}

/* ---- What is heard ---- */

static void tell(struct event_sink *sink, const struct event *event, const char *line, size_t bytes)
{
    struct carrying *c = (struct carrying *)((char *)sink - offsetof(struct carrying, tell));
    struct event_sink *out = event_out_sink(c->out);

    if (event->kind != EVENT_END)
        out->take(out, event, line, bytes);
}

static void on_out_done(void *arg)
{
    ((struct carrying *)arg)->out_done = true;
}

static void on_run_ended(void *arg)
{
    struct carrying *c = arg;

    c->finishing = true;
    c->out_done = !c->out;
    if (c->view)
        fleet_view_end(c->view);
    if (c->out)
        event_out_finish(c->out, EVENT_OUT_FINISH_NS, on_out_done, c);
}

static bool open_listeners(struct carrying *c, struct err *e)
{
    const struct options *options = c->desk->options;
    struct reactor *r = c->desk->stage->session.reactor;

    c->heed.take = heed;
    run_add_sink(c->run, &c->heed);
    if (options->json) {
        c->out = event_out_new(r, STDOUT_FILENO, false, "the standard output", e);
        c->tell.take = tell;
        if (c->out)
            run_add_sink(c->run, &c->tell);
        return c->out != NULL;
    }
    if (!options->quiet)
        c->view = fleet_view_new(r, c->run, STDOUT_FILENO, e);
    return options->quiet || c->view;
}

static bool open_run(struct carrying *c, const char *state_folder, struct err *e)
{
    struct session *session = &c->desk->stage->session;
    const struct options *options = c->desk->options;
    struct run_setup setup = {.job = {.reactor = session->reactor,
                                      .pool = session->pool,
                                      .spec = &c->spec,
                                      .state_folder = *state_folder ? state_folder : NULL,
                                      .allow_http = options->allow_http,
                                      .restart = options->restart,
                                      .renew_wait_ns = OPTIONS_RENEW_WAIT_S * NS_PER_S},
                              .ended = on_run_ended,
                              .arg = c};

    if (getrandom(&setup.job.random_seed, sizeof setup.job.random_seed, 0) !=
        (ssize_t)sizeof setup.job.random_seed)
        return err_set_errno(e, errno, RETRY_NEVER, "the kernel gives no random bytes");
    c->spec.limits.memory_bytes = options->memory_bytes;
    c->share = share_new(session->reactor, session->pool, &c->spec.limits, e);
    setup.job.share = c->share;
    setup.job.http = c->share ? session_http(session, e) : NULL;
    c->run = setup.job.http ? run_new(&setup, e) : NULL;
    return c->run != NULL;
}

/* ---- The course ---- */

static bool has_ended(void *arg)
{
    const struct carrying *c = arg;

    return c->finishing && c->out_done;
}

static void on_stop(void *arg)
{
    struct carrying *c = arg;

    if (run_ended(c->run))
        return;
    run_warn(c->run, STAGE_STOPPING);
    run_stop(c->run);
}

static void on_abandon(void *arg)
{
    const struct carrying *c = arg;

    if (c->view)
        fleet_view_end(c->view);
    fputs("snapferry: ended at once: access to the restore point was not ended; see "
          "restore-point access revoke\n",
          stderr);
}

static void on_tick(void *arg)
{
    (void)arg;
}

static enum exit_status go(struct carrying *c)
{
    struct session_work work = {.ended = has_ended,
                                .stop = on_stop,
                                .abandon = on_abandon,
                                .tick = on_tick,
                                .tick_ns = TICK_NS,
                                .arg = c};

    for (unsigned i = 0; i < c->count; i++)
        if (*c->legs[i].why)
            run_warn(c->run, c->legs[i].why);
    run_start(c->run);
    stage_run(c->desk->stage, &work);
    return (enum exit_status)run_exit(c->run);
}

static void close_all(struct carrying *c)
{
    for (unsigned i = 0; i < c->count; i++)
        c->legs[i].source_grant.extended = c->legs[i].base_grant.extended = NULL;
    fleet_view_free(c->view);
    event_out_free(c->out);
    run_free(c->run);
    share_free(c->share);
    job_spec_fini(&c->spec);
}

bool rp_carry(struct rp_desk *desk, const char *point_id, struct rp_leg *legs, unsigned count,
              const char *state_folder, enum exit_status *out_status, struct err *e)
{
    struct carrying c = {.desk = desk, .legs = legs, .count = count, .e = e};
    bool ok;

    job_spec_init(&c.spec);
    ok = make_job(&c, point_id, e) && open_run(&c, state_folder, e) && open_listeners(&c, e);
    for (unsigned i = 0; ok && i < count; i++)
        ok = rp_leg_keep(&legs[i], state_folder, e);
    if (ok)
        *out_status = go(&c);
    close_all(&c);
    return ok;
}
