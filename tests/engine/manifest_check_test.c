/* manifest_check_test.c - a disk against a manifest: equal, or which blocks are wrong; only it is read. */
#include "engine/manifest_check.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/copy_case.h"

#define KIB        COPY_CASE_KIB
#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (3 * MIB + 5 * PAGE) /* the last block is short */

static struct copy_case c;
static char path[TEST_PATH_MAX_BYTES + 16];
static struct manifest_check *check;
static bool ended;

static void begin(void)
{
    copy_case_open(&c);
    copy_case_keep_state(&c);
    snprintf(path, sizeof path, "%s/manifest", c.folder);
    c.options.proof.manifest_path = path;
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 21);
    copy_case_put_footer(c.source);
    copy_case_fill(c.source, (struct extent){0, 256 * KIB}, 1);
    copy_case_fill(c.source, (struct extent){3 * MIB, 5 * PAGE}, 2);
    endpoint_mem_poke_clear(c.source, (struct extent){MIB, 256 * KIB});
    c.target = copy_case_disk(&c, 0);
    copy_case_cut(c.target, 128 * KIB);
    copy_case_run_ok(&c);
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
}

static void end(void)
{
    manifest_check_free(check);
    copy_case_close(&c);
}

TestSuite(manifest_check, .init = begin, .fini = end);

static void note_done(void *arg)
{
    (void)arg;
    ended = true;
}

static void start(void)
{
    struct manifest_check_setup setup = {.reactor = c.rig.r,
                                         .target = c.target,
                                         .pool = c.pool,
                                         .manifest_path = path,
                                         .done = note_done};
    struct err e = {0};

    manifest_check_free(check);
    ended = false;
    check = manifest_check_new(&setup, &e);
    cr_assert_not_null(check, "%s", e.text);
    manifest_check_start(check);
}

static const struct verify_summary *run(void)
{
    const struct endpoint_mem_traffic *traffic = endpoint_mem_traffic(c.source);
    uint64_t reads = traffic->reads_count, lists = traffic->lists_count;

    start();
    rig_until(&c.rig, &ended);
    cr_assert_eq(bufpool_borrowed_count(c.pool), 0u);
    cr_assert(traffic->reads_count == reads && traffic->lists_count == lists,
              "the source has no part in it");
    return &manifest_check_summary(check)->found;
}

static void expect(const struct extent *expected, size_t count)
{
    const struct verify_summary *found = run();

    cr_assert_not(err_is_set(manifest_check_error(check)), "%s", manifest_check_error(check)->text);
    cr_assert_eq(found->equal, count == 0);
    cr_assert_eq(found->differences->count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(extent_set_at(found->differences, i).offset, expected[i].offset);
        cr_assert_eq(extent_set_at(found->differences, i).length, expected[i].length);
    }
}

/* One bit, and nothing else: no ETag, no list tells of it. */
static void rot(uint64_t offset)
{
    ((unsigned char *)(uintptr_t)endpoint_mem_bytes(c.target))[offset] ^= 1;
}

Test(manifest_check, finds_a_good_target_equal_and_reads_no_hole)
{
    struct extent hole = {MIB, 256 * KIB};
    const struct verify_summary *found;

    expect(NULL, 0);
    found = &manifest_check_summary(check)->found;
    cr_assert_str_eq(found->root, c.summary.root);
    cr_assert_eq(found->compared_bytes, DISK_BYTES + PAGE);
    cr_assert_not(extent_set_touches(&endpoint_mem_traffic(c.target)->read, hole));
    cr_assert_not(manifest_check_summary(check)->other_copy);
}

Test(manifest_check, names_a_flipped_bit_by_its_block)
{
    struct extent block = {64 * KIB, 64 * KIB};

    rot(64 * KIB + 12345);
    expect(&block, 1);
}

Test(manifest_check, cuts_the_last_block_at_the_disks_end)
{
    struct extent last = {3 * MIB, 5 * PAGE};

    rot(DISK_BYTES - 1);
    expect(&last, 1);
}

Test(manifest_check, names_the_footers_page_alone)
{
    struct extent page = {DISK_BYTES, PAGE};

    rot(DISK_BYTES + 300);
    expect(&page, 1);
    endpoint_mem_poke_clear(c.target, page);
    expect(&page, 1);
}

