/* copy_held_test.c - the same full copy again after it succeeded: of a source that is provably what was
 * copied nothing moves again; of any other everything does. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/copy_case.h"

#define PAGE       ENDPOINT_PAGE_BYTES
#define DISK_BYTES (2048 * COPY_CASE_KIB)
#define BEFORE     "Sat, 01 Jan 2022 00:00:00 GMT"
#define AFTER      "Sat, 01 Jan 2022 00:00:01 GMT"

static struct copy_case c;
static char other_night[] = "mem:another snapshot";
static const char *source_time, *target_time; /* what the hosts say of when they were written to */
static const struct endpoint_ops *honest;
static struct endpoint_ops bent;
static void (*stat_done)(struct stat_req *);

static void bent_source_done(struct stat_req *req)
{
    snprintf(req->last_modified, sizeof req->last_modified, "%s", source_time ? source_time : "");
    stat_done(req);
}

static void bent_target_done(struct stat_req *req)
{
    snprintf(req->last_modified, sizeof req->last_modified, "%s", target_time ? target_time : "");
    stat_done(req);
}

static void bent_stat(struct endpoint *ep, struct stat_req *req)
{
    stat_done = req->done;
    req->done = ep == c.source ? bent_source_done : bent_target_done;
    honest->stat(ep, req);
}

/* A snapshot, copied whole. */
static void begin(void)
{
    copy_case_open(&c);
    copy_case_keep_state(&c);
    c.source = copy_case_random_disk(&c, DISK_BYTES + PAGE, 5);
    copy_case_put_footer(c.source);
    c.source->capabilities &= ~(unsigned)ENDPOINT_CAN_MARK;
    c.source->capabilities |= ENDPOINT_IS_SNAPSHOT;
    c.target = copy_case_disk(&c, 0);
    honest = c.source->ops;
    bent = *honest;
    bent.stat = bent_stat;
    c.source->ops = c.target->ops = &bent;
    source_time = target_time = NULL;
}

static void end(void)
{
    c.source->ops = c.target->ops = honest;
    copy_case_close(&c);
}

TestSuite(copy_held, .init = begin, .fini = end);

static void again(void)
{
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
    c.options.random_seed++;
    copy_case_run_ok(&c);
    copy_case_expect_same(c.source, c.target, c.target->size_bytes);
}

static void expect_held(void)
{
    char root[DIGEST_TEXT_MAX_BYTES];

    again();
    cr_expect_not_null(strstr(c.said, "holds the source already"), "%s", c.said);
    cr_expect_not_null(strstr(c.said, "--restart"), "%s", c.said);
    cr_expect_eq(endpoint_mem_traffic(c.source)->read_bytes, 0u);
    cr_expect_eq(endpoint_mem_traffic(c.source)->lists_count, 0u);
    cr_expect_eq(endpoint_mem_traffic(c.target)->setups_count, 0u);
    cr_expect_eq(endpoint_mem_traffic(c.target)->written.total_bytes, 0u);
    copy_case_root(endpoint_mem_bytes(c.source), DISK_BYTES, root);
    cr_expect_str_eq(c.summary.root, root);
    cr_expect_eq(c.progress.percent, 100.0);
}

static void expect_copied_again(void)
{
    again();
    cr_expect_null(strstr(c.said, "already"), "%s", c.said);
    cr_expect_gt(endpoint_mem_traffic(c.target)->written.total_bytes, 0u);
}

Test(copy_held, a_snapshot_is_not_copied_twice)
{
    again();
    expect_held();
    expect_held();
}

Test(copy_held, with_restart_it_is)
{
    again();
    c.options.restart = true;
    expect_copied_again();
}

Test(copy_held, not_on_a_target_that_another_wrote_to)
{
    unsigned char page[PAGE] = {7};

    again();
    endpoint_mem_poke(c.target, 64 * COPY_CASE_KIB, page, PAGE);
    expect_copied_again();
}

Test(copy_held, not_what_is_named_by_the_user_alone)
{
    char *was = c.source->identity;

    c.options.source_id = "disk of a machine, every night";
    again();
    c.source->identity = other_night;
    expect_copied_again();
    c.source->identity = was;
    expect_copied_again();
}

Test(copy_held, a_snapshot_that_the_user_named_if_it_is_the_very_one)
{
    c.options.source_id = "disk of a machine, this night";
    again();
    expect_held();
    c.options.source_id = "disk of another machine";
    expect_copied_again();
}

Test(copy_held, not_a_live_blob)
{
    c.source->capabilities |= ENDPOINT_CAN_MARK;
    c.source->capabilities &= ~(unsigned)ENDPOINT_IS_SNAPSHOT;
    again();
    expect_copied_again();
}

Test(copy_held, not_a_file)
{
    c.source->capabilities = ENDPOINT_CAN_LIST;
    source_time = BEFORE;
    target_time = AFTER;
    again();
    expect_copied_again();
}

/* A disk that is exported: its URL may have been that of another moment. */
Test(copy_held, an_exported_disk_if_it_was_last_written_to_before)
{
    c.source->capabilities &= ~(unsigned)ENDPOINT_IS_SNAPSHOT;
    source_time = BEFORE;
    target_time = AFTER;
    again();
    expect_held();
    source_time = AFTER;
    expect_copied_again();
    source_time = "yesterday";
    expect_copied_again();
}

Test(copy_held, not_with_another_footer)
{
    again();
    c.options.footer = COPY_FOOTER_STRIP;
    endpoint_mem_reopen(c.source, c.rig.r);
    endpoint_mem_reopen(c.target, c.rig.r);
    copy_case_run(&c);
    cr_expect_eq(c.err.kind, ERR_USAGE, "a target that is larger is refused: %s", c.err.text);
}

Test(copy_held, not_where_a_root_is_wanted_and_none_is_known)
{
    c.options.hash = false;
    again();
    c.options.hash = true;
    expect_copied_again();
    expect_held();
}

Test(copy_held, not_where_its_manifest_is_missing)
{
    char path[TEST_PATH_MAX_BYTES];

    test_temp_path(path, "manifest");
    unlink(path);
    again();
    c.options.proof.manifest_path = path;
    expect_copied_again();
    cr_expect(c.summary.proof.has_manifest);
    expect_held();
    cr_expect(c.summary.proof.has_manifest);
    unlink(path);
}

Test(copy_held, a_plan_says_so_too)
{
    again();
    c.options.plan_only = true;
    endpoint_mem_reopen(c.source, c.rig.r);
    copy_case_run(&c);
    cr_expect_not_null(strstr(c.said, "holds the source already"), "%s", c.said);
    cr_expect_not(c.summary.committed);
}
