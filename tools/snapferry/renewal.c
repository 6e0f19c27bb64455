/* renewal.c - see renewal.h. */
#include "tools/snapferry/renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_pageblob.h"
#include "tools/snapferry/ends.h"
#include "tools/snapferry/view_json.h"

static const enum end_role role_of[ACCESS_SIDES] = {END_SOURCE, END_BASE, END_TARGET};

static const char *argument_of(const struct options *options, enum access_side side)
{
    if (side == ACCESS_BASE)
        return options->base;
    return options->ends[side == ACCESS_SOURCE ? 0 : options->target];
}

static uint64_t told_expiry_s(const struct options *options, enum access_side side)
{
    const uint64_t told[ACCESS_SIDES] = {options->source_expires_s, options->base_expires_s,
                                         options->target_expires_s};

    return told[side];
}

/* ---- What is told ---- */

static void tell_expiring(const struct renewal *renewal)
{
    const struct view *view = renewal->all->view;
    uint64_t expires_s = access_expires_s(renewal->access);
    json_t *event;

    if (view->kind != VIEW_JSON)
        return;
    event = view_json_begin(view, "accessExpiring");
    view_json_set_text(event, "side", access_side_name(renewal->side));
    if (expires_s)
        view_json_set_time(event, "expiresOn", expires_s * NS_PER_S);
    else
        json_object_set_new(event, "expiresOn", json_null());
    view_json_print(event);
}

static bool somebody_waits(const struct renewals *all)
{
    for (size_t i = 0; i < ACCESS_SIDES; i++)
        if (all->sides[i].waiting)
            return true;
    return false;
}

static void tell_waiting(struct renewal *renewal, const char *sentence)
{
    const struct url_source *source = &renewal->source;
    char more[400];

    renewal->waiting = true;
    if (source->command)
        snprintf(more, sizeof more, "%s", sentence);
    else
        snprintf(more, sizeof more, "%s Put it into %.200s, within %llu s.", sentence,
                 source->file + 1, (unsigned long long)renewal->all->options->renew_wait_s);
    view_wait(renewal->all->view, more);
    tell_expiring(renewal);
}

static void on_news(void *arg, struct access *access, enum access_news news, const char *sentence)
{
    struct renewal *renewal = arg;
    bool waited = renewal->waiting;

    (void)access;
    switch (news) {
    case ACCESS_EXPIRING:
        tell_expiring(renewal);
        break;
    case ACCESS_WAITING:
        tell_waiting(renewal, sentence);
        break;
    case ACCESS_RENEWED:
        renewal->waiting = false;
        if (waited && !somebody_waits(renewal->all))
            view_go_on(renewal->all->view, sentence);
        break;
    case ACCESS_NOT_RENEWED:
        view_say(renewal->all->view, sentence);
        break;
    case ACCESS_GIVEN_UP:
        renewal->waiting = false;
        url_source_stop(&renewal->source);
        break;
    }
}

/* ---- A new URL: asked for, found, checked, used ---- */

static void on_ask(void *arg, struct access *access)
{
    struct renewal *renewal = arg;

    (void)access;
    url_source_ask(&renewal->source, endpoint_pageblob_url(renewal->endpoint));
}

static void on_found(void *arg, struct secret_url *take, uint64_t expires_s)
{
    struct renewal *renewal = arg;
    struct err why = {0};

    if (end_url_check(role_of[renewal->side], take, renewal->all->options->allow_http, &why)) {
        access_answer(renewal->access, take, expires_s);
        return;
    }
    secret_url_fini(take);
    access_failed(renewal->access, &why);
}

static void on_failed(void *arg, const struct err *why)
{
    struct renewal *renewal = arg;

    access_failed(renewal->access, why);
}

static void on_checked(void *arg, const struct err *why)
{
    struct renewal *renewal = arg;

    if (!renewal->all->closing)
        access_checked(renewal->access, why);
}

/* True also when memory ran out: then the host alone decides. */
static bool same_address(const struct secret_url *a, const struct secret_url *b)
{
    char *one = secret_url_identity(a), *other = secret_url_identity(b);
    bool same = !one || !other || strcmp(one, other) == 0;

    free(one);
    free(other);
    return same;
}

static struct endpoint *open_candidate(const struct renewal *renewal,
                                       const struct secret_url *candidate, struct err *e)
{
    struct session *session = renewal->all->session;
    struct endpoint_pageblob_options options = {0};
    struct http *http = session_http(session, e);
    char *text = secret_url_full(candidate, NULL);
    struct secret_url url = {0};
    struct endpoint *opened = NULL;

    if (!text)
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
    else if (http && secret_url_parse(text, &url, e))
        opened = endpoint_pageblob_open(session->reactor, http, &url, &options, e);
    secret_wipe_free(text);
    return opened;
}

