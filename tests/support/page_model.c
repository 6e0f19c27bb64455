/* page_model.c - see page_model.h. */
#include "tests/support/page_model.h"

#include <criterion/criterion.h>
#include <string.h>

uint64_t page_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545F4914F6CDD1Dull;
}

uint64_t page_random_below(uint64_t *seed, uint64_t below)
{
    return (page_random(seed) >> 16) % below;
}

void page_model_random(struct page_model *out_model, uint64_t *seed, size_t runs_max,
                       size_t pages_max)
{
    size_t runs_count = (size_t)page_random_below(seed, runs_max + 1);

    memset(out_model, 0, sizeof *out_model);
    for (size_t run = 0; run < runs_count; run++) {
        size_t at = (size_t)page_random_below(seed, PAGE_MODEL_PAGES);
        size_t end = at + 1 + (size_t)page_random_below(seed, pages_max);

        for (size_t i = at; i < end && i < PAGE_MODEL_PAGES; i++)
            out_model->has[i] = true;
    }
}

struct extent_set page_model_set(const struct page_model *model)
{
    struct extent_set set = {0};

    for (size_t i = 0; i < PAGE_MODEL_PAGES; i++) {
        struct extent page = {i * PAGE_MODEL_BYTES, PAGE_MODEL_BYTES};

        if (model->has[i])
            cr_assert(extent_set_append(&set, page));
    }
    return set;
}

void page_model_expect(const struct page_model *model, const struct extent_set *set,
                       const char *what)
{
    struct page_model seen = {{false}};
    uint64_t total_bytes = 0;

    for (size_t i = 0; i < set->count; i++) {
        struct extent e = extent_set_at(set, i);

        cr_assert_gt(e.length, 0u, "%s: an empty extent", what);
        cr_assert_eq(e.offset % PAGE_MODEL_BYTES + e.length % PAGE_MODEL_BYTES, 0u,
                     "%s: not in whole pages", what);
        cr_assert_leq(extent_end(e), PAGE_MODEL_PAGES * PAGE_MODEL_BYTES, "%s: beyond", what);
        if (i > 0)
            cr_assert_gt(e.offset, extent_end(extent_set_at(set, i - 1)), "%s: not coalesced",
                         what);
        for (uint64_t page = e.offset / PAGE_MODEL_BYTES; page < extent_end(e) / PAGE_MODEL_BYTES;
             page++)
            seen.has[page] = true;
        total_bytes += e.length;
    }
    cr_assert_eq(set->total_bytes, total_bytes, "%s: its bytes do not add up", what);
    for (size_t i = 0; i < PAGE_MODEL_PAGES; i++)
        cr_assert_eq(seen.has[i], model->has[i], "%s: page %zu is %s", what, i,
                     seen.has[i] ? "too many" : "missing");
}
