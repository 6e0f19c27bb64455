/* job_attempt.h - one attempt at a disk: its ends, its copy, maybe a verify after it.
 *
 * Knows:         how an attempt is begun, stopped and closed. Part of a job (job_internal.h).
 * Must not know: what follows from how it ended (job_life.c).
 * Threads:       the reactor's.
 */
#ifndef ENGINE_JOB_ATTEMPT_H
#define ENGINE_JOB_ATTEMPT_H

#include <stdbool.h>

#include "engine/copy.h"
#include "engine/verify.h"

struct job_life;

/* Ends opened, a copy, maybe a verify after it. Only while it is under way. */
struct job_attempt {
    struct endpoint *ends[ACCESS_SIDES]; /* owned */
    char *since;                         /* of the base; secret, owned */
    char *journal, *verify_journal;      /* paths; owned; NULL: none */
    bool restart;
    struct copy *copy; /* NULL: an attempt before committed it, without a journal */
    struct verify *verify;
};

/* Opens the ends and starts the copy, or the verify where that alone is left. settle is posted as
 * life->task when it ended. False: what was opened is closed by job_attempt_close. */
bool job_attempt_start(struct job_life *life, struct err *e);
bool job_attempt_start_verify(struct job_life *life, struct err *e);
void job_attempt_stop(struct job_life *life);
/* Why what is under way ended; kind ERR_NONE: well. A difference is an error here. */
struct err job_attempt_error(const struct job_life *life);
void job_attempt_close(struct job_life *life); /* counts go to the life; NULL attempt is fine */

#endif
