/* copy_delta_test.c - deltas on a proven base: only what changed moves, growth, coalescing, footers. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/copy_case.h"
#include "tests/support/page_model.h"

#define KIB       COPY_CASE_KIB
#define MIB       COPY_CASE_MIB
#define PAGE      ENDPOINT_PAGE_BYTES
#define CUT_BYTES (64u << 10)

static struct copy_case c;

static void begin(void)
{
    copy_case_open(&c);
    copy_case_keep_state(&c);
}

static void end(void)
{
    copy_case_close(&c);
}

TestSuite(copy_delta, .init = begin, .fini = end);

/* A full copy of the source as it is, under the name "base", then a snapshot of it; both ends are
 * opened anew. */
static void copy_as_base(void)
{
    c.options.source_id = "base";
    c.options.base_id = NULL;
    endpoint_close(c.base);
    c.base = NULL;
    copy_case_run_ok(&c);
    copy_case_new_base(&c, "base", "newer");
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
}

static void new_disks(uint64_t bytes, uint64_t seed, bool with_footer)
{
    endpoint_close(c.source);
    endpoint_close(c.target);
    c.source = copy_case_random_disk(&c, bytes, seed);
    c.target = copy_case_disk(&c, 0);
    if (with_footer)
        copy_case_put_footer(c.source);
}

static void copy_base(uint64_t bytes, uint64_t seed, bool with_footer)
{
    new_disks(bytes, seed, with_footer);
    copy_as_base();
}

static void run_delta(void)
{
    copy_case_run_ok(&c);
    cr_assert(c.summary.delta, "a full copy: %s", c.summary.why_full);
    cr_assert_str_empty(c.summary.why_full);
    cr_assert_eq(c.source->size_bytes, c.target->size_bytes);
    copy_case_expect_same(c.source, c.target, c.source->size_bytes);
    cr_expect_eq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
    cr_expect_str_eq(endpoint_mem_marker(c.target)->source, "newer");
    cr_expect_str_eq(endpoint_mem_marker(c.target)->delta, c.summary.delta_digest);
    cr_expect_str_empty(endpoint_mem_marker(c.target)->root, "a delta has no root");
}

/* Where the full list was not needed, the last page is looked at unseen: it may be a footer. */
static void expect_no_hole_read(void)
{
    struct extent last = {c.source->size_bytes - PAGE, PAGE};
    struct extent_set allowed = {0};

    cr_assert(extent_set_copy(&allowed, endpoint_mem_allocated(c.source)));
    if (endpoint_mem_traffic(c.source)->lists_count < 2)
        cr_assert(extent_set_add(&allowed, last));
    copy_case_expect_within(&endpoint_mem_traffic(c.source)->read, &allowed, "read in a hole");
    extent_set_fini(&allowed);
}

Test(copy_delta, random_changes_arrive_and_nothing_else_moves)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        copy_base(2 * MIB, seed, seed % 2);
        c.options.coalesce_bytes = seed % 3 ? 0 : 32 * KIB;
        copy_case_cut(c.source, seed % 4 ? CUT_BYTES : BUF_BYTES);
        copy_case_scribble(c.source, 2 * MIB - 512, seed + 500, (uint32_t)seed);
        run_delta();
        cr_expect_leq(endpoint_mem_traffic(c.source)->read_bytes,
                      c.summary.plan_read_bytes + 2 * PAGE);
        expect_no_hole_read();
    }
}

