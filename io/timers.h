/* timers.h - things to do at a time: a heap of intrusive timers.
 *
 * Knows: due times. Must not know: the clock (time is told), the kernel. Threads: one owner.
 */
#ifndef IO_TIMERS_H
#define IO_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer;
typedef void timer_fn(struct timer *timer);

/* Embedded in its owner; zeroed = not armed. Must be disarmed before its memory goes. */
struct timer {
    uint64_t due_ns;
    timer_fn *fn;   /* called from timers_expire, disarmed; may arm itself again */
    size_t slot;    /* private: index in the heap + 1; 0 = not armed */
    uint64_t order; /* private: among equal due times the one armed first runs first */
};

struct timers { /* zeroed = empty */
    struct timer **heap;
    size_t count;
    size_t capacity;
    uint64_t armed_count; /* ever */
    bool expiring;        /* inside timers_expire(expiring_ns) */
    uint64_t expiring_ns;
};

void timers_fini(struct timers *timers); /* asserts that none is armed */
/* Arms or re-arms. False only when memory ran out. */
bool timers_arm(struct timers *timers, struct timer *timer, uint64_t due_ns, timer_fn *fn);
void timers_disarm(struct timers *timers, struct timer *timer); /* not armed is fine */
/* When the next is due; UINT64_MAX when none is armed. */
uint64_t timers_next_ns(const struct timers *timers);
/* Runs all that are due at now_ns when the call begins, in order; returns how many. A timer that a
 * callback arms for now_ns or earlier becomes due one nanosecond after now_ns. */
size_t timers_expire(struct timers *timers, uint64_t now_ns);

#endif
