/* latency.h - how long many things took: a histogram of fixed size and a known relative error.
 *
 * Knows:         durations in ns.
 * Must not know: what took so long, who looks.
 * Threads:       none; one owner. No allocation: a value of LATENCY_CELLS_COUNT numbers.
 *
 * Below 2^LATENCY_EXACT_BITS ns every duration has a cell of its own; above, each power of two is
 * divided into the same number of cells, so that what is read is at most 1/LATENCY_PARTS_COUNT (1.6 %)
 * above what was noted, never below it, at any scale.
 */
#ifndef ENGINE_LATENCY_H
#define ENGINE_LATENCY_H

#include <stdint.h>

#define LATENCY_EXACT_BITS  7u
#define LATENCY_PARTS_COUNT (1u << (LATENCY_EXACT_BITS - 1))
#define LATENCY_MAX_BITS    43u /* 2 h 26 min; what took longer is noted as that */
#define LATENCY_MAX_NS      ((1ull << LATENCY_MAX_BITS) - 1)
#define LATENCY_CELLS_COUNT                                                                        \
    ((1u << LATENCY_EXACT_BITS) + (LATENCY_MAX_BITS - LATENCY_EXACT_BITS) * LATENCY_PARTS_COUNT)

struct latency { /* zeroed = nothing noted */
    uint64_t cells[LATENCY_CELLS_COUNT];
    uint64_t count;
    uint64_t sum_ns;
    uint64_t min_ns, max_ns; /* exact; 0 before the first */
};

/* ---- Use ---- */
void latency_note(struct latency *latency, uint64_t ns);
/* All that more holds as if it had been noted here. */
void latency_merge(struct latency *latency, const struct latency *more);

/* ---- Look ---- */
/* What at least that many millionths of all were not above; 0 when nothing was noted. 500000 is the
 * median, 999000 is p99.9. At least min_ns and at most max_ns. */
uint64_t latency_at_ns(const struct latency *latency, uint32_t ppm);
uint64_t latency_mean_ns(const struct latency *latency); /* exact; 0 when nothing was noted */
/* Which cell a duration belongs to, and the longest one that does. */
uint32_t latency_cell(uint64_t ns);
uint64_t latency_cell_top_ns(uint32_t cell);

#endif
