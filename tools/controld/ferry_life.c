/* ferry_life.c - one restore point from its queue to its end: which phase follows which, and why.
 *
 * Whatever is wanted of it (pause, cancel, an end) is looked at in a task of its own, while no child is
 * there; with one, the child is asked to go first. So all ends are one.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/controld/ferry_internal.h"
#include "tools/controld/ferry_lock.h"

#define STATUS_MISUSED     2   /* of the child: a mistake in its job, nothing was begun */
#define STATUS_AGAIN       3   /* stopped: the same job goes on */
#define STATUS_INTERRUPTED 130 /* as AGAIN */

#define TO(phase) (1u << FERRY_##phase)

static const uint8_t may_enter[FERRY_PHASES] = {
    [FERRY_QUEUED] = TO(LOCKING) | TO(HALTED) | TO(OVER),
    [FERRY_LOCKING] = TO(RUNNING) | TO(RESTING),
    [FERRY_RUNNING] = TO(RESTING),
    [FERRY_RESTING] = TO(QUEUED) | TO(HALTED) | TO(OVER),
    [FERRY_HALTED] = TO(QUEUED) | TO(OVER),
};
_Static_assert(FERRY_PHASES <= 8, "may_enter is a byte a phase");

static bool has_place(enum ferry_phase phase)
{
    return phase == FERRY_LOCKING || phase == FERRY_RUNNING;
}

static void enter(struct ferry_life *life, enum ferry_phase phase)
{
    struct ferry *ferry = life->ferry;

    assert(may_enter[life->phase] & 1u << phase);
    ferry->places_count -= has_place(life->phase);
    ferry->places_count += has_place(phase);
    ferry->children_count -= life->phase == FERRY_RUNNING;
    ferry->children_count += phase == FERRY_RUNNING;
    if (has_place(life->phase) && !has_place(phase))
        ferry_pump(ferry);
    life->phase = phase;
}

/* ---- What is told ---- */

static void tell_state(struct ferry_life *life, struct ferry_leg *leg, enum event_code code,
                       enum ferry_level level, const char *message)
{
    ferry_progress_state(&leg->view, code, level, message, ferry_wall_ns(life->ferry));
    ferry_tell(life, leg);
}

static void tell_all(struct ferry_life *life, enum event_code code, enum ferry_level level,
                     const char *message)
{
    for (size_t i = 0; i < life->legs.count; i++)
        if (!life->legs.items[i].settled)
            tell_state(life, &life->legs.items[i], code, level, message);
}

/* Those that have not settled end so. */
static void end_all(struct ferry_life *life, enum event_code code, const char *message)
{
    for (size_t i = 0; i < life->legs.count; i++) {
        struct ferry_leg *leg = &life->legs.items[i];

        if (leg->settled)
            continue;
        leg->settled = true;
        ferry_progress_ended(&leg->view, code, message, NULL, ferry_wall_ns(life->ferry));
        if (code == EVENT_CANCELED)
            ferry_leg_drop_journal(leg);
        ferry_tell(life, leg);
    }
}

/* ---- Ends ---- */

static void end_as_settled(struct ferry_life *life)
{
    const struct ferry_leg *failed = NULL;
    char message[FERRY_MESSAGE_MAX_BYTES] = "";

    enter(life, FERRY_OVER);
    for (size_t i = 0; i < life->legs.count && !failed; i++)
        if (life->legs.items[i].view.code == EVENT_FAILED)
            failed = &life->legs.items[i];
    if (failed)
        snprintf(message, sizeof message, "%s", failed->view.message);
    ferry_forget(life, failed ? EVENT_FAILED : EVENT_SUCCEEDED, message);
}

static void end_as_canceled(struct ferry_life *life)
{
    enter(life, FERRY_OVER);
    end_all(life, EVENT_CANCELED, "Canceled; its target is not complete.");
    ferry_forget(life, EVENT_CANCELED, "Canceled; its targets are not complete.");
}

static void end_as_refused(struct ferry_life *life)
{
    char why[FERRY_MESSAGE_MAX_BYTES];

    memcpy(why, life->refusal, sizeof why);
    enter(life, FERRY_OVER);
    end_all(life, EVENT_FAILED, why);
    ferry_forget(life, EVENT_FAILED, why);
}

/* ---- Between two children ---- */

static void halt(struct ferry_life *life)
{
    enter(life, FERRY_HALTED);
    tell_all(life, EVENT_PAUSED, FERRY_INFO, "Paused; what was done is recorded.");
}

static void queue(struct ferry_life *life)
{
    enter(life, FERRY_QUEUED);
    tell_all(life, EVENT_PENDING, FERRY_INFO, "Waits for its turn.");
    ferry_pump(life->ferry);
}

