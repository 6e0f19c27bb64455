/* call_timer.h - resumes suspended requests when their time has come; runs what may wait elsewhere.
 *
 * Knows:         tickets: a time, a function to call then.
 * Must not know: HTTP, requests.
 * Threads:       any thread adds; functions run on the timer's own thread (a time) or on one of
 *                its workers (work).
 */
#ifndef REGIOND_CALL_TIMER_H
#define REGIOND_CALL_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define CALL_WORKER_COUNT 8u /* fetches from other servers at a time */

struct call_timer;

/* Embedded by the caller; untouched by them from the moment it is added until `due` runs. */
struct call_ticket {
    struct call_ticket *next;
    uint64_t due_ns; /* monotonic */
    void (*due)(struct call_ticket *ticket);
};

/* ---- Life ---- */
struct call_timer *call_timer_start(void); /* NULL: no memory or no thread */

/* Every ticket still waiting becomes due at once; work that runs is waited for. After it, tickets
 * that are added become due at once, on the thread that adds them. */
void call_timer_drain(struct call_timer *timer);
void call_timer_free(struct call_timer *timer); /* drained; NULL is fine */

/* ---- Use ---- */
void call_timer_at(struct call_timer *timer, struct call_ticket *ticket, uint64_t due_ns);
void call_timer_work(struct call_timer *timer, struct call_ticket *ticket); /* soon, on a worker */

#endif
