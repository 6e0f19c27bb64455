/* rp_desk.c - see rp_desk.h. */
#include "tools/snapferry/rp_desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snapferry/view_json.h"

/* ---- Life ---- */

static bool is_date(const char *text, size_t bytes)
{
    return bytes >= 10 && bytes < RP_VERSION_BYTES &&
           strspn(text, "0123456789-abcdefghijklmnopqrstuvwxyz") >= bytes;
}

/* DATE, or COMPUTE-DATE,DISK-DATE */
static bool choose_versions(struct rp_desk *desk, struct err *e)
{
    const char *given = desk->options->rp.api_version;
    size_t first = given ? strcspn(given, ",") : 0;
    const char *second = given && given[first] ? given + first + 1 : NULL;

    if ((given && !is_date(given, first)) || (second && !is_date(second, strlen(second))))
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--api-version takes a date such as " RP_COMPUTE_VERSION
                       ", or two: of restore points, and of disks");
    snprintf(desk->compute_query, sizeof desk->compute_query, "api-version=%.*s",
             given ? (int)first : (int)strlen(RP_COMPUTE_VERSION),
             given ? given : RP_COMPUTE_VERSION);
    snprintf(desk->disk_query, sizeof desk->disk_query, "api-version=%s",
             second ? second : RP_DISK_VERSION);
    return true;
}

static bool read_token(const char *given, char **out_token, struct err *e)
{
    if (strncmp(given, "env:", 4) != 0 && given[0] != '@')
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "--token takes env:NAME or @FILE, for arguments can be seen by other users");
    if (secret_resolve(given, out_token, e))
        return true;
    err_prefix(e, "--token: ");
    e->kind = ERR_USAGE;
    return false;
}

bool rp_desk_open(struct rp_desk *desk, struct stage *stage, struct err *e)
{
    const struct options *options = stage->options;
    struct arm_client_setup setup = {.endpoint = options->rp.endpoint, .ca_file = options->ca_file};
    char *token = NULL;

    *desk = (struct rp_desk){.stage = stage, .options = options};
    if (!options->rp.endpoint || !options->rp.token)
        return err_set(e, ERR_USAGE, RETRY_NEVER,
                       "this command needs --endpoint URL and --token env:NAME|@FILE");
    if (!choose_versions(desk, e) || !read_token(options->rp.token, &token, e))
        return false;
    if (session_open(&stage->session, options, e)) {
        setup.reactor = stage->session.reactor;
        setup.token = token;
        desk->client = arm_client_new(&setup, e);
    }
    secret_wipe_free(token);
    return desk->client != NULL;
}

void rp_desk_close(struct rp_desk *desk, struct view_outcome *outcome)
{
    struct view *view = &desk->stage->view;

    arm_client_free(desk->client);
    desk->client = NULL;
    if (err_is_set(&outcome->error))
        return;
    if (view->kind == VIEW_JSON)
        view_json_print(view_json_end(clock_wall_ns(view->clock), outcome->status));
    view_init(view, VIEW_QUIET, &desk->stage->clock);
}

/* ---- Waiting ---- */

static bool has_ended(void *arg)
{
    return ((struct rp_desk *)arg)->ended;
}

static void on_stop(void *arg)
{
    struct rp_desk *desk = arg;

    if (!desk->closing)
        arm_client_cancel_all(desk->client);
}

static void on_abandon(void *arg)
{
    struct rp_desk *desk = arg;
    struct view_outcome outcome = {.status = STATUS_INTERRUPTED};

    err_set(&outcome.error, ERR_CANCELED, RETRY_LATER,
            desk->closing ? "ended at once on request: access that was asked for may not have been "
                            "ended; see restore-point access revoke"
                          : "ended at once on request");
    view_end(&desk->stage->view, &outcome);
    fflush(stdout);
}

static void on_tick(void *arg)
{
    (void)arg;
}

void rp_desk_turn(struct rp_desk *desk)
{
    struct session_work work = {.ended = has_ended,
                                .stop = on_stop,
                                .abandon = on_abandon,
                                .tick = on_tick,
                                .tick_ns = NS_PER_S,
                                .arg = desk};

    stage_run(desk->stage, &work);
}

static bool is_idle(void *arg)
{
    return arm_client_idle(((struct rp_desk *)arg)->client);
}

void rp_desk_drain(struct rp_desk *desk)
{
    struct session_work work = {.ended = is_idle,
                                .stop = on_stop,
                                .abandon = on_abandon,
                                .tick = on_tick,
                                .tick_ns = NS_PER_S,
                                .arg = desk};

    arm_client_cancel_all(desk->client);
    stage_run(desk->stage, &work);
}

struct pause {
    struct timer timer;
    struct rp_desk *desk;
};

static void pause_over(struct timer *timer)
{
    ((struct pause *)timer)->desk->ended = true;
}

static bool pause_ended(void *arg)
{
    const struct rp_desk *desk = arg;

    return desk->ended || (desk->stage->session.signals_count > 0 && !desk->closing);
}

