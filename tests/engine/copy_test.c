/* copy_test.c - full copies: byte for byte, nothing of a hole read, zero where the source is zero, and
 * what is refused before anything is touched. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/vhd.h"
#include "tests/support/copy_case.h"
#include "tests/support/page_model.h"

#define KIB       COPY_CASE_KIB
#define MIB       COPY_CASE_MIB
#define CUT_BYTES (64u << 10)

static struct copy_case c;

static void begin(void)
{
    copy_case_open(&c);
}

static void end(void)
{
    copy_case_close(&c);
}

TestSuite(copy, .init = begin, .fini = end);

static void expect_whole_copy(void)
{
    uint64_t bytes = c.source->size_bytes;
    char root[DIGEST_TEXT_MAX_BYTES];

    cr_assert_eq(c.target->size_bytes, bytes);
    copy_case_expect_same(c.source, c.target, bytes);
    copy_case_root(endpoint_mem_bytes(c.source), c.summary.disk.length, root);
    cr_expect_str_eq(c.summary.root, root);
    cr_expect_str_eq(endpoint_mem_marker(c.target)->root, root);
    cr_expect_eq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
    cr_expect_str_eq(endpoint_mem_marker(c.target)->copy_uuid, c.summary.copy_uuid);
    cr_expect_eq(endpoint_mem_marker(c.target)->size_bytes, bytes);
}

/* Bytes read beside the data itself: the first and last page are looked at on their own. */
static void expect_frugal_traffic(void)
{
    const struct endpoint_mem_traffic *traffic = endpoint_mem_traffic(c.source);
    const struct extent_set *allocated = endpoint_mem_allocated(c.source);

    copy_case_expect_within(&traffic->read, allocated, "read in a hole of the source");
    cr_expect_leq(traffic->read_bytes, allocated->total_bytes + 2 * ENDPOINT_PAGE_BYTES);
    cr_expect_eq(traffic->writes_count + traffic->zeros_count, 0u, "the source was written to");
    cr_expect_eq(c.summary.read_bytes, c.summary.plan_read_bytes);
}

Test(copy, random_disks_arrive_byte_for_byte)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint64_t bytes = (1 + page_random_below(&(uint64_t){seed * 977}, 4096)) * 512;

        c.source = copy_case_random_disk(&c, bytes, seed);
        c.target = copy_case_disk(&c, seed % 3 ? 0 : bytes);
        copy_case_cut(c.source, seed % 2 ? CUT_BYTES : BUF_BYTES);
        c.options.random_seed = seed;
        copy_case_run_ok(&c);
        expect_whole_copy();
        expect_frugal_traffic();
        endpoint_close(c.source);
        endpoint_close(c.target);
        c.source = c.target = NULL;
    }
}

Test(copy, a_disk_larger_than_a_buffer_is_read_in_whole_buffers)
{
    c.source = copy_case_random_disk(&c, 13 * MIB + 512, 3);
    copy_case_fill(c.source, (struct extent){MIB, 6 * MIB}, 9);
    c.target = copy_case_disk(&c, 0);
    copy_case_run_ok(&c);
    expect_whole_copy();
    expect_frugal_traffic();
}

Test(copy, whatever_the_target_held_is_gone)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        c.source = copy_case_random_disk(&c, 2 * MIB, seed);
        c.target = copy_case_random_disk(&c, 2 * MIB, seed + 1000);
        copy_case_cut(c.target, CUT_BYTES);
        copy_case_run_ok(&c);
        expect_whole_copy();
        expect_frugal_traffic();
        endpoint_close(c.source);
        endpoint_close(c.target);
        c.source = c.target = NULL;
    }
}

Test(copy, holes_of_a_fresh_target_stay_holes)
{
    c.source = copy_case_random_disk(&c, 4 * MIB, 9);
    c.target = copy_case_disk(&c, 4 * MIB);
    copy_case_run_ok(&c);
    expect_whole_copy();
    copy_case_expect_within(endpoint_mem_allocated(c.target), endpoint_mem_allocated(c.source),
                            "written where the source has a hole");
    cr_expect_eq(endpoint_mem_traffic(c.target)->zeroed_bytes, 0u, "nothing there to clear");
}

