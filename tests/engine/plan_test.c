/* plan_test.c - worklists against hand-made cases and against a model with one bool a page.
 * Must not know: how a set or a plan is kept in memory. */
#include "engine/plan.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/page_model.h"

#define MIB   (1ull << 20)
#define TURNS 3000u

static struct extent_set set_of(const struct extent *extents, size_t count)
{
    struct extent_set set = {0};

    for (size_t i = 0; i < count; i++)
        cr_assert(extent_set_add(&set, extents[i]));
    return set;
}
#define SET(...)                                                                                   \
    set_of((const struct extent[]){__VA_ARGS__},                                                   \
           sizeof((const struct extent[]){__VA_ARGS__}) / sizeof(struct extent))

static void expect_set(const struct extent_set *set, const struct extent_set *take_expected)
{
    struct extent_set expected = *take_expected;

    cr_assert_eq(set->count, expected.count, "%zu extents, not %zu", set->count, expected.count);
    for (size_t i = 0; i < set->count; i++) {
        cr_expect_eq(extent_set_at(set, i).offset, extent_set_at(&expected, i).offset);
        cr_expect_eq(extent_set_at(set, i).length, extent_set_at(&expected, i).length);
    }
    extent_set_fini(&expected);
}
#define EXPECT_SET(set, ...)                                                                       \
    do {                                                                                           \
        struct extent_set wanted = SET(__VA_ARGS__);                                               \
        expect_set(set, &wanted);                                                                  \
    } while (0)

static struct plan plan_of(const struct plan_input *input)
{
    struct plan plan = {0};
    struct err e = {0};

    cr_assert(plan_make(input, &plan, &e), "%s", e.text);
    cr_assert_eq(plan.delta, input->delta);
    cr_assert_eq(plan.disk_bytes, input->disk_bytes);
    return plan;
}

Test(plan, full_onto_a_fresh_target_reads_data_and_clears_nothing)
{
    struct extent_set data = SET({0, 4096}, {MIB, MIB});
    struct plan plan = plan_of(&(struct plan_input){.disk_bytes = 4 * MIB, .source_data = &data});

    EXPECT_SET(&plan.reads, {0, 4096}, {MIB, MIB});
    cr_expect_eq(plan.clears.count, 0u);
    cr_expect_eq(plan.stale.count, 0u);
    cr_expect_eq(plan_total_bytes(&plan), MIB + 4096);
    plan_fini(&plan);
    extent_set_fini(&data);
}

Test(plan, lists_given_away_make_the_same_plan_and_are_left_empty)
{
    static const uint64_t ends[] = {3 * MIB, 3 * MIB - 512, 2 * MIB, 2 * MIB - 512, MIB, 4096, 512};

    for (size_t i = 0; i < 2 * sizeof ends / sizeof ends[0]; i++) {
        struct extent_set data = SET({0, 4096}, {MIB, MIB}, {3 * MIB - 1024, 1024});
        struct extent_set clears = SET({4096, 512}, {2 * MIB, 1024}, {3 * MIB, 512});
        struct extent_set target = SET({512, MIB}, {2 * MIB, 512});
        struct plan_input input = {.disk_bytes = ends[i / 2],
                                   .delta = i % 2,
                                   .source_data = &data,
                                   .source_clears = i % 2 ? &clears : NULL,
                                   .target_data = i % 2 ? NULL : &target};
        struct plan copied = plan_of(&input), taken;

        cr_assert_eq(data.count, 3u);
        cr_assert_eq(clears.count, 3u);
        input.take_data = &data;
        input.take_clears = i % 2 ? &clears : NULL;
        taken = plan_of(&input);
        cr_assert_eq(data.count, 0u);
        cr_assert_eq(clears.count, i % 2 ? 0u : 3u);
        cr_assert(extent_set_equal(&taken.reads, &copied.reads), "cut at %zu", (size_t)ends[i / 2]);
        cr_assert(extent_set_equal(&taken.clears, &copied.clears));
        cr_assert(extent_set_equal(&taken.stale, &copied.stale));
        plan_fini(&copied);
        plan_fini(&taken);
        extent_set_fini(&data);
        extent_set_fini(&clears);
        extent_set_fini(&target);
    }
}

