/* job_internal.h - what the parts of a job share: one disk's life, one restore point, the job itself.
 *
 * Knows: the whole of a job. Included by job*.c alone. Must not know: as job.h.
 */
#ifndef ENGINE_JOB_INTERNAL_H
#define ENGINE_JOB_INTERNAL_H

#include "engine/job.h"
#include "engine/job_access.h"
#include "engine/job_attempt.h"
#include "engine/job_tell.h"
#include "engine/retry.h"
#include "io/timers.h"

enum job_phase {
    JOB_QUEUED,    /* waits for its turn: before its first attempt, or another */
    JOB_COPYING,   /* an attempt is under way, ... */
    JOB_VERIFYING, /* ... and its copy is committed */
    JOB_RESTING,   /* the pause before another attempt */
    JOB_PAUSED,
    JOB_ENDED
};

enum job_want { JOB_GO_ON, JOB_PAUSE, JOB_CANCEL, JOB_STOP }; /* what an attempt is to end for */

struct job_life {
    /* set once */
    struct job *job;
    struct job_unit *unit;
    const struct job_disk *spec;
    /* changes, reactor thread only */
    enum job_phase phase;
    enum job_want want;
    enum event_code code; /* as last told */
    uint32_t priority, failures;
    bool queued;  /* stands in the job's queue */
    bool begun;   /* an attempt was made */
    bool looked;  /* progress is known */
    bool resumed; /* while it was still being paused */
    bool restart; /* what an earlier process left is not gone on with */
    bool committed;
    struct job_life *queue_next;
    struct job_sides *sides;     /* NULL before the first attempt or renewal, and after the end */
    struct share_seat *seat;     /* from the first attempt to the end */
    struct job_attempt *attempt; /* NULL: no end is open */
    struct timer timer;
    struct reactor_task task;
    struct progress_view progress;
    struct copy_summary *summary;          /* of attempts that ended, counts added up; NULL: none */
    uint64_t requests_count, wire_bytes;   /* of the same */
    struct err err;                        /* of the last attempt */
    char message[ERR_TEXT_MAX_BYTES + 80]; /* as last told */
};

struct job_unit { /* one restore point */
    const struct job_point *spec;
    struct share_unit *share;
    uint32_t left_count, failed_count, canceled_count, stopped_count;
    bool begun;
};

struct job {
    struct job_setup setup; /* set once */
    struct job_life *lives; /* as spec->disks */
    struct job_unit *units; /* as spec->points */
    uint32_t at_once_max;
    /* changes, reactor thread only */
    struct job_limits limits;
    struct job_life *queue_first, *queue_last;
    uint32_t left_count, attempts_count; /* disks not ended; attempts under way */
    uint32_t failed_count, stopped_count;
    bool started, stopping, ended;
    struct retry_random random;
    struct timer tick, drain;
    struct reactor_task pump_task, end_task;
};

/* ---- job.c ---- */
void job_enqueue(struct job_life *life);    /* it begins when there is room */
void job_leave_room(struct job *job);       /* an attempt ended */
void job_disk_ended(struct job_life *life); /* its last event was told */

/* ---- job_life.c ---- */
void job_life_settle(struct reactor_task *task); /* the task of a life: its attempt ended */
void job_life_begin(struct job_life *life);      /* an attempt */
void job_life_fini(struct job_life *life);
/* Verbs; false: *e says why it cannot be. */
bool job_life_pause(struct job_life *life, struct err *e);
bool job_life_resume(struct job_life *life, struct err *e);
bool job_life_cancel(struct job_life *life, struct err *e);
bool job_life_set_priority(struct job_life *life, uint32_t priority, struct err *e);
void job_life_stop(struct job_life *life); /* with the job; one that has ended is fine */

/* ---- job_progress.c ---- */
void job_life_look(struct job_life *life); /* brings life->progress up to date */
void job_life_succeed(struct job_life *life);
uint32_t job_life_attempts(const struct job_life *life); /* begun so far; pauses do not count */
const char *job_life_phase(const struct job_life *life);
void job_life_view(struct job_life *life, struct job_disk_view *out_view);
void job_begin_ticks(struct job *job);

#endif