Test(copy, zeros_that_were_read_are_not_written_to_a_fresh_target)
{
    unsigned char *zeros = calloc(1, MIB);

    c.source = copy_case_disk(&c, 4 * MIB);
    c.target = copy_case_disk(&c, 0);
    endpoint_mem_poke(c.source, MIB, zeros, MIB);
    copy_case_run_ok(&c);
    expect_whole_copy();
    cr_expect_eq(endpoint_mem_traffic(c.target)->written_bytes, 0u);
    cr_expect_eq(c.summary.skipped_bytes, MIB);
    free(zeros);
}

Test(copy, an_empty_disk_moves_nothing_and_commits)
{
    c.source = copy_case_disk(&c, 2 * MIB);
    c.target = copy_case_disk(&c, 0);
    copy_case_run_ok(&c);
    expect_whole_copy();
    cr_expect_eq(c.summary.read_bytes, 0u);
    cr_expect_eq(endpoint_mem_traffic(c.source)->reads_count, 0u);
}

Test(copy, without_hashing_no_root_is_claimed)
{
    c.source = copy_case_random_disk(&c, MIB, 5);
    c.target = copy_case_disk(&c, 0);
    c.options.hash = false;
    copy_case_run_ok(&c);
    copy_case_expect_same(c.source, c.target, MIB);
    cr_expect_str_empty(c.summary.root);
    cr_expect_str_empty(endpoint_mem_marker(c.target)->root);
}

Test(copy, a_plan_changes_nothing)
{
    unsigned char *before;

    c.source = copy_case_random_disk(&c, MIB, 5);
    c.target = copy_case_random_disk(&c, MIB, 6);
    before = copy_case_image(c.target);
    c.options.plan_only = true;
    copy_case_run(&c);
    cr_assert_not(err_is_set(&c.err), "%s", c.err.text);
    cr_expect(c.summary.planned);
    cr_expect_not(c.summary.committed);
    cr_expect_eq(c.summary.plan_read_bytes, endpoint_mem_allocated(c.source)->total_bytes);
    cr_expect(copy_case_is_same(c.target, before, MIB));
    cr_expect_eq(endpoint_mem_traffic(c.target)->setups_count, 0u);
    free(before);
}

Test(copy, the_summary_adds_up)
{
    c.source = copy_case_random_disk(&c, 4 * MIB, 12);
    c.target = copy_case_random_disk(&c, 4 * MIB, 13);
    copy_case_run_ok(&c);
    cr_expect_eq(c.summary.read_bytes + c.summary.plan_clear_bytes,
                 c.summary.written_bytes + c.summary.cleared_bytes + c.summary.skipped_bytes);
    cr_expect_eq(c.summary.written_bytes, endpoint_mem_traffic(c.target)->written_bytes);
    cr_expect_eq(c.summary.cleared_bytes, endpoint_mem_traffic(c.target)->zeroed_bytes);
    cr_expect_eq(c.summary.retries, 0u);
    cr_expect_eq(c.progress.durable_bytes, c.progress.total_bytes);
}

/* ---- Footers ---- */

Test(copy, a_vhd_footer_is_kept_and_left_out_of_the_root)
{
    c.source = copy_case_random_disk(&c, 2 * MIB + 512, 4);
    copy_case_put_footer(c.source);
    c.target = copy_case_random_disk(&c, 2 * MIB + 512, 5);
    copy_case_run_ok(&c);
    expect_whole_copy();
    cr_expect_eq(c.summary.disk.length, 2 * MIB);
    cr_expect(copy_case_has_footer(c.target));
}

Test(copy, a_footer_is_stripped_on_request)
{
    c.source = copy_case_random_disk(&c, 2 * MIB + 512, 4);
    copy_case_put_footer(c.source);
    c.target = copy_case_disk(&c, 0);
    c.options.footer = COPY_FOOTER_STRIP;
    copy_case_run_ok(&c);
    cr_expect_eq(c.target->size_bytes, 2 * MIB);
    copy_case_expect_same(c.source, c.target, 2 * MIB);
}

Test(copy, a_raw_disk_is_had_of_a_source_with_a_footer_and_of_one_without)
{
    for (uint64_t footer_bytes = 0; footer_bytes <= 512; footer_bytes += 512) {
        c.source = copy_case_random_disk(&c, 2 * MIB + footer_bytes, 4);
        if (footer_bytes)
            copy_case_put_footer(c.source);
        c.target = copy_case_disk(&c, 0);
        c.options.footer = COPY_FOOTER_RAW;
        copy_case_run_ok(&c);
        cr_expect_eq(c.target->size_bytes, 2 * MIB);
        copy_case_expect_same(c.source, c.target, 2 * MIB);
        endpoint_close(c.source);
        endpoint_close(c.target);
        c.source = c.target = NULL;
    }
}

