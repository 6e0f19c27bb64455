/* verify_test.c - what a verify says of two disks: equal, or which pages differ, and nothing is changed. */
#include "engine/verify.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "io/endpoint_compare.h"
#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (2 * MIB)

static struct copy_case c; /* copies source to target; the verify runs on the same ends */
static struct verify_options options;
static struct verify *verify;
static bool ended;

static void begin(void)
{
    copy_case_open(&c);
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 8);
    copy_case_put_footer(c.source);
    copy_case_fill(c.source, (struct extent){64 * KIB, 64 * KIB}, 1);
    copy_case_fill(c.source, (struct extent){0, 4 * KIB}, 2);
    c.target = copy_case_disk(&c, 0);
    copy_case_run_ok(&c);
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
}

static void end(void)
{
    verify_free(verify);
    copy_case_close(&c);
}

TestSuite(verify, .init = begin, .fini = end);

static void note_done(void *arg, struct verify *given)
{
    (void)arg;
    cr_assert_eq(given, verify);
    cr_assert(verify_ended(given));
    ended = true;
}

static void start(void)
{
    struct verify_ends ends = {.source = c.source, .target = c.target, .pool = c.pool};
    struct verify_watch watch = {.done = note_done};
    struct err e = {0};

    verify_free(verify);
    ended = false;
    verify = verify_new(c.rig.r, &ends, &options, &watch, &e);
    cr_assert_not_null(verify, "%s", e.text);
    verify_start(verify);
}

/* Runs one to its end; nothing of either disk may change. */
static const struct verify_summary *run(void)
{
    unsigned char *before = copy_case_image(c.target);
    struct marker marker = *endpoint_mem_marker(c.target);

    start();
    rig_until(&c.rig, &ended);
    cr_expect(copy_case_is_same(c.target, before, c.target->size_bytes), "the target changed");
    cr_expect_eq(memcmp(&marker, endpoint_mem_marker(c.target), sizeof marker), 0);
    cr_expect_eq(endpoint_mem_traffic(c.target)->writes_count +
                     endpoint_mem_traffic(c.target)->zeros_count +
                     endpoint_mem_traffic(c.target)->setups_count,
                 0u);
    cr_assert_eq(bufpool_borrowed_count(c.pool), 0u);
    free(before);
    return verify_summary(verify);
}

static void expect_equal(void)
{
    const struct verify_summary *summary = run();

    cr_assert_not(err_is_set(verify_error(verify)), "%s", verify_error(verify)->text);
    cr_expect(summary->equal);
    cr_expect_eq(summary->different_bytes, 0u);
    cr_expect_eq(summary->differences->count, 0u);
    cr_expect_not(summary->sizes_differ);
    cr_expect_not(summary->marker_incomplete);
}

static void expect_differences(const struct extent *expected, size_t count)
{
    const struct verify_summary *summary = run();
    uint64_t bytes = 0;

    cr_assert_not(err_is_set(verify_error(verify)), "%s", verify_error(verify)->text);
    cr_expect_not(summary->equal);
    cr_assert_eq(summary->differences->count, count);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(extent_set_at(summary->differences, i).offset, expected[i].offset);
        cr_expect_eq(extent_set_at(summary->differences, i).length, expected[i].length);
        bytes += expected[i].length;
    }
    cr_expect_eq(summary->different_bytes, bytes);
    cr_expect_not(summary->differences_cut);
}

/* Flips one bit as a failing disk would: unlisted, unmarked. */
static void flip(struct endpoint *disk, uint64_t offset)
{
    ((unsigned char *)(uintptr_t)endpoint_mem_bytes(disk))[offset] ^= 0x04;
}

/* The first page that is a hole at both ends. */
static uint64_t hole_of_both(void)
{
    struct extent page = {0, PAGE};

    while (extent_set_touches(endpoint_mem_allocated(c.source), page) ||
           extent_set_touches(endpoint_mem_allocated(c.target), page))
        page.offset += PAGE;
    cr_assert_lt(page.offset, DISK_BYTES);
    return page.offset;
}

Test(verify, a_true_copy_is_equal_and_its_root_is_that_of_the_copy)
{
    expect_equal();
    cr_expect_str_eq(verify_summary(verify)->root, c.summary.root);
    cr_expect_eq(verify_summary(verify)->compared_bytes,
                 endpoint_mem_allocated(c.source)->total_bytes);
    cr_expect_eq(verify_progress(verify).percent, 100.0);
}

Test(verify, holes_of_both_ends_are_not_read)
{
    expect_equal();
    copy_case_expect_within(&endpoint_mem_traffic(c.source)->read, endpoint_mem_allocated(c.source),
                            "read in a hole of the source");
    cr_expect_lt(endpoint_mem_traffic(c.target)->read_bytes, DISK_BYTES);
}

