/* embedded.h - a run with all that it works on, put together for a program that has none of it.
 *
 * Knows:         the pieces of io and engine that a run needs, the order they are opened and closed in.
 * Must not know: threads other than its own, who reads its events.
 * Threads:       one: all calls from the thread that opened it.
 */
#ifndef ENGINE_EMBEDDED_H
#define ENGINE_EMBEDDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "engine/run.h"

struct embedded_setup {                 /* texts are borrowed as long as it is open */
    const char *state_folder, *ca_file; /* NULL: none; the system's */
    bool allow_http, restart;
    unsigned threads;
    uint64_t renew_wait_ns;
    /* Every event, NUL-terminated; the last one is EVENT_END. */
    void (*line)(void *arg, const char *line, size_t bytes);
    void *arg;
};

struct embedded;

/* ---- Life ---- */
/* NULL: the job is not to be run; why was told by events, EVENT_END too, and *out_exit is its exit. */
struct embedded *embedded_open(const struct embedded_setup *setup, const char *job,
                               size_t job_bytes, int *out_exit);
/* After the end; remote tasks that were posted have run, or never run. */
void embedded_close(struct embedded *embedded);

/* ---- Use ---- */
void embedded_start(struct embedded *embedded);
/* One turn. False: the kernel interface failed, which was told with EVENT_END. Requests are in flight that
 * nobody can end: the run is over, and its memory must never be freed (no embedded_close). */
bool embedded_turn(struct embedded *embedded);

/* ---- Look ---- */
struct run *embedded_run(struct embedded *embedded);
struct reactor *embedded_reactor(struct embedded *embedded);

#endif