Test(copy, a_footer_is_added_on_request)
{
    struct vhd_footer footer;

    c.source = copy_case_random_disk(&c, 2 * MIB, 4);
    c.target = copy_case_random_disk(&c, 2 * MIB + 512, 5);
    c.options.footer = COPY_FOOTER_ADD;
    copy_case_run_ok(&c);
    copy_case_expect_same(c.source, c.target, 2 * MIB);
    vhd_decode(endpoint_mem_bytes(c.target) + 2 * MIB, &footer);
    cr_expect_eq(footer.kind, VHD_FIXED);
    cr_expect_eq(footer.disk_bytes, 2 * MIB);
    cr_expect_eq(footer.timestamp, 1700000000u - 946684800u, "the wall clock's time");
}

/* ---- What is refused, with nothing touched ---- */

static void expect_refused(enum err_kind kind, const char *words)
{
    unsigned char *before = c.target->size_bytes ? copy_case_image(c.target) : NULL;
    uint64_t bytes = c.target->size_bytes;

    copy_case_run(&c);
    cr_assert_eq(c.err.kind, kind, "%s: %s", err_kind_name(c.err.kind), c.err.text);
    cr_expect_not_null(strstr(c.err.text, words), "\"%s\" is not in: %s", words, c.err.text);
    cr_expect_eq(c.target->size_bytes, bytes);
    cr_expect(!before || copy_case_is_same(c.target, before, bytes));
    cr_expect_eq(endpoint_mem_marker(c.target)->state, MARKER_NONE);
    cr_expect_eq(endpoint_mem_traffic(c.target)->setups_count, 0u);
    free(before);
}

Test(copy, a_target_of_another_size_is_refused)
{
    c.source = copy_case_random_disk(&c, 2 * MIB, 4);
    c.target = copy_case_random_disk(&c, 2 * MIB + 512, 5);
    expect_refused(ERR_USAGE, "never shrunk");
    endpoint_close(c.target);
    c.target = copy_case_random_disk(&c, 2 * MIB - 512, 5);
    expect_refused(ERR_USAGE, "--base");
}

Test(copy, a_source_that_does_not_exist_is_refused)
{
    c.source = copy_case_disk(&c, 0);
    c.target = copy_case_disk(&c, 0);
    expect_refused(ERR_GONE, "does not exist");
}

Test(copy, source_and_target_must_not_be_the_same)
{
    struct endpoint *disk = copy_case_random_disk(&c, MIB, 4);

    c.source = c.target = disk;
    expect_refused(ERR_USAGE, "the same");
    c.target = NULL;
}

Test(copy, a_source_whose_own_copy_was_not_finished_is_refused)
{
    struct marker marker = {.state = MARKER_COPYING, .size_bytes = MIB};

    c.source = copy_case_random_disk(&c, MIB, 4);
    endpoint_mem_poke_marker(c.source, &marker);
    c.target = copy_case_disk(&c, 0);
    expect_refused(ERR_USAGE, "not finished");
}

Test(copy, a_footer_that_is_there_already_is_not_added_and_one_that_is_not_is_not_stripped)
{
    c.source = copy_case_random_disk(&c, MIB, 4);
    c.target = copy_case_disk(&c, 0);
    c.options.footer = COPY_FOOTER_STRIP;
    expect_refused(ERR_USAGE, "--strip-footer");
    copy_case_put_footer(c.source);
    c.options.footer = COPY_FOOTER_ADD;
    expect_refused(ERR_USAGE, "--add-footer");
}

/* The footer of a sound VHD, with one field changed and its sum made right again. */
static void poke_footer(uint64_t at, const void *bytes, size_t count, bool right_sum)
{
    unsigned char page[VHD_FOOTER_BYTES];
    uint64_t offset = c.source->size_bytes - VHD_FOOTER_BYTES;
    uint32_t sum = 0;

    copy_case_put_footer(c.source);
    memcpy(page, endpoint_mem_bytes(c.source) + offset, sizeof page);
    memcpy(page + at, bytes, count);
    if (right_sum) {
        memset(page + 64, 0, 4);
        for (size_t i = 0; i < sizeof page; i++)
            sum += page[i];
        for (size_t i = 0; i < 4; i++)
            page[64 + i] = (unsigned char)(~sum >> (24 - 8 * i));
    }
    endpoint_mem_poke(c.source, offset, page, sizeof page);
}

