/* job.h - many disks as one: each copied, retried, paused and verified by itself, each restore point a unit.
 *
 * Knows:         disks, restore points, their states, what of a failure is worth another attempt.
 * Must not know: JSON, who listens, argv, sockets.
 * Threads:       the reactor's.
 *
 * A disk that fails is begun again by itself after a pause, as long as its error says that this may help; its
 * siblings go on. A restore point has succeeded when all of its disks have, and ends when all have ended;
 * else it is failed if one failed, canceled if one was canceled, paused if one was stopped.
 */
#ifndef ENGINE_JOB_H
#define ENGINE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/control.h"
#include "engine/event.h"
#include "engine/job_spec.h"
#include "engine/share.h"
#include "io/http.h"

#define JOB_ATTEMPTS_MAX      8u /* of one disk; a URL that is waited for is no attempt */
#define JOB_PAUSE_FIRST_MS    1000u
#define JOB_PAUSE_MAX_MS      60000u
#define JOB_DISKS_AT_ONCE_MAX 1024u /* more wait as pending */

struct job;

struct job_setup { /* all borrowed; all outlive the job */
    struct reactor *reactor;
    struct http *http;
    struct bufpool *pool;
    struct share *share;
    const struct job_spec *spec;
    const char
        *state_folder; /* NULL: nowhere; then only a disk's own "journal" goes on after a kill */
    bool allow_http;
    bool restart;               /* what an earlier process left is not gone on with */
    uint64_t renew_wait_ns;     /* how long a disk waits for renewAccess; 0 = for ever */
    uint32_t window_start;      /* of each disk: ranges in flight at first; 0 = the engine's */
    uint32_t request_max_bytes; /* a power of two, of whole map blocks; 0 = the ends' own */
    uint64_t random_seed;
    void (*told)(void *arg, const struct event *event); /* from the reactor */
    void (*ended)(void *arg);                           /* once; after the last event but END */
    void *arg;
};

/* One disk, as of now; for a screen and for metrics. Views, until the next turn. */
struct job_disk_view {
    const char *disk, *point;
    enum event_code code;
    const char *phase; /* static: "copying", "listing", ... */
    struct progress_view progress;
    uint32_t attempts, window;
    uint64_t retries_count, requests_count;
    uint64_t read_bytes, written_bytes, skipped_bytes; /* all attempts of this process together */
};

/* ---- Life ---- */
/* Opens nothing yet: an end that cannot be opened fails its disk alone. */
struct job *job_new(const struct job_setup *setup, struct err *e);
void job_free(struct job *job); /* NULL is fine; asserts that it has not begun or has ended */

/* ---- Use ---- */
void job_start(struct job *job);
/* Always answered by one EVENT_ANSWER that carries the ticket: before it returns, or (renewAccess, whose
 * URL is looked at first) later, but before ended is called. */
void job_control(struct job *job, const struct control *control, uint64_t ticket);
/* Lets what is in flight end and be recorded; all that is not complete is stopped (exit 3): its last code is
 * ReplicationState/paused. */
void job_stop(struct job *job);

/* ---- Look ---- */
bool job_ended(const struct job *job);
int job_exit(const struct job *job); /* 1: a disk failed for good; 3: one was stopped; 0 */
uint32_t job_disks_count(const struct job *job);
const struct job_limits *job_limits_now(const struct job *job); /* in force; a view */
void job_look(struct job *job, uint32_t disk, struct job_disk_view *out_view);

#endif
