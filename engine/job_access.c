/* job_access.c - see job_access.h. */
#include "engine/job_access.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/job_internal.h"
#include "io/endpoint_pageblob.h"

#define JOB_READ_AGAIN_NS (1 * NS_PER_S) /* an @FILE, while a URL is wanted */

static const struct job_end *end_of(const struct job_side *side)
{
    const struct job_disk *disk = side->life->spec;
    const struct job_end *ends[ACCESS_SIDES] = {&disk->source, &disk->base, &disk->target};

    return ends[side->side];
}

static bool is_blob(const struct endpoint *ep)
{
    return ep && strcmp(ep->ops->name, "pageblob") == 0;
}

/* ---- What is told ---- */

static bool somebody_waits(const struct job_sides *sides)
{
    for (size_t i = 0; i < ACCESS_SIDES; i++)
        if (sides->side[i].waiting)
            return true;
    return false;
}

static void tell_expiring(struct job_side *side)
{
    if (side->life->phase != JOB_ENDED)
        job_tell_expiring(side->life, side->side, access_expires_s(side->access));
}

static void on_news(void *arg, struct access *access, enum access_news news, const char *sentence)
{
    struct job_side *side = arg;
    struct job_life *life = side->life;

    (void)access;
    switch (news) {
    case ACCESS_WAITING:
        side->waiting = true;
        job_tell_state(life, EVENT_WAITING_FOR_ACCESS, "Warning", sentence);
        if (side->asked) /* ahead of time, and nobody answered: once more */
            tell_expiring(side);
        break;
    case ACCESS_RENEWED:
        side->asked = false;
        side->waiting = false;
        if (life->code == EVENT_WAITING_FOR_ACCESS && !somebody_waits(life->sides))
            job_tell_state(life, EVENT_IN_PROGRESS, "Info", sentence);
        break;
    case ACCESS_GIVEN_UP:
        side->waiting = false;
        break;
    case ACCESS_EXPIRING:
    case ACCESS_NOT_RENEWED:
        break;
    }
}

static void read_again(struct timer *timer);

static void read_again_soon(struct job_side *side)
{
    struct reactor *r = side->life->job->setup.reactor;

    if (end_of(side)->text[0] == '@' && side->asked && side->life->phase != JOB_ENDED)
        reactor_arm(r, &side->timer, reactor_now_ns(r) + JOB_READ_AGAIN_NS, read_again);
}

static void on_ask(void *arg, struct access *access)
{
    struct job_side *side = arg;

    (void)access;
    side->asked = true;
    tell_expiring(side);
    read_again_soon(side);
}

/* ---- A new URL ---- */

static void answer(const struct job_side *side, const struct control *control, uint64_t ticket,
                   const struct err *why)
{
    struct event event = {.disk = side->life->spec->id,
                          .point = side->life->unit->spec->id,
                          .command = control_verb_name(CONTROL_RENEW_ACCESS),
                          .tag = control ? control->tag : side->tag,
                          .ticket = ticket,
                          .side = side->side,
                          .accepted = why == NULL,
                          .message = why ? why->text : "The new URL is in use."};

    job_answer(side->life->job, &event);
}

/* The whole URL is kept: the next attempt opens its end anew. */
static void on_swap(void *arg, struct access *access, struct secret_url *take)
{
    struct job_side *side = arg;
    char *text = secret_url_full(take, NULL);

    (void)access;
    if (text) {
        secret_wipe_free(side->url);
        side->url = text;
        side->expires_s = side->candidate_expires_s;
    }
    if (side->endpoint)
        endpoint_pageblob_set_url(side->endpoint, take);
    else
        secret_url_fini(take);
}

static void on_checked(void *arg, const struct err *why)
{
    struct job_side *side = arg;
    struct err late = {0};

    side->checking = false;
    if (!why && side->life->phase == JOB_ENDED)
        err_set(&late, ERR_CONFLICT, RETRY_NEVER, "the disk has ended meanwhile");
    else if (!why && err_is_set(access_error(side->access)))
        late = *access_error(side->access);
    if (err_is_set(&late))
        why = &late;
    if (why)
        secret_url_fini(&side->candidate);
    else
        access_answer(side->access, &side->candidate, side->candidate_expires_s);
    if (!side->by_itself)
        answer(side, NULL, side->ticket, why);
    else if (why && side->life->phase != JOB_ENDED)
        job_tell_warning(side->life, why->text);
}

