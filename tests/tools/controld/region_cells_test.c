/* region_cells_test.c - a blob in cells: every byte is counted once, in its own cell, whatever the sizes. */
#include "tools/controld/region_cells.h"

#include <criterion/criterion.h>

static uint64_t total(const struct region_cells *cells)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < cells->count; i++)
        sum += cells->bytes[i];
    return sum;
}

Test(region_cells, cover_a_blob_of_any_size_with_whole_pages)
{
    static const uint64_t sizes[] = {512,        1024,
                                     512 * 512,  512 * 513,
                                     1u << 20,   (1u << 20) + 512,
                                     4ull << 40, (4ull << 40) - 512};
    static struct region_cells cells;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct extent_set all = {0};

        cr_assert(extent_set_append(&all, (struct extent){0, sizes[i]}));
        region_cells_begin(&cells, sizes[i]);
        region_cells_add(&cells, &all);
        cr_expect_leq(cells.count, REGION_CELLS_MAX);
        cr_expect_eq(cells.cell_bytes % 512, 0);
        cr_expect_eq(total(&cells), sizes[i]);
        cr_expect_gt(cells.bytes[cells.count - 1], 0);
        extent_set_fini(&all);
    }
}

Test(region_cells, cut_a_range_at_the_borders_of_cells_and_at_the_blobs_end)
{
    struct extent_set ranges = {0};
    struct region_cells cells;

    region_cells_begin(&cells, 1u << 20); /* cells of 2,048 bytes */
    cr_assert(extent_set_append(&ranges, (struct extent){1536, 1024}));
    cr_assert(extent_set_append(&ranges, (struct extent){(1u << 20) - 512, 4096}));
    region_cells_add(&cells, &ranges);
    cr_expect_eq(cells.bytes[0], 512);
    cr_expect_eq(cells.bytes[1], 512);
    cr_expect_eq(cells.bytes[511], 512);
    cr_expect_eq(total(&cells), 1536);
    extent_set_fini(&ranges);
}

Test(region_cells, an_empty_blob_has_none)
{
    struct extent_set ranges = {0};
    struct region_cells cells;

    cr_assert(extent_set_append(&ranges, (struct extent){0, 512}));
    region_cells_begin(&cells, 0);
    region_cells_add(&cells, &ranges);
    cr_expect_eq(cells.count, 0);
    extent_set_fini(&ranges);
}