Test(manifest_check, names_stale_data_in_a_hole_and_data_that_is_gone)
{
    struct extent wrong[] = {{0, 128 * KIB}, {MIB + 64 * KIB, 64 * KIB}};
    unsigned char page[PAGE] = {1};

    endpoint_mem_poke_clear(c.target, (struct extent){4 * KIB, 100 * KIB});
    endpoint_mem_poke(c.target, MIB + 64 * KIB, page, sizeof page);
    expect(wrong, 2);
}

Test(manifest_check, a_target_of_another_size_is_different)
{
    struct setup_req resize = {.verb = SETUP_RESIZE, .size_bytes = DISK_BYTES + 3 * PAGE};
    const struct verify_summary *found;

    copy_case_setup(&c, c.target, &resize);
    found = run();
    cr_assert_not(err_is_set(manifest_check_error(check)));
    cr_assert_not(found->equal);
    cr_assert(found->sizes_differ);
    cr_assert_eq(found->source_size_bytes, DISK_BYTES + PAGE);
    cr_assert_eq(found->target_size_bytes, DISK_BYTES + 3 * PAGE);
}

Test(manifest_check, a_target_whose_copy_is_unfinished_is_named_as_such)
{
    struct marker marker = *endpoint_mem_marker(c.target);

    marker.state = MARKER_COPYING;
    endpoint_mem_poke_marker(c.target, &marker);
    expect(NULL, 0);
    cr_assert(manifest_check_summary(check)->found.marker_incomplete);
    cr_assert_not(manifest_check_summary(check)->other_copy);
    marker.copy_uuid[0] ^= 1;
    endpoint_mem_poke_marker(c.target, &marker);
    run();
    cr_assert(manifest_check_summary(check)->other_copy);
    endpoint_mem_poke_marker(c.target, NULL);
    expect(NULL, 0);
    cr_assert_not(manifest_check_summary(check)->found.marker_incomplete);
}

Test(manifest_check, a_target_that_is_not_there_is_an_error)
{
    endpoint_close(c.target);
    c.target = copy_case_disk(&c, 0);
    run();
    cr_assert_eq(manifest_check_error(check)->kind, ERR_GONE);
    cr_assert_null(strstr(manifest_check_error(check)->text, "source"));
}

Test(manifest_check, a_target_written_to_meanwhile_is_an_error)
{
    static const unsigned char page[PAGE] = {7};

    start();
    while (endpoint_mem_traffic(c.target)->reads_count < 3)
        rig_turn(&c.rig);
    endpoint_mem_poke(c.target, 2 * MIB, page, sizeof page);
    rig_until(&c.rig, &ended);
    cr_assert_eq(manifest_check_error(check)->kind, ERR_GONE);
    cr_assert_not_null(strstr(manifest_check_error(check)->text, "written to"));
    cr_assert_not(manifest_check_summary(check)->found.equal);
}

Test(manifest_check, stops_when_asked)
{
    start();
    rig_turn(&c.rig);
    manifest_check_stop(check);
    rig_until(&c.rig, &ended);
    cr_assert_eq(manifest_check_error(check)->kind, ERR_CANCELED);
    cr_assert_not(manifest_check_summary(check)->found.equal);
}

Test(manifest_check, an_unsound_manifest_is_refused_before_anything_is_read)
{
    struct manifest_check_setup setup = {.reactor = c.rig.r,
                                         .target = c.target,
                                         .pool = c.pool,
                                         .manifest_path = path,
                                         .done = note_done};
    struct err e = {0};

    cr_assert_eq(truncate(path, 1000), 0);
    cr_assert_null(manifest_check_new(&setup, &e));
    cr_assert_eq(e.kind, ERR_CORRUPT);
    cr_assert_eq(endpoint_mem_traffic(c.target)->reads_count, 0u);
}

Test(manifest_check, another_disks_manifest_finds_every_block_wrong)
{
    const struct verify_summary *found;

    endpoint_close(c.source);
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 99);
    copy_case_put_footer(c.source);
    copy_case_fill(c.source, (struct extent){0, DISK_BYTES}, 5);
    endpoint_mem_reopen(c.target, c.rig.r);
    {
        struct endpoint *mine = c.target;

        c.target = copy_case_disk(&c, 0);
        copy_case_run_ok(&c); /* makes the manifest of another target */
        endpoint_close(c.target);
        c.target = mine;
    }
    found = run();
    cr_assert_not(found->equal);
    cr_assert_eq(found->different_bytes, DISK_BYTES, "the footers are alike");
}
