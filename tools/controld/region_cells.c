/* region_cells.c - see region_cells.h. */
#include "tools/controld/region_cells.h"

#include "io/pageblob.h"

void region_cells_begin(struct region_cells *cells, uint64_t blob_bytes)
{
    const uint64_t pages = (blob_bytes + PAGEBLOB_PAGE_BYTES - 1) / PAGEBLOB_PAGE_BYTES;

    *cells = (struct region_cells){.blob_bytes = blob_bytes};
    if (pages == 0)
        return;
    cells->cell_bytes = (pages + REGION_CELLS_MAX - 1) / REGION_CELLS_MAX * PAGEBLOB_PAGE_BYTES;
    cells->count = (uint32_t)((blob_bytes + cells->cell_bytes - 1) / cells->cell_bytes);
}

static void add_one(struct region_cells *cells, struct extent range)
{
    const struct extent part = extent_common(range, (struct extent){0, cells->blob_bytes});
    uint64_t at = part.offset;

    while (at < extent_end(part)) {
        const uint64_t cell = at / cells->cell_bytes;
        uint64_t end = (cell + 1) * cells->cell_bytes;

        if (end > extent_end(part))
            end = extent_end(part);
        cells->bytes[cell] += end - at;
        at = end;
    }
}

void region_cells_add(struct region_cells *cells, const struct extent_set *ranges)
{
    for (size_t i = 0; i < ranges->count; i++)
        add_one(cells, ranges->items[ranges->head + i]);
}
