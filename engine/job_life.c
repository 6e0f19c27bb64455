/* job_life.c - one disk's life: pending, in progress, waiting or paused, and one of three ends.
 *
 * An attempt that is paused, canceled or stopped is a copy that is stopped: what was in flight ends and is
 * recorded, and going on later is the same as going on after a crash.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/job_internal.h"

/* ---- Its end ---- */

/* In a turn of its own: whoever waited for a URL is told before the URLs are freed. */
static void drop_sides(struct reactor_task *task)
{
    struct job_life *life = (struct job_life *)((char *)task - offsetof(struct job_life, task));

    if (job_sides_busy(life->sides))
        return; /* the job waits for it at its end */
    job_sides_free(life->sides);
    life->sides = NULL;
}

static void end_life(struct job_life *life, enum event_code code, const char *level,
                     const char *message)
{
    assert(!life->attempt && life->phase != JOB_ENDED);
    job_life_look(life);
    life->phase = JOB_ENDED;
    life->want = JOB_GO_ON;
    share_seat_free(life->seat);
    life->seat = NULL;
    if (code == EVENT_SUCCEEDED)
        job_life_succeed(life);
    job_tell_state(life, code, level, message);
    if (code == EVENT_SUCCEEDED)
        job_tell_progress(life); /* who looks at percent alone sees 100, too */
    job_tell_summary(life);
    reactor_post(life->job->setup.reactor, &life->task, drop_sides);
    job_disk_ended(life);
}

static void end_as_stopped(struct job_life *life)
{
    end_life(life, EVENT_PAUSED, "Info",
             life->begun ? "Stopped; the same job goes on with it."
                         : "Stopped before it began; the same job begins it.");
}

static void end_as_canceled(struct job_life *life)
{
    end_life(life, EVENT_CANCELED, "Info", "Canceled; its target is not complete.");
}

static void end_as_failed(struct job_life *life)
{
    char message[ERR_TEXT_MAX_BYTES + 32];
    bool tried = life->failures >= JOB_ATTEMPTS_MAX;

    snprintf(message, sizeof message, "%s%s", tried ? "Tried too often: " : "", life->err.text);
    end_life(life, EVENT_FAILED, "Error", message);
}

/* ---- Another attempt ---- */

/* Others hold every descriptor: they end, and then there are some. */
static bool is_short_of_descriptors(const struct job_life *life)
{
    int why = life->err.sys_errno;

    return (why == EMFILE || why == ENFILE) && life->job->attempts_count > 0;
}

static bool may_help(const struct err *error)
{
    return error->retry == RETRY_LATER || error->retry == RETRY_REPLAN;
}

static uint64_t rest_ns(struct job_life *life)
{
    uint64_t half_ms = JOB_PAUSE_FIRST_MS / 2, rest_ms;

    for (uint32_t i = 1; i < life->failures && half_ms < JOB_PAUSE_MAX_MS / 2; i++)
        half_ms *= 2;
    if (half_ms > JOB_PAUSE_MAX_MS / 2)
        half_ms = JOB_PAUSE_MAX_MS / 2;
    rest_ms = half_ms + retry_random_next(&life->job->random) % (2 * half_ms + 1);
    if (rest_ms < life->err.retry_after_ms)
        rest_ms = life->err.retry_after_ms < RETRY_AFTER_MAX_MS ? life->err.retry_after_ms
                                                                : RETRY_AFTER_MAX_MS;
    return rest_ms * NS_PER_MS;
}

static void rested(struct timer *timer)
{
    job_enqueue((struct job_life *)((char *)timer - offsetof(struct job_life, timer)));
}

static void rest(struct job_life *life)
{
    struct reactor *r = life->job->setup.reactor;
    uint64_t wait_ns = rest_ns(life);
    char message[ERR_TEXT_MAX_BYTES + 80];

    snprintf(message, sizeof message, "Attempt %u of %u failed, the next follows in %.1f s: %s",
             life->failures, JOB_ATTEMPTS_MAX, (double)wait_ns / (double)NS_PER_S, life->err.text);
    life->phase = JOB_RESTING;
    job_tell_state(life, EVENT_IN_PROGRESS, "Warning", message);
    reactor_arm(r, &life->timer, reactor_now_ns(r) + wait_ns, rested);
}

static void become_paused(struct job_life *life, const char *message)
{
    life->phase = JOB_PAUSED;
    life->want = JOB_GO_ON;
    job_tell_state(life, EVENT_PAUSED, "Info", message);
}

/* ---- What came of an attempt ---- */

static void judge_failure(struct job_life *life, enum job_want want, bool waited)
{
    bool stopped_by_us = life->err.kind == ERR_CANCELED, again = life->resumed;

    life->want = JOB_GO_ON;
    life->resumed = false;
    if (stopped_by_us ? want == JOB_GO_ON && !again : !is_short_of_descriptors(life))
        life->failures++;
    if (want == JOB_CANCEL)
        end_as_canceled(life);
    else if (!stopped_by_us && !is_short_of_descriptors(life) &&
             (!may_help(&life->err) || life->failures >= JOB_ATTEMPTS_MAX))
        end_as_failed(life);
    else if (want == JOB_STOP)
        end_as_stopped(life);
    else if (want == JOB_PAUSE)
        become_paused(life, waited ? "Paused; it also needs a new URL, which was asked for."
                                   : "Paused; what was done is recorded.");
    else if (again && stopped_by_us)
        job_enqueue(life);
    else
        rest(life);
}

