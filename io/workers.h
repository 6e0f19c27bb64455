/* workers.h - CPU threads: work that would hold the reactor for milliseconds is done beside it.
 *
 * Knows:         threads, a queue, how news gets back to the reactor.
 * Must not know: zstd, hashes, what the work is.
 * Threads:       submit from the reactor's thread; `work` runs on a worker and touches nothing but its own
 *                job; `done` runs from the reactor, never inside the submit.
 */
#ifndef IO_WORKERS_H
#define IO_WORKERS_H

#include <stdint.h>

#include "blockmap/err.h"
#include "io/reactor.h"

#define WORKERS_THREADS_MAX 64u

struct workers;

struct work { /* embedded in its owner, which keeps it alive and unmoved until done ran */
    /* worker: 0 .. threads - 1; of one number only one runs at a time, so contexts can go by it. */
    void (*run)(struct work *work, unsigned worker);
    void (*done)(struct work *work); /* may free the work, or submit it again */
    uint64_t cpu_ns;                 /* out: of the worker, for this work */
    uint64_t wall_ns;         /* out: it took; more than cpu_ns where others want the CPUs too */
    struct work *next;        /* private */
    struct reactor_task task; /* private */
    struct workers *workers;  /* private */
};

/* threads 0: one a CPU this process may use, at most WORKERS_THREADS_MAX. Signals are blocked in them.
 * Fewer than asked may come up (see workers_threads), at least one. */
struct workers *workers_new(struct reactor *r, unsigned threads, struct err *e);
void workers_free(struct workers *workers); /* NULL is fine; asserts that no work is left */

void workers_submit(struct workers *workers, struct work *work); /* first come, first served */
unsigned workers_threads(const struct workers *workers);
uint32_t workers_waiting(const struct workers *workers); /* submitted and not begun, as of late */

/* CPUs this process may use, which in a container are often fewer than there are. */
unsigned workers_cpus(void);

#endif
