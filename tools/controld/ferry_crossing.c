/* ferry_crossing.c - one child of a restore point: its job with fresh URLs, the events it prints, URLs it
 * asks for. What it says is input from outside: a disk nobody knows and a word nobody knows are passed by.
 * */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/secret.h"
#include "tools/controld/ferry_event.h"
#include "tools/controld/ferry_internal.h"
#include "tools/controld/ferry_job.h"
#include "tools/controld/ferry_lock.h"

#define TAG_BYTES 24u

/* ---- URLs ---- */

static bool is_sendable(const char *url)
{
    if (!url || !secret_is_url(url) || strlen(url) >= SECRET_URL_MAX_BYTES)
        return false;
    for (const char *c = url; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return true;
}

static bool ask_for_url(struct ferry_life *life, const struct ferry_leg *leg, enum access_side side,
                        struct ferry_access *out_access, struct err *e)
{
    const struct ferry_callbacks *callbacks = &life->ferry->setup.callbacks;
    struct ferry_access access = {0};

    if (!callbacks->access(callbacks->arg, life->id, leg->id, side, &access, e)) {
        if (!err_is_set(e))
            err_set(e, ERR_AUTH, RETRY_LATER, "there is no URL of the %s now",
                    access_side_name(side));
        return false;
    }
    if (!is_sendable(access.url)) {
        secret_wipe_free(access.url);
        return err_set(e, ERR_USAGE, RETRY_NEVER, "what was given for the %s is no URL",
                       access_side_name(side));
    }
    *out_access = access;
    return true;
}

static void on_renew_timer(struct timer *timer);

/* A side stays wanted until a URL was accepted: one that is refused, or lost, is followed by another. */
static void renew(struct ferry_life *life, struct ferry_leg *leg, enum access_side side)
{
    struct reactor *r = life->ferry->setup.reactor;
    struct ferry_access access = {0};
    struct ferry_line line = {0};
    struct err e = {0};
    char tag[TAG_BYTES];

    if (ask_for_url(life, leg, side, &access, &e)) {
        struct ferry_job_end end = {.url = access.url, .expires_s = access.expires_s};

        snprintf(tag, sizeof tag, "%zu %u", (size_t)(leg - life->legs.items), (unsigned)side);
        ferry_job_renew(&line, leg->id, side, &end, tag);
        ferry_child_send(life->child, &line);
        secret_wipe_free(access.url);
    } else if (e.retry == RETRY_NEVER) {
        ferry_life_refuse(life, e.text);
        return;
    }
    reactor_arm(r, &life->renew_timer, reactor_now_ns(r) + FERRY_RENEW_NS, on_renew_timer);
}

static void on_renew_timer(struct timer *timer)
{
    struct ferry_life *life =
        (struct ferry_life *)((char *)timer - offsetof(struct ferry_life, renew_timer));

    for (size_t i = 0; i < life->legs.count; i++)
        for (enum access_side side = ACCESS_SOURCE; side < ACCESS_SIDES; side++)
            if (life->legs.items[i].wanted & 1u << side && !*life->refusal)
                renew(life, &life->legs.items[i], side);
}

/* ---- Whether it lives ---- */

/* One that hangs would look like a slow copy for ever. */
static void on_pulse(struct timer *timer)
{
    struct ferry_life *life =
        (struct ferry_life *)((char *)timer - offsetof(struct ferry_life, pulse_timer));
    struct reactor *r = life->ferry->setup.reactor;
    struct ferry_line line = {0};

    if (reactor_now_ns(r) - life->spoke_ns >= life->ferry->mute_ns) {
        life->mute = true;
        ferry_child_kill(life->child);
        return;
    }
    ferry_job_status(&line);
    ferry_child_send(life->child, &line);
    reactor_arm(r, &life->pulse_timer, reactor_now_ns(r) + life->ferry->pulse_ns, on_pulse);
}

static void start_pulse(struct ferry_life *life)
{
    struct reactor *r = life->ferry->setup.reactor;

    life->spoke_ns = reactor_now_ns(r);
    reactor_arm(r, &life->pulse_timer, life->spoke_ns + life->ferry->pulse_ns, on_pulse);
}

/* ---- What a child says ---- */

static void hear_state(struct ferry_life *life, struct ferry_leg *leg,
                       const struct ferry_event *event)
{
    if (ferry_code_is_last(event->code))
        return; /* its summary follows at once, and says more */
    ferry_progress_state(&leg->view, event->code, event->level, event->message,
                         ferry_wall_ns(life->ferry));
    ferry_tell(life, leg);
}

static void note_moved(struct ferry_life *life, struct ferry_leg *leg,
                       const struct progress_view *progress)
{
    if (leg->first_durable_bytes == UINT64_MAX)
        leg->first_durable_bytes = progress->durable_bytes;
    else if (progress->durable_bytes > leg->first_durable_bytes)
        life->moved = true;
}

static void hear_progress(struct ferry_life *life, struct ferry_leg *leg,
                          const struct ferry_event *event)
{
    note_moved(life, leg, &event->progress);
    ferry_progress_moved(&leg->view, &event->progress, ferry_wall_ns(life->ferry));
    ferry_tell(life, leg);
}

/* What an earlier child recorded does not fit what is there now, and this one touched nothing: the target
 * is to be made what its source is all the same, so it begins anew, once. */
static bool may_begin_anew(const struct ferry_leg *leg, const struct ferry_event *event)
{
    return event->odd && !leg->begun_anew && access(leg->journal, F_OK) == 0 &&
           (leg->first_durable_bytes == UINT64_MAX ||
            event->progress.durable_bytes <= leg->first_durable_bytes);
}

static void hear_failure(struct ferry_life *life, struct ferry_leg *leg,
                         const struct ferry_event *event)
{
    uint64_t wall_ns = ferry_wall_ns(life->ferry);

    if (may_begin_anew(leg, event))
        leg->begun_anew = leg->again = true;
    if (leg->again || event->passing) {
        leg->passing = true;
        ferry_progress_state(&leg->view, EVENT_PENDING, FERRY_WARNING, event->message, wall_ns);
        return;
    }
    leg->settled = true;
    ferry_progress_ended(&leg->view, EVENT_FAILED, event->message, &event->outcome, wall_ns);
}

static void hear_summary(struct ferry_life *life, struct ferry_leg *leg,
                         const struct ferry_event *event)
{
    uint64_t wall_ns = ferry_wall_ns(life->ferry);

    note_moved(life, leg, &event->progress);
    ferry_progress_moved(&leg->view, &event->progress, wall_ns);
    leg->wanted = 0;
    if (event->code == EVENT_SUCCEEDED) {
        leg->settled = life->moved = true;
        ferry_progress_ended(&leg->view, EVENT_SUCCEEDED,
                             *event->message ? event->message : "Complete and committed.",
                             &event->outcome, wall_ns);
        ferry_leg_drop_journal(leg); /* one that this copy did not need */
    } else if (event->code == EVENT_FAILED) {
        hear_failure(life, leg, event);
    } else { /* stopped, with its process: what follows says which way */
        ferry_progress_state(&leg->view, EVENT_PENDING, FERRY_INFO, event->message, wall_ns);
    }
    ferry_tell(life, leg);
}

static void hear_expiring(struct ferry_life *life, struct ferry_leg *leg,
                          const struct ferry_event *event)
{
    if (leg->sides[event->side].kind != FERRY_BLOB || *life->refusal)
        return;
    leg->wanted |= 1u << event->side;
    renew(life, leg, event->side);
}

static void hear_answer(struct ferry_life *life, const struct ferry_event *event)
{
    size_t index;
    unsigned side;

    if (!event->accepted || !event->tag || sscanf(event->tag, "%zu %u", &index, &side) != 2 ||
        index >= life->legs.count || side >= ACCESS_SIDES)
        return;
    life->legs.items[index].wanted &= ~(1u << side);
}

static void hear_of_disk(struct ferry_life *life, struct ferry_leg *leg,
                         const struct ferry_event *event)
{
    if (leg->settled)
        return;
    switch (event->kind) {
    case EVENT_PROGRESS:
        hear_progress(life, leg, event);
        break;
    case EVENT_STATE:
        hear_state(life, leg, event);
        break;
    case EVENT_ACCESS_EXPIRING:
        hear_expiring(life, leg, event);
        break;
    case EVENT_SUMMARY:
        hear_summary(life, leg, event);
        break;
    default:
        break;
    }
}

static void on_line(void *arg, const char *text, size_t bytes)
{
    struct ferry_life *life = arg;
    struct ferry_event event;
    struct ferry_leg *leg;

    if (!ferry_event_read(text, bytes, &event))
        return; /* noise is no sign of life */
    life->spoke_ns = reactor_now_ns(life->ferry->setup.reactor);
    leg = event.disk ? ferry_legs_find(&life->legs, event.disk) : NULL;
    if (event.kind == EVENT_INVALID && !*life->words)
        snprintf(life->words, sizeof life->words, "%s", event.message);
    else if (event.kind == EVENT_ANSWER)
        hear_answer(life, &event);
    else if (leg)
        hear_of_disk(life, leg, &event);
    ferry_event_fini(&event);
}

static void on_ended(void *arg, const struct ferry_child_end *end)
{
    struct ferry_life *life = arg;
    struct ferry_child_end copy = *end;
    char said[FERRY_CHILD_SAID_BYTES];

    snprintf(said, sizeof said, "%s", end->said);
    copy.said = said;
    reactor_disarm(life->ferry->setup.reactor, &life->renew_timer);
    reactor_disarm(life->ferry->setup.reactor, &life->pulse_timer);
    ferry_child_free(life->child);
    life->child = NULL;
    ferry_life_landed(life, &copy);
}

/* ---- The job ---- */

struct leg_urls { /* those that are secret */
    char *side[ACCESS_SIDES];
};

static bool fill_disk(struct ferry_life *life, const struct ferry_leg *leg, struct leg_urls *urls,
                      struct ferry_job_disk *disk, struct err *e)
{
    disk->id = leg->id;
    disk->map = leg->map;
    disk->journal = leg->journal;
    disk->verify = leg->verify;
    disk->target_new = leg->target_new;
    disk->target_larger = leg->target_larger;
    disk->raw = leg->raw;
    for (enum access_side side = ACCESS_SOURCE; side < ACCESS_SIDES; side++) {
        struct ferry_access access = {0};

        disk->sides[side].identity = side == ACCESS_TARGET ? NULL : leg->sides[side].identity;
        disk->sides[side].url = leg->sides[side].path;
        if (leg->sides[side].kind != FERRY_BLOB)
            continue;
        if (!ask_for_url(life, leg, side, &access, e))
            return false;
        disk->sides[side].url = urls->side[side] = access.url;
        disk->sides[side].expires_s = access.expires_s;
    }
    return true;
}

static bool add_disk(struct ferry_life *life, const struct ferry_leg *leg, struct ferry_line *line,
                     struct err *e)
{
    struct ferry_job_disk disk = {0};
    struct leg_urls urls = {0};
    bool ok = fill_disk(life, leg, &urls, &disk, e);

    if (ok)
        ferry_job_add(line, &disk);
    for (size_t side = 0; side < ACCESS_SIDES; side++)
        secret_wipe_free(urls.side[side]);
    return ok;
}

static bool write_job(struct ferry_life *life, struct ferry_line *line, struct err *e)
{
    const struct ferry_setup *setup = &life->ferry->setup;
    struct ferry_job_limits limits = {.memory_bytes = setup->memory_bytes,
                                      .bytes_per_s = setup->bytes_per_s};

    ferry_job_begin(line, life->id);
    for (size_t i = 0; i < life->legs.count; i++)
        if (!life->legs.items[i].settled && !add_disk(life, &life->legs.items[i], line, e))
            return false;
    ferry_job_end(line, &limits);
    return !line->failed ||
           err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a job of %zu disks", life->legs.count);
}

static void forget_last_child(struct ferry_life *life)
{
    life->moved = life->interrupted = life->mute = false;
    life->words[0] = 0;
    for (size_t i = 0; i < life->legs.count; i++) {
        struct ferry_leg *leg = &life->legs.items[i];

        if (leg->again)
            ferry_leg_drop_journal(leg);
        leg->again = leg->passing = false;
        leg->wanted = 0;
        leg->first_durable_bytes = UINT64_MAX;
    }
}

bool ferry_crossing_start(struct ferry_life *life, int lock_fd, struct err *e)
{
    struct ferry_child_setup setup = {.reactor = life->ferry->setup.reactor,
                                      .arguments = life->ferry->arguments,
                                      .held_fd = lock_fd,
                                      .line_max_bytes = FERRY_LINE_MAX_BYTES,
                                      .line = on_line,
                                      .ended = on_ended,
                                      .arg = life};
    struct ferry_line line = {0};

    forget_last_child(life);
    if (write_job(life, &line, e))
        life->child = ferry_child_start(&setup, e);
    if (life->child) {
        ferry_lock_sign(lock_fd, ferry_child_process(life->child));
        ferry_child_send(life->child, &line);
        start_pulse(life);
    }
    ferry_line_fini(&line);
    close(lock_fd);
    return life->child != NULL;
}
