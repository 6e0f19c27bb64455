/* rp_access.c - see rp_access.h. */
#include "tools/snapferry/rp_access.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/snapferry/arm_answer.h"

#define AGAIN_NS NS_PER_S

/* ---- One question ---- */

static void forget_call(struct rp_grant *grant)
{
    arm_call_fini(&grant->call);
    free(grant->path);
    free(grant->body);
    grant->path = grant->body = NULL;
    grant->busy = false;
}

static bool take_url(struct rp_grant *grant, struct err *e)
{
    const char *sas = arm_answer_sas(grant->call.answer);
    struct secret_url url = {0};
    char *text;

    if (!sas || !secret_is_url(sas) || !secret_url_parse(sas, &url, e)) {
        err_clear(e);
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "the service granted access without a URL");
    }
    grant->expires_s = grant->wanted_s;
    if (url.expiry_s && url.expiry_s < grant->expires_s)
        grant->expires_s = url.expiry_s;
    text = secret_url_full(&url, NULL);
    secret_url_fini(&url);
    if (!text)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
    secret_wipe_free(grant->url);
    grant->url = text;
    return true;
}

/* Somebody else's access is not to be ended when ours was refused. */
static bool was_refused(const struct rp_grant *grant, const struct err *error)
{
    return !grant->url && error->http_status >= 400 && error->http_status < 500 &&
           error->kind != ERR_GONE;
}

static void granted(struct arm_call *call)
{
    struct rp_grant *grant = call->arg;
    struct err error = call->err;
    bool ok = !err_is_set(&error) && take_url(grant, &error);

    if (!ok) {
        grant->asked = !was_refused(grant, &error);
        err_prefix(&error, "%.100s: ", grant->name);
    }
    forget_call(grant);
    if (grant->extended)
        grant->extended(grant, ok ? NULL : &error);
}

static void ask(struct rp_grant *grant)
{
    struct rp_desk *desk = grant->desk;
    uint64_t duration_s = desk->options->rp.duration_s;

    grant->call = (struct arm_call){.method = HTTP_POST, .done = granted, .arg = grant};
    grant->busy = grant->asked = true;
    grant->wanted_s = clock_wall_ns(&desk->stage->clock) / NS_PER_S + duration_s;
    grant->path = rp_desk_path(desk, &grant->id, "/beginGetAccess", "");
    if (asprintf(&grant->body, "{\"access\":\"Read\",\"durationInSeconds\":%" PRIu64 "}",
                 duration_s) < 0)
        grant->body = NULL;
    grant->call.target = grant->path ? grant->path : "/";
    grant->call.body = grant->body;
    arm_client_send(desk->client, &grant->call);
}

void rp_grant_extend(struct rp_grant *grant)
{
    if (!grant->busy)
        ask(grant);
}

/* ---- All of them ---- */

struct waiting {
    struct rp_desk *desk;
    unsigned left;
    struct err *e;
};

static void one_granted(struct rp_grant *grant, const struct err *error)
{
    struct waiting *waiting = grant->arg;

    if (error && !err_is_set(waiting->e))
        *waiting->e = *error;
    if (--waiting->left == 0)
        waiting->desk->ended = true;
}

bool rp_grant_all(struct rp_desk *desk, struct rp_grant *const *grants, unsigned count,
                  struct err *e)
{
    struct waiting waiting = {.desk = desk, .left = count, .e = e};

    if (count == 0)
        return true;
    desk->ended = false;
    for (unsigned i = 0; i < count; i++) {
        grants[i]->desk = desk;
        grants[i]->extended = one_granted;
        grants[i]->arg = &waiting;
        ask(grants[i]);
    }
    rp_desk_turn(desk);
    for (unsigned i = 0; i < count; i++)
        grants[i]->extended = NULL;
    return !err_is_set(e);
}

/* ---- The end ---- */

/* A question that was given up may still be at work there: that is waited for. */
static bool end_one(struct rp_desk *desk, struct rp_grant *grant, struct err *e)
{
    for (unsigned i = 0;; i++) {
        struct err error = {0}, ignored = {0};

        if (rp_ask(desk, HTTP_POST, &grant->id, "/endGetAccess", "", NULL, NULL, &error) ||
            error.kind == ERR_GONE)
            return true;
        if (error.kind == ERR_CONFLICT && i + 1 < RP_END_TRIES_MAX) {
            rp_desk_wait(desk, AGAIN_NS, &ignored);
            continue;
        }
        if (!err_is_set(e)) {
            *e = error;
            err_prefix(e, "access to %.100s could not be ended; see restore-point access revoke: ",
                       grant->name);
        }
        return false;
    }
}

bool rp_grant_end_all(struct rp_desk *desk, struct rp_grant *const *grants, unsigned count,
                      struct err *e)
{
    bool ok = true;

    desk->closing = true;
    for (unsigned i = 0; i < count; i++)
        grants[i]->extended = NULL;
    rp_desk_drain(desk);
    for (unsigned i = 0; i < count; i++) {
        if (grants[i]->asked && !end_one(desk, grants[i], e))
            ok = false;
        secret_wipe_free(grants[i]->url);
        grants[i]->url = NULL;
        grants[i]->asked = false;
    }
    desk->closing = false;
    return ok;
}
