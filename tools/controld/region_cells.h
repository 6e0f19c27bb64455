/* region_cells.h - a blob cut into equal cells, and how much of each is named by range lists.
 *
 * Knows:         extents. Must not know: HTTP, what a range means.
 * Threads:       pure; one owner. Takes the same memory for any blob.
 */
#ifndef CONTROLD_REGION_CELLS_H
#define CONTROLD_REGION_CELLS_H

#include <stdint.h>

#include "blockmap/extent.h"

#define REGION_CELLS_MAX 512u

struct region_cells {
    uint64_t blob_bytes;
    uint64_t cell_bytes; /* of each but the last, which may be smaller; whole pages */
    uint32_t count;      /* up to REGION_CELLS_MAX */
    uint64_t bytes[REGION_CELLS_MAX];
};

/* All empty. A blob of 0 bytes has no cells. */
void region_cells_begin(struct region_cells *cells, uint64_t blob_bytes);
/* What lies beyond the blob's end is left out. */
void region_cells_add(struct region_cells *cells, const struct extent_set *ranges);

#endif
