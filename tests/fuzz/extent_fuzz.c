/* extent_fuzz.c - any sequence of changes to an extent set agrees with a bitmap.
 * Must not know: how a set is kept in memory. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "blockmap/extent.h"

#define MODEL_BYTES 256u
#define STEP_BYTES  3u /* of input: a verb and two numbers */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
    bool has[MODEL_BYTES];
};

static void expect_equal(const struct extent_set *set, const struct model *m)
{
    struct model seen = {{false}};
    uint64_t total_bytes = 0;

    for (size_t i = 0; i < set->count; i++) {
        struct extent e = extent_set_at(set, i);

        assert(e.length > 0 && extent_end(e) <= MODEL_BYTES);
        assert(i == 0 || e.offset > extent_end(extent_set_at(set, i - 1)));
        memset(seen.has + e.offset, true, e.length);
        total_bytes += e.length;
    }
    assert(total_bytes == set->total_bytes);
    assert(memcmp(&seen, m, sizeof seen) == 0);
}

static void take_front(struct extent_set *set, struct model *m, uint64_t max_bytes,
                       unsigned chunk_log2)
{
    struct extent taken;
    uint64_t chunk_bytes = chunk_log2 == 0 ? 0 : 1ull << chunk_log2;

    if (!extent_set_take_front(set, max_bytes, chunk_bytes, &taken)) {
        assert(set->count == 0);
        return;
    }
    assert(taken.length > 0 && taken.length <= max_bytes);
    assert(memchr(m->has, true, MODEL_BYTES) == m->has + taken.offset);
    for (uint64_t i = taken.offset; i < extent_end(taken); i++)
        assert(m->has[i]);
    if (chunk_bytes > 0)
        assert(taken.offset / chunk_bytes == (extent_end(taken) - 1) / chunk_bytes);
    memset(m->has + taken.offset, false, taken.length);
}

/* Combines the set with one of the odd bytes, which has all the borders there can be. */
static void combine(const struct extent_set *set, const struct model *m, struct extent e)
{
    struct extent_set other = {0}, both = {0}, common = {0}, only = {0};
    struct model has_both = *m, has_common = {{false}}, has_only = *m;

    for (uint64_t i = e.offset | 1; i < extent_end(e); i += 4)
        assert(extent_set_append(&other, (struct extent){i, 1}));
    assert(extent_set_union(&both, set, &other));
    assert(extent_set_intersect(&common, set, &other));
    assert(extent_set_difference(&only, set, &other));
    for (uint64_t i = e.offset | 1; i < extent_end(e); i += 4) {
        has_common.has[i] = m->has[i];
        has_both.has[i] = true;
        has_only.has[i] = false;
    }
    expect_equal(&both, &has_both);
    expect_equal(&common, &has_common);
    expect_equal(&only, &has_only);
    extent_set_fini(&other);
    extent_set_fini(&both);
    extent_set_fini(&common);
    extent_set_fini(&only);
}

static void look(const struct extent_set *set, const struct model *m, struct extent e)
{
    uint64_t bytes = 0;

    for (uint64_t i = e.offset; i < extent_end(e); i++)
        bytes += m->has[i];
    assert(extent_set_bytes_in(set, e) == bytes);
    assert(extent_set_covers(set, e) == (bytes == e.length));
    assert(extent_set_touches(set, e) == (bytes > 0));
}

static void step(struct extent_set *set, struct model *m, const uint8_t bytes[STEP_BYTES])
{
    struct extent e = {.offset = bytes[1], .length = bytes[2]};

    if (e.length > MODEL_BYTES - e.offset)
        e.length = MODEL_BYTES - e.offset;
    switch (bytes[0] % 5) {
    case 0:
        assert(extent_set_add(set, e));
        memset(m->has + e.offset, true, e.length);
        break;
    case 1:
        assert(extent_set_subtract(set, e));
        memset(m->has + e.offset, false, e.length);
        break;
    case 2:
        take_front(set, m, 1ull + bytes[1], bytes[2] % 8);
        break;
    case 3:
        combine(set, m, e);
        break;
    default:
        look(set, m, e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct extent_set set = {0}, copy = {0};
    struct model m = {{false}};

    for (; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES) {
        step(&set, &m, data);
        expect_equal(&set, &m);
    }
    assert(extent_set_copy(&copy, &set));
    assert(extent_set_equal(&copy, &set));
    extent_set_fini(&set);
    expect_equal(&copy, &m);
    extent_set_fini(&copy);
    return 0;
}
