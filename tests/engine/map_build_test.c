/* map_build_test.c - a disk's map, made by reading it: each block as the disk has it, holes unread. */
#include "engine/map_build.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/copy_case.h"
#include "tests/support/map_case.h"

#define KIB   COPY_CASE_KIB
#define MIB   COPY_CASE_MIB
#define PAGE  ENDPOINT_PAGE_BYTES
#define BLOCK ((uint64_t)MAP_BLOCK_BYTES)

static struct copy_case c;
static struct map_case m;
static struct map_build_setup setup;

static void done(void *arg)
{
    *(bool *)arg = true;
}

static void begin(void)
{
    copy_case_open(&c);
    map_case_open(&m, MAP_XXH3_128, BLOCK);
    setup = (struct map_build_setup){.reactor = c.rig.r,
                                     .pool = c.pool,
                                     .path = m.path,
                                     .made_ms = 5,
                                     .random_seed = 1,
                                     .done = done};
    memcpy(setup.seed, m.head.seed, sizeof setup.seed);
}

static void end(void)
{
    copy_case_close(&c);
    map_case_close(&m);
}

TestSuite(map_build, .init = begin, .fini = end);

/* Runs it; the error is copied out. */
static void build(struct err *out_err)
{
    bool ended = false;
    struct map_build *made;

    setup.disk = c.source;
    setup.arg = &ended;
    memset(out_err, 0, sizeof *out_err);
    made = map_build_new(&setup, out_err);
    cr_assert_not_null(made, "%s", out_err->text);
    map_build_start(made);
    rig_until(&c.rig, &ended);
    cr_assert(map_build_ended(made));
    *out_err = *map_build_error(made);
    map_build_free(made);
}

static void expect_map_of(uint64_t disk_bytes)
{
    const unsigned char *bytes = endpoint_mem_bytes(c.source);
    struct map_file *map = map_case_look_up(&m);
    struct err e = {0};
    struct map_hasher *hasher = map_hasher_new(setup.strength, setup.seed, &e);

    cr_assert_eq(map_file_head(map)->disk_bytes, disk_bytes);
    cr_assert_str_eq(map_file_head(map)->target, c.source->identity);
    for (uint64_t at = 0; at < disk_bytes; at += BLOCK) {
        size_t count = disk_bytes - at < BLOCK ? (size_t)(disk_bytes - at) : (size_t)BLOCK;
        struct map_entry wanted;

        map_hash_blocks(hasher, bytes + at, count, &wanted);
        map_case_expect(map, at / BLOCK, &wanted);
    }
    map_hasher_free(hasher);
    map_file_close(map);
}

Test(map_build, says_of_each_block_what_the_disk_holds)
{
    struct err e;

    c.source = copy_case_random_disk(&c, 9 * MIB + 3 * PAGE, 5);
    copy_case_cut(c.source, 128 * KIB);
    build(&e);
    cr_assert_not(err_is_set(&e), "%s", e.text);
    expect_map_of(9 * MIB + 3 * PAGE);
    setup.strength = MAP_SHA_256;
    build(&e);
    cr_assert_not(err_is_set(&e), "%s", e.text);
    expect_map_of(9 * MIB + 3 * PAGE);
}

Test(map_build, leaves_a_footer_out_and_holes_unread)
{
    const struct endpoint_mem_traffic *traffic;
    struct err e;

    c.source = copy_case_disk(&c, 64 * MIB + PAGE);
    copy_case_fill(c.source, (struct extent){5 * MIB + PAGE, 3 * PAGE}, 1);
    copy_case_fill(c.source, (struct extent){30 * MIB, 2 * MIB}, 2);
    copy_case_put_footer(c.source);
    build(&e);
    cr_assert_not(err_is_set(&e), "%s", e.text);
    expect_map_of(64 * MIB);
    traffic = endpoint_mem_traffic(c.source);
    cr_assert_leq(traffic->read_bytes, 2 * MIB + 3 * PAGE + 8 * PAGE);
    cr_assert_eq(traffic->writes_count + traffic->zeros_count + traffic->setups_count, 0u,
                 "nothing is changed");
}

Test(map_build, of_an_empty_disk_is_all_zero)
{
    struct map_file *map;
    struct err e;

    c.source = copy_case_disk(&c, 200 * MIB);
    build(&e);
    cr_assert_not(err_is_set(&e), "%s", e.text);
    map = map_case_look_up(&m);
    cr_assert_eq(map_file_counts(map).zero_blocks, 3200u);
    map_file_close(map);
}

