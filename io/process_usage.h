/* process_usage.h - what this process takes of its machine, as the kernel tells it.
 *
 * Knows: /proc/self. Must not know: who asks. Threads: any; no state.
 */
#ifndef IO_PROCESS_USAGE_H
#define IO_PROCESS_USAGE_H

#include <stdint.h>

struct process_usage { /* 0: the kernel does not say */
    uint64_t cpu_ns;   /* user and system */
    uint64_t resident_bytes, virtual_bytes;
    uint64_t fds_count, fds_max;
};

/* A few system calls, and one for some hundred descriptors that are open. */
void process_usage_look(struct process_usage *out_usage);

/* When the process began, wall time in ns since 1970; wall_ns is now. Ask once and keep it: two answers
 * may differ by a tick of the kernel's clock. 0: the kernel does not say. */
uint64_t process_usage_started_ns(uint64_t wall_ns);

#endif
