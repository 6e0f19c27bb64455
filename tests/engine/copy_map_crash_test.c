/* copy_map_crash_test.c - kill -9 of a copy that keeps a map, between the commit of the target and that of
 * the map, right after it, and after every record before: the same command again leaves a true map. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "blockmap/vhd.h"
#include "tests/support/copy_case.h"
#include "tests/support/crash_case.h"
#include "tests/support/mapped_case.h"

#define DISK_BYTES (20 * CRASH_CUT_BYTES + 24 * COPY_CASE_KIB) /* and a footer in it */

static struct crash_case c;

static void make_source(uint32_t version)
{
    struct copy_case mem;
    unsigned char *image;

    copy_case_open(&mem);
    mem.target = copy_case_random_disk(&mem, DISK_BYTES, 77);
    mem.source = copy_case_disk(&mem, DISK_BYTES);
    if (version > 0)
        copy_case_scribble(mem.target, DISK_BYTES - 512, 78, 30);
    copy_case_put_footer(mem.target);
    image = copy_case_image(mem.target);
    copy_case_close(&mem);
    crash_case_source(&c, image, DISK_BYTES);
}

/* Version 0 is copied with its map where version 1 is to be. */
static void open_case(enum crash_target target, uint32_t versions)
{
    crash_case_open(&c, target, false);
    snprintf(c.map, sizeof c.map, "%.*s/map", (int)sizeof c.folder, c.folder);
    for (uint32_t i = 0; i < versions; i++)
        make_source(i);
}

static void prepare(uint32_t which)
{
    c.kill_when = NULL;
    crash_case_reset(&c);
    if (which > 0)
        crash_case_run_ok(&c, 0);
}

static void expect_true_map(void)
{
    char making[PATH_MAX + 16];

    snprintf(making, sizeof making, "%s.making", c.map);
    cr_assert(c.result->has_map);
    cr_assert_eq(mapped_case_expect_true(c.map, c.image, DISK_BYTES - VHD_FOOTER_BYTES,
                                         c.result->copy_uuid, c.result->target),
                 0u, "blocks are unknown");
    cr_expect_neq(access(making, F_OK), 0, "something is left beside the map");
}

static void run_again(uint32_t which)
{
    c.kill_when = NULL;
    crash_case_run_ok(&c, which);
    crash_case_expect_copied(&c);
    expect_true_map();
}

static void kill_in(uint32_t which, const char *phase)
{
    c.kill_when = phase;
    cr_assert_not(crash_case_run(&c, which, CRASH_NEVER), "it was not killed in: %s", phase);
}

/* Before the map's commit, and right after it; and while a next process makes up for it. */
static void kill_around_the_commit(enum crash_target target, uint32_t which)
{
    open_case(target, which + 1);
    prepare(which);
    kill_in(which, "writing the map");
    run_again(which);
    cr_expect_gt(c.result->proof_bytes, 0u);

    prepare(which);
    kill_in(which, "mapping the target");
    cr_assert_eq(access(c.map, F_OK), 0);
    run_again(which);
    cr_expect_eq(c.result->proof_bytes, 0u, "the map was there");

    prepare(which);
    kill_in(which, "writing the map");
    kill_in(which, "mapping the target");
    kill_in(which, "mapping the target");
    run_again(which);
    crash_case_close(&c);
}

Test(copy_map_crash, of_a_full_copy_killed_around_its_commit)
{
    kill_around_the_commit(CRASH_TO_BLOB, 0);
}

Test(copy_map_crash, of_a_delta_killed_around_its_commit)
{
    kill_around_the_commit(CRASH_TO_BLOB, 1);
}

Test(copy_map_crash, of_a_copy_to_a_file_killed_around_its_commit)
{
    kill_around_the_commit(CRASH_TO_FILE, 1);
}

Test(copy_map_crash, of_a_copy_of_a_file_killed_around_its_commit)
{
    kill_around_the_commit(CRASH_FILE_TO_FILE, 0);
}

static void kill_at_every_record(enum crash_target target, uint32_t which)
{
    uint64_t kill_at = 1, kills = 0;

    open_case(target, which + 1);
    for (;; kills++) {
        prepare(which);
        if (crash_case_run(&c, which, kill_at))
            break;
        kill_at = c.result->records + 1;
        run_again(which);
    }
    cr_expect_gt(kills, 10u);
    crash_case_close(&c);
}

Test(copy_map_crash, of_a_full_copy_killed_at_every_record, .timeout = 220)
{
    kill_at_every_record(CRASH_TO_BLOB, 0);
}

Test(copy_map_crash, of_a_delta_killed_at_every_record, .timeout = 220)
{
    kill_at_every_record(CRASH_TO_BLOB, 1);
}