Test(verify, one_bit_is_found_in_its_page)
{
    flip(c.target, 64 * KIB + 5 * PAGE + 77);
    expect_differences((const struct extent[]){{64 * KIB + 5 * PAGE, PAGE}}, 1);
}

Test(verify, the_first_and_the_last_page_are_looked_at)
{
    flip(c.target, 0);
    flip(c.target, DISK_BYTES + 9);
    expect_differences((const struct extent[]){{0, PAGE}, {DISK_BYTES, PAGE}}, 2);
}

Test(verify, pages_side_by_side_are_one_difference)
{
    flip(c.target, 64 * KIB);
    flip(c.target, 64 * KIB + 2 * PAGE - 1);
    flip(c.target, 64 * KIB + 4 * PAGE);
    expect_differences((const struct extent[]){{64 * KIB, 2 * PAGE}, {64 * KIB + 4 * PAGE, PAGE}},
                       2);
}

Test(verify, stale_data_in_a_hole_of_the_source_is_a_difference)
{
    uint64_t at = hole_of_both();

    copy_case_fill(c.target, (struct extent){at, PAGE}, 3);
    expect_differences((const struct extent[]){{at, PAGE}}, 1);
}

Test(verify, zeros_that_were_written_in_a_hole_are_no_difference)
{
    static const unsigned char zeros[PAGE];

    endpoint_mem_poke(c.target, hole_of_both(), zeros, sizeof zeros);
    expect_equal();
    endpoint_mem_poke(c.source, hole_of_both(), zeros, sizeof zeros);
    expect_equal();
}

Test(verify, data_that_the_target_lost_is_a_difference)
{
    endpoint_mem_poke_clear(c.target, (struct extent){64 * KIB, 3 * PAGE});
    expect_differences((const struct extent[]){{64 * KIB, 3 * PAGE}}, 1);
}

Test(verify, sizes_that_differ_are_a_verdict_and_no_failure)
{
    struct setup_req grow = {.verb = SETUP_RESIZE, .size_bytes = 2 * DISK_BYTES};
    const struct verify_summary *summary;

    copy_case_setup(&c, c.target, &grow);
    endpoint_mem_reopen(c.target, c.rig.r);
    summary = run();
    cr_expect_not(err_is_set(verify_error(verify)), "%s", verify_error(verify)->text);
    cr_expect(summary->sizes_differ);
    cr_expect_not(summary->equal);
    cr_expect_eq(summary->source_size_bytes, DISK_BYTES + PAGE);
    cr_expect_eq(summary->target_size_bytes, 2 * DISK_BYTES);
}

Test(verify, a_target_that_does_not_exist_is_an_error)
{
    endpoint_close(c.target);
    c.target = copy_case_disk(&c, 0);
    start();
    rig_until(&c.rig, &ended);
    cr_expect_eq(verify_error(verify)->kind, ERR_GONE, "%s", verify_error(verify)->text);
    cr_expect_not(verify_summary(verify)->equal);
}

Test(verify, a_marker_that_is_not_complete_is_told)
{
    struct marker marker = *endpoint_mem_marker(c.target);

    marker.state = MARKER_COPYING;
    endpoint_mem_poke_marker(c.target, &marker);
    cr_expect(run()->marker_incomplete);
}

/* ---- Footers ---- */

static void copy_with(enum copy_footer footer, bool source_has)
{
    endpoint_close(c.source);
    endpoint_close(c.target);
    c.source = copy_case_random_disk(&c, DISK_BYTES + (source_has ? PAGE : 0), 9);
    if (source_has)
        copy_case_put_footer(c.source);
    copy_case_fill(c.source, (struct extent){64 * KIB, PAGE}, 1);
    c.target = copy_case_disk(&c, 0);
    c.options.footer = options.footer = footer;
    copy_case_run_ok(&c);
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
}

Test(verify, a_target_whose_footer_was_stripped_is_equal_but_for_it)
{
    copy_with(COPY_FOOTER_STRIP, true);
    expect_equal();
    flip(c.target, 64 * KIB);
    expect_differences((const struct extent[]){{64 * KIB, PAGE}}, 1);
}

Test(verify, a_target_with_a_footer_added_is_equal_but_for_it)
{
    copy_with(COPY_FOOTER_ADD, false);
    expect_equal();
    flip(c.target, 64 * KIB);
    expect_differences((const struct extent[]){{64 * KIB, PAGE}}, 1);
}

/* ---- Troubles ---- */