static void act(struct reactor_task *task)
{
    struct ferry_life *life =
        (struct ferry_life *)((char *)task - offsetof(struct ferry_life, task));

    if (life->freed) {
        ferry_life_free(life);
        return;
    }
    if (life->phase == FERRY_LOCKING && (life->pause || life->cancel))
        enter(life, FERRY_RESTING);
    if (life->child || life->phase == FERRY_LOCKING)
        return;
    if (life->pause || life->cancel)
        reactor_disarm(life->ferry->setup.reactor, &life->timer);
    if (life->cancel)
        end_as_canceled(life);
    else if (ferry_legs_settled(&life->legs))
        end_as_settled(life);
    else if (life->ferry->stopping)
        return;
    else if (*life->refusal)
        end_as_refused(life);
    else if (life->pause && life->phase != FERRY_HALTED)
        halt(life);
    else if (!life->pause && life->phase == FERRY_HALTED)
        queue(life);
}

void ferry_life_nudge(struct ferry_life *life)
{
    if (!life->task.posted)
        reactor_post(life->ferry->setup.reactor, &life->task, act);
}

static void on_rested(struct timer *timer)
{
    struct ferry_life *life =
        (struct ferry_life *)((char *)timer - offsetof(struct ferry_life, timer));

    enter(life, FERRY_QUEUED);
    ferry_pump(life->ferry);
}

static void tell_rest(struct ferry_life *life, const char *why, uint64_t rest_ns)
{
    char message[2 * FERRY_MESSAGE_MAX_BYTES];

    for (size_t i = 0; i < life->legs.count; i++) {
        struct ferry_leg *leg = &life->legs.items[i];

        if (leg->settled)
            continue;
        /* A disk that had its own reason keeps it. */
        snprintf(message, sizeof message, "%s It goes on in %.1f s.",
                 leg->passing ? leg->view.message : why, (double)rest_ns / (double)NS_PER_S);
        tell_state(life, leg, EVENT_PENDING, FERRY_WARNING, message);
    }
}

/* Another child follows, later the more often nothing came of it. */
static void rest(struct ferry_life *life, const char *why)
{
    struct reactor *r = life->ferry->setup.reactor;
    uint64_t rest_ns = life->ferry->rest_ns;

    for (uint32_t i = 0; i < life->rests && rest_ns < FERRY_REST_MAX_NS; i++)
        rest_ns *= 2;
    if (rest_ns > FERRY_REST_MAX_NS)
        rest_ns = FERRY_REST_MAX_NS;
    life->rests++;
    enter(life, FERRY_RESTING);
    tell_rest(life, why, rest_ns);
    reactor_arm(r, &life->timer, reactor_now_ns(r) + rest_ns, on_rested);
}

void ferry_life_refuse(struct ferry_life *life, const char *why)
{
    if (!*life->refusal)
        snprintf(life->refusal, sizeof life->refusal, "%s", why);
    ferry_life_interrupt(life);
}

void ferry_life_interrupt(struct ferry_life *life)
{
    life->interrupted = true;
    if (life->child)
        ferry_child_stop(life->child,
                         life->ferry->stopping ? life->ferry->stop_ns : life->ferry->drain_ns);
}

/* ---- A child ---- */

static void describe_end(const struct ferry_child_end *end, char *out, size_t room)
{
    const char *colon = *end->said ? ": " : "";

    if (end->killed)
        snprintf(out, room, "The copying process was ended by signal %d%s%s.", end->number, colon,
                 end->said);
    else if (end->number == STATUS_AGAIN || end->number == STATUS_INTERRUPTED)
        snprintf(out, room, "The copying process was stopped.");
    else
        snprintf(out, room, "The copying process ended with status %d%s%s.", end->number, colon,
                 end->said);
}

/* It had nothing against the job itself, and said so in order. */
static bool is_proper(const struct ferry_life *life, const struct ferry_child_end *end)
{
    if (end->killed)
        return false;
    for (size_t i = 0; i < life->legs.count; i++)
        if (life->legs.items[i].passing)
            return true;
    return end->number == STATUS_AGAIN || end->number == STATUS_INTERRUPTED;
}

/* A process that ends as none should, over and over. */
static void count_death(struct ferry_life *life, const struct ferry_child_end *end, const char *why)
{
    char text[FERRY_MESSAGE_MAX_BYTES];

    if (life->moved)
        life->deaths = life->rests = 0;
    if (!is_proper(life, end) && ++life->deaths >= FERRY_DEATHS_MAX) {
        snprintf(text, sizeof text, "%.400s That was the %uth time without anything copied.", why,
                 life->deaths);
        ferry_life_refuse(life, text);
    }
    if (!end->killed && end->number == STATUS_MISUSED) {
        snprintf(text, sizeof text, "The copy was refused: %.400s",
                 *life->words ? life->words : end->said);
        ferry_life_refuse(life, text);
    }
}

