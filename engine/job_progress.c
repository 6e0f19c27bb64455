/* job_progress.c - how far each disk is: never back, whatever attempts, pauses and journals come between;
 * told of all of them by one timer.
 */
#include <stddef.h>

#include "engine/copy_proof.h"
#include "engine/job_internal.h"

#define JOB_PERCENT_OPEN_MAX 99.9 /* 100 is told when it is complete, and verified where asked */

static void look_at_attempt(struct job_life *life)
{
    struct job_attempt *attempt = life->attempt;
    struct progress_view beside;

    if (attempt->copy && !copy_reads_journal(attempt->copy)) {
        life->progress = copy_progress(attempt->copy);
        life->looked = true;
    }
    if (attempt->verify)
        beside = verify_progress(attempt->verify);
    else if (!attempt->copy || !copy_proof_progress(attempt->copy, &beside))
        return;
    life->progress.bytes_per_second = beside.bytes_per_second;
    life->progress.eta_seconds = beside.eta_seconds;
}

void job_life_look(struct job_life *life)
{
    double told = life->progress.percent;

    if (life->phase == JOB_ENDED)
        return;
    if (life->attempt) {
        look_at_attempt(life);
    } else {
        life->progress.bytes_per_second = 0;
        life->progress.eta_seconds = UINT64_MAX;
    }
    if (life->progress.percent > JOB_PERCENT_OPEN_MAX)
        life->progress.percent = JOB_PERCENT_OPEN_MAX;
    if (life->progress.percent < told)
        life->progress.percent = told;
}

void job_life_succeed(struct job_life *life)
{
    life->progress.percent = 100;
    life->progress.bytes_per_second = 0;
    life->progress.eta_seconds = 0;
}

const char *job_life_phase(const struct job_life *life)
{
    switch (life->phase) {
    case JOB_QUEUED:
        return life->begun ? "waiting for its turn" : "pending";
    case JOB_COPYING:
        return life->attempt && life->attempt->copy ? copy_phase(life->attempt->copy) : "opening";
    case JOB_VERIFYING:
        return verify_phase(life->attempt->verify, "verifying");
    case JOB_RESTING:
        return "waiting to try again";
    case JOB_PAUSED:
        return "paused";
    case JOB_ENDED:
        break;
    }
    return life->code == EVENT_SUCCEEDED ? "done" : "ended";
}

static void add_attempt(const struct job_attempt *attempt, struct job_disk_view *view)
{
    const struct copy_summary *now = attempt->copy ? copy_summary(attempt->copy) : NULL;

    for (size_t i = 0; i < ACCESS_SIDES; i++)
        view->requests_count += attempt->ends[i] ? attempt->ends[i]->requests_count : 0;
    if (!now)
        return;
    view->window = now->window;
    view->retries_count += now->retries;
    view->read_bytes += now->read_bytes;
    view->written_bytes += now->written_bytes;
    view->skipped_bytes += now->skipped_bytes;
}

void job_life_view(struct job_life *life, struct job_disk_view *out_view)
{
    job_life_look(life);
    *out_view = (struct job_disk_view){.disk = life->spec->id,
                                       .point = life->unit->spec->id,
                                       .code = life->code,
                                       .phase = job_life_phase(life),
                                       .progress = life->progress,
                                       .attempts = job_life_attempts(life),
                                       .requests_count = life->requests_count};
    if (life->summary) {
        out_view->retries_count = life->summary->retries;
        out_view->read_bytes = life->summary->read_bytes;
        out_view->written_bytes = life->summary->written_bytes;
        out_view->skipped_bytes = life->summary->skipped_bytes;
    }
    if (life->attempt)
        add_attempt(life->attempt, out_view);
}

uint32_t job_life_attempts(const struct job_life *life)
{
    bool over =
        life->phase == JOB_RESTING || (life->phase == JOB_ENDED && life->code == EVENT_FAILED);

    return life->failures + (life->begun && !over ? 1 : 0);
}

/* ---- The timer ---- */

static bool is_told(const struct job_life *life)
{
    return life->looked && life->phase != JOB_PAUSED && life->phase != JOB_ENDED;
}

static void job_ticked(struct timer *timer)
{
    struct job *job = (struct job *)((char *)timer - offsetof(struct job, tick));

    for (uint32_t i = 0; i < job->setup.spec->disks_count; i++) {
        struct job_life *life = &job->lives[i];

        job_life_look(life);
        if (is_told(life))
            job_tell_progress(life);
    }
    if (job->left_count)
        job_begin_ticks(job);
}

void job_begin_ticks(struct job *job)
{
    uint64_t interval_ns = job->setup.spec->report.interval_ms * NS_PER_MS;

    reactor_arm(job->setup.reactor, &job->tick, reactor_now_ns(job->setup.reactor) + interval_ns,
                job_ticked);
}
