/* plan.h - from lists of what holds data to the worklist of a copy.
 *
 * Knows:         what the source holds or changed, what the target may hold, what a request costs.
 * Must not know: endpoints, time, retries. Pure.
 * Threads:       none; a value with one owner.
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "blockmap/err.h"
#include "blockmap/extent.h"

struct plan_input {
    uint64_t disk_bytes;                    /* what is planned lies in [0, disk_bytes): no footer */
    bool delta;                             /* what is not listed keeps the base's content */
    const struct extent_set *source_data;   /* full: all that may hold data; delta: what changed */
    const struct extent_set *source_clears; /* delta only: what became zero */
    struct extent_set *take_data; /* source_data, or NULL; is left empty: the plan's, not copied */
    struct extent_set *take_clears;      /* source_clears in the same way */
    const struct extent_set *source_all; /* delta with coalescing: the newer's full list; or NULL */
    const struct extent_set *target_data; /* full: what the target may hold now; NULL: nothing */
    uint64_t coalesce_bytes;              /* join ranges over gaps up to this; 0 = never */
    bool by_block; /* what is touched is read as whole blocks; a delta needs source_all for it */
};

struct plan {
    bool delta;
    bool by_block; /* a map is kept: reads are whole blocks of it (blockmap/map.h) */
    uint64_t disk_bytes;
    struct extent_set reads;  /* read at the source, judged, written at the target */
    struct extent_set clears; /* made zero at the target, nothing read */
    struct extent_set
        stale;          /* where the target may hold something other than zero: a zero run found
                                 in what was read is cleared there and skipped elsewhere */
    uint64_t gap_bytes; /* part of reads that did not change, moved because it is cheaper */
    /* by_block */
    struct extent_set fetch; /* of reads: what the source holds; the rest of them is zero there */
    struct extent_set
        writes;              /* delta, of reads: what may have changed; the rest is read as proof */
    struct extent_set zeros; /* whole blocks of the disk that the source holds nothing of */
};

/* out_plan must be zeroed; it is left zeroed on failure (memory ran out). */
bool plan_make(const struct plan_input *input, struct plan *out_plan, struct err *e);
void plan_fini(struct plan *plan);

/* Bytes that must change at the target: the denominator of the percentage. */
uint64_t plan_total_bytes(const struct plan *plan);

/* Bytes that are read at the source. */
uint64_t plan_fetch_bytes(const struct plan *plan);
/* How much of a part of reads would be moved without a map too. */
uint64_t plan_own_bytes(const struct plan *plan, struct extent part);

/* plan_blocks.c, for plan_make: reads become whole blocks. data: what the source holds, as far as known;
 * NULL: reads are all of it. */
bool plan_widen(struct plan *plan, const struct extent_set *data);

/* How many reads of at most chunk_bytes, cut at its multiples, the plan needs. */
uint64_t plan_read_count(const struct plan *plan, uint64_t chunk_bytes);

#endif