static bool start_check(struct job_side *side, struct job_place *place, struct err *e)
{
    const struct job_setup *setup = &side->life->job->setup;
    struct endpoint_pageblob_options options = {0};
    struct job_place used = {0};
    struct access_check_setup check = {.reactor = setup->reactor,
                                       .pool = setup->pool,
                                       .side = side->side,
                                       .facts = access_facts(side->access),
                                       .capabilities = side->endpoint ? side->endpoint->capabilities
                                                                      : side->capabilities,
                                       .random_seed = retry_random_next(&side->life->job->random),
                                       .done = on_checked,
                                       .arg = side};
    struct endpoint *opened;
    char *text;

    if (!job_side_place(side, &used, e))
        return false;
    check.same_address = used.given.kind == JOB_GIVEN_URL && job_same_place(&used, place);
    job_place_fini(&used);
    text = secret_url_full(&place->given.url, NULL);
    if (!text)
        return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
    if (!secret_url_parse(text, &side->candidate, e)) {
        secret_wipe_free(text);
        return false;
    }
    secret_wipe_free(text);
    access_check_free(side->check);
    side->check = NULL;
    opened = endpoint_pageblob_open(setup->reactor, setup->http, &place->given.url, &options, e);
    if (opened)
        side->check = access_check_start(opened, &check, e);
    if (!side->check)
        secret_url_fini(&side->candidate);
    return side->check != NULL;
}

/* What an @FILE holds is looked at once, good or not. */
static void try_found(struct job_side *side, struct job_place *place)
{
    char *text = secret_url_full(&place->given.url, NULL);
    struct err e = {0};

    if (!text || (side->tried && strcmp(text, side->tried) == 0) ||
        (side->url && strcmp(text, side->url) == 0)) {
        secret_wipe_free(text);
        return;
    }
    secret_wipe_free(side->tried);
    side->tried = text;
    side->candidate_expires_s = 0;
    side->by_itself = true;
    side->checking = job_place_check_url(place, side->life->job->setup.allow_http, &e) &&
                     start_check(side, place, &e);
    if (!side->checking)
        job_tell_warning(side->life, e.text);
}

/* Not there, or no URL: somebody is just writing it. */
static void read_again(struct timer *timer)
{
    struct job_side *side = (struct job_side *)((char *)timer - offsetof(struct job_side, timer));
    struct job_place place = {0};
    struct err e = {0};

    if (!side->checking && side->life->phase != JOB_ENDED &&
        job_place_parse(side->side, end_of(side)->text, &place, &e))
        try_found(side, &place);
    job_place_fini(&place);
    read_again_soon(side);
}

/* No attempt was made yet, so there is nothing to hold it against but the job: the same blob, or a managed
 * disk's, whose path is another each time. */
static bool take_early(struct job_side *side, struct job_place *place, uint64_t expires_s,
                       struct err *e)
{
    struct job_place used = {0};
    char *text;
    bool fits;

    if (!job_side_place(side, &used, e))
        return false;
    fits = used.given.kind == JOB_GIVEN_URL &&
           (job_same_place(&used, place) ||
            (used.given.url.managed_disk && place->given.url.managed_disk &&
             side->side != ACCESS_TARGET));
    if (used.given.kind != JOB_GIVEN_URL)
        err_set(e, ERR_USAGE, RETRY_NEVER, "the %s is no URL", access_side_name(side->side));
    else if (!fits)
        err_set(e, ERR_CONFLICT, RETRY_NEVER,
                "the %s has another address than the job says, and the disk has not begun, so that "
                "nothing is known to compare it with",
                access_side_name(side->side));
    job_place_fini(&used);
    text = fits ? secret_url_full(&place->given.url, NULL) : NULL;
    if (!text)
        return err_is_set(e) ? false : err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
    secret_wipe_free(side->url);
    side->url = text;
    side->expires_s = expires_s;
    return true;
}

static bool may_renew(const struct job_side *side, struct err *e)
{
    const char *name = access_side_name(side->side);

    if (!end_of(side)->text)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "this disk has no %s", name);
    if (side->identity && !side->access)
        return err_set(e, ERR_USAGE, RETRY_NEVER, "the %s is no URL", name);
    if (side->checking)
        return err_set(e, ERR_CONFLICT, RETRY_LATER,
                       "a new URL of the %s came a moment ago and is still looked at", name);
    return true;
}

void job_side_renew(struct job_side *side, const struct control *control, uint64_t ticket)
{
    struct job_place place = {0};
    struct err e = {0};
    bool ok = may_renew(side, &e) && job_place_parse(side->side, control->url, &place, &e);

    if (ok && place.given.kind != JOB_GIVEN_URL)
        ok = err_set(&e, ERR_USAGE, RETRY_NEVER, "this is no URL");
    ok = ok && job_place_check_url(&place, side->life->job->setup.allow_http, &e);
    if (ok && side->access) {
        side->candidate_expires_s = control->expires_s;
        side->ticket = ticket;
        side->by_itself = false;
        memcpy(side->tag, control->tag, sizeof side->tag);
        ok = side->checking = start_check(side, &place, &e);
    } else if (ok && take_early(side, &place, control->expires_s, &e)) {
        answer(side, control, ticket, NULL);
    } else {
        ok = false;
    }
    if (!ok)
        answer(side, control, ticket, &e);
    job_place_fini(&place);
}