Test(copy, other_containers_and_damaged_footers_are_refused)
{
    static const unsigned char vhdx[ENDPOINT_PAGE_BYTES] = "vhdxfile";

    c.source = copy_case_random_disk(&c, MIB, 4);
    c.target = copy_case_random_disk(&c, MIB, 5);
    poke_footer(60, (const unsigned char[4]){0, 0, 0, 3}, 4, true);
    expect_refused(ERR_USAGE, "dynamic");
    poke_footer(60, (const unsigned char[4]){0, 0, 0, 4}, 4, true);
    expect_refused(ERR_USAGE, "differencing");
    poke_footer(100, "damage", 6, false);
    expect_refused(ERR_CORRUPT, "footer");
    poke_footer(48, (const unsigned char[8]){0, 0, 0, 0, 0, 7, 0, 0}, 8, true);
    expect_refused(ERR_CORRUPT, "footer");
    endpoint_close(c.source);
    c.source = copy_case_random_disk(&c, MIB, 4);
    endpoint_mem_poke(c.source, 0, vhdx, sizeof vhdx);
    expect_refused(ERR_USAGE, "VHDX");
}

/* ---- Stopping ---- */

static bool pages_in_flight;

static void note_writing(void *arg, struct extent extent, enum range_state from,
                         enum range_state to)
{
    (void)arg;
    (void)extent;
    (void)from;
    pages_in_flight |= to == RANGE_WRITING;
}

static void write_to_the_source(void *arg, struct extent extent, enum range_state from,
                                enum range_state to)
{
    (void)arg, (void)extent, (void)from;
    if (to == RANGE_DONE)
        copy_case_fill(c.source, (struct extent){0, 512}, 99);
}

/* A file or a device has no snapshot behind it: what was read may be of two moments. */
Test(copy, a_source_that_is_written_to_meanwhile_is_not_completed)
{
    c.source = copy_case_random_disk(&c, MIB + 512, 3);
    copy_case_put_footer(c.source);
    c.source->capabilities &= ~(unsigned)ENDPOINT_CAN_DIFF;
    c.target = copy_case_disk(&c, 0);
    c.moved = write_to_the_source;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_GONE, "%s", c.err.text);
    cr_expect_not(c.summary.committed);
    cr_expect_eq(endpoint_mem_marker(c.target)->state, MARKER_COPYING);
    cr_expect_not(copy_case_has_footer(c.target));
}

Test(copy, a_stop_in_mid_copy_ends_as_canceled_with_everything_given_back)
{
    struct copy *copy;
    unsigned char *before;

    c.source = copy_case_random_disk(&c, 4 * MIB, 4);
    copy_case_cut(c.source, CUT_BYTES);
    c.target = copy_case_random_disk(&c, 4 * MIB, 5);
    before = copy_case_image(c.target);
    c.moved = note_writing;
    copy = copy_case_start(&c);
    rig_until(&c.rig, &pages_in_flight);
    copy_stop(copy);
    copy_stop(copy);
    copy_case_finish(&c, copy);
    cr_expect_eq(c.err.kind, ERR_CANCELED, "%s", c.err.text);
    cr_expect_eq(endpoint_mem_marker(c.target)->state, MARKER_COPYING);
    cr_expect_lt(c.progress.percent, 100.0);
    cr_expect_not(copy_case_is_same(c.target, before, 4 * MIB));
    copy_case_run_ok(&c);
    expect_whole_copy();
    free(before);
}

/* After every possible number of turns: it ends, as canceled or done, and a second run completes. */
Test(copy, a_stop_at_any_moment_is_clean)
{
    for (uint32_t turns = 0; turns < 60; turns++) {
        struct copy *copy;

        c.source = copy_case_random_disk(&c, 512 * KIB, turns);
        copy_case_put_footer(c.source);
        c.target = copy_case_random_disk(&c, 512 * KIB, turns + 100);
        copy = copy_case_start(&c);
        for (uint32_t i = 0; i < turns && !c.ended; i++)
            rig_turn(&c.rig);
        if (!c.ended)
            copy_stop(copy);
        copy_case_finish(&c, copy);
        cr_assert(c.summary.committed || c.err.kind == ERR_CANCELED, "%s", c.err.text);
        copy_case_run_ok(&c);
        expect_whole_copy();
        endpoint_close(c.source);
        endpoint_close(c.target);
        c.source = c.target = NULL;
    }
}