/* The same pages on a disk without any other: what is written is known by hand. */
Test(copy_delta, what_is_written_and_cleared_is_just_what_changed)
{
    unsigned char page[PAGE];
    const struct endpoint_mem_traffic *traffic;
    struct extent clear = {MIB, 8 * KIB};
    struct extent_set pages = {0};

    new_disks(4 * MIB, 2, false);
    copy_case_fill(c.source, (struct extent){MIB, 64 * KIB}, 1);
    copy_as_base();
    memset(page, 0x77, sizeof page);
    for (uint64_t at = 2 * MIB; at < 2 * MIB + 8 * PAGE; at += 2 * PAGE) {
        struct extent one = {at, PAGE};

        endpoint_mem_poke(c.source, at, page, sizeof page);
        cr_assert(extent_set_add(&pages, one));
    }
    endpoint_mem_poke_clear(c.source, clear);
    c.options.coalesce_bytes = 0;
    run_delta();
    traffic = endpoint_mem_traffic(c.target);
    cr_expect(extent_set_equal(&traffic->written, &pages));
    cr_expect_eq(traffic->written_bytes, 4 * PAGE);
    cr_expect_eq(traffic->zeroed_bytes, clear.length);
    cr_expect(extent_set_covers(&traffic->zeroed, clear));
    cr_expect_eq(c.summary.plan_range_count, 4u);
    extent_set_fini(&pages);
}

Test(copy_delta, small_gaps_of_data_are_read_along)
{
    unsigned char *data = malloc(MIB);

    cr_assert_not_null(data);
    memset(data, 0x33, MIB);
    new_disks(4 * MIB, 2, false);
    endpoint_mem_poke(c.source, MIB, data, MIB);
    copy_as_base();
    memset(data, 0x44, PAGE);
    for (uint64_t at = MIB; at < MIB + 64 * KIB; at += 8 * KIB)
        endpoint_mem_poke(c.source, at, data, PAGE);
    c.options.coalesce_bytes = 8 * KIB;
    run_delta();
    cr_expect_eq(c.summary.plan_range_count, 1u);
    cr_expect_eq(c.summary.gap_bytes, 7 * (8 * KIB - PAGE));
    free(data);
}

Test(copy_delta, the_targets_own_cost_of_a_request_decides_by_default)
{
    new_disks(4 * MIB, 2, false);
    copy_case_fill(c.source, (struct extent){MIB, 64 * KIB}, 1);
    copy_as_base();
    c.target->request_cost_bytes = 16 * KIB;
    c.options.plan_only = true;
    copy_case_fill(c.source, (struct extent){MIB, PAGE}, 2);
    copy_case_fill(c.source, (struct extent){MIB + 16 * KIB, PAGE}, 2);
    copy_case_run(&c);
    cr_expect_eq(c.summary.plan_range_count, 1u);
    c.target->request_cost_bytes = 0;
    copy_case_run(&c);
    cr_expect_eq(c.summary.plan_range_count, 2u);
}

Test(copy_delta, nothing_changed_moves_nothing)
{
    for (int with_footer = 0; with_footer < 2; with_footer++) {
        copy_base(2 * MIB, 7, with_footer);
        run_delta();
        cr_expect(c.summary.at_base_already);
        cr_expect_eq(c.summary.read_bytes, 0u);
        cr_expect_leq(endpoint_mem_traffic(c.target)->written_bytes, PAGE, "the footer alone");
    }
}

Test(copy_delta, a_chain_of_deltas_stays_true)
{
    static const char *const names[] = {"base", "1", "2", "3", "4", "5"};

    copy_base(2 * MIB, 11, true);
    for (uint64_t i = 1; i < sizeof names / sizeof names[0]; i++) {
        copy_case_new_base(&c, names[i - 1], names[i]);
        copy_case_scribble(c.source, 2 * MIB - 512, 40 + i, 12);
        copy_case_run_ok(&c);
        cr_assert(c.summary.delta, "%s", c.summary.why_full);
        copy_case_expect_same(c.source, c.target, 2 * MIB);
    }
}

Test(copy_delta, the_digest_is_that_of_the_records_in_order)
{
    char expected[DIGEST_TEXT_MAX_BYTES];
    struct err e = {0};
    struct digest_delta *delta;
    struct block_hash hash, zero = {{0}};
    unsigned char page[PAGE];
    struct extent clear = {64 * KIB, 4 * KIB};

    new_disks(2 * MIB, 3, false);
    copy_case_fill(c.source, (struct extent){64 * KIB, 8 * KIB}, 1);
    copy_as_base();
    memset(page, 0x42, sizeof page);
    endpoint_mem_poke(c.source, MIB, page, sizeof page);
    endpoint_mem_poke_clear(c.source, clear);
    run_delta();
    delta = digest_delta_new(2 * MIB, &e);
    cr_assert_not_null(delta, "%s", e.text);
    digest_delta_record(delta, clear.offset, clear.length, &zero);
    hash = digest_bytes(page, sizeof page);
    digest_delta_record(delta, MIB, PAGE, &hash);
    digest_delta_end(delta, expected);
    digest_delta_free(delta);
    cr_expect_str_eq(c.summary.delta_digest, expected);
}

