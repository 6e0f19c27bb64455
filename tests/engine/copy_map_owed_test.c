/* copy_map_owed_test.c - a copy that an earlier process completed, whose map is not where it is asked for:
 * it is made of the target, and what stands there is not taken for it. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/mapped_case.h"

#define PAGE       ENDPOINT_PAGE_BYTES
#define BLOCK      MAP_BLOCK_BYTES
#define DISK_BYTES (32 * (uint64_t)BLOCK + 20 * COPY_CASE_KIB)

static struct mapped_case m;
static struct copy_case *const c = &m.c;

/* A disk copied with its map; then newer, with some of it changed. */
static void begin(void)
{
    mapped_case_open(&m);
    c->source = copy_case_disk(c, DISK_BYTES + PAGE);
    copy_case_fill(c->source, (struct extent){0, DISK_BYTES - 4 * BLOCK}, 5);
    copy_case_put_footer(c->source);
    c->target = copy_case_disk(c, 0);
    c->options.source_id = "base";
    mapped_case_copy(&m);
    copy_case_new_base(c, "base", "newer");
    copy_case_fill(c->source, (struct extent){3 * BLOCK, 2 * BLOCK}, 7);
    c->source->capabilities &= ~(unsigned)ENDPOINT_CAN_MARK; /* a snapshot */
}

static void end(void)
{
    mapped_case_close(&m);
}

TestSuite(copy_map_owed, .init = begin, .fini = end);

static void expect_said(const char *words)
{
    cr_expect_not_null(strstr(c->said, words), "\"%s\" is not in: %s", words, c->said);
}

static void expect_nothing_moved(void)
{
    cr_expect_eq(endpoint_mem_traffic(c->source)->read_bytes, 0u);
    cr_expect_eq(endpoint_mem_traffic(c->target)->written.total_bytes, 0u);
    cr_expect_eq(endpoint_mem_traffic(c->target)->setups_count, 0u);
}

static void expect_made_of_the_target(void)
{
    cr_expect_eq(mapped_case_copy(&m), 0u, "blocks are unknown");
    expect_said("reading the target to make it");
    expect_nothing_moved();
    cr_expect_gt(c->summary.proof_bytes, 0u);
    cr_expect_lt(c->summary.proof_bytes, DISK_BYTES, "holes were read");
}

/* The copy ended well, and was the last to know: its process died before it dropped the journal. */
static void complete_and_die(void)
{
    c->options.keep_journal = true;
    mapped_case_copy(&m);
    c->options.keep_journal = false;
    cr_assert_eq(access(m.journal_path, F_OK), 0);
}

static void put_back(const char *kept)
{
    cr_assert_eq(rename(kept, m.map_path), 0);
}

/* As after a kill between the two commits: the map that stands is that of the copy before. */
static void complete_without_its_map(void)
{
    char kept[TEST_PATH_MAX_BYTES + 8];

    snprintf(kept, sizeof kept, "%s.kept", m.map_path);
    cr_assert_eq(link(m.map_path, kept), 0);
    complete_and_die();
    put_back(kept);
}

Test(copy_map_owed, an_old_map_is_not_taken_for_it)
{
    complete_without_its_map();
    expect_made_of_the_target();
    expect_said("completed the copy");
    cr_expect_neq(access(m.journal_path, F_OK), 0, "the journal is left");
}

Test(copy_map_owed, and_the_next_copy_skips_by_it)
{
    complete_without_its_map();
    mapped_case_copy(&m);
    endpoint_close(c->base);
    c->base = NULL;
    c->options.source_id = "newest";
    copy_case_fill(c->source, (struct extent){9 * BLOCK, BLOCK}, 9);
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect_eq(extent_set_bytes_in(&endpoint_mem_traffic(c->target)->written,
                                     (struct extent){0, DISK_BYTES}),
                 (uint64_t)BLOCK);
}

Test(copy_map_owed, one_that_is_in_its_place_is_left_alone)
{
    complete_and_die();
    mapped_case_copy(&m);
    expect_nothing_moved();
    cr_expect_eq(endpoint_mem_traffic(c->target)->read_bytes, 0u, "the map was there");
    cr_expect_null(strstr(c->said, "to make it"), "%s", c->said);
}

Test(copy_map_owed, a_delta_that_the_target_holds_leaves_its_map_too)
{
    mapped_case_copy(&m);
    mapped_case_copy(&m);
    expect_said("holds the source already");
    cr_expect_eq(endpoint_mem_traffic(c->target)->read_bytes, 0u, "the map was there");
    cr_assert_eq(unlink(m.map_path), 0);
    expect_made_of_the_target();
    expect_said("holds the source already");
}

Test(copy_map_owed, a_strong_one_is_made_where_a_fast_one_is)
{
    mapped_case_copy(&m);
    c->options.map.strong = true;
    expect_made_of_the_target();
}

Test(copy_map_owed, a_damaged_one_is_made_anew)
{
    complete_and_die();
    mapped_case_damage(m.map_path, 20);
    expect_made_of_the_target();
}

Test(copy_map_owed, what_another_wrote_meanwhile_is_in_it)
{
    unsigned char page[PAGE] = {7};
    struct map_file *map = NULL;
    struct map_entry was, is;
    struct map_hasher *hasher;
    struct err e = {0};

    complete_without_its_map();
    endpoint_mem_poke(c->target, BLOCK, page, PAGE);
    mapped_case_run(&m);
    cr_assert_not(err_is_set(&c->err), "%s", c->err.text);
    cr_assert(c->summary.has_map);
    cr_assert(map_file_open(m.map_path, &map, &e), "%s", e.text);
    hasher = map_hasher_new(map_file_head(map)->strength, map_file_head(map)->seed, &e);
    map_hash_blocks(hasher, endpoint_mem_bytes(c->target) + BLOCK, BLOCK, &is);
    cr_assert(map_file_look(map, 1, 1, &was, &e));
    cr_expect(map_entry_same(&was, &is), "it is not of what the target holds");
    map_hasher_free(hasher);
    map_file_close(map);
}

Test(copy_map_owed, stopped_the_same_again_makes_it)
{
    struct copy *copy;

    complete_without_its_map();
    c->moved = NULL;
    endpoint_mem_reopen(c->target, c->rig.r);
    copy = copy_case_start(c);
    while (!c->ended && strcmp(copy_phase(copy), "mapping the target") != 0)
        rig_turn(&c->rig);
    cr_assert_not(c->ended);
    copy_stop(copy);
    copy_case_finish(c, copy);
    cr_expect_eq(c->err.kind, ERR_CANCELED, "%s", c->err.text);
    cr_expect(c->summary.journal_kept);
    cr_expect_not(c->summary.has_map);
    expect_made_of_the_target();
}

Test(copy_map_owed, what_is_no_map_is_not_replaced)
{
    char text[] = "a letter that somebody wrote, longer than a magic number";
    FILE *file;

    complete_and_die();
    cr_assert_eq(unlink(m.map_path), 0);
    file = fopen(m.map_path, "w");
    cr_assert(file && fwrite(text, 1, sizeof text, file) == sizeof text);
    fclose(file);
    mapped_case_run(&m);
    cr_expect_eq(c->err.kind, ERR_USAGE, "%s", c->err.text);
    cr_expect_eq(mapped_case_file_bytes(m.map_path), sizeof text);
}
