/* latency.c - see latency.h. */
#include "engine/latency.h"

#include <assert.h>

#define EXACT_COUNT (1u << LATENCY_EXACT_BITS)
#define PPM_ALL     1000000u

uint32_t latency_cell(uint64_t ns)
{
    uint32_t shift;

    if (ns > LATENCY_MAX_NS)
        ns = LATENCY_MAX_NS;
    if (ns < EXACT_COUNT)
        return (uint32_t)ns;
    shift = 64 - (uint32_t)__builtin_clzll(ns) - LATENCY_EXACT_BITS; /* 1 for the first scale */
    return EXACT_COUNT + (shift - 1) * LATENCY_PARTS_COUNT +
           (uint32_t)((ns >> shift) - LATENCY_PARTS_COUNT);
}

uint64_t latency_cell_top_ns(uint32_t cell)
{
    uint32_t shift, part;

    assert(cell < LATENCY_CELLS_COUNT);
    if (cell < EXACT_COUNT)
        return cell;
    shift = (cell - EXACT_COUNT) / LATENCY_PARTS_COUNT + 1;
    part = (cell - EXACT_COUNT) % LATENCY_PARTS_COUNT + LATENCY_PARTS_COUNT;
    return ((uint64_t)(part + 1) << shift) - 1;
}

void latency_note(struct latency *latency, uint64_t ns)
{
    if (ns > LATENCY_MAX_NS)
        ns = LATENCY_MAX_NS;
    latency->cells[latency_cell(ns)]++;
    if (!latency->count || ns < latency->min_ns)
        latency->min_ns = ns;
    if (ns > latency->max_ns)
        latency->max_ns = ns;
    latency->sum_ns += ns;
    latency->count++;
}

void latency_merge(struct latency *latency, const struct latency *more)
{
    if (!more->count)
        return;
    for (uint32_t i = 0; i < LATENCY_CELLS_COUNT; i++)
        latency->cells[i] += more->cells[i];
    if (!latency->count || more->min_ns < latency->min_ns)
        latency->min_ns = more->min_ns;
    if (more->max_ns > latency->max_ns)
        latency->max_ns = more->max_ns;
    latency->sum_ns += more->sum_ns;
    latency->count += more->count;
}

uint64_t latency_at_ns(const struct latency *latency, uint32_t ppm)
{
    uint64_t wanted, seen = 0, top_ns;
    uint32_t cell = 0;

    assert(ppm <= PPM_ALL);
    if (!latency->count)
        return 0;
    /* The product overflows only after 10^13 notes. */
    wanted = (latency->count * ppm + PPM_ALL - 1) / PPM_ALL;
    if (wanted == 0)
        return latency->min_ns;
    while ((seen += latency->cells[cell]) < wanted)
        cell++;
    top_ns = latency_cell_top_ns(cell);
    return top_ns < latency->max_ns ? top_ns : latency->max_ns;
}

uint64_t latency_mean_ns(const struct latency *latency)
{
    return latency->count ? latency->sum_ns / latency->count : 0;
}