Test(plan, full_clears_what_the_target_holds_and_the_source_does_not)
{
    struct extent_set data = SET({MIB, MIB});
    struct extent_set target = SET({MIB / 2, MIB}, {3 * MIB, 512});
    struct plan plan = plan_of(
        &(struct plan_input){.disk_bytes = 4 * MIB, .source_data = &data, .target_data = &target});

    EXPECT_SET(&plan.reads, {MIB, MIB});
    EXPECT_SET(&plan.clears, {MIB / 2, MIB / 2}, {3 * MIB, 512});
    EXPECT_SET(&plan.stale, {MIB / 2, MIB}, {3 * MIB, 512});
    cr_expect_eq(plan_total_bytes(&plan), MIB + MIB / 2 + 512);
    plan_fini(&plan);
    extent_set_fini(&data);
    extent_set_fini(&target);
}

Test(plan, nothing_is_planned_beyond_the_end_of_the_disk)
{
    struct extent_set data = SET({0, 1024}, {MIB - 512, 1024}, {2 * MIB, 512});
    struct extent_set target = SET({MIB - 1024, 4096}, {8 * MIB, MIB});
    struct extent_set clears = SET({4096, 512}, {MIB - 1024, 4096});
    struct plan plan = plan_of(
        &(struct plan_input){.disk_bytes = MIB, .source_data = &data, .target_data = &target});

    EXPECT_SET(&plan.reads, {0, 1024}, {MIB - 512, 512});
    EXPECT_SET(&plan.clears, {MIB - 1024, 512});
    EXPECT_SET(&plan.stale, {MIB - 1024, 1024});
    plan_fini(&plan);
    plan = plan_of(&(struct plan_input){
        .disk_bytes = MIB, .delta = true, .source_data = &data, .source_clears = &clears});
    EXPECT_SET(&plan.reads, {0, 1024}, {MIB - 512, 512});
    EXPECT_SET(&plan.clears, {4096, 512}, {MIB - 1024, 512});
    EXPECT_SET(&plan.stale, {0, MIB});
    plan_fini(&plan);
    extent_set_fini(&data);
    extent_set_fini(&target);
    extent_set_fini(&clears);
}

Test(plan, delta_moves_what_changed_and_data_wins_over_a_clear_of_the_same_page)
{
    struct extent_set data = SET({0, 512}, {8192, 1024});
    struct extent_set clears = SET({4096, 512}, {8704, 1024});
    struct plan plan = plan_of(&(struct plan_input){
        .disk_bytes = MIB, .delta = true, .source_data = &data, .source_clears = &clears});

    EXPECT_SET(&plan.reads, {0, 512}, {8192, 1024});
    EXPECT_SET(&plan.clears, {4096, 512}, {9216, 512});
    cr_expect_eq(plan.gap_bytes, 0u);
    plan_fini(&plan);
    extent_set_fini(&data);
    extent_set_fini(&clears);
}

Test(plan, an_empty_delta_plans_nothing)
{
    struct extent_set none = {0};
    struct plan plan = plan_of(&(struct plan_input){.disk_bytes = MIB,
                                                    .delta = true,
                                                    .source_data = &none,
                                                    .source_clears = &none,
                                                    .source_all = &none,
                                                    .coalesce_bytes = MIB});

    cr_expect_eq(plan_total_bytes(&plan), 0u);
    cr_expect_eq(plan_read_count(&plan, MIB), 0u);
    plan_fini(&plan);
}

