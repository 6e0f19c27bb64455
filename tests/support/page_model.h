/* page_model.h - a small disk as one bool a page, to hold extent sets and plans against.
 *
 * Knows:         pages, sets of extents, a seeded generator of its own.
 * Must not know: the code under test, but for the sets it fills.
 * Threads:       none.
 */
#ifndef SUPPORT_PAGE_MODEL_H
#define SUPPORT_PAGE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blockmap/extent.h"

#define PAGE_MODEL_PAGES 256u
#define PAGE_MODEL_BYTES 512u /* of a page */

struct page_model {
    bool has[PAGE_MODEL_PAGES];
};

/* xorshift64*; *seed must not be 0. */
uint64_t page_random(uint64_t *seed);
/* 0 .. below - 1 */
uint64_t page_random_below(uint64_t *seed, uint64_t below);

/* Up to runs_max runs of up to pages_max pages. */
void page_model_random(struct page_model *out_model, uint64_t *seed, size_t runs_max,
                       size_t pages_max);
/* As a set in bytes; the caller ends the set. */
struct extent_set page_model_set(const struct page_model *model);
/* Asserts that the set is sorted, coalesced, in whole pages, sums up, and holds just these pages. */
void page_model_expect(const struct page_model *model, const struct extent_set *set,
                       const char *what);

#endif
