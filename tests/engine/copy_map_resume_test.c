/* copy_map_resume_test.c - a copy with a map that is stopped goes on with both maps it had, and trusts
 * neither where it cannot be shown. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/mapped_case.h"

#define KIB        COPY_CASE_KIB
#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define BLOCK      MAP_BLOCK_BYTES
#define DISK_BYTES (32 * (uint64_t)BLOCK + 20 * KIB)
#define CHANGED    12u /* blocks */

static struct mapped_case m;
static struct copy_case *const c = &m.c;
static char making_path[TEST_PATH_MAX_BYTES + 8];

static void cut(void)
{
    copy_case_cut(c->source, BLOCK);
    copy_case_cut(c->target, BLOCK);
}

/* A dense disk, copied with its map; then every other block changed, up to CHANGED. */
static void begin(void)
{
    mapped_case_open(&m);
    snprintf(making_path, sizeof making_path, "%s.making", m.map_path);
    c->source = copy_case_disk(c, DISK_BYTES + PAGE);
    copy_case_fill(c->source, (struct extent){0, DISK_BYTES}, 5);
    copy_case_put_footer(c->source);
    c->target = copy_case_disk(c, 0);
    c->options.source_id = "base";
    c->options.window_start = c->options.window_max = 2;
    mapped_case_copy(&m);
    copy_case_new_base(c, "base", "newer");
    for (uint32_t i = 0; i < CHANGED; i++)
        copy_case_fill(c->source, (struct extent){2 * i * BLOCK, BLOCK}, 100 + i);
    cut();
}

static void end(void)
{
    mapped_case_close(&m);
}

TestSuite(copy_map_resume, .init = begin, .fini = end);

static uint64_t written_bytes(void)
{
    return extent_set_bytes_in(&endpoint_mem_traffic(c->target)->written,
                               (struct extent){0, DISK_BYTES});
}

static void be_full(void)
{
    endpoint_close(c->base);
    c->base = NULL;
}

static void expect_said(const char *words)
{
    cr_expect_not_null(strstr(c->said, words), "\"%s\" is not in: %s", words, c->said);
}

/* Stopped twice; all processes together write what changed, and no block more than once. */
static void expect_no_work_repeated(uint32_t ranges)
{
    uint64_t written = 0;

    for (uint32_t i = 0; i < 2; i++) {
        mapped_case_stop(&m, ranges);
        cut();
        written += written_bytes();
    }
    cr_expect_gt(written, 0u);
    cr_expect_eq(mapped_case_copy(&m), 0u, "the map lost blocks");
    cr_expect_gt(c->summary.resumed_bytes, 0u);
    cr_expect_eq(written + written_bytes(), (uint64_t)CHANGED * BLOCK);
    cr_expect_neq(access(making_path, F_OK), 0, "it is gone");
}

Test(copy_map_resume, a_full_copy_goes_on_skipping)
{
    be_full();
    expect_no_work_repeated(9);
}

Test(copy_map_resume, a_delta_goes_on)
{
    expect_no_work_repeated(3);
}

Test(copy_map_resume, where_what_was_noted_is_lost_it_is_unknown)
{
    uint64_t unknown;

    mapped_case_stop(&m, 4);
    cut();
    cr_assert_eq(unlink(making_path), 0);
    unknown = mapped_case_copy(&m);
    cr_expect_geq(unknown, 4u);
    cr_expect_lt(unknown, (uint64_t)CHANGED);
}

Test(copy_map_resume, of_a_full_copy_too)
{
    be_full();
    mapped_case_stop(&m, 10);
    cut();
    cr_assert_eq(unlink(making_path), 0);
    cr_expect_geq(mapped_case_copy(&m), 10u);
}

Test(copy_map_resume, where_the_old_map_is_lost_nothing_is_skipped)
{
    uint64_t written;

    be_full();
    mapped_case_stop(&m, 6);
    cut();
    written = written_bytes();
    cr_assert_eq(unlink(m.map_path), 0);
    mapped_case_copy(&m);
    cr_expect_gt(written + written_bytes(), (uint64_t)CHANGED * BLOCK);
}

