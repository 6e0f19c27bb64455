/* clock.h - what time it is, real or simulated. clock.c is the one file that asks the kernel.
 *
 * Knows: monotonic and wall time. Must not know: who waits. Threads: one owner.
 */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

struct clock {
    bool simulated;
    uint64_t now_ns;  /* simulated only: monotonic */
    uint64_t wall_ns; /* simulated only: since 1970 */
};

void clock_init_real(struct clock *clock);
void clock_init_simulated(struct clock *clock, uint64_t now_ns, uint64_t wall_ns);

uint64_t clock_now_ns(const struct clock *clock);  /* monotonic */
uint64_t clock_wall_ns(const struct clock *clock); /* since 1970-01-01 UTC */

/* Simulated clocks only: moves both times on. */
void clock_advance(struct clock *clock, uint64_t by_ns);

/* CPU time this process has used, user and system, in ns. */
uint64_t clock_process_cpu_ns(void);
/* The same of the calling thread alone. */
uint64_t clock_thread_cpu_ns(void);
/* The same of another thread, not yet joined; 0 when it has ended. */
uint64_t clock_cpu_of_thread_ns(pthread_t thread);

#endif
