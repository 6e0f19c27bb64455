/* extent.c - see extent.h. A sorted array with slack at both ends: what is taken from the front
 * leaves slack behind, and a change in the middle moves the shorter side into slack. */
#include "blockmap/extent.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define EXTENT_SLACK_MIN ((size_t)16) /* extents */

_Static_assert(EXTENT_COUNT_MAX <= SIZE_MAX / sizeof(struct extent), "a full set can be addressed");

enum side { SIDE_FRONT, SIDE_BACK };

static struct extent *live(const struct extent_set *set)
{
    return set->items + set->head;
}

static void check_extent(struct extent e)
{
    assert(e.length <= UINT64_MAX - e.offset);
}

static struct extent extent_between(uint64_t start, uint64_t end)
{
    return (struct extent){.offset = start, .length = end - start};
}

struct extent extent_common(struct extent a, struct extent b)
{
    uint64_t start = a.offset > b.offset ? a.offset : b.offset;
    uint64_t end = extent_end(a) < extent_end(b) ? extent_end(a) : extent_end(b);

    return extent_between(start, end > start ? end : start);
}

void extent_set_fini(struct extent_set *set)
{
    free(set->items);
    *set = (struct extent_set){0};
}

void extent_set_clear(struct extent_set *set)
{
    set->head = 0;
    set->count = 0;
    set->total_bytes = 0;
}

void extent_set_move(struct extent_set *target, struct extent_set *take)
{
    assert(target != take);
    extent_set_fini(target);
    *target = *take;
    *take = (struct extent_set){0};
}

bool extent_set_copy(struct extent_set *target, const struct extent_set *source)
{
    struct extent *items = NULL;

    assert(target != source);
    if (source->count > 0) {
        items = malloc(source->count * sizeof *items);
        if (!items)
            return false;
        memcpy(items, live(source), source->count * sizeof *items);
    }
    free(target->items);
    *target = (struct extent_set){.items = items,
                                  .count = source->count,
                                  .capacity = source->count,
                                  .total_bytes = source->total_bytes};
    return true;
}

static void slide_to(struct extent_set *set, size_t head)
{
    if (set->count > 0 && head != set->head)
        memmove(set->items + head, live(set), set->count * sizeof *set->items);
    set->head = head;
}

/* Makes room for one more extent at a side. Every slide or growth costs O(count) and leaves slack
 * in proportion to count, so the cost of one change stays constant on average. */
static bool make_room(struct extent_set *set, enum side side)
{
    size_t slack = set->capacity - set->count;
    struct extent *items;
    size_t capacity;

    if (side == SIDE_FRONT ? set->head > 0 : set->head + set->count < set->capacity)
        return true;
    if (set->count >= EXTENT_COUNT_MAX)
        return false;
    if (slack > set->count / 2 && slack >= 2) {
        slide_to(set, slack / 2);
        return true;
    }
    capacity = set->count + set->count / 2 + EXTENT_SLACK_MIN;
    if (capacity > EXTENT_COUNT_MAX)
        capacity = EXTENT_COUNT_MAX;
    slide_to(set, 0);
    items = realloc(set->items, capacity * sizeof *items);
    if (!items)
        return false;
    set->items = items;
    set->capacity = capacity;
    if (side == SIDE_FRONT)
        slide_to(set, (capacity - set->count + 1) / 2);
    return true;
}

/* Replaces the extents [at, at + drop_count) by put_count others; drops first, so that only a net
 * growth of one (all that one range can cause) needs room. */
static bool splice(struct extent_set *set, size_t at, size_t drop_count, const struct extent *put,
                   size_t put_count)
{
    size_t after = set->count - at - drop_count;
    enum side side = at < after ? SIDE_FRONT : SIDE_BACK;
    size_t was_count = set->count;

    assert(put_count <= drop_count + 1);
    if (put_count > drop_count && (set->count >= EXTENT_COUNT_MAX || !make_room(set, side)))
        return false;
    set->count = was_count + put_count - drop_count;
    if (side == SIDE_FRONT) {
        struct extent *was = live(set);

        set->head = set->head + drop_count - put_count;
        memmove(live(set), was, at * sizeof *was);
    } else {
        struct extent *rest = live(set) + at;

        memmove(rest + put_count, rest + drop_count, after * sizeof *rest);
    }
    for (size_t i = 0; i < put_count; i++)
        live(set)[at + i] = put[i];
    return true;
}