bool rp_desk_wait(struct rp_desk *desk, uint64_t wait_ns, struct err *e)
{
    struct session_work work = {.ended = pause_ended,
                                .stop = on_stop,
                                .abandon = on_abandon,
                                .tick = on_tick,
                                .tick_ns = NS_PER_S,
                                .arg = desk};
    struct reactor *r = desk->stage->session.reactor;
    struct pause pause = {.desk = desk};

    desk->ended = false;
    reactor_arm(r, &pause.timer, reactor_now_ns(r) + wait_ns, pause_over);
    stage_run(desk->stage, &work);
    if (desk->ended)
        return true;
    reactor_disarm(r, &pause.timer);
    return err_set(e, ERR_CANCELED, RETRY_LATER, "stopped on request");
}

/* ---- Questions ---- */

static void answered(struct arm_call *call)
{
    ((struct rp_desk *)call->arg)->ended = true;
}

static bool ask(struct rp_desk *desk, struct arm_call *call, struct err *e)
{
    call->done = answered;
    call->arg = desk;
    desk->ended = false;
    arm_client_send(desk->client, call);
    rp_desk_turn(desk);
    if (!err_is_set(&call->err))
        return true;
    *e = call->err;
    return false;
}

char *rp_desk_path(const struct rp_desk *desk, const struct rp_id *id, const char *behind,
                   const char *more_query)
{
    bool of_disk = id->depth == RP_PARTS || strcmp(behind, "/diskRestorePoints") == 0;
    char query[160];

    snprintf(query, sizeof query, "%s%s", of_disk ? desk->disk_query : desk->compute_query,
             more_query);
    return rp_id_path(id, behind, query);
}

bool rp_ask(struct rp_desk *desk, enum http_method method, const struct rp_id *id,
            const char *behind, const char *more_query, const char *body, json_t **out_answer,
            struct err *e)
{
    struct arm_call call = {.method = method, .body = body, .limit_ns = desk->limit_ns};
    char *path = rp_desk_path(desk, id, behind, more_query);
    bool ok;

    if (!path)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
    call.target = path;
    ok = ask(desk, &call, e);
    free(path);
    if (ok && out_answer) {
        *out_answer = call.answer;
        call.answer = NULL;
    }
    arm_call_fini(&call);
    return ok;
}

static bool give_each(const json_t *page, bool (*each)(void *, const json_t *, struct err *),
                      void *arg, struct err *e)
{
    json_t *list = json_object_get(page, "value"), *one;
    size_t index;

    if (!json_is_array(list))
        return err_set(e, ERR_CORRUPT, RETRY_NEVER, "what the service answers is no list");
    json_array_foreach(list, index, one)
    {
        if (!each(arg, one, e))
            return false;
    }
    return true;
}

bool rp_ask_pages(struct rp_desk *desk, const struct rp_id *id, const char *behind,
                  bool (*each)(void *, const json_t *, struct err *), void *arg, struct err *e)
{
    char *target = rp_desk_path(desk, id, behind, "");
    bool ok = true;

    for (unsigned page = 0; ok && target; page++) {
        struct arm_call call = {.method = HTTP_GET, .target = target};
        const char *next;

        ok = page < RP_PAGES_MAX ? ask(desk, &call, e) && give_each(call.answer, each, arg, e)
                                 : err_set(e, ERR_LIMIT, RETRY_NEVER, "the list has no end");
        next = ok ? json_string_value(json_object_get(call.answer, "nextLink")) : NULL;
        free(target);
        target = next && *next ? strdup(next) : NULL;
        if (next && *next && !target)
            ok = err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
        arm_call_fini(&call);
    }
    free(target);
    return ok;
}

bool rp_ask_point(struct rp_desk *desk, const struct rp_id *id, struct rp_point *out_point,
                  struct err *e)
{
    json_t *answer = NULL;
    bool ok = rp_ask(desk, HTTP_GET, id, "", "&$expand=instanceView", NULL, &answer, e) &&
              rp_look_point(answer, out_point, e);

    json_decref(answer);
    return ok;
}

bool rp_ask_disk(struct rp_desk *desk, struct rp_disk *disk, struct err *e)
{
    json_t *answer = NULL;
    bool ok = rp_ask(desk, HTTP_GET, &disk->id, "", "", NULL, &answer, e) &&
              rp_look_disk(answer, disk, e);

    json_decref(answer);
    return ok;
}

bool rp_desk_id(const struct rp_desk *desk, const char *text, unsigned depth_min,
                unsigned depth_max, struct rp_id *out_id, struct err *e)
{
    static const char *const kinds[] = {"",
                                        "a subscription",
                                        "a resource group",
                                        "a collection",
                                        "a restore point",
                                        "a disk restore point"};

    if (!rp_id_parse(text, desk->options->rp.subscription, desk->options->rp.group, out_id, e))
        return false;
    if (out_id->depth < depth_min || out_id->depth > depth_max)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "this command takes %s, not %s", kinds[depth_max],
                       kinds[out_id->depth]);
    return true;
}