void ferry_life_landed(struct ferry_life *life, const struct ferry_child_end *end)
{
    bool asked = life->pause || life->cancel || life->ferry->stopping;
    char why[FERRY_MESSAGE_MAX_BYTES];

    if (life->mute)
        snprintf(why, sizeof why, "The copying process did not answer for %.0f s and was killed.",
                 (double)life->ferry->mute_ns / (double)NS_PER_S);
    else
        describe_end(end, why, sizeof why);
    if (!life->interrupted && !ferry_legs_settled(&life->legs))
        count_death(life, end, why);
    if (!asked && !*life->refusal && !ferry_legs_settled(&life->legs)) {
        rest(life, why);
        return;
    }
    enter(life, FERRY_RESTING);
    if (life->ferry->stopping)
        ferry_look_for_stop(life->ferry);
    ferry_life_nudge(life);
}

/* ---- A place ---- */

static void try_lock(struct ferry_life *life);

static void on_lock_timer(struct timer *timer)
{
    try_lock((struct ferry_life *)((char *)timer - offsetof(struct ferry_life, timer)));
}

/* A process of an earlier snapferryd: its stdin has ended, it records what it did and goes. */
static void await_orphan(struct ferry_life *life)
{
    struct reactor *r = life->ferry->setup.reactor;
    uint64_t waited_ns = reactor_now_ns(r) - life->locking_since_ns;

    if (!life->orphan_told)
        tell_all(life, EVENT_PENDING, FERRY_INFO, "Waits for an earlier copying process to end.");
    life->orphan_told = true;
    if (waited_ns >= life->ferry->orphan_ns)
        ferry_lock_kill_holder(life->lock_path);
    reactor_arm(r, &life->timer, reactor_now_ns(r) + FERRY_LOCK_LOOK_NS, on_lock_timer);
}

static void try_lock(struct ferry_life *life)
{
    struct err e = {0};
    int fd;

    if (!ferry_lock_take(life->lock_path, &fd, &e)) {
        if (e.kind == ERR_CONFLICT)
            await_orphan(life);
        else
            rest(life, e.text);
        return;
    }
    if (ferry_crossing_start(life, fd, &e)) {
        enter(life, FERRY_RUNNING);
    } else if (e.retry == RETRY_NEVER) {
        ferry_life_refuse(life, e.text);
        enter(life, FERRY_RESTING);
        ferry_life_nudge(life);
    } else {
        rest(life, e.text);
    }
}

void ferry_life_begin(struct ferry_life *life)
{
    enter(life, FERRY_LOCKING);
    life->locking_since_ns = reactor_now_ns(life->ferry->setup.reactor);
    life->orphan_told = false;
    try_lock(life);
}

/* ---- Life ---- */

void ferry_life_stop(struct ferry_life *life)
{
    reactor_disarm(life->ferry->setup.reactor, &life->timer);
    if (life->phase == FERRY_LOCKING)
        enter(life, FERRY_RESTING);
    ferry_life_interrupt(life);
}

struct ferry_life *ferry_life_new(struct ferry *ferry, const struct ferry_point *point,
                                  struct err *e)
{
    struct ferry_life *life = calloc(1, sizeof *life);

    if (!life) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a restore point");
        return NULL;
    }
    life->ferry = ferry;
    if (!ferry_legs_init(&life->legs, ferry->folder, point, ferry_wall_ns(ferry), e))
        goto failed;
    life->id = strdup(point->id);
    life->lock_path = ferry_place(ferry->folder, FERRY_LOCKS, point->id, NULL);
    if (life->id && life->lock_path)
        return life;
    err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a restore point");
failed:
    ferry_life_free(life);
    return NULL;
}

void ferry_life_free(struct ferry_life *life)
{
    if (!life->freed) { /* the second time the ferry is gone */
        ferry_child_free(life->child);
        reactor_disarm(life->ferry->setup.reactor, &life->timer);
        reactor_disarm(life->ferry->setup.reactor, &life->renew_timer);
        reactor_disarm(life->ferry->setup.reactor, &life->pulse_timer);
    }
    life->freed = true;
    if (life->task.posted) /* comes back here */
        return;
    ferry_legs_fini(&life->legs);
    free(life->id);
    free(life->lock_path);
    explicit_bzero(life, sizeof *life);
    free(life);
}