static uint64_t sum_bytes(const struct extent_set *set, size_t first, size_t end)
{
    uint64_t sum = 0;

    for (size_t i = first; i < end; i++)
        sum += live(set)[i].length;
    return sum;
}

/* Index of the first extent, not before from, whose offset is at least offset. */
static size_t find_start(const struct extent_set *set, size_t from, uint64_t offset)
{
    size_t low = from;
    size_t high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (live(set)[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool extent_set_append(struct extent_set *set, struct extent e)
{
    check_extent(e);
    if (e.length == 0)
        return true;
    if (set->count > 0) {
        struct extent *last = &live(set)[set->count - 1];

        assert(e.offset >= extent_end(*last));
        if (e.offset == extent_end(*last)) {
            last->length += e.length;
            set->total_bytes += e.length;
            return true;
        }
    }
    if (set->count >= EXTENT_COUNT_MAX || !make_room(set, SIDE_BACK))
        return false;
    live(set)[set->count++] = e;
    set->total_bytes += e.length;
    return true;
}

bool extent_set_add(struct extent_set *set, struct extent e)
{
    uint64_t removed_bytes;
    uint64_t start = e.offset;
    uint64_t end = extent_end(e);
    struct extent whole;
    size_t first, stop;

    check_extent(e);
    if (e.length == 0)
        return true;
    /* Neighbours that only touch e are merged too: the set stays coalesced. */
    first = extent_set_find(set, e.offset > 0 ? e.offset - 1 : 0);
    stop = end == UINT64_MAX ? set->count : find_start(set, first, end + 1);
    if (first < stop) {
        struct extent left = live(set)[first];
        struct extent right = live(set)[stop - 1];

        start = left.offset < start ? left.offset : start;
        end = extent_end(right) > end ? extent_end(right) : end;
    }
    whole = extent_between(start, end);
    removed_bytes = sum_bytes(set, first, stop);
    if (!splice(set, first, stop - first, &whole, 1))
        return false;
    set->total_bytes += whole.length - removed_bytes;
    return true;
}

bool extent_set_subtract(struct extent_set *set, struct extent e)
{
    struct extent rest[2];
    size_t rest_count = 0;
    uint64_t rest_bytes = 0;
    uint64_t removed_bytes;
    size_t first, stop;

    check_extent(e);
    if (e.length == 0)
        return true;
    first = extent_set_find(set, e.offset);
    stop = find_start(set, first, extent_end(e));
    if (first >= stop)
        return true;
    if (live(set)[first].offset < e.offset)
        rest[rest_count++] = extent_between(live(set)[first].offset, e.offset);
    if (extent_end(live(set)[stop - 1]) > extent_end(e))
        rest[rest_count++] = extent_between(extent_end(e), extent_end(live(set)[stop - 1]));
    for (size_t i = 0; i < rest_count; i++)
        rest_bytes += rest[i].length;
    removed_bytes = sum_bytes(set, first, stop);
    if (!splice(set, first, stop - first, rest, rest_count))
        return false;
    set->total_bytes -= removed_bytes - rest_bytes;
    return true;
}

bool extent_set_take_front(struct extent_set *set, uint64_t max_bytes, uint64_t chunk_bytes,
                           struct extent *out_taken)
{
    struct extent *front;
    uint64_t take_bytes;

    assert(max_bytes > 0);
    assert((chunk_bytes & (chunk_bytes - 1)) == 0);
    if (set->count == 0)
        return false;
    front = live(set);
    take_bytes = front->length < max_bytes ? front->length : max_bytes;
    if (chunk_bytes > 0) {
        uint64_t to_boundary = chunk_bytes - (front->offset & (chunk_bytes - 1));

        take_bytes = take_bytes < to_boundary ? take_bytes : to_boundary;
    }
    *out_taken = (struct extent){.offset = front->offset, .length = take_bytes};
    front->offset += take_bytes;
    front->length -= take_bytes;
    set->total_bytes -= take_bytes;
    if (front->length == 0) {
        set->head++;
        set->count--;
    }
    return true;
}

static void check_combine(const struct extent_set *out, const struct extent_set *a,
                          const struct extent_set *b)
{
    assert(out != a && out != b);
    assert(out->count == 0);
}

/* Ends a combination: what was made so far is dropped if it could not be finished. */
static bool combined(struct extent_set *out, bool whole)
{
    if (!whole)
        extent_set_fini(out);
    return whole;
}

bool extent_set_union(struct extent_set *out, const struct extent_set *a,
                      const struct extent_set *b)
{
    struct extent open = {0}; /* grows until the next extent leaves a gap */
    size_t i = 0, j = 0;

    check_combine(out, a, b);
    while (i < a->count || j < b->count) {
        bool from_a = j == b->count || (i < a->count && live(a)[i].offset <= live(b)[j].offset);
        struct extent next = from_a ? live(a)[i++] : live(b)[j++];

        if (open.length > 0 && next.offset <= extent_end(open)) {
            if (extent_end(next) > extent_end(open))
                open.length = extent_end(next) - open.offset;
            continue;
        }
        if (!extent_set_append(out, open))
            return combined(out, false);
        open = next;
    }
    return combined(out, extent_set_append(out, open));
}

bool extent_set_intersect(struct extent_set *out, const struct extent_set *a,
                          const struct extent_set *b)
{
    size_t i = 0, j = 0;

    check_combine(out, a, b);
    while (i < a->count && j < b->count) {
        struct extent left = live(a)[i];
        struct extent right = live(b)[j];
        struct extent common = extent_common(left, right);

        if (common.length > 0 && !extent_set_append(out, common))
            return combined(out, false);
        if (extent_end(left) < extent_end(right))
            i++;
        else
            j++;
    }
    return combined(out, true);
}

bool extent_set_difference(struct extent_set *out, const struct extent_set *a,
                           const struct extent_set *b)
{
    size_t j = 0;

    check_combine(out, a, b);
    for (size_t i = 0; i < a->count; i++) {
        uint64_t start = live(a)[i].offset;
        uint64_t end = extent_end(live(a)[i]);

        while (start < end) {
            while (j < b->count && extent_end(live(b)[j]) <= start)
                j++;
            if (j == b->count || live(b)[j].offset >= end) {
                if (!extent_set_append(out, extent_between(start, end)))
                    return combined(out, false);
                break;
            }
            if (live(b)[j].offset > start &&
                !extent_set_append(out, extent_between(start, live(b)[j].offset)))
                return combined(out, false);
            start = extent_end(live(b)[j]);
        }
    }
    return combined(out, true);
}

struct extent extent_set_at(const struct extent_set *set, size_t i)
{
    assert(i < set->count);
    return live(set)[i];
}

size_t extent_set_find(const struct extent_set *set, uint64_t offset)
{
    size_t low = 0;
    size_t high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (extent_end(live(set)[middle]) <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool extent_set_covers(const struct extent_set *set, struct extent e)
{
    size_t i;

    check_extent(e);
    if (e.length == 0)
        return true;
    i = extent_set_find(set, e.offset);
    return i < set->count && live(set)[i].offset <= e.offset &&
           extent_end(live(set)[i]) >= extent_end(e);
}

bool extent_set_touches(const struct extent_set *set, struct extent e)
{
    size_t i;

    check_extent(e);
    if (e.length == 0)
        return false;
    i = extent_set_find(set, e.offset);
    return i < set->count && live(set)[i].offset < extent_end(e);
}

uint64_t extent_set_bytes_in(const struct extent_set *set, struct extent within)
{
    uint64_t sum = 0;

    check_extent(within);
    for (size_t i = extent_set_find(set, within.offset);
         i < set->count && live(set)[i].offset < extent_end(within); i++)
        sum += extent_common(live(set)[i], within).length;
    return sum;
}

bool extent_set_equal(const struct extent_set *a, const struct extent_set *b)
{
    if (a->count != b->count || a->total_bytes != b->total_bytes)
        return false;
    return a->count == 0 || memcmp(live(a), live(b), a->count * sizeof(struct extent)) == 0;
}
