/* job.c - see job.h. The whole: points, the queue, start and end. A disk's life is job_life.c. */
#include "engine/job.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "engine/job_internal.h"

#define JOB_BEGIN_AT_ONCE       32u  /* attempts begun in one turn: the loop is not held up */
#define JOB_DESCRIPTORS_A_DISK  6u   /* files of both ends, lock, journal, map */
#define JOB_DESCRIPTORS_OF_REST 320u /* connections, and whatever else the process has open */
#define JOB_DRAIN_NS            (10 * NS_PER_MS)

/* ---- Life ---- */

static uint32_t most_at_once(void)
{
    struct rlimit limit = {0};
    uint64_t most = JOB_DISKS_AT_ONCE_MAX;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return JOB_DISKS_AT_ONCE_MAX;
    if (limit.rlim_cur <= JOB_DESCRIPTORS_OF_REST + JOB_DESCRIPTORS_A_DISK)
        return 1;
    most = (limit.rlim_cur - JOB_DESCRIPTORS_OF_REST) / JOB_DESCRIPTORS_A_DISK;
    return most < JOB_DISKS_AT_ONCE_MAX ? (uint32_t)most : JOB_DISKS_AT_ONCE_MAX;
}

static bool make_units(struct job *job, struct err *e)
{
    const struct job_spec *spec = job->setup.spec;

    for (uint32_t i = 0; i < spec->points_count; i++) {
        struct job_unit *unit = &job->units[i];

        unit->spec = &spec->points[i];
        unit->left_count = spec->points[i].disk_count;
        unit->share = share_unit_new(job->setup.share, e);
        if (!unit->share)
            return false;
    }
    return true;
}

static void make_lives(struct job *job)
{
    const struct job_spec *spec = job->setup.spec;

    for (uint32_t i = 0; i < spec->disks_count; i++)
        job->lives[i] = (struct job_life){.job = job,
                                          .unit = &job->units[spec->disks[i].point],
                                          .spec = &spec->disks[i],
                                          .priority = spec->disks[i].priority,
                                          .restart = job->setup.restart,
                                          .progress = {.eta_seconds = UINT64_MAX}};
    job->left_count = spec->disks_count;
}

struct job *job_new(const struct job_setup *setup, struct err *e)
{
    const struct job_spec *spec = setup->spec;
    struct job *job = calloc(1, sizeof *job);

    assert(setup->told && setup->ended);
    if (job) {
        job->setup = *setup;
        job->limits = spec->limits;
        job->random.state = setup->random_seed;
        job->at_once_max = most_at_once();
        job->lives = calloc(spec->disks_count + 1, sizeof *job->lives);
        job->units = calloc(spec->points_count + 1, sizeof *job->units);
    }
    if (!job || !job->lives || !job->units) {
        err_set(e, ERR_LIMIT, RETRY_LATER, "no memory for a job of %u disks", spec->disks_count);
        job_free(job);
        return NULL;
    }
    if (!make_units(job, e)) {
        job_free(job);
        return NULL;
    }
    make_lives(job);
    return job;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    assert(!job->started || job->ended);
    for (uint32_t i = 0; job->lives && i < job->setup.spec->disks_count; i++)
        job_life_fini(&job->lives[i]);
    for (uint32_t i = 0; job->units && i < job->setup.spec->points_count; i++)
        share_unit_free(job->units[i].share);
    free(job->lives);
    free(job->units);
    free(job);
}

/* ---- The queue ---- */

static struct job_life *take_first(struct job *job)
{
    struct job_life *life = job->queue_first;

    job->queue_first = life->queue_next;
    if (!job->queue_first)
        job->queue_last = NULL;
    life->queue_next = NULL;
    life->queued = false;
    return life;
}

static void pump_soon(struct job *job);

/* One that was paused, or ended, while it stood in the queue is passed by. */
static void pump(struct reactor_task *task)
{
    struct job *job = (struct job *)((char *)task - offsetof(struct job, pump_task));

    for (uint32_t i = 0; i < JOB_BEGIN_AT_ONCE; i++) {
        struct job_life *life;

        if (!job->queue_first || job->attempts_count >= job->at_once_max)
            return;
        life = take_first(job);
        if (life->phase != JOB_QUEUED)
            continue;
        job->attempts_count++;
        job_life_begin(life);
    }
    pump_soon(job);
}

static void pump_soon(struct job *job)
{
    if (job->queue_first && !job->pump_task.posted)
        reactor_post(job->setup.reactor, &job->pump_task, pump);
}