Test(verify, reads_that_fail_are_tried_again)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_READ) | FAULT_BIT(FAULT_LIST) | FAULT_BIT(FAULT_STAT),
         .kind = FAULT_NET_BEFORE,
         .permille = 300}};
    struct fault_options faults = {.seed = 2, .rules = rules, .rules_count = 1};

    copy_case_cut(c.source, 64u << 10);
    copy_case_cut(c.target, 64u << 10);
    flip(c.target, 64 * KIB);
    copy_case_wrap(&c.source, &faults);
    copy_case_wrap(&c.target, &faults);
    start();
    rig_until(&c.rig, &ended);
    cr_assert_not(err_is_set(verify_error(verify)), "%s", verify_error(verify)->text);
    cr_expect_gt(verify_summary(verify)->retries, 3u);
    cr_expect_eq(verify_summary(verify)->different_bytes, PAGE);
    cr_expect_eq(verify_summary(verify)->differences->count, 1u);
}

Test(verify, a_read_that_never_succeeds_is_no_verdict)
{
    const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_READ), .kind = FAULT_DISK_FULL, .permille = 1000}};
    struct fault_options faults = {.seed = 2, .rules = rules, .rules_count = 1};

    copy_case_wrap(&c.target, &faults);
    start();
    rig_until(&c.rig, &ended);
    cr_expect(err_is_set(verify_error(verify)));
    cr_expect_not(verify_summary(verify)->equal);
}

Test(verify, a_stop_ends_it_without_a_verdict)
{
    struct fault_options slow = {.seed = 1, .delay_min_ns = NS_PER_S, .delay_max_ns = 2 * NS_PER_S};

    copy_case_cut(c.target, 16u << 10);
    copy_case_wrap(&c.target, &slow);
    start();
    while (verify_progress(verify).durable_bytes == 0)
        rig_turn(&c.rig);
    verify_stop(verify);
    rig_until(&c.rig, &ended);
    cr_expect_eq(verify_error(verify)->kind, ERR_CANCELED, "%s", verify_error(verify)->text);
    cr_expect_not(verify_summary(verify)->equal);
}

/* More separate differences than are kept: all bytes are counted, and it is said. */
Test(verify, more_differences_than_are_kept_are_counted)
{
    const uint64_t pages = 2 * (COMPARE_DIFFERENCES_MAX + 100);
    const struct verify_summary *summary;

    endpoint_close(c.source);
    endpoint_close(c.target);
    c.source = copy_case_disk(&c, pages * PAGE);
    copy_case_fill(c.source, (struct extent){0, pages * PAGE}, 4);
    c.target = copy_case_disk(&c, 0);
    copy_case_run_ok(&c);
    endpoint_mem_reopen(c.target, c.rig.r);
    for (uint64_t page = 0; page < pages; page += 2)
        flip(c.target, page * PAGE);
    summary = run();
    cr_expect_not(summary->equal);
    cr_expect_eq(summary->different_bytes, pages / 2 * PAGE);
    cr_expect(summary->differences_cut);
    cr_expect_eq(summary->differences->count, COMPARE_DIFFERENCES_MAX);
}

/* ---- A sample ---- */

Test(verify, a_sample_of_all_finds_what_differs_to_the_page)
{
    struct extent page = {640 * KIB, PAGE};

    options.sample_ppm = 1000000;
    copy_case_fill(c.target, page, 9);
    expect_differences(&page, 1);
    cr_assert_eq(verify_summary(verify)->sample_of_bytes + PAGE,
                 verify_summary(verify)->compared_bytes, "the footer's page is not drawn");
    cr_assert_str_empty(verify_summary(verify)->root, "a sample has no root");
}

Test(verify, a_sample_compares_a_part_and_says_how_large)
{
    const struct verify_summary *found;
    bool hit = false, missed = false;

    copy_case_fill(c.target, (struct extent){64 * KIB, PAGE}, 9);
    options.sample_ppm = 200000;
    for (options.sample_seed = 0; options.sample_seed < 40; options.sample_seed++) {
        found = run();
        cr_assert_not(err_is_set(verify_error(verify)));
        cr_assert_lt(found->compared_bytes, found->sample_of_bytes);
        if (found->equal)
            missed = true;
        else
            hit = extent_set_at(found->differences, 0).offset == 64 * KIB &&
                  found->different_bytes == PAGE;
    }
    cr_assert(hit && missed, "some seeds draw the block, some do not");
}

Test(verify, a_sample_takes_part_of_what_only_the_target_holds)
{
    struct extent stale = {DISK_BYTES - 64 * KIB, 64 * KIB};

    endpoint_mem_poke_clear(c.source, stale);
    copy_case_fill(c.target, stale, 3);
    options.sample_ppm = 1000000;
    expect_differences(&stale, 1);
}