/* Changed pages at 0, 2048 and 6144 (1 KiB each): gaps of 1 KiB and of 3 KiB. */
static struct plan coalesced(uint64_t coalesce_bytes, const struct extent_set *clears,
                             const struct extent_set *all)
{
    struct extent_set data = SET({0, 1024}, {2048, 1024}, {6144, 1024});
    struct plan plan = plan_of(&(struct plan_input){.disk_bytes = MIB,
                                                    .delta = true,
                                                    .source_data = &data,
                                                    .source_clears = clears,
                                                    .source_all = all,
                                                    .coalesce_bytes = coalesce_bytes});

    extent_set_fini(&data);
    return plan;
}

Test(plan, gaps_up_to_the_limit_are_read_along_and_counted)
{
    struct extent_set none = {0};
    struct extent_set all = SET({0, 8192});
    struct plan plan = coalesced(1024, &none, &all);

    EXPECT_SET(&plan.reads, {0, 3072}, {6144, 1024});
    cr_expect_eq(plan.gap_bytes, 1024u);
    cr_expect_eq(plan_total_bytes(&plan), 4096u);
    plan_fini(&plan);
    plan = coalesced(3072, &none, &all);
    EXPECT_SET(&plan.reads, {0, 7168});
    cr_expect_eq(plan.gap_bytes, 4096u);
    plan_fini(&plan);
    plan = coalesced(1023, &none, &all);
    EXPECT_SET(&plan.reads, {0, 1024}, {2048, 1024}, {6144, 1024});
    cr_expect_eq(plan.gap_bytes, 0u);
    plan_fini(&plan);
    plan = coalesced(0, &none, &all);
    cr_expect_eq(plan.reads.count, 3u);
    plan_fini(&plan);
    extent_set_fini(&all);
}

Test(plan, a_gap_with_a_hole_in_it_is_never_read)
{
    struct extent_set none = {0};
    struct extent_set all = SET({0, 1024}, {1536, 6656});
    struct plan plan = coalesced(MIB, &none, &all);

    EXPECT_SET(&plan.reads, {0, 1024}, {2048, 5120});
    cr_expect_eq(plan.gap_bytes, 3072u);
    plan_fini(&plan);
    extent_set_fini(&all);
}

/* A full list may name a page that a diff calls cleared: the service lists whole written runs. */
Test(plan, a_gap_with_a_clear_in_it_is_never_read)
{
    struct extent_set clears = SET({1536, 512});
    struct extent_set all = SET({0, 8192});
    struct plan plan = coalesced(MIB, &clears, &all);

    EXPECT_SET(&plan.reads, {0, 1024}, {2048, 5120});
    EXPECT_SET(&plan.clears, {1536, 512});
    plan_fini(&plan);
    extent_set_fini(&all);
    extent_set_fini(&clears);
}

Test(plan, without_the_full_list_nothing_is_joined)
{
    struct extent_set none = {0};
    struct plan plan = coalesced(MIB, &none, NULL);

    cr_expect_eq(plan.reads.count, 3u);
    cr_expect_eq(plan.gap_bytes, 0u);
    plan_fini(&plan);
}

Test(plan, reads_are_counted_as_they_will_be_cut)
{
    struct extent_set data = SET({0, 1}, {4 * MIB - 1, 2}, {8 * MIB, 4 * MIB}, {16 * MIB, 9 * MIB});
    struct plan plan = plan_of(&(struct plan_input){.disk_bytes = 64 * MIB, .source_data = &data});

    cr_expect_eq(plan_read_count(&plan, 4 * MIB), 1u + 2u + 1u + 3u);
    cr_expect_eq(plan_read_count(&plan, 64 * MIB), 4u);
    plan_fini(&plan);
    extent_set_fini(&data);
}

/* ---- Against the model ---- */

struct drawn {
    struct page_model data, clears, all, target;
    uint64_t disk_pages;
    uint64_t coalesce_pages;
};

