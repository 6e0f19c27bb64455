/* machine_cpu.h - how busy all CPUs of this machine were, whoever used them, as the kernel tells it.
 *
 * Knows: /proc/stat. Must not know: who asks. Threads: any; no state.
 */
#ifndef IO_MACHINE_CPU_H
#define IO_MACHINE_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct machine_cpu { /* since the machine's start, in ticks of the kernel, all CPUs together */
    uint64_t busy_ticks;
    uint64_t all_ticks; /* busy and idle; waiting for a disk is idle */
};

/* Zeroed where the kernel does not say. */
void machine_cpu_look(struct machine_cpu *out_cpu);

/* The first line of /proc/stat. False: it is not one. Pure. */
bool machine_cpu_parse(const char *text, struct machine_cpu *out_cpu);

/* Thousandths of all CPUs that were busy between two looks; 0 where that is not known. */
uint32_t machine_cpu_permille(const struct machine_cpu *before, const struct machine_cpu *after);

#endif
