/* complete_test.c - the restore guard: yes only to what a copy finished; and no target in between looks
 * like a disk, whenever its copy was stopped. */
#include "engine/complete.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/vhd.h"
#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (4 * MIB)

static struct copy_case c;
static struct complete *complete;
static bool ended;
static char path[TEST_PATH_MAX_BYTES + 16];

static void begin(void)
{
    copy_case_open(&c);
    copy_case_keep_state(&c);
    c.options.source_id = "base";
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 31);
    copy_case_put_footer(c.source);
    c.target = copy_case_disk(&c, 0);
    copy_case_cut(c.source, 128 * KIB);
}

static void end(void)
{
    complete_free(complete);
    copy_case_close(&c);
}

TestSuite(complete, .init = begin, .fini = end);

static void note_done(void *arg)
{
    (void)arg;
    ended = true;
}

static const struct complete_summary *look(void)
{
    struct complete_setup setup = {
        .reactor = c.rig.r, .target = c.target, .pool = c.pool, .done = note_done};
    struct err e = {0};

    complete_free(complete);
    ended = false;
    complete = complete_new(&setup, &e);
    cr_assert_not_null(complete, "%s", e.text);
    complete_start(complete);
    rig_until(&c.rig, &ended);
    cr_assert_eq(bufpool_borrowed_count(c.pool), 0u);
    return complete_summary(complete);
}

static void expect_yes(bool has_footer)
{
    const struct complete_summary *found = look();

    cr_assert_not(err_is_set(complete_error(complete)), "%s", complete_error(complete)->text);
    cr_assert(found->complete, "%s", found->why);
    cr_assert_eq(found->has_footer, has_footer);
    cr_assert_str_empty(found->why);
}

static void expect_no(const char *words)
{
    const struct complete_summary *found = look();

    cr_assert_not(err_is_set(complete_error(complete)), "%s", complete_error(complete)->text);
    cr_assert_not(found->complete);
    cr_assert_not_null(strstr(found->why, words), "%s", found->why);
    cr_assert_eq(found->why[strlen(found->why) - 1], '.', "a sentence: %s", found->why);
}

Test(complete, yes_to_a_copy_that_was_finished)
{
    copy_case_run_ok(&c);
    expect_yes(true);
    cr_assert_str_eq(complete_summary(complete)->marker.root, c.summary.root);
}

Test(complete, a_raw_target_has_the_marker_alone)
{
    c.options.footer = COPY_FOOTER_STRIP;
    copy_case_run_ok(&c);
    endpoint_mem_reopen(c.target, c.rig.r);
    expect_yes(false);
    cr_assert_eq(endpoint_mem_traffic(c.target)->reads_count, 0u);
}

Test(complete, no_to_what_is_not_there_or_carries_no_marker)
{
    expect_no("nothing there");
    copy_case_run_ok(&c);
    endpoint_mem_poke_marker(c.target, NULL);
    expect_no("no marker");
}

Test(complete, no_to_another_size_a_cleared_and_a_damaged_footer)
{
    struct extent last = {DISK_BYTES, PAGE};
    unsigned char footer[PAGE], uuid[16] = {0};
    struct marker marker;

    copy_case_run_ok(&c);
    marker = *endpoint_mem_marker(c.target);
    marker.size_bytes += PAGE;
    endpoint_mem_poke_marker(c.target, &marker);
    expect_no("its copy ended with");
    marker.size_bytes -= PAGE;
    endpoint_mem_poke_marker(c.target, &marker);
    expect_yes(true);
    vhd_encode(footer, DISK_BYTES - MIB, 1, uuid);
    endpoint_mem_poke(c.target, DISK_BYTES, footer, sizeof footer);
    expect_no("footer is of a disk of");
    vhd_encode(footer, DISK_BYTES, 1, uuid);
    footer[300] ^= 1;
    endpoint_mem_poke(c.target, DISK_BYTES, footer, sizeof footer);
    expect_no("damaged");
    endpoint_mem_poke_clear(c.target, last);
    expect_no("no VHD footer");
}

/* An older marker does not say whether there was one; a page more than whole MiB does. */
Test(complete, a_marker_that_names_no_footer_still_needs_one)
{
    struct marker marker;

    copy_case_run_ok(&c);
    marker = *endpoint_mem_marker(c.target);
    marker.footer = MARKER_FOOTER_UNKNOWN;
    endpoint_mem_poke_marker(c.target, &marker);
    expect_yes(true);
    endpoint_mem_poke_clear(c.target, (struct extent){DISK_BYTES, PAGE});
    expect_no("no VHD footer");
}

Test(complete, is_not_knowable_where_no_marker_is_kept)
{
    struct err e = {0};

    copy_case_run_ok(&c);
    c.target->capabilities &= ~(unsigned)ENDPOINT_KEEPS_MARKS;
    look();
    e = *complete_error(complete);
    cr_assert_eq(e.kind, ERR_CONFLICT);
    cr_assert_eq(e.retry, RETRY_NEVER);
    cr_assert_not_null(strstr(e.text, "not knowable on this host"), "%s", e.text);
    cr_assert_not(complete_summary(complete)->complete);
}