static bool is_gap_joined(const struct drawn *d, size_t at, size_t end)
{
    if (end - at > d->coalesce_pages)
        return false;
    for (size_t i = at; i < end; i++)
        if (!d->all.has[i] || d->clears.has[i])
            return false;
    return true;
}

/* The rule for gaps said once more, slowly: each run of pages between two changed ones. */
static uint64_t join_gaps(const struct drawn *d, struct page_model *reads)
{
    struct page_model before = *reads;
    uint64_t gap_pages = 0;
    size_t last = SIZE_MAX;

    for (size_t i = 0; i < d->disk_pages; i++) {
        if (!before.has[i])
            continue;
        if (last != SIZE_MAX && i > last + 1 && is_gap_joined(d, last + 1, i)) {
            memset(reads->has + last + 1, 1, i - last - 1);
            gap_pages += i - last - 1;
        }
        last = i;
    }
    return gap_pages;
}

static void expect_delta_as_modelled(const struct drawn *d)
{
    struct extent_set data = page_model_set(&d->data), clears = page_model_set(&d->clears);
    struct extent_set all = page_model_set(&d->all);
    struct page_model reads = {{false}}, cleared = {{false}};
    struct plan plan = plan_of(&(struct plan_input){
        .disk_bytes = d->disk_pages * PAGE_MODEL_BYTES,
        .delta = true,
        .source_data = &data,
        .source_clears = &clears,
        .source_all = &all,
        .coalesce_bytes = d->coalesce_pages * PAGE_MODEL_BYTES,
    });
    uint64_t gap_pages;

    memcpy(reads.has, d->data.has, d->disk_pages);
    for (size_t i = 0; i < d->disk_pages; i++)
        cleared.has[i] = d->clears.has[i] && !d->data.has[i];
    gap_pages = d->coalesce_pages ? join_gaps(d, &reads) : 0;
    page_model_expect(&reads, &plan.reads, "reads");
    page_model_expect(&cleared, &plan.clears, "clears");
    cr_assert_eq(plan.gap_bytes, gap_pages * PAGE_MODEL_BYTES);
    plan_fini(&plan);
    extent_set_fini(&data);
    extent_set_fini(&clears);
    extent_set_fini(&all);
}

static void expect_full_as_modelled(const struct drawn *d)
{
    struct extent_set data = page_model_set(&d->data), target = page_model_set(&d->target);
    struct page_model reads = {{false}}, cleared = {{false}}, stale = {{false}};
    struct plan plan = plan_of(&(struct plan_input){
        .disk_bytes = d->disk_pages * PAGE_MODEL_BYTES,
        .source_data = &data,
        .target_data = &target,
        .coalesce_bytes = d->coalesce_pages * PAGE_MODEL_BYTES,
    });

    for (size_t i = 0; i < d->disk_pages; i++) {
        reads.has[i] = d->data.has[i];
        stale.has[i] = d->target.has[i];
        cleared.has[i] = d->target.has[i] && !d->data.has[i];
    }
    page_model_expect(&reads, &plan.reads, "reads");
    page_model_expect(&cleared, &plan.clears, "clears");
    page_model_expect(&stale, &plan.stale, "stale");
    plan_fini(&plan);
    extent_set_fini(&data);
    extent_set_fini(&target);
}

Test(plan, random_lists_are_planned_as_the_model_says)
{
    uint64_t seed = 20240607;

    for (uint32_t turn = 0; turn < TURNS; turn++) {
        struct drawn d;

        page_model_random(&d.data, &seed, 20, 12);
        page_model_random(&d.clears, &seed, 12, 6);
        page_model_random(&d.all, &seed, 12, 64);
        page_model_random(&d.target, &seed, 12, 32);
        d.disk_pages = 1 + page_random_below(&seed, PAGE_MODEL_PAGES);
        d.coalesce_pages = page_random_below(&seed, 12);
        expect_delta_as_modelled(&d);
        expect_full_as_modelled(&d);
    }
}