/* ---- Growth ---- */

static void grow_source(uint64_t bytes, bool with_footer)
{
    struct setup_req req = {.verb = SETUP_RESIZE, .size_bytes = bytes};
    uint64_t footer_at = c.source->size_bytes - PAGE;
    struct extent old_footer = {footer_at, PAGE};

    copy_case_setup(&c, c.source, &req);
    if (!with_footer)
        return;
    endpoint_mem_poke_clear(c.source, old_footer);
    copy_case_put_footer(c.source);
}

Test(copy_delta, a_disk_that_grew_grows_at_the_target)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        bool with_footer = seed % 2;

        copy_base(MIB + 512, seed, with_footer);
        grow_source(2 * MIB + 512, with_footer);
        copy_case_scribble(c.source, 2 * MIB, seed, 10);
        run_delta();
    }
}

Test(copy_delta, what_now_stands_where_the_footer_was_arrives)
{
    unsigned char page[PAGE];

    copy_base(MIB + 512, 5, true);
    grow_source(2 * MIB + 512, true);
    memset(page, 0x99, sizeof page);
    endpoint_mem_poke(c.source, MIB, page, sizeof page);
    run_delta();
    cr_expect(copy_case_has_footer(c.target));
}

/* The guest never wrote there, so the diff is silent: the old footer is data of the disk now. */
Test(copy_delta, a_footer_left_behind_by_growth_is_data_where_footers_are_stripped_too)
{
    struct setup_req req = {.verb = SETUP_RESIZE, .size_bytes = 2 * MIB + 512};

    c.options.footer = COPY_FOOTER_STRIP;
    copy_base(MIB + 512, 5, true);
    copy_case_setup(&c, c.source, &req);
    copy_case_put_footer(c.source);
    copy_case_run_ok(&c);
    cr_assert(c.summary.delta, "%s", c.summary.why_full);
    cr_assert_eq(c.target->size_bytes, 2 * MIB);
    copy_case_expect_same(c.source, c.target, 2 * MIB);
}

Test(copy_delta, a_full_copy_with_a_base_given_may_grow_the_target_too)
{
    copy_base(MIB + 512, 5, true);
    grow_source(2 * MIB + 512, true);
    copy_case_scribble(c.source, 2 * MIB, 99, 10);
    endpoint_mem_poke_marker(c.target, NULL);
    copy_case_run_ok(&c);
    cr_expect_not(c.summary.delta);
    cr_assert_eq(c.target->size_bytes, 2 * MIB + 512);
    copy_case_expect_same(c.source, c.target, 2 * MIB + 512);
}

Test(copy_delta, footers_are_stripped_and_added_in_deltas_too)
{
    static const enum copy_footer modes[] = {COPY_FOOTER_STRIP, COPY_FOOTER_ADD};

    for (size_t i = 0; i < 2; i++) {
        uint64_t bytes = modes[i] == COPY_FOOTER_STRIP ? MIB + 512 : MIB;

        c.options.footer = modes[i];
        copy_base(bytes, 5 + i, modes[i] == COPY_FOOTER_STRIP);
        copy_case_scribble(c.source, MIB, 99, 10);
        copy_case_run_ok(&c);
        cr_assert(c.summary.delta, "%s", c.summary.why_full);
        cr_expect_eq(c.target->size_bytes, modes[i] == COPY_FOOTER_STRIP ? MIB : MIB + 512);
        copy_case_expect_same(c.source, c.target, MIB);
        cr_expect_eq(copy_case_has_footer(c.target), modes[i] == COPY_FOOTER_ADD);
    }
}