static bool is_waiting(const struct job_life *life)
{
    for (size_t i = 0; life->sides && i < ACCESS_SIDES; i++)
        if (life->sides->side[i].asked)
            return true;
    return false;
}

static void settle_with(struct job_life *life, const struct err *error)
{
    bool waited = life->code == EVENT_WAITING_FOR_ACCESS && is_waiting(life);
    enum job_want want = life->want;

    job_life_look(life);
    life->err = *error;
    job_attempt_close(life);
    job_leave_room(life->job);
    if (err_is_set(&life->err))
        judge_failure(life, want, waited);
    else
        end_life(life, EVENT_SUCCEEDED, "Info",
                 life->spec->verify ? "Complete, committed and verified."
                                    : "Complete and committed.");
}

/* The copy or the verify ended. */
void job_life_settle(struct reactor_task *task)
{
    struct job_life *life = (struct job_life *)((char *)task - offsetof(struct job_life, task));
    struct err error = job_attempt_error(life);

    if (!err_is_set(&error) && life->phase == JOB_COPYING && life->spec->verify) {
        job_life_look(life);
        if (life->want == JOB_GO_ON && job_attempt_start_verify(life, &error)) {
            life->resumed = false;
            return;
        }
        if (!err_is_set(&error))
            err_set(&error, ERR_CANCELED, RETRY_LATER, "stopped before it was verified");
    }
    settle_with(life, &error);
}

void job_life_begin(struct job_life *life)
{
    struct job_unit *unit = life->unit;
    struct err error = {0};

    assert(life->phase == JOB_QUEUED && life->want == JOB_GO_ON);
    life->begun = true;
    life->phase = JOB_COPYING;
    if (!unit->begun) {
        unit->begun = true;
        job_tell_unit(unit, life->job, EVENT_IN_PROGRESS, false);
    }
    if (life->code != EVENT_IN_PROGRESS)
        job_tell_state(life, EVENT_IN_PROGRESS, "Info",
                       life->looked ? "Going on." : "In progress.");
    if (!job_attempt_start(life, &error))
        settle_with(life, &error);
}

/* ---- Verbs ---- */

static bool refuse_ended(const struct job_life *life, struct err *e)
{
    if (life->phase != JOB_ENDED)
        return true;
    return err_set(e, ERR_CONFLICT, RETRY_NEVER, "the disk has ended: %s",
                   event_code_name(life->code));
}

static bool is_under_way(const struct job_life *life)
{
    return life->phase == JOB_COPYING || life->phase == JOB_VERIFYING;
}

bool job_life_pause(struct job_life *life, struct err *e)
{
    if (!refuse_ended(life, e))
        return false;
    if (life->phase == JOB_PAUSED)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "the disk is paused already");
    if (life->want != JOB_GO_ON)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "the disk is being %s already",
                       life->want == JOB_PAUSE ? "paused" : "ended");
    if (is_under_way(life)) {
        life->want = JOB_PAUSE;
        life->resumed = false;
        job_attempt_stop(life);
        return true;
    }
    reactor_disarm(life->job->setup.reactor, &life->timer);
    become_paused(life,
                  life->begun ? "Paused; what was done is recorded." : "Paused before it began.");
    return true;
}

bool job_life_resume(struct job_life *life, struct err *e)
{
    if (!refuse_ended(life, e))
        return false;
    if (life->want == JOB_PAUSE) { /* its copy is being stopped: it goes on once it was */
        life->want = JOB_GO_ON;
        life->resumed = true;
        return true;
    }
    if (life->phase != JOB_PAUSED)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "the disk is not paused: it is %s",
                       job_life_phase(life));
    job_enqueue(life);
    return true;
}

bool job_life_cancel(struct job_life *life, struct err *e)
{
    if (!refuse_ended(life, e))
        return false;
    if (life->want == JOB_CANCEL)
        return err_set(e, ERR_CONFLICT, RETRY_NEVER, "the disk is being canceled already");
    if (is_under_way(life)) {
        life->want = JOB_CANCEL;
        job_attempt_stop(life);
        return true;
    }
    reactor_disarm(life->job->setup.reactor, &life->timer);
    end_as_canceled(life);
    return true;
}

bool job_life_set_priority(struct job_life *life, uint32_t priority, struct err *e)
{
    if (!refuse_ended(life, e))
        return false;
    life->priority = priority;
    if (life->seat)
        share_seat_set_weight(life->seat, priority);
    return true;
}

void job_life_stop(struct job_life *life)
{
    if (life->phase == JOB_ENDED)
        return;
    if (is_under_way(life)) {
        if (life->want != JOB_CANCEL)
            life->want = JOB_STOP;
        job_attempt_stop(life);
        return;
    }
    reactor_disarm(life->job->setup.reactor, &life->timer);
    end_as_stopped(life);
}

void job_life_fini(struct job_life *life)
{
    assert(!life->attempt && !life->seat);
    job_sides_free(life->sides);
    free(life->summary);
}
