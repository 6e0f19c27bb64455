/* zero.c - see zero.h. */
#include "blockmap/zero.h"

#include <assert.h>
#include <string.h>

#define STRIDE_BYTES ((size_t)128) /* looked at between two chances to leave early */

typedef uint64_t lanes __attribute__((vector_size(16)));

static lanes load_lanes(const unsigned char *at)
{
    lanes v;

    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t load_word(const unsigned char *at)
{
    uint64_t v;

    memcpy(&v, at, sizeof v);
    return v;
}

static bool short_is_zero(const unsigned char *at, size_t count)
{
    unsigned char any = 0;

    for (size_t i = 0; i < count; i++)
        any |= at[i];
    return any == 0;
}

bool zero_is(const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    const unsigned char *last;

    if (count < sizeof(uint64_t))
        return short_is_zero(at, count);
    /* Data nearly always shows in its first or last word. */
    if ((load_word(at) | load_word(at + count - sizeof(uint64_t))) != 0)
        return false;
    if (count < STRIDE_BYTES) {
        for (last = at + count - sizeof(uint64_t); at < last; at += sizeof(uint64_t))
            if (load_word(at) != 0)
                return false;
        return true;
    }
    for (last = at + count - STRIDE_BYTES;; at += STRIDE_BYTES) {
        const unsigned char *now = at < last ? at : last; /* the last stride may overlap */
        lanes any = load_lanes(now);

        for (size_t i = sizeof any; i < STRIDE_BYTES; i += sizeof any)
            any |= load_lanes(now + i);
        if ((any[0] | any[1]) != 0)
            return false;
        if (now == last)
            return true;
    }
}

/* Appends a run to an array of the longest; drops the shortest (the later of equals) when full. */
static size_t keep_longest(struct zero_run *runs, size_t count, size_t runs_max,
                           struct zero_run run)
{
    size_t shortest = 0;

    if (count < runs_max) {
        runs[count] = run;
        return count + 1;
    }
    for (size_t i = 1; i < count; i++)
        if (runs[i].length <= runs[shortest].length)
            shortest = i;
    if (run.length <= runs[shortest].length)
        return count;
    memmove(&runs[shortest], &runs[shortest + 1], (count - shortest - 1) * sizeof *runs);
    runs[count - 1] = run;
    return count;
}

/* A run long enough holds every step-th page from wherever we stand, so most pages of data are
 * never looked at. */
size_t zero_runs(const void *bytes, size_t count, size_t page_bytes, size_t run_min_bytes,
                 struct zero_run *out_runs, size_t runs_max)
{
    const unsigned char *base = bytes;
    size_t runs_count = 0;
    size_t pages, step;

    assert(page_bytes > 0 && count % page_bytes == 0);
    assert(runs_max > 0);
    if (count == 0)
        return 0;
    pages = count / page_bytes;
    step = run_min_bytes / page_bytes + (run_min_bytes % page_bytes != 0);
    if (step == 0)
        step = 1;
    if (pages <= step) { /* only the whole buffer can be a run */
        if (!zero_is(base, count))
            return 0;
        out_runs[0] = (struct zero_run){.offset = 0, .length = count};
        return 1;
    }
    for (size_t at = 0; step <= pages - at;) {
        size_t first = at + step - 1;
        size_t end = first + 1;

        if (!zero_is(base + first * page_bytes, page_bytes)) {
            at = end;
            continue;
        }
        while (first > at && zero_is(base + (first - 1) * page_bytes, page_bytes))
            first--;
        while (end < pages && zero_is(base + end * page_bytes, page_bytes))
            end++;
        if (end - first >= step)
            runs_count = keep_longest(out_runs, runs_count, runs_max,
                                      (struct zero_run){.offset = first * page_bytes,
                                                        .length = (end - first) * page_bytes});
        at = end;
    }
    return runs_count;
}