/* ---- Attempts ---- */

bool job_side_place(const struct job_side *side, struct job_place *out_place, struct err *e)
{
    const char *text = side->url ? side->url : end_of(side)->text;

    if (text)
        return job_place_parse(side->side, text, out_place, e);
    *out_place = (struct job_place){.side = side->side};
    return true;
}

/* The variable or the file may say something else by the next attempt. */
static bool keep_url(struct job_side *side, struct err *e)
{
    const char *text = end_of(side)->text;

    if (side->url || secret_is_url(text))
        return true;
    side->url = secret_url_full(endpoint_pageblob_url(side->endpoint), NULL);
    side->expires_s = end_of(side)->expires_s;
    return side->url || err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a URL");
}

static bool open_access(struct job_side *side, struct err *e)
{
    const struct job_setup *setup = &side->life->job->setup;
    uint64_t told_s = side->url ? side->expires_s : end_of(side)->expires_s;
    uint64_t said_s = endpoint_pageblob_url(side->endpoint)->expiry_s;
    struct access_setup how = {.reactor = setup->reactor,
                               .side = side->side,
                               .expires_s = told_s ? told_s : said_s,
                               .wait_max_ns = setup->renew_wait_ns,
                               .keep_text = side->side == ACCESS_BASE,
                               .asked = "renewAccess",
                               .ask = on_ask,
                               .swap = on_swap,
                               .news = on_news,
                               .arg = side};

    side->access = access_new(&how, e);
    return side->access != NULL;
}

bool job_sides_attach(struct job_sides *sides, struct endpoint *const endpoints[ACCESS_SIDES],
                      struct err *e)
{
    for (size_t i = 0; i < ACCESS_SIDES; i++) {
        struct job_side *side = &sides->side[i];

        if (!endpoints[i])
            continue;
        side->endpoint = is_blob(endpoints[i]) ? endpoints[i] : NULL;
        if (!side->identity && !(side->identity = strdup(endpoints[i]->identity)))
            return err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a name");
        if (side->endpoint && !side->access && !(keep_url(side, e) && open_access(side, e)))
            return false;
    }
    return true;
}

void job_sides_detach(struct job_sides *sides)
{
    for (size_t i = 0; i < ACCESS_SIDES; i++) {
        struct job_side *side = &sides->side[i];

        if (side->endpoint)
            side->capabilities = side->endpoint->capabilities;
        side->endpoint = NULL;
        side->waiting = false;
    }
}

struct copy_sides job_sides_of_copy(const struct job_sides *sides)
{
    struct copy_sides of = {.source = sides->side[ACCESS_SOURCE].access,
                            .base = sides->side[ACCESS_BASE].access,
                            .target = sides->side[ACCESS_TARGET].access};

    return of;
}

/* ---- Life ---- */

struct job_sides *job_sides_new(struct job_life *life, struct err *e)
{
    struct job_sides *sides = calloc(1, sizeof *sides);

    if (!sides) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a disk's URLs");
        return NULL;
    }
    for (size_t i = 0; i < ACCESS_SIDES; i++)
        sides->side[i] = (struct job_side){.life = life, .side = (enum access_side)i};
    return sides;
}

bool job_sides_busy(const struct job_sides *sides)
{
    for (size_t i = 0; sides && i < ACCESS_SIDES; i++)
        if (sides->side[i].checking && access_check_busy(sides->side[i].check))
            return true;
    return false;
}

/* A look that waits for another try is just given up; whoever sent the URL hears of it. */
static void end_check(struct job_side *side)
{
    struct err why = {0};

    access_check_free(side->check);
    side->check = NULL;
    if (!side->checking)
        return;
    side->checking = false;
    if (side->by_itself)
        return;
    err_set(&why, ERR_CONFLICT, RETRY_NEVER, "the disk has ended meanwhile");
    answer(side, NULL, side->ticket, &why);
}

void job_sides_free(struct job_sides *sides)
{
    if (!sides)
        return;
    for (size_t i = 0; i < ACCESS_SIDES; i++) {
        struct job_side *side = &sides->side[i];

        assert(!side->endpoint);
        reactor_disarm(side->life->job->setup.reactor, &side->timer);
        end_check(side);
        access_free(side->access);
        secret_url_fini(&side->candidate);
        secret_wipe_free(side->url);
        secret_wipe_free(side->tried);
        free(side->identity);
    }
    free(sides);
}
