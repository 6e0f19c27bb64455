/* job_tell.h - the events of a job, one function a kind.
 *
 * Knows:         which members each kind has. Part of a job (job_internal.h).
 * Must not know: who listens.
 * Threads:       the reactor's. Texts may hold what hosts said: they are redacted here.
 */
#ifndef ENGINE_JOB_TELL_H
#define ENGINE_JOB_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/event.h"

struct job;
struct job_life;
struct job_unit;

void job_tell_state(struct job_life *life, enum event_code code, const char *level,
                    const char *message);
void job_tell_warning(struct job_life *life, const char *sentence);
void job_tell_expiring(struct job_life *life, enum access_side side, uint64_t expires_s);
void job_tell_progress(struct job_life *life);
void job_tell_summary(struct job_life *life);
void job_tell_unit(struct job_unit *unit, struct job *job, enum event_code code, bool last);
void job_answer(struct job *job, const struct event *answer); /* command, tag, accepted, ... */

#endif
