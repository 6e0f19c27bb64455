/* copy_found_test.c - a delta whose changes were found by a map: its lists are believed and nobody is asked,
 * on one copy of the base alone, of a source that is what it was. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/copy_case.h"

#define KIB  COPY_CASE_KIB
#define MIB  COPY_CASE_MIB
#define DISK (4 * MIB)

static struct copy_case c;
static struct extent_set data, clears;
static struct copy_found found;
static char uuid[MARKER_UUID_MAX_BYTES], target_etag[ENDPOINT_ETAG_MAX_BYTES],
    source_etag[ENDPOINT_ETAG_MAX_BYTES];

static bool stat_ended;

static void stat_done(struct stat_req *req)
{
    (void)req;
    stat_ended = true;
}

static void take_etag(struct endpoint *disk, char out_etag[ENDPOINT_ETAG_MAX_BYTES])
{
    struct stat_req req = {.done = stat_done};

    stat_ended = false;
    endpoint_stat(disk, &req);
    rig_until(&c.rig, &stat_ended);
    cr_assert_not(err_is_set(&req.err), "%s", req.err.text);
    memcpy(out_etag, req.etag, sizeof req.etag);
}

/* A full copy; then the source changes, keeps its name, and what changed is found. */
static void begin(void)
{
    static const struct extent changed = {1 * MIB, 192 * KIB}, cleared = {3 * MIB, 64 * KIB};
    unsigned char *zeros = calloc(1, cleared.length);

    copy_case_open(&c);
    copy_case_keep_state(&c);
    endpoint_close(c.source);
    endpoint_close(c.target);
    c.source = copy_case_random_disk(&c, DISK, 7);
    c.target = copy_case_disk(&c, 0);
    copy_case_fill(c.source, cleared, 8);
    c.options.source_id = "disk";
    copy_case_run_ok(&c);
    memcpy(uuid, endpoint_mem_marker(c.target)->copy_uuid, sizeof uuid);
    take_etag(c.target, target_etag);
    copy_case_new_base(&c, "disk", "disk");
    copy_case_fill(c.source, changed, 9);
    endpoint_mem_poke(c.source, cleared.offset, zeros, cleared.length);
    free(zeros);
    take_etag(c.source, source_etag);
    cr_assert(extent_set_add(&data, changed) && extent_set_add(&clears, cleared));
    found = (struct copy_found){.data = &data, .clears = &clears, .source_etag = source_etag};
    c.options.found = &found;
    c.options.bound = (struct copy_bound){.copy_uuid = uuid, .etag = target_etag};
}

static void end(void)
{
    extent_set_fini(&data);
    extent_set_fini(&clears);
    copy_case_close(&c);
}

TestSuite(copy_found, .init = begin, .fini = end);

static void expect_delta(void)
{
    copy_case_run_ok(&c);
    cr_assert(c.summary.delta, "a full copy: %s", c.summary.why_full);
    cr_expect_eq(c.summary.plan_read_bytes, 192 * KIB);
    cr_expect_eq(c.summary.plan_clear_bytes, 64 * KIB);
    copy_case_expect_same(c.source, c.target, DISK);
}

static void expect_full(const char *words)
{
    copy_case_run_ok(&c);
    cr_expect_not(c.summary.delta);
    cr_expect(strstr(c.summary.why_full, words), "%s", c.summary.why_full);
    copy_case_expect_same(c.source, c.target, DISK);
}

Test(copy_found, moves_what_was_found_and_asks_nobody)
{
    expect_delta();
}

Test(copy_found, a_source_that_cannot_tell_changes_needs_not)
{
    c.source->capabilities &= ~(unsigned)ENDPOINT_CAN_DIFF;
    expect_delta();
}

Test(copy_found, another_copy_of_the_same_name_is_no_base)
{
    uuid[0] = uuid[0] == 'a' ? 'b' : 'a';
    expect_full("another copy of the base");
}

Test(copy_found, a_base_that_is_another_copy_is_not_held_already)
{
    c.source->capabilities &=
        ~(unsigned)ENDPOINT_CAN_MARK; /* as of a snapshot: known by its name */
    c.options.bound.copy_uuid = "00000000-0000-4000-8000-000000000000";
    expect_full("another copy of the base");
}

Test(copy_found, a_map_of_what_the_target_was_in_between_is_of_no_use)
{
    snprintf(target_etag, sizeof target_etag, "\"mem-999\"");
    expect_full("written to before or after the map");
}

Test(copy_found, a_target_that_was_touched_and_is_the_same_is_proven_by_its_root)
{
    unsigned char page[ENDPOINT_PAGE_BYTES];

    memcpy(page, endpoint_mem_bytes(c.target), sizeof page);
    endpoint_mem_poke(c.target, 0, page, sizeof page);
    expect_delta();
    cr_expect(strstr(c.said, "reading it back"), "%s", c.said);
}

Test(copy_found, a_target_that_was_written_to_is_refused_by_its_root)
{
    unsigned char page[ENDPOINT_PAGE_BYTES];

    memset(page, 0x5A, sizeof page);
    endpoint_mem_poke(c.target, 0, page, sizeof page);
    expect_full("does not hold the base");
}

Test(copy_found, a_source_that_was_written_to_since_is_not_copied)
{
    unsigned char *before = copy_case_image(c.target);
    struct extent late = {2 * MIB, 512};

    copy_case_fill(c.source, late, 10);
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_GONE);
    cr_expect(strstr(c.err.text, "written to since it was compared"), "%s", c.err.text);
    cr_expect(copy_case_is_same(c.target, before, DISK));
    cr_expect_eq(endpoint_mem_marker(c.target)->state, MARKER_COMPLETE);
    free(before);
}
