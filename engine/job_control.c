/* job_control.c - commands to a running job: what a verb does to a disk, to a restore point, to all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/job_internal.h"
#include "engine/job_members.h"

struct call {
    struct job *job;
    const struct control *control;
    uint64_t ticket;
};

static void reply_for(const struct call *call, bool accepted, const char *message)
{
    struct event event = {.disk = call->control->disk,
                          .point = call->control->point,
                          .command = control_verb_name(call->control->verb),
                          .tag = call->control->tag,
                          .ticket = call->ticket,
                          .accepted = accepted,
                          .message = message};

    job_answer(call->job, &event);
}

static void refuse(const struct call *call, const struct err *why)
{
    reply_for(call, false, why->text);
}

/* ---- Whom it is for ---- */

/* Linear: a command is rare beside the requests of the disk it steers. */
static struct job_life *find_disk(struct job *job, const char *id, struct err *e)
{
    for (uint32_t i = 0; i < job->setup.spec->disks_count; i++)
        if (strcmp(job->lives[i].spec->id, id) == 0)
            return &job->lives[i];
    err_set(e, ERR_USAGE, RETRY_NEVER, "there is no disk \"%.200s\" in this job", id);
    return NULL;
}

/* The disks of a command; of STATUS without either: all. */
static bool find_lives(const struct call *call, struct job_life **out_first, uint32_t *out_count,
                       struct err *e)
{
    const struct control *control = call->control;
    struct job *job = call->job;
    const struct job_spec *spec = job->setup.spec;

    *out_count = 1;
    if (control->disk) {
        *out_first = find_disk(job, control->disk, e);
        return *out_first != NULL;
    }
    *out_first = job->lives;
    *out_count = spec->disks_count;
    if (!control->point)
        return true;
    for (uint32_t i = 0; i < spec->points_count; i++)
        if (strcmp(spec->points[i].id, control->point) == 0) {
            *out_first = &job->lives[spec->points[i].first_disk];
            *out_count = spec->points[i].disk_count;
            return true;
        }
    return err_set(e, ERR_USAGE, RETRY_NEVER, "there is no restore point \"%.200s\" in this job",
                   control->point);
}

/* ---- Verbs of disks ---- */

static bool act(struct job_life *life, const struct control *control, struct err *e)
{
    switch (control->verb) {
    case CONTROL_PAUSE:
        return job_life_pause(life, e);
    case CONTROL_RESUME:
        return job_life_resume(life, e);
    case CONTROL_CANCEL:
        return job_life_cancel(life, e);
    case CONTROL_SET_PRIORITY:
        return job_life_set_priority(life, control->priority, e);
    case CONTROL_RENEW_ACCESS:
    case CONTROL_SET_LIMITS:
    case CONTROL_STATUS:
    case CONTROL_VERBS_COUNT:
        break;
    }
    return err_set(e, ERR_USAGE, RETRY_NEVER, "this is no verb of a disk");
}

static const char *done_words(enum control_verb verb)
{
    switch (verb) {
    case CONTROL_PAUSE:
        return "Pausing: what is in flight is let end.";
    case CONTROL_RESUME:
        return "Going on.";
    case CONTROL_CANCEL:
        return "Canceling: what is in flight is let end.";
    default:
        return "Done.";
    }
}

/* A restore point's disks are in states of their own: those that can, do; none of them: refused. */
static void steer(const struct call *call)
{
    struct job_life *first;
    uint32_t count, done = 0;
    struct err e = {0}, why = {0};
    char message[160];

    if (!find_lives(call, &first, &count, &e)) {
        refuse(call, &e);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        err_clear(&e);
        if (act(&first[i], call->control, &e))
            done++;
        else if (!err_is_set(&why))
            why = e;
    }
    if (count == 0)
        err_set(&why, ERR_USAGE, RETRY_NEVER, "the restore point has no disks");
    if (done == 0) {
        refuse(call, &why);
        return;
    }
    if (done == count)
        snprintf(message, sizeof message, "%s", done_words(call->control->verb));
    else
        snprintf(message, sizeof message, "%s %u of %u disks; the others cannot now.",
                 done_words(call->control->verb), done, count);
    reply_for(call, true, message);
}

static void renew(const struct call *call)
{
    struct job_life *life = NULL;
    struct err e = {0};

    if (!call->control->disk || !call->control->url || call->control->side >= ACCESS_SIDES)
        err_set(&e, ERR_USAGE, RETRY_NEVER, "renewAccess needs a disk, a side and a url");
    else
        life = find_disk(call->job, call->control->disk, &e);
    if (life && life->phase == JOB_ENDED)
        err_set(&e, ERR_CONFLICT, RETRY_NEVER, "the disk has ended: %s",
                event_code_name(life->code));
    else if (life && !life->sides)
        life->sides = job_sides_new(life, &e);
    if (err_is_set(&e))
        refuse(call, &e);
    else
        job_side_renew(&life->sides->side[call->control->side], call->control, call->ticket);
}

/* ---- Verbs of the job ---- */

static void set_limits(const struct call *call)
{
    struct job_limits *limits = &call->job->limits;

    for (unsigned i = 0; i < CONTROL_LIMITS_COUNT; i++)
        if (call->control->limit_given[i])
            *job_members_limit_of(limits, (enum control_limit)i) = call->control->limit[i];
    share_set_limits(call->job->setup.share, limits);
    reply_for(call, true, "The limits count from the next request on.");
}

static struct event_disk_status status_of(struct job_life *life)
{
    struct event_disk_status status;

    job_life_look(life);
    status = (struct event_disk_status){.disk = life->spec->id,
                                        .point = life->unit->spec->id,
                                        .code = life->code,
                                        .priority = life->priority,
                                        .attempts = job_life_attempts(life),
                                        .progress = life->progress,
                                        .message = life->message};
    return status;
}

static void tell_status(const struct call *call)
{
    struct event event = {.disk = call->control->disk,
                          .point = call->control->point,
                          .command = control_verb_name(CONTROL_STATUS),
                          .tag = call->control->tag,
                          .ticket = call->ticket,
                          .accepted = true};
    struct event_disk_status *statuses = NULL;
    struct job_life *first;
    struct err e = {0};
    uint32_t count;

    if (find_lives(call, &first, &count, &e) && !(statuses = calloc(count + 1, sizeof *statuses)))
        err_set(&e, ERR_LIMIT, RETRY_LATER, "no memory for the status of %u disks", count);
    if (err_is_set(&e)) {
        refuse(call, &e);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        statuses[i] = status_of(&first[i]);
    event.statuses = statuses;
    event.statuses_count = count;
    job_answer(call->job, &event);
    free(statuses);
}

/* ---- All of them ---- */

void job_control(struct job *job, const struct control *control, uint64_t ticket)
{
    struct call call = {.job = job, .control = control, .ticket = ticket};
    struct err e = {0};

    if (control->verb == CONTROL_STATUS) {
        tell_status(&call);
        return;
    }
    if (!job->started || job->left_count == 0)
        err_set(&e, ERR_CONFLICT, RETRY_NEVER, "the job %s",
                job->started ? "has ended" : "has not begun");
    else if (job->stopping)
        err_set(&e, ERR_CONFLICT, RETRY_NEVER, "the job is being stopped");
    if (err_is_set(&e))
        refuse(&call, &e);
    else if (control->verb == CONTROL_RENEW_ACCESS)
        renew(&call);
    else if (control->verb == CONTROL_SET_LIMITS)
        set_limits(&call);
    else
        steer(&call);
}
