/* extent_test.c - extent sets against hand-made cases and against a bitmap, too simple to be wrong.
 * Must not know: how a set is kept in memory. */
#include "blockmap/extent.h"

#include <criterion/criterion.h>
#include <string.h>

#define MODEL_BYTES 384u
#define TURNS       6000u

struct model {
    bool has[MODEL_BYTES];
};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static struct extent random_extent(uint64_t *seed, uint64_t length_max)
{
    struct extent e = {.offset = next_random(seed) % MODEL_BYTES};

    e.length = next_random(seed) % (length_max + 1);
    if (e.length > MODEL_BYTES - e.offset)
        e.length = MODEL_BYTES - e.offset;
    return e;
}

static void model_put(struct model *m, struct extent e, bool has)
{
    for (uint64_t i = e.offset; i < extent_end(e); i++)
        m->has[i] = has;
}

static void expect_equals_model(const struct extent_set *set, const struct model *m)
{
    struct model seen = {{false}};
    uint64_t total_bytes = 0;

    for (size_t i = 0; i < set->count; i++) {
        struct extent e = extent_set_at(set, i);

        cr_assert_gt(e.length, 0u);
        cr_assert_leq(extent_end(e), MODEL_BYTES);
        if (i > 0)
            cr_assert_gt(e.offset, extent_end(extent_set_at(set, i - 1)), "not coalesced");
        model_put(&seen, e, true);
        total_bytes += e.length;
    }
    cr_assert_eq(set->total_bytes, total_bytes);
    cr_assert_arr_eq(seen.has, m->has, sizeof seen.has);
}

static void expect_set(const struct extent_set *set, const struct extent *expected, size_t count)
{
    uint64_t total_bytes = 0;

    cr_assert_eq(set->count, count, "%zu extents, not %zu", set->count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(extent_set_at(set, i).offset, expected[i].offset);
        cr_assert_eq(extent_set_at(set, i).length, expected[i].length);
        total_bytes += expected[i].length;
    }
    cr_assert_eq(set->total_bytes, total_bytes);
}

#define EXPECT_SET(set, ...)                                                                       \
    expect_set(set, (const struct extent[]){__VA_ARGS__},                                          \
               sizeof((const struct extent[]){__VA_ARGS__}) / sizeof(struct extent))

Test(extent, common_part_is_empty_when_they_only_touch)
{
    struct extent both = extent_common((struct extent){10, 20}, (struct extent){25, 100});
    struct extent none = extent_common((struct extent){10, 20}, (struct extent){30, 5});

    cr_expect_eq(both.offset, 25u);
    cr_expect_eq(both.length, 5u);
    cr_expect_eq(none.length, 0u);
    cr_expect_eq(extent_common((struct extent){50, 5}, (struct extent){0, 7}).length, 0u);
}

Test(extent, append_joins_what_touches_and_keeps_gaps)
{
    struct extent_set set = {0};

    cr_assert(extent_set_append(&set, (struct extent){0, 512}));
    cr_assert(extent_set_append(&set, (struct extent){512, 512}));
    cr_assert(extent_set_append(&set, (struct extent){1024, 0}));
    cr_assert(extent_set_append(&set, (struct extent){4096, 512}));
    EXPECT_SET(&set, {0, 1024}, {4096, 512});
    extent_set_fini(&set);
    extent_set_fini(&set);
}

Test(extent, add_closes_a_gap_into_one_extent)
{
    struct extent_set set = {0};

    cr_assert(extent_set_add(&set, (struct extent){100, 10}));
    cr_assert(extent_set_add(&set, (struct extent){50, 10}));
    cr_assert(extent_set_add(&set, (struct extent){200, 10}));
    EXPECT_SET(&set, {50, 10}, {100, 10}, {200, 10});
    cr_assert(extent_set_add(&set, (struct extent){60, 40}));
    EXPECT_SET(&set, {50, 60}, {200, 10});
    cr_assert(extent_set_add(&set, (struct extent){0, 1000}));
    EXPECT_SET(&set, {0, 1000});
    extent_set_fini(&set);
}

Test(extent, subtract_splits_trims_and_removes)
{
    struct extent_set set = {0};

    cr_assert(extent_set_add(&set, (struct extent){0, 100}));
    cr_assert(extent_set_subtract(&set, (struct extent){40, 20}));
    EXPECT_SET(&set, {0, 40}, {60, 40});
    cr_assert(extent_set_subtract(&set, (struct extent){30, 40}));
    EXPECT_SET(&set, {0, 30}, {70, 30});
    cr_assert(extent_set_subtract(&set, (struct extent){30, 40}));
    cr_assert(extent_set_subtract(&set, (struct extent){500, 40}));
    EXPECT_SET(&set, {0, 30}, {70, 30});
    cr_assert(extent_set_subtract(&set, (struct extent){0, 1000}));
    cr_assert_eq(set.count, 0u);
    cr_assert_eq(set.total_bytes, 0u);
    extent_set_fini(&set);
}

