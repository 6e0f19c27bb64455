/* copy_base_test.c - never a delta on an unknown base: every proof, and every sentence that says why a
 * full copy is made instead. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/target_state.h"
#include "tests/support/copy_case.h"

#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (MIB + 512)

static struct copy_case c;
static const struct endpoint_ops *honest; /* of the endpoint whose ops a test replaced */
static struct endpoint_ops bent;

/* A target that holds "base", a source that is one change further and called "newer". */
static void begin(void)
{
    copy_case_open(&c);
    copy_case_keep_state(&c);
    c.source = copy_case_random_disk(&c, DISK_BYTES, 3);
    copy_case_put_footer(c.source);
    c.target = copy_case_disk(&c, 0);
    c.options.source_id = "base";
    copy_case_run_ok(&c);
    copy_case_new_base(&c, "base", "newer");
    copy_case_scribble(c.source, MIB, 77, 6);
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
}

static void end(void)
{
    copy_case_close(&c);
}

TestSuite(copy_base, .init = begin, .fini = end);

static void expect_true_copy(void)
{
    cr_assert_eq(c.target->size_bytes, c.source->size_bytes);
    copy_case_expect_same(c.source, c.target, c.source->size_bytes);
    cr_expect_eq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
    cr_expect_str_eq(endpoint_mem_marker(c.target)->source, "newer");
}

static void expect_delta(void)
{
    copy_case_run_ok(&c);
    cr_assert(c.summary.delta, "%s", c.summary.why_full);
    expect_true_copy();
}

static void expect_full(const char *words)
{
    copy_case_run_ok(&c);
    cr_assert_not(c.summary.delta, "a delta, though: %s", words);
    cr_expect_not_null(strstr(c.summary.why_full, words), "\"%s\" is not in: %s", words,
                       c.summary.why_full);
    cr_expect_not_null(strstr(c.said, c.summary.why_full), "it was not said");
    expect_true_copy();
}

static void poke_page(struct endpoint *disk, uint64_t offset, int value)
{
    unsigned char page[PAGE];

    memset(page, value, sizeof page);
    endpoint_mem_poke(disk, offset, page, sizeof page);
}

static void bend(struct endpoint *ep)
{
    honest = ep->ops;
    bent = *ep->ops;
    ep->ops = &bent;
}

/* ---- A writer between the look and the mark ---- */

static unsigned setups_seen;

static void write_before_the_first_setup(struct endpoint *ep, struct setup_req *req)
{
    if (setups_seen++ == 0)
        poke_page(ep, 4 * PAGE, 0x77);
    honest->setup(ep, req);
}

Test(copy_base, a_write_after_the_proof_ends_the_delta)
{
    setups_seen = 0;
    c.options.random_seed = 99; /* another copy than that of the base */
    bend(c.target);
    bent.setup = write_before_the_first_setup;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_CONFLICT, "%s", c.err.text);
    cr_expect_not(c.summary.committed);
    cr_expect_str_eq(endpoint_mem_marker(c.target)->source, "base", "it was not touched");
}

Test(copy_base, a_write_before_the_mark_is_seen_by_a_full_copy)
{
    setups_seen = 0;
    endpoint_mem_poke_marker(c.target, NULL);
    endpoint_mem_poke_clear(c.source, (struct extent){4 * PAGE, PAGE});
    endpoint_mem_poke_clear(c.target, (struct extent){4 * PAGE, PAGE});
    bend(c.target);
    bent.setup = write_before_the_first_setup;
    copy_case_run_ok(&c);
    expect_true_copy();
}

/* ---- Proofs ---- */

Test(copy_base, the_etag_kept_at_the_commit_proves_it)
{
    expect_delta();
    cr_expect_eq(endpoint_mem_traffic(c.target)->read_bytes, PAGE, "the footer read back alone");
}

Test(copy_base, without_a_state_file_the_root_is_read_back)
{
    c.options.state_folder = NULL;
    expect_delta();
    cr_expect_gt(endpoint_mem_traffic(c.target)->read_bytes, DISK_BYTES / 8);
    cr_expect_not_null(strstr(c.said, "reading it back"), "%s", c.said);
    cr_expect_str_not_empty(c.summary.base_root);
}

Test(copy_base, a_target_that_was_tampered_with_is_found_by_its_root)
{
    poke_page(c.target, 64 * 1024, 0x66);
    expect_full("does not hold the base");
}

Test(copy_base, a_hole_of_the_target_that_was_written_to_is_found)
{
    uint64_t at = 0;
    struct extent page = {0, PAGE};

    while (extent_set_touches(endpoint_mem_allocated(c.target), page))
        page.offset = at += PAGE;
    poke_page(c.target, at, 0x66);
    c.options.state_folder = NULL;
    expect_full("does not hold the base");
}

Test(copy_base, a_touched_target_that_holds_the_base_all_the_same_gets_a_delta)
{
    unsigned char page[PAGE];

    memcpy(page, endpoint_mem_bytes(c.target), sizeof page);
    endpoint_mem_poke(c.target, 0, page, sizeof page);
    expect_delta();
    cr_expect_not_null(strstr(c.said, "reading it back"), "%s", c.said);
}

