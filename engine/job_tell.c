/* job_tell.c - a job's events: filled in one place, so that all of them carry their disk, their restore
 * point and the time, and none a secret.
 */
#include <stdio.h>
#include <string.h>

#include "engine/job_internal.h"
#include "io/secret.h"

#define TELL_MESSAGE_MAX_BYTES 1024u

/* Sentences hold what services and files said: whatever looks like a SAS is cut out once more. */
static void job_tell(struct job *job, struct event *event)
{
    char message[TELL_MESSAGE_MAX_BYTES];

    event->time_ns = reactor_wall_ns(job->setup.reactor);
    if (event->message) {
        snprintf(message, sizeof message, "%s", event->message);
        secret_redact(message);
        event->message = message;
    }
    job->setup.told(job->setup.arg, event);
}

static struct event of_disk(const struct job_life *life, enum event_kind kind)
{
    struct event event = {.kind = kind,
                          .disk = life->spec->id,
                          .point = life->unit->spec->id,
                          .code = life->code,
                          .attempts = job_life_attempts(life)};

    return event;
}

void job_tell_state(struct job_life *life, enum event_code code, const char *level,
                    const char *message)
{
    struct event event;

    life->code = code;
    if (message != life->message)
        snprintf(life->message, sizeof life->message, "%s", message);
    secret_redact(life->message);
    event = of_disk(life, EVENT_STATE);
    event.level = level;
    event.message = message;
    /* of a wait for a URL the sentence says it all; the last error is of something else */
    if (code == EVENT_FAILED || life->phase == JOB_RESTING)
        event.error = &life->err;
    job_tell(life->job, &event);
}

void job_tell_warning(struct job_life *life, const char *sentence)
{
    struct event event = of_disk(life, EVENT_WARNING);

    event.level = "Warning";
    event.message = sentence;
    job_tell(life->job, &event);
}

void job_tell_expiring(struct job_life *life, enum access_side side, uint64_t expires_s)
{
    struct event event = of_disk(life, EVENT_ACCESS_EXPIRING);

    event.side = side;
    event.expires_s = expires_s;
    job_tell(life->job, &event);
}

void job_tell_progress(struct job_life *life)
{
    struct event event = of_disk(life, EVENT_PROGRESS);

    event.progress = life->progress;
    job_tell(life->job, &event);
}

void job_tell_summary(struct job_life *life)
{
    struct event event = of_disk(life, EVENT_SUMMARY);

    event.message = life->message;
    event.error = life->code == EVENT_FAILED ? &life->err : NULL;
    event.progress = life->progress;
    event.copy = life->summary;
    event.requests_count = life->requests_count;
    event.wire_bytes = life->wire_bytes;
    job_tell(life->job, &event);
}

void job_tell_unit(struct job_unit *unit, struct job *job, enum event_code code, bool last)
{
    static const char *const words[EVENT_CODES_COUNT] = {
        [EVENT_IN_PROGRESS] = "Its first disk has begun.",
        [EVENT_PAUSED] = "Stopped before all of its disks were complete.",
        [EVENT_SUCCEEDED] = "All of its disks are complete.",
        [EVENT_FAILED] = "Not all of its disks could be copied.",
        [EVENT_CANCELED] = "Not all of its disks were copied: some were canceled.",
    };
    struct event event = {.kind = EVENT_STATE,
                          .point = unit->spec->id,
                          .code = code,
                          .level = code == EVENT_FAILED ? "Error" : "Info",
                          .message = words[code]};

    job_tell(job, &event);
    if (!last)
        return;
    event.kind = EVENT_SUMMARY;
    event.message = words[code];
    job_tell(job, &event);
}

void job_answer(struct job *job, const struct event *answer)
{
    struct event event = *answer;

    event.kind = EVENT_ANSWER;
    job_tell(job, &event);
}