Test(extent, the_last_addressable_byte_is_an_ordinary_one)
{
    struct extent_set set = {0};
    struct extent last = {UINT64_MAX - 1, 1};

    cr_assert(extent_set_add(&set, last));
    cr_assert(extent_set_add(&set, (struct extent){UINT64_MAX - 11, 10}));
    EXPECT_SET(&set, {UINT64_MAX - 11, 11});
    cr_assert(extent_set_covers(&set, last));
    cr_assert(extent_set_subtract(&set, (struct extent){UINT64_MAX - 6, 5}));
    EXPECT_SET(&set, {UINT64_MAX - 11, 5}, {UINT64_MAX - 1, 1});
    cr_assert(extent_set_add(&set, (struct extent){0, UINT64_MAX}));
    EXPECT_SET(&set, {0, UINT64_MAX});
    extent_set_fini(&set);
}

Test(extent, take_front_never_crosses_a_chunk)
{
    struct extent_set set = {0};
    struct extent taken;

    cr_assert(extent_set_append(&set, (struct extent){3000, 6000}));
    cr_assert(extent_set_append(&set, (struct extent){20000, 100}));
    cr_assert(extent_set_take_front(&set, 1u << 20, 4096, &taken));
    cr_assert(taken.offset == 3000 && taken.length == 1096);
    cr_assert(extent_set_take_front(&set, 1000, 4096, &taken));
    cr_assert(taken.offset == 4096 && taken.length == 1000);
    cr_assert(extent_set_take_front(&set, 1u << 20, 4096, &taken));
    cr_assert(taken.offset == 5096 && taken.length == 3096);
    cr_assert(extent_set_take_front(&set, 1u << 20, 0, &taken));
    cr_assert(taken.offset == 8192 && taken.length == 808);
    cr_assert(extent_set_take_front(&set, 1u << 20, 0, &taken));
    cr_assert(taken.offset == 20000 && taken.length == 100);
    cr_assert_eq(set.total_bytes, 0u);
    cr_assert_not(extent_set_take_front(&set, 1u << 20, 0, &taken));
    extent_set_fini(&set);
}

Test(extent, moves_and_copies_leave_each_side_its_own)
{
    struct extent_set a = {0}, b = {0}, c = {0};

    cr_assert(extent_set_add(&a, (struct extent){10, 10}));
    cr_assert(extent_set_add(&b, (struct extent){99, 1}));
    cr_assert(extent_set_copy(&b, &a));
    cr_assert(extent_set_equal(&a, &b));
    cr_assert(extent_set_add(&b, (struct extent){30, 1}));
    EXPECT_SET(&a, {10, 10});
    cr_assert_not(extent_set_equal(&a, &b));
    extent_set_move(&c, &b);
    EXPECT_SET(&c, {10, 10}, {30, 1});
    cr_assert_eq(b.count, 0u);
    cr_assert_eq(b.total_bytes, 0u);
    cr_assert(extent_set_copy(&c, &b));
    cr_assert(extent_set_equal(&c, &b));
    extent_set_fini(&a);
    extent_set_fini(&b);
    extent_set_fini(&c);
}

/* Each would be of the order of 10^11 moved extents, half a minute, if one end were slow. */
Test(extent, both_ends_of_a_large_set_are_cheap, .timeout = 10)
{
    const uint64_t extents_count = 300000;
    struct extent_set set = {0};
    struct extent taken;

    for (uint64_t i = extents_count; i-- > 0;)
        cr_assert(extent_set_add(&set, (struct extent){(extents_count + i) * 1024, 512}));
    for (uint64_t i = 0; i < extents_count; i++)
        cr_assert(extent_set_append(&set, (struct extent){(2 * extents_count + i) * 1024, 512}));
    cr_assert_eq(set.count, 2 * extents_count);
    for (uint64_t i = 0; i < 2 * extents_count; i++) {
        cr_assert(extent_set_take_front(&set, 4096, 4096, &taken));
        cr_assert_eq(taken.offset, (extents_count + i) * 1024);
        if (i % 4 == 0) { /* a failed range comes back to the front */
            cr_assert(extent_set_add(&set, taken));
            cr_assert(extent_set_subtract(&set, taken));
        }
    }
    cr_assert_eq(set.count, 0u);
    extent_set_fini(&set);
}