static void keep_snapshot_in_state(void)
{
    struct setup_req req = {.verb = SETUP_SNAPSHOT};
    struct target_state state;
    struct err e = {0};

    copy_case_setup(&c, c.target, &req);
    cr_assert(target_state_load(c.folder, c.target->identity, &state, &e), "%s", e.text);
    memcpy(state.snapshot, req.out_snapshot, sizeof state.snapshot);
    memcpy(state.etag, "\"other\"", 8);
    cr_assert(target_state_save(c.folder, c.target->identity, &state, &e), "%s", e.text);
}

Test(copy_base, an_empty_diff_against_the_commits_snapshot_proves_it)
{
    keep_snapshot_in_state();
    expect_delta();
    cr_expect_eq(endpoint_mem_traffic(c.target)->read_bytes, PAGE, "nothing read back for it");
}

Test(copy_base, a_diff_that_is_not_empty_disproves_it)
{
    keep_snapshot_in_state();
    poke_page(c.target, 0, 0x55);
    expect_full("was changed after");
}

Test(copy_base, a_clear_since_the_snapshot_disproves_it)
{
    struct extent first = {0, PAGE};

    poke_page(c.target, 0, 0x55);
    keep_snapshot_in_state();
    endpoint_mem_poke_clear(c.target, first);
    expect_full("was changed after");
}

Test(copy_base, a_snapshot_that_is_gone_leaves_the_root)
{
    struct target_state state;
    struct err e = {0};

    keep_snapshot_in_state();
    cr_assert(target_state_load(c.folder, c.target->identity, &state, &e));
    memcpy(state.snapshot, "1999", 5);
    cr_assert(target_state_save(c.folder, c.target->identity, &state, &e));
    expect_delta();
    cr_expect_gt(endpoint_mem_traffic(c.target)->read_bytes, DISK_BYTES / 8);
}

Test(copy_base, a_state_file_of_another_copy_proves_nothing)
{
    struct target_state state;
    struct err e = {0};

    cr_assert(target_state_load(c.folder, c.target->identity, &state, &e));
    memcpy(state.copy_uuid, "11111111-2222", 14);
    cr_assert(target_state_save(c.folder, c.target->identity, &state, &e));
    expect_delta();
    cr_expect_not_null(strstr(c.said, "reading it back"), "%s", c.said);
}

static void (*setup_of_target)(struct endpoint *, struct setup_req *);

/* A foreign writer right after the commit, before anything else is asked. */
static void mark_and_tamper(struct endpoint *ep, struct setup_req *req)
{
    bool complete = req->verb == SETUP_MARK && req->marker->state == MARKER_COMPLETE;

    setup_of_target(ep, req);
    if (complete)
        poke_page(ep, 4096, 0x13);
}

Test(copy_base, a_writer_right_after_the_commit_is_not_taken_for_the_commit)
{
    bend(c.target);
    setup_of_target = honest->setup;
    bent.setup = mark_and_tamper;
    copy_case_run_ok(&c);
    c.target->ops = honest;
    copy_case_new_base(&c, "newer", "newest");
    poke_page(c.source, MIB / 2, 0x14);
    copy_case_run_ok(&c);
    cr_expect_not(c.summary.delta, "a delta on a base that is not there");
    copy_case_expect_same(c.source, c.target, DISK_BYTES);
}

/* ---- Why not ---- */

Test(copy_base, after_a_delta_without_a_state_file_nothing_proves_it)
{
    expect_delta();
    copy_case_new_base(&c, "newer", "newest");
    c.options.state_folder = NULL;
    copy_case_run_ok(&c);
    cr_expect_not(c.summary.delta);
    cr_expect_not_null(strstr(c.summary.why_full, "cannot be proven"), "%s", c.summary.why_full);
    copy_case_expect_same(c.source, c.target, DISK_BYTES);
}

Test(copy_base, a_target_that_does_not_exist_yet)
{
    endpoint_close(c.target);
    c.target = copy_case_disk(&c, 0);
    expect_full("does not exist yet");
}

Test(copy_base, a_target_without_a_marker)
{
    endpoint_mem_poke_marker(c.target, NULL);
    expect_full("no marker");
}

Test(copy_base, a_target_whose_copy_was_not_finished)
{
    struct marker marker = *endpoint_mem_marker(c.target);

    marker.state = MARKER_COPYING;
    endpoint_mem_poke_marker(c.target, &marker);
    expect_full("not finished");
}

Test(copy_base, a_target_that_holds_something_else)
{
    struct marker marker = *endpoint_mem_marker(c.target);

    memcpy(marker.source, "another", 8);
    endpoint_mem_poke_marker(c.target, &marker);
    expect_full("another");
}