/* Between them a process without it began an unfinished one of another seed. */
Test(copy_map_resume, an_old_map_that_is_there_again_too_late_is_not_used)
{
    char kept[TEST_PATH_MAX_BYTES + 8];

    be_full();
    mapped_case_stop(&m, 4);
    cut();
    snprintf(kept, sizeof kept, "%s.kept", m.map_path);
    cr_assert_eq(rename(m.map_path, kept), 0);
    cr_assert_eq(unlink(making_path), 0);
    mapped_case_stop(&m, 4);
    cut();
    cr_assert_eq(rename(kept, m.map_path), 0);
    mapped_case_copy(&m);
    expect_said("is not used");
}

/* Of the same target, and sound; but not the one that the first process had proven. */
Test(copy_map_resume, another_map_is_not_taken_for_the_one_that_was_proven)
{
    char kept_path[TEST_PATH_MAX_BYTES + 8];

    snprintf(kept_path, sizeof kept_path, "%s.kept", m.map_path);
    be_full();
    cr_assert_eq(rename(m.map_path, kept_path), 0);
    mapped_case_stop(&m, 6);
    cut();
    cr_assert_eq(rename(kept_path, m.map_path), 0);
    mapped_case_copy(&m);
    expect_said("begun without it");
}

Test(copy_map_resume, goes_on_without_a_map_where_none_is_asked_for_any_more)
{
    mapped_case_stop(&m, 4);
    cut();
    c->options.map.path = NULL;
    mapped_case_copy(&m);
    cr_expect(c->summary.delta);
    cr_expect_gt(c->summary.resumed_bytes, 0u);
    cr_expect_eq(c->summary.read_bytes, (uint64_t)(CHANGED * BLOCK) - c->summary.resumed_bytes);
}

Test(copy_map_resume, keeps_no_map_of_a_copy_that_was_begun_without)
{
    c->options.map.path = NULL;
    mapped_case_stop(&m, 4);
    cut();
    c->options.map.path = m.map_path;
    mapped_case_run(&m);
    cr_assert(c->summary.committed, "%s", c->err.text);
    copy_case_expect_same(c->source, c->target, c->source->size_bytes);
    cr_expect_gt(c->summary.resumed_bytes, 0u);
    cr_expect_not(c->summary.has_map);
    expect_said("begun without one");
}

Test(copy_map_resume, a_copy_that_begins_anew_trusts_no_map_of_a_target_in_the_midst)
{
    be_full();
    mapped_case_stop(&m, 6);
    cut();
    c->options.restart = true;
    cr_expect_eq(mapped_case_copy(&m), 0u);
    expect_said("not finished");
    cr_expect_eq(written_bytes(), DISK_BYTES);
}

/* The base was deleted meanwhile, and its journal is lost too. */
Test(copy_map_resume, a_base_that_is_gone_costs_only_reading)
{
    endpoint_close(c->base);
    c->base = copy_case_disk(c, 0);
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect_not(c->summary.delta);
    expect_said("does not exist any more");
    cr_expect_eq(written_bytes(), (uint64_t)CHANGED * BLOCK);
}

/* The first one to see the target marks it under the condition that it is as it was proven. */
static void note_moved_and_poke(struct extent extent)
{
    unsigned char page[PAGE] = {7};

    endpoint_mem_poke(c->target, extent.offset, page, PAGE);
}

static const struct endpoint_ops *honest;
static struct endpoint_ops bent;

static void write_before_setup(struct endpoint *ep, struct setup_req *req)
{
    if (req->verb == SETUP_MARK && req->marker->state == MARKER_COPYING)
        note_moved_and_poke((struct extent){BLOCK, PAGE});
    honest->setup(ep, req);
}

Test(copy_map_resume, a_writer_between_the_proof_and_the_mark_is_noticed)
{
    be_full();
    honest = c->target->ops;
    bent = *honest;
    bent.setup = write_before_setup;
    c->target->ops = &bent;
    mapped_case_run(&m);
    cr_expect_eq(c->err.kind, ERR_CONFLICT, "%s", c->err.text);
    c->target->ops = honest;
    cr_expect_eq(mapped_case_copy(&m), 0u);
    expect_said("written to since");
}