Test(complete, tries_again_when_the_network_fails)
{
    struct fault_rule rules[] = {
        {.ops = FAULT_ALL_OPS, .kind = FAULT_NET_BEFORE, .permille = 1000, .hits_max = 3}};
    struct fault_options faults = {.rules = rules, .rules_count = 1};

    copy_case_run_ok(&c);
    copy_case_wrap(&c.target, &faults);
    expect_yes(true);
}

/* ---- At every phase ---- */

/* Stops the copy when `turns` turns of the reactor have passed; false: it had ended by then. */
static bool run_for(unsigned turns, char out_phase[64])
{
    struct copy *copy = copy_case_start(&c);

    while (turns-- && !copy_ended(copy))
        rig_turn(&c.rig);
    if (!copy_ended(copy))
        strcpy(out_phase, copy_phase(copy));
    copy_stop(copy);
    copy_case_finish(&c, copy);
    return !c.summary.committed;
}

/* Where a reader of disks finds a footer, the target is either still what it was, whole, or holds all
 * data already; the guard says no to both. */
static void expect_unusable(const char *phase, const unsigned char *before, uint64_t before_bytes,
                            const unsigned char *wanted)
{
    uint64_t size_bytes = c.target->size_bytes;

    if (endpoint_mem_marker(c.target)->state == MARKER_COMPLETE)
        return; /* not touched yet: the guard speaks of what it was */
    cr_assert(!look()->complete, "complete in phase %s", phase);
    if (size_bytes == 0 || !copy_case_has_footer(c.target))
        return;
    cr_assert((size_bytes == before_bytes && copy_case_is_same(c.target, before, size_bytes)) ||
                  copy_case_is_same(c.target, wanted, size_bytes - PAGE),
              "a footer, and half of the data, in phase %s", phase);
}

/* Stops a copy after 0, 1, 2 ... turns, until one runs to its end; how many phases that went through. */
static unsigned stop_everywhere(void (*prepare)(void))
{
    unsigned phases = 0, turns = 0;
    char phase[64] = "", last[64] = "";
    bool stopped;

    do {
        unsigned char *wanted, *before = NULL;
        uint64_t before_bytes;

        prepare();
        wanted = copy_case_image(c.source);
        before_bytes = c.target->size_bytes;
        if (before_bytes)
            before = copy_case_image(c.target);
        stopped = run_for(turns++, phase);
        if (stopped)
            expect_unusable(phase, before, before_bytes, wanted);
        phases += strcmp(phase, last) != 0;
        strcpy(last, phase);
        free(wanted);
        free(before);
    } while (stopped);
    expect_yes(true);
    return phases;
}

static void prepare_full(void)
{
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_close(c.target);
    c.target = copy_case_disk(&c, 0);
}

Test(complete, no_full_copy_that_was_stopped_can_be_taken_for_a_disk)
{
    cr_assert_geq(stop_everywhere(prepare_full), 6u);
}

static void prepare_base(uint64_t bytes)
{
    endpoint_close(c.source);
    endpoint_close(c.base);
    endpoint_close(c.target);
    c.base = NULL;
    c.source = copy_case_random_disk(&c, bytes + PAGE, 31);
    copy_case_put_footer(c.source);
    c.target = copy_case_disk(&c, 0);
    c.options.source_id = "base";
    c.options.base_id = NULL;
    c.options.proof.manifest_path = NULL;
    copy_case_run_ok(&c);
    copy_case_new_base(&c, "base", "newer");
}

static void prepare_delta(void)
{
    prepare_base(MIB);
    copy_case_fill(c.source, (struct extent){128 * KIB, 300 * KIB}, 9);
    endpoint_mem_poke_clear(c.source, (struct extent){600 * KIB, 64 * KIB});
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
}

Test(complete, no_delta_that_was_stopped_can_be_taken_for_a_disk)
{
    cr_assert_geq(stop_everywhere(prepare_delta), 6u);
    cr_assert(c.summary.delta);
}

static void prepare_delta_with_manifest(void)
{
    prepare_delta();
    snprintf(path, sizeof path, "%s/manifest", c.folder);
    c.options.proof.manifest_path = path;
}

Test(complete, nor_one_that_was_stopped_while_it_made_its_manifest)
{
    cr_assert_geq(stop_everywhere(prepare_delta_with_manifest), 7u);
    cr_assert(c.summary.delta && c.summary.proof.has_manifest);
}

static void prepare_growth(void)
{
    struct setup_req resize = {.verb = SETUP_RESIZE, .size_bytes = 2 * MIB + PAGE};

    prepare_base(MIB);
    endpoint_mem_poke_clear(c.source, (struct extent){MIB, PAGE});
    copy_case_setup(&c, c.source, &resize);
    copy_case_put_footer(c.source);
    copy_case_fill(c.source, (struct extent){MIB + 100 * KIB, 64 * KIB}, 9);
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
}

Test(complete, nor_a_delta_of_a_disk_that_grew)
{
    cr_assert_geq(stop_everywhere(prepare_growth), 7u);
    cr_assert(c.summary.delta);
    cr_assert_eq(c.target->size_bytes, 2 * MIB + PAGE);
}
