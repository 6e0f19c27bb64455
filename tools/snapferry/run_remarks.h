/* run_remarks.h - what is wrong or odd with a job; the words of a run that never was.
 *
 * Knows:         remarks with their JSON path; events on stdout, sentences on stderr.
 * Must not know: what a job is.
 * Threads:       the main thread. Printing may block: nothing is under way.
 */
#ifndef SNAPFERRY_RUN_REMARKS_H
#define SNAPFERRY_RUN_REMARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/event.h"
#include "io/clock.h"

struct run_remark {
    bool warning;
    char *path, *sentence; /* owned; path: NULL: not of one place in the job */
};

struct run_remarks { /* zeroed = none */
    struct run_remark *items;
    uint32_t count, room;
    bool lost; /* memory ran out: there are more */
};

void run_remarks_fini(struct run_remarks *remarks);

/* arg: struct run_remarks. As job_mistake_fn. */
void run_remarks_add(void *arg, bool warning, const char *path, const char *sentence);
/* The event of one, with views of its texts. */
struct event run_remark_event(const struct run_remark *remark, uint64_t time_ns);

/* ---- Where there is no run ---- */
enum run_voice { RUN_VOICE_EVENTS, RUN_VOICE_WORDS };
/* All of them: as events, or as sentences. */
void run_remarks_print(const struct run_remarks *remarks, enum run_voice voice,
                       const struct clock *clock);
/* EVENTS: the last line. */
void run_print_end(enum run_voice voice, const struct clock *clock, int exit);

#endif