Test(map_build, of_a_completed_target_names_its_copy)
{
    struct marker marker = {.state = MARKER_COMPLETE,
                            .copy_uuid = "99999999-2222-3333-4444-555555555555",
                            .source = "https://host/disk",
                            .size_bytes = 3 * MIB};
    struct map_file *map;
    struct err e;

    c.source = copy_case_random_disk(&c, 3 * MIB, 5);
    endpoint_mem_poke_marker(c.source, &marker);
    build(&e);
    cr_assert_not(err_is_set(&e), "%s", e.text);
    expect_map_of(3 * MIB);
    map = map_case_look_up(&m);
    cr_assert_str_eq(map_file_head(map)->copy_uuid, marker.copy_uuid);
    cr_assert_str_eq(map_file_head(map)->source, marker.source);
    cr_assert(map_file_head(map)->etag[0]);
    map_file_close(map);
}

Test(map_build, of_a_target_that_another_wrote_to_names_no_copy)
{
    struct marker marker = {.state = MARKER_COMPLETE,
                            .copy_uuid = "99999999-2222-3333-4444-555555555555",
                            .source = "https://host/disk",
                            .size_bytes = 3 * MIB};
    struct map_file *map;
    struct err e;

    c.source = copy_case_random_disk(&c, 3 * MIB, 5);
    copy_case_root(endpoint_mem_bytes(c.source), 3 * MIB, marker.root);
    endpoint_mem_poke_marker(c.source, &marker);
    build(&e);
    map = map_case_look_up(&m);
    cr_assert_str_eq(map_file_head(map)->copy_uuid, marker.copy_uuid, "it has the marker's root");
    map_file_close(map);
    copy_case_fill(c.source, (struct extent){5 * BLOCK, PAGE}, 8);
    build(&e);
    cr_assert_not(err_is_set(&e), "%s", e.text);
    expect_map_of(3 * MIB);
    map = map_case_look_up(&m);
    cr_assert_str_empty(map_file_head(map)->copy_uuid);
    map_file_close(map);
}

Test(map_build, survives_faults_of_reading)
{
    static const struct fault_rule rules[] = {
        {.ops = FAULT_BIT(FAULT_READ), .kind = FAULT_NET_BEFORE, .permille = 150},
        {.ops = FAULT_BIT(FAULT_READ), .kind = FAULT_CORRUPT, .permille = 150}};
    struct fault_options faults = {.seed = 3,
                                   .rules = rules,
                                   .rules_count = 2,
                                   .delay_min_ns = 1,
                                   .delay_max_ns = 50 * NS_PER_MS};
    struct endpoint *wrapped;
    struct err e;

    c.source = copy_case_random_disk(&c, 9 * MIB, 6);
    copy_case_cut(c.source, 64 * KIB);
    copy_case_wrap(&c.source, &faults);
    build(&e);
    cr_assert_not(err_is_set(&e), "%s", e.text);
    wrapped = c.source;
    c.source = endpoint_fault_inner(wrapped);
    expect_map_of(9 * MIB);
    c.source = wrapped;
}

Test(map_build, takes_nothing_of_what_a_killed_one_left)
{
    struct map_making *making;
    struct map_entry wrong = map_case_of(MAP_XXH3_128, MAP_HASHED, 1, 1);
    struct err e = {0};

    c.source = copy_case_random_disk(&c, 3 * MIB, 5);
    snprintf(m.head.target, sizeof m.head.target, "%s", c.source->identity);
    m.head.copy_uuid[0] = '\0';
    m.head.disk_bytes = 3 * MIB;
    memset(m.head.seed, 1, sizeof m.head.seed); /* another seed, drawn by another process */
    making = map_making_open(m.path, &m.head, NULL, &e);
    cr_assert(map_making_put(making, 1, 1, &wrong, &e));
    map_making_close(making);
    build(&e);
    cr_assert_not(err_is_set(&e), "%s", e.text);
    expect_map_of(3 * MIB);
}

Test(map_build, leaves_the_old_map_when_it_fails)
{
    struct map_file *old;
    struct map_entry wanted;
    struct err e;

    m.head.disk_bytes = 48 * BLOCK;
    old = map_case_make(&m, 1);
    c.source = copy_case_disk(&c, 0); /* absent */
    build(&e);
    cr_assert(err_is_set(&e));
    cr_assert_neq(access(m.making, F_OK), 0);
    wanted = map_case_entry(MAP_XXH3_128, 40, 1);
    map_case_expect(old, 40, &wanted);
    map_file_close(old);
    map_file_close(map_case_look_up(&m));
}

Test(map_build, refuses_a_place_that_holds_something_else)
{
    struct err e;
    FILE *file = fopen(m.path, "w");

    fputs("dear diary", file);
    fclose(file);
    c.source = copy_case_random_disk(&c, 3 * MIB, 5);
    build(&e);
    cr_assert_eq(e.kind, ERR_USAGE);
    cr_assert(strstr(e.text, "no block map"), "%s", e.text);
}