Test(copy_base, a_target_of_another_size_than_its_marker_says)
{
    struct marker marker = *endpoint_mem_marker(c.target);

    marker.size_bytes = MIB;
    endpoint_mem_poke_marker(c.target, &marker);
    expect_full("size is not the base's");
}

Test(copy_base, a_host_that_keeps_no_marker)
{
    unsigned before = c.target->capabilities;

    c.target->capabilities &= ~(unsigned)ENDPOINT_CAN_MARK;
    copy_case_run_ok(&c);
    c.target->capabilities = before;
    cr_expect_not(c.summary.delta);
    cr_expect_not_null(strstr(c.summary.why_full, "no marker"), "%s", c.summary.why_full);
    copy_case_expect_same(c.source, c.target, DISK_BYTES);
}

Test(copy_base, a_base_that_does_not_exist_any_more)
{
    endpoint_close(c.base);
    c.base = copy_case_disk(&c, 0);
    expect_full("does not exist any more");
}

Test(copy_base, a_base_that_is_larger)
{
    endpoint_close(c.base);
    c.base = copy_case_disk(&c, 2 * MIB);
    expect_full("larger");
}

Test(copy_base, a_source_that_cannot_diff)
{
    c.source->capabilities &= ~(unsigned)ENDPOINT_CAN_DIFF;
    expect_full("cannot tell what changed");
}

Test(copy_base, a_snapshot_the_service_has_no_more)
{
    memcpy(c.since, "1999", 5);
    expect_full("cannot tell what changed since the base");
}

Test(copy_base, base_and_source_must_not_be_the_same)
{
    c.options.source_id = "base";
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_USAGE);
    cr_expect_not_null(strstr(c.err.text, "the same snapshot"), "%s", c.err.text);
    cr_expect_eq(endpoint_mem_traffic(c.target)->setups_count, 0u);
}

/* ---- Services that do not do what they were asked ---- */

/* As Azurite: the older snapshot is ignored, the full list comes, and no clear. */
static void list_without_since(struct endpoint *ep, struct list_req *req)
{
    req->since = NULL;
    honest->list(ep, req);
}

Test(copy_base, a_full_list_in_place_of_a_diff_is_not_taken_for_one)
{
    bend(c.source);
    bent.list = list_without_since;
    expect_full("full list and no clears");
}

Test(copy_base, an_empty_list_in_place_of_a_diff_is_not_taken_for_one)
{
    struct extent whole = {0, DISK_BYTES};

    endpoint_mem_poke_clear(c.source, whole);
    bend(c.source);
    bent.list = list_without_since;
    expect_full("full list and no clears");
}

static void list_of_another_size(struct endpoint *ep, struct list_req *req)
{
    struct extent beyond = {DISK_BYTES, 4096};

    honest->list(ep, req);
    if (req->since)
        cr_assert(extent_set_append(req->out_data, beyond));
    req->size_bytes = DISK_BYTES + 4096;
}

Test(copy_base, a_diff_with_pages_beyond_the_end_is_refused_with_nothing_touched)
{
    unsigned char *before = copy_case_image(c.target);

    bend(c.source);
    bent.list = list_of_another_size;
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_GONE, "%s", c.err.text);
    cr_expect_not_null(strstr(c.err.text, "size changed"), "%s", c.err.text);
    cr_expect(copy_case_is_same(c.target, before, DISK_BYTES));
    cr_expect_eq(endpoint_mem_traffic(c.target)->setups_count, 0u);
    cr_expect_eq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
    free(before);
}

/* ---- A delta that is made already ---- */

/* A snapshot: nobody can write to it. */
static void make_the_delta(void)
{
    c.source->capabilities &= ~(unsigned)ENDPOINT_CAN_MARK;
    expect_delta();
    c.options.random_seed = 99; /* another copy would have another UUID */
}

Test(copy_base, a_delta_that_is_made_already_is_not_made_again)
{
    struct marker made;
    uint64_t written_bytes;

    make_the_delta();
    made = *endpoint_mem_marker(c.target);
    written_bytes = endpoint_mem_traffic(c.target)->written_bytes;
    expect_delta();
    cr_expect(c.summary.at_base_already && c.summary.committed);
    cr_expect(strstr(c.said, "nothing is left to do"), "%s", c.said);
    cr_expect_str_eq(c.summary.copy_uuid, made.copy_uuid);
    cr_expect_str_eq(endpoint_mem_marker(c.target)->copy_uuid, made.copy_uuid);
    cr_expect_eq(endpoint_mem_traffic(c.target)->written_bytes, written_bytes);
}

Test(copy_base, a_made_delta_that_was_written_to_is_made_again)
{
    make_the_delta();
    poke_page(c.target, 4 * PAGE, 0x77);
    expect_full("not the base");
}

Test(copy_base, a_made_delta_of_a_source_that_can_change_is_made_again)
{
    make_the_delta();
    c.source->capabilities |= ENDPOINT_CAN_MARK;
    expect_full("not the base");
}

Test(copy_base, a_made_delta_is_made_again_on_request)
{
    make_the_delta();
    c.options.restart = true;
    expect_full("not the base");
}