void job_enqueue(struct job_life *life)
{
    struct job *job = life->job;

    life->phase = JOB_QUEUED;
    if (!life->queued) {
        life->queued = true;
        if (job->queue_last)
            job->queue_last->queue_next = life;
        else
            job->queue_first = life;
        job->queue_last = life;
    }
    if (life->code == EVENT_PAUSED && job->attempts_count >= job->at_once_max)
        job_tell_state(life, EVENT_PENDING, "Info", "Waiting for its turn.");
    pump_soon(job);
}

void job_leave_room(struct job *job)
{
    assert(job->attempts_count > 0);
    job->attempts_count--;
    pump_soon(job);
}

/* ---- The end ---- */

static void finish(struct reactor_task *task);

static void drained(struct timer *timer)
{
    struct job *job = (struct job *)((char *)timer - offsetof(struct job, drain));

    reactor_post(job->setup.reactor, &job->end_task, finish);
}

/* Nothing of it is in the reactor any more: the job may be freed in here. */
static void finish(struct reactor_task *task)
{
    struct job *job = (struct job *)((char *)task - offsetof(struct job, end_task));
    struct reactor *r = job->setup.reactor;
    bool busy = job->pump_task.posted;

    for (uint32_t i = 0; i < job->setup.spec->disks_count; i++) {
        struct job_life *life = &job->lives[i];

        if (job_sides_busy(life->sides) || life->task.posted) {
            busy = true;
            continue;
        }
        job_sides_free(life->sides);
        life->sides = NULL;
    }
    if (busy) { /* URLs that are looked at, within the deadlines of HTTP */
        reactor_arm(r, &job->drain, reactor_now_ns(r) + JOB_DRAIN_NS, drained);
        return;
    }
    reactor_disarm(r, &job->tick);
    job->ended = true;
    job->setup.ended(job->setup.arg);
}

static void end_unit(struct job *job, struct job_unit *unit)
{
    enum event_code code = EVENT_SUCCEEDED;

    if (unit->failed_count)
        code = EVENT_FAILED;
    else if (unit->canceled_count)
        code = EVENT_CANCELED;
    else if (unit->stopped_count)
        code = EVENT_PAUSED;
    share_unit_free(unit->share);
    unit->share = NULL;
    job_tell_unit(unit, job, code, true);
}

void job_disk_ended(struct job_life *life)
{
    struct job *job = life->job;
    struct job_unit *unit = life->unit;

    unit->failed_count += life->code == EVENT_FAILED;
    unit->canceled_count += life->code == EVENT_CANCELED;
    unit->stopped_count += life->code == EVENT_PAUSED;
    job->failed_count += life->code == EVENT_FAILED;
    job->stopped_count += life->code == EVENT_CANCELED || life->code == EVENT_PAUSED;
    job->left_count--;
    if (--unit->left_count == 0)
        end_unit(job, unit);
    if (job->left_count == 0)
        reactor_post(job->setup.reactor, &job->end_task, finish);
}

/* ---- Use ---- */

void job_start(struct job *job)
{
    assert(!job->started);
    job->started = true;
    for (uint32_t i = 0; i < job->setup.spec->disks_count; i++)
        job_tell_state(&job->lives[i], EVENT_PENDING, "Info", "Pending.");
    for (uint32_t i = 0; i < job->setup.spec->points_count; i++)
        if (job->units[i].left_count == 0)
            end_unit(job, &job->units[i]);
    if (job->left_count == 0) {
        reactor_post(job->setup.reactor, &job->end_task, finish);
        return;
    }
    job_begin_ticks(job);
    for (uint32_t i = 0; i < job->setup.spec->disks_count; i++) {
        if (job->stopping)
            job_life_stop(&job->lives[i]);
        else
            job_enqueue(&job->lives[i]);
    }
}

void job_stop(struct job *job)
{
    if (job->stopping)
        return;
    job->stopping = true;
    for (uint32_t i = 0; job->started && i < job->setup.spec->disks_count; i++)
        job_life_stop(&job->lives[i]);
}

/* ---- Look ---- */

bool job_ended(const struct job *job)
{
    return job->ended;
}

int job_exit(const struct job *job)
{
    if (job->failed_count)
        return 1;
    return job->stopped_count ? 3 : 0;
}

uint32_t job_disks_count(const struct job *job)
{
    return job->setup.spec->disks_count;
}

const struct job_limits *job_limits_now(const struct job *job)
{
    return &job->limits;
}

void job_look(struct job *job, uint32_t disk, struct job_disk_view *out_view)
{
    struct job_life *life = &job->lives[disk];

    assert(disk < job->setup.spec->disks_count);
    job_life_view(life, out_view);
}