static void on_check(void *arg, struct access *access, const struct secret_url *candidate)
{
    struct renewal *renewal = arg;
    struct session *session = renewal->all->session;
    const struct secret_url *used = endpoint_pageblob_url(renewal->endpoint);
    struct access_check_setup setup = {.reactor = session->reactor,
                                       .pool = session->pool,
                                       .side = renewal->side,
                                       .facts = access_facts(access),
                                       .same_address = same_address(candidate, used),
                                       .capabilities = renewal->endpoint->capabilities,
                                       .random_seed = access_generation(access),
                                       .done = on_checked,
                                       .arg = renewal};
    struct err why = {0};
    struct endpoint *opened = open_candidate(renewal, candidate, &why);

    access_check_free(renewal->check);
    renewal->check = opened ? access_check_start(opened, &setup, &why) : NULL;
    if (!renewal->check)
        access_checked(access, &why);
}

static void on_swap(void *arg, struct access *access, struct secret_url *take)
{
    struct renewal *renewal = arg;

    (void)access;
    endpoint_pageblob_set_url(renewal->endpoint, take);
}

/* ---- Life ---- */

static void hide_variables(struct renewals *all)
{
    const struct options *options = all->options;
    size_t used = 0;

    _Static_assert(OPTIONS_ENDS_MAX + 1 <= COMMAND_VARIABLES_MAX, "every end's may be hidden");
    for (uint32_t i = 0; i <= options->ends_count; i++) {
        const char *given = i < options->ends_count ? options->ends[i] : options->base;

        if (given && strncmp(given, "env:", 4) == 0)
            all->hidden[used++] = given + 4;
    }
}

static bool open_side(struct renewals *all, enum access_side side, struct err *e)
{
    struct renewal *renewal = &all->sides[side];
    const struct secret_url *url = endpoint_pageblob_url(renewal->endpoint);
    const char *argument = argument_of(all->options, side);
    uint64_t told_s = told_expiry_s(all->options, side);
    struct access_setup setup = {.reactor = all->session->reactor,
                                 .side = side,
                                 .expires_s = told_s ? told_s : url->expiry_s,
                                 .wait_max_ns = all->options->renew_wait_s * NS_PER_S,
                                 .keep_text = side == ACCESS_BASE,
                                 .asked = all->options->renew_command ? "--renew-command" : NULL,
                                 .ask = on_ask,
                                 .check = on_check,
                                 .swap = on_swap,
                                 .news = on_news,
                                 .arg = renewal};

    renewal->source =
        (struct url_source){.reactor = all->session->reactor,
                            .file = argument && *argument == '@' ? argument : NULL,
                            .command = all->options->renew_command,
                            .side = access_side_name(side),
                            .id = renewal->endpoint->identity,
                            .hidden = all->hidden,
                            .owner = {.found = on_found, .failed = on_failed, .arg = renewal}};
    url_source_init(&renewal->source, url);
    if (!url_source_exists(&renewal->source))
        return !told_s || err_set(e, ERR_USAGE, RETRY_NEVER,
                                  "--%s-expires needs --renew-command, or the %s as @FILE",
                                  access_side_name(side), access_side_name(side));
    renewal->access = access_new(&setup, e);
    return renewal->access != NULL;
}

/* Of several targets each has renewals of its own. */
static bool waits_for_its_targets(const struct options *options, enum access_side side)
{
    return side == ACCESS_TARGET && options_many_targets(options);
}

bool renewals_open(struct renewals *all, const struct options *options, struct session *session,
                   struct view *view, struct endpoint *const endpoints[ACCESS_SIDES], struct err *e)
{
    memset(all, 0, sizeof *all);
    all->options = options;
    all->session = session;
    all->view = view;
    hide_variables(all);
    for (enum access_side side = 0; side < ACCESS_SIDES; side++) {
        struct endpoint *ep = endpoints[side];

        all->sides[side] = (struct renewal){.all = all, .side = side, .endpoint = ep};
        if (ep && strcmp(ep->ops->name, "pageblob") == 0) {
            if (!open_side(all, side, e))
                return false;
        } else if (told_expiry_s(options, side) && !waits_for_its_targets(options, side)) {
            return err_set(e, ERR_USAGE, RETRY_NEVER, "--%s-expires is for a %s that is a URL",
                           access_side_name(side), access_side_name(side));
        }
    }
    return true;
}

void renewals_close(struct renewals *all)
{
    struct err ignored = {0};

    all->closing = true;
    for (size_t i = 0; i < ACCESS_SIDES; i++) {
        struct renewal *renewal = &all->sides[i];

        url_source_fini(&renewal->source);
        if (access_check_busy(renewal->check))
            http_cancel_all(all->session->http);
        while (access_check_busy(renewal->check))
            if (!reactor_turn(all->session->reactor, NS_PER_S, &ignored))
                _Exit(EXIT_FAILURE); /* as stage_run: requests are in flight that nobody can end */
        access_check_free(renewal->check);
        access_free(renewal->access);
    }
    memset(all, 0, sizeof *all);
}

struct copy_sides renewals_sides(const struct renewals *all)
{
    struct copy_sides sides = {.source = all->sides[ACCESS_SOURCE].access,
                               .base = all->sides[ACCESS_BASE].access,
                               .target = all->sides[ACCESS_TARGET].access};

    return sides;
}