Test(extent, a_queue_does_not_grow_without_end)
{
    struct extent_set set = {0};
    struct extent taken;

    for (uint64_t i = 0; i < 200000; i++) {
        cr_assert(extent_set_append(&set, (struct extent){i * 1024, 512}));
        if (i >= 100)
            cr_assert(extent_set_take_front(&set, 4096, 0, &taken));
    }
    cr_assert_eq(set.count, 100u);
    cr_assert_lt(set.capacity, 1000u);
    extent_set_fini(&set);
}

static void expect_looks_like_model(const struct extent_set *set, const struct model *m,
                                    struct extent e)
{
    uint64_t bytes_in = 0;

    for (uint64_t i = e.offset; i < extent_end(e); i++)
        bytes_in += m->has[i];
    cr_assert_eq(extent_set_bytes_in(set, e), bytes_in);
    cr_assert_eq(extent_set_covers(set, e), bytes_in == e.length);
    cr_assert_eq(extent_set_touches(set, e), bytes_in > 0);
}

static void take_front_like_model(struct extent_set *set, struct model *m, uint64_t *seed)
{
    uint64_t max_bytes = 1 + next_random(seed) % 40;
    uint64_t chunk_bytes = (uint64_t)16 << next_random(seed) % 3;
    struct extent taken;
    uint64_t first = 0;

    while (first < MODEL_BYTES && !m->has[first])
        first++;
    cr_assert_eq(extent_set_take_front(set, max_bytes, chunk_bytes, &taken), first < MODEL_BYTES);
    if (first == MODEL_BYTES)
        return;
    cr_assert_eq(taken.offset, first);
    cr_assert(taken.length > 0 && taken.length <= max_bytes);
    cr_assert_eq(taken.offset / chunk_bytes, (extent_end(taken) - 1) / chunk_bytes);
    for (uint64_t i = first; i < extent_end(taken); i++)
        cr_assert(m->has[i]);
    if (taken.length < max_bytes && extent_end(taken) % chunk_bytes != 0)
        cr_assert(extent_end(taken) == MODEL_BYTES || !m->has[extent_end(taken)]);
    model_put(m, taken, false);
}

Test(extent, random_changes_agree_with_a_bitmap)
{
    uint64_t seed = 0x5eed0001;
    struct extent_set set = {0};
    struct model m = {{false}};

    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct extent e = random_extent(&seed, turn % 3 ? 6 : 60);
        uint64_t verb = next_random(&seed) % 8;

        if (verb < 4) {
            cr_assert(extent_set_add(&set, e));
            model_put(&m, e, true);
        } else if (verb < 7) {
            cr_assert(extent_set_subtract(&set, e));
            model_put(&m, e, false);
        } else {
            take_front_like_model(&set, &m, &seed);
        }
        expect_equals_model(&set, &m);
        expect_looks_like_model(&set, &m, random_extent(&seed, 40));
    }
    extent_set_fini(&set);
}

static void random_set(struct extent_set *set, struct model *m, uint64_t *seed)
{
    uint64_t adds = next_random(seed) % 40;

    for (uint64_t i = 0; i < adds; i++) {
        struct extent e = random_extent(seed, 12);

        cr_assert(extent_set_add(set, e));
        model_put(m, e, true);
    }
}

Test(extent, random_combinations_agree_with_a_bitmap)
{
    uint64_t seed = 0x5eed0002;

    for (unsigned turn = 0; turn < 1500; turn++) {
        struct extent_set a = {0}, b = {0}, both = {0}, common = {0}, only_a = {0};
        struct model ma = {{false}}, mb = {{false}}, m;

        random_set(&a, &ma, &seed);
        random_set(&b, &mb, &seed);
        cr_assert(extent_set_union(&both, &a, &b));
        cr_assert(extent_set_intersect(&common, &a, &b));
        cr_assert(extent_set_difference(&only_a, &a, &b));
        for (unsigned i = 0; i < MODEL_BYTES; i++)
            m.has[i] = ma.has[i] || mb.has[i];
        expect_equals_model(&both, &m);
        for (unsigned i = 0; i < MODEL_BYTES; i++)
            m.has[i] = ma.has[i] && mb.has[i];
        expect_equals_model(&common, &m);
        for (unsigned i = 0; i < MODEL_BYTES; i++)
            m.has[i] = ma.has[i] && !mb.has[i];
        expect_equals_model(&only_a, &m);
        extent_set_fini(&a);
        extent_set_fini(&b);
        extent_set_fini(&both);
        extent_set_fini(&common);
        extent_set_fini(&only_a);
    }
}
