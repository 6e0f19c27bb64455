/* extent.h - byte ranges of a disk, and sorted, coalesced sets of them.
 *
 * Knows:         arithmetic on ranges.
 * Must not know: what a range is for.
 * Threads:       none; a set has one owner.
 * Cost:          16 bytes an extent. Appending in order and taking from the front are O(1); changes
 *                elsewhere move the shorter side of the array; set operations are one linear pass.
 */
#ifndef BLOCKMAP_EXTENT_H
#define BLOCKMAP_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXTENT_COUNT_MAX (1ull << 28) /* extents in one set: 4 GiB of memory, a list gone mad */

struct extent {
    uint64_t offset; /* bytes */
    uint64_t length; /* bytes; 0 = nothing */
};

struct extent_set {
    struct extent *items; /* owned; the live ones are items[head .. head + count) */
    size_t head;
    size_t count;
    size_t capacity;
    uint64_t total_bytes; /* sum of all lengths */
};

static inline uint64_t extent_end(struct extent e)
{
    return e.offset + e.length;
}

/* The common part of two extents; length 0 when there is none. */
struct extent extent_common(struct extent a, struct extent b);

/* ---- Life: a zeroed struct is an empty set ---- */
void extent_set_fini(struct extent_set *set);
void extent_set_clear(struct extent_set *set);                            /* keeps the memory */
void extent_set_move(struct extent_set *target, struct extent_set *take); /* take is left empty */
bool extent_set_copy(struct extent_set *target, const struct extent_set *source);

/* ---- Change. All return false only when memory or EXTENT_COUNT_MAX ran out; the set is then
 *      unchanged. Lengths of 0 are ignored. offset + length must not overflow (assert). ---- */
bool extent_set_append(struct extent_set *set, struct extent e); /* at or after the end; O(1) */
bool extent_set_add(struct extent_set *set, struct extent e);    /* union with e */
bool extent_set_subtract(struct extent_set *set, struct extent e);

/* Takes the first at most max_bytes away, cut so that what is returned does not cross a multiple of
 * chunk_bytes (a power of two; 0 = no cutting). False when the set is empty. */
bool extent_set_take_front(struct extent_set *set, uint64_t max_bytes, uint64_t chunk_bytes,
                           struct extent *out_taken);

/* ---- Combine: *out must be empty and distinct; left empty on failure ---- */
bool extent_set_union(struct extent_set *out, const struct extent_set *a,
                      const struct extent_set *b);
bool extent_set_intersect(struct extent_set *out, const struct extent_set *a,
                          const struct extent_set *b);
bool extent_set_difference(struct extent_set *out, const struct extent_set *a,
                           const struct extent_set *b); /* in a and not in b */

/* ---- Look ---- */
/* The i-th extent, 0 <= i < set->count. */
struct extent extent_set_at(const struct extent_set *set, size_t i);
/* Index of the first extent that ends after offset; set->count when none does. O(log n). */
size_t extent_set_find(const struct extent_set *set, uint64_t offset);
bool extent_set_covers(const struct extent_set *set, struct extent e);  /* all of e is in the set */
bool extent_set_touches(const struct extent_set *set, struct extent e); /* some of e is */
uint64_t extent_set_bytes_in(const struct extent_set *set, struct extent within);
bool extent_set_equal(const struct extent_set *a, const struct extent_set *b);

#endif
