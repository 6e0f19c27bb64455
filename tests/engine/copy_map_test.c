/* copy_map_test.c - a copy leaves the map of its target, and the next one writes only what differs; a map
 * that is not proven to be of the target as it is counts for nothing. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/mapped_case.h"

#define KIB        COPY_CASE_KIB
#define MIB        COPY_CASE_MIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define BLOCK      MAP_BLOCK_BYTES
#define DISK_BYTES (2 * MIB + 12 * KIB)
#define DENSE      (1 * MIB) /* data from here to the next; then holes and data */

static struct mapped_case m;
static struct copy_case *const c = &m.c;

/* A target that holds "base", and the map of it: 1 MiB of data, 512 KiB of hole, random. */
static void begin(void)
{
    mapped_case_open(&m);
    c->source = copy_case_random_disk(c, DISK_BYTES + PAGE, 5);
    copy_case_fill(c->source, (struct extent){0, DENSE}, 6);
    endpoint_mem_poke_clear(c->source, (struct extent){DENSE, 512 * KIB});
    copy_case_put_footer(c->source);
    c->target = copy_case_disk(c, 0);
    c->options.source_id = "base";
    cr_assert_eq(mapped_case_copy(&m), 0u, "a full copy knows every block");
}

static void end(void)
{
    mapped_case_close(&m);
}

TestSuite(copy_map, .init = begin, .fini = end);

static const struct endpoint_mem_traffic *from_source(void)
{
    return endpoint_mem_traffic(c->source);
}

static const struct endpoint_mem_traffic *to_target(void)
{
    return endpoint_mem_traffic(c->target);
}

/* Of the disk, without footer and marker. */
static uint64_t written_bytes(void)
{
    return extent_set_bytes_in(&to_target()->written, (struct extent){0, DISK_BYTES});
}

static void expect_said(const char *words)
{
    cr_expect_not_null(strstr(c->said, words), "\"%s\" is not in: %s", words, c->said);
}

static void expect_map_used(void)
{
    cr_expect_null(strstr(c->said, "map"), "%s", c->said);
}

/* The map was no help: all data was written. */
static void expect_map_refused(const char *why)
{
    cr_expect_eq(mapped_case_copy(&m), 0u);
    expect_said(why);
    cr_expect_geq(written_bytes(), (uint64_t)DENSE);
}

/* The same bytes once more: a service reports that as a change. */
static void write_to_again(struct endpoint *disk, struct extent range)
{
    unsigned char *bytes = malloc((size_t)range.length);

    memcpy(bytes, endpoint_mem_bytes(disk) + range.offset, (size_t)range.length);
    endpoint_mem_poke(disk, range.offset, bytes, (size_t)range.length);
    free(bytes);
}

static void write_again(struct extent range)
{
    write_to_again(c->source, range);
}

/* ---- Without a service diff ---- */

Test(copy_map, a_full_copy_writes_only_blocks_that_differ)
{
    copy_case_fill(c->source, (struct extent){3 * BLOCK + 4 * PAGE, PAGE}, 7);
    c->options.source_id = "newer";
    cr_expect_eq(mapped_case_copy(&m), 0u);
    expect_map_used();
    cr_expect_not(c->summary.delta);
    cr_expect_str_not_empty(c->summary.root, "it read the source whole");
    cr_expect_eq(written_bytes(), (uint64_t)BLOCK);
    cr_expect_geq(c->summary.skipped_bytes, DENSE - BLOCK);
    cr_expect_eq(c->summary.proof_bytes, 0u);
    copy_case_expect_within(&from_source()->read, endpoint_mem_allocated(c->source),
                            "a hole was read");
}

Test(copy_map, the_same_disk_again_moves_nothing)
{
    c->options.source_id = "same";
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect_eq(written_bytes(), 0u);
    cr_expect_eq(extent_set_bytes_in(&to_target()->zeroed, (struct extent){0, DISK_BYTES}), 0u);
}

Test(copy_map, what_became_a_hole_is_cleared_and_what_was_one_is_not)
{
    struct extent old_hole = {DENSE, 512 * KIB}, new_hole = {2 * BLOCK + 4 * KIB, 3 * BLOCK};

    endpoint_mem_poke_clear(c->source, new_hole);
    /* the target's host lists the hole as data: zeros that somebody wrote before the first copy */
    endpoint_mem_poke_clear(c->source, old_hole);
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect(extent_set_covers(&to_target()->zeroed, new_hole));
    cr_expect_not(extent_set_touches(&to_target()->zeroed, old_hole));
    cr_expect_eq(written_bytes(), (uint64_t)BLOCK, "what is left of two");
}

/* ---- With a service diff ---- */

static void next_snapshot(void)
{
    copy_case_new_base(c, "base", "newer");
}

Test(copy_map, a_delta_skips_what_is_reported_changed_and_is_not)
{
    next_snapshot();
    write_again((struct extent){4 * BLOCK, 3 * BLOCK});
    copy_case_fill(c->source, (struct extent){9 * BLOCK, BLOCK}, 8);
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_assert(c->summary.delta, "%s", c->summary.why_full);
    expect_map_used();
    cr_expect_eq(written_bytes(), (uint64_t)BLOCK);
    cr_expect_eq(c->summary.skipped_bytes, 3 * (uint64_t)BLOCK);
    cr_expect_eq(c->summary.proof_bytes, 0u);
}

Test(copy_map, a_delta_reads_whole_blocks_and_writes_its_pages)
{
    next_snapshot();
    copy_case_fill(c->source, (struct extent){4 * BLOCK + 8 * PAGE, 2 * PAGE}, 8);
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect_eq(c->summary.written_bytes, 2 * PAGE);
    cr_expect_eq(c->summary.proof_bytes, BLOCK - 2 * PAGE);
    cr_expect_eq(c->summary.read_bytes, (uint64_t)BLOCK);
    cr_expect_eq(from_source()->read_bytes, BLOCK + PAGE, "and the footer");
}

Test(copy_map, a_delta_without_a_map_reads_no_proof)
{
    next_snapshot();
    copy_case_fill(c->source, (struct extent){4 * BLOCK + 8 * PAGE, 2 * PAGE}, 8);
    c->options.map.path = NULL;
    mapped_case_copy(&m);
    cr_expect_eq(c->summary.proof_bytes, 0u);
    cr_expect_eq(c->summary.read_bytes, 2 * PAGE);
}

Test(copy_map, blocks_that_are_cleared_in_part_are_proven_and_whole_ones_are_not_read)
{
    next_snapshot();
    endpoint_mem_poke_clear(c->source, (struct extent){3 * BLOCK + 8 * PAGE, 2 * BLOCK});
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect_eq(c->summary.written_bytes, 0u);
    cr_expect_eq(extent_set_bytes_in(&to_target()->zeroed, (struct extent){0, DISK_BYTES}),
                 2 * BLOCK);
    cr_expect_eq(c->summary.proof_bytes, (uint64_t)BLOCK);
    copy_case_expect_within(&from_source()->read, endpoint_mem_allocated(c->source),
                            "a hole was read");
}

Test(copy_map, a_delta_onto_a_disk_without_a_map_knows_what_it_saw)
{
    unlink(m.map_path);
    next_snapshot();
    copy_case_fill(c->source, (struct extent){4 * BLOCK + 8 * PAGE, 2 * PAGE}, 8);
    cr_expect_gt(mapped_case_copy(&m), 0u, "what it did not touch is unknown");
    next_snapshot();
    c->options.base_id = "newer";
    c->options.source_id = "newest";
    write_again((struct extent){4 * BLOCK, BLOCK});
    mapped_case_copy(&m);
    cr_assert(c->summary.delta);
    cr_expect_eq(c->summary.skipped_bytes, (uint64_t)BLOCK);
}

/* ---- A map that is not proven ---- */

Test(copy_map, of_a_target_that_another_wrote_to_is_refused)
{
    unsigned char page[PAGE] = {1};

    endpoint_mem_poke(c->target, 6 * BLOCK, page, PAGE);
    expect_map_refused("written to since");
}

/* As a file or a device does, whose ETag says little. */
static void be_local(void)
{
    struct err e = {0};

    cr_assert(endpoint_mem_track_flushes(c->target, &e), "%s", e.text);
}

Test(copy_map, of_a_local_target_is_proven_by_reading_that_back)
{
    be_local();
    write_to_again(c->target, (struct extent){6 * BLOCK, PAGE});
    cr_expect_eq(mapped_case_copy(&m), 0u);
    expect_said("reading it back to see whether it still holds what the map says");
    cr_expect_eq(written_bytes(), 0u);
}

Test(copy_map, of_a_local_target_that_another_wrote_to_is_refused)
{
    unsigned char page[PAGE] = {1};

    be_local();
    endpoint_mem_poke(c->target, 6 * BLOCK, page, PAGE);
    expect_map_refused("written to since");
}

Test(copy_map, grows_with_its_disk)
{
    struct setup_req grow = {.verb = SETUP_RESIZE, .size_bytes = DISK_BYTES + MIB + PAGE};

    next_snapshot();
    endpoint_mem_poke_clear(c->source, (struct extent){DISK_BYTES, PAGE});
    copy_case_setup(c, c->source, &grow);
    endpoint_mem_poke_clear(c->source, (struct extent){DISK_BYTES, PAGE});
    copy_case_put_footer(c->source);
    copy_case_fill(c->source, (struct extent){DISK_BYTES + 300 * KIB, 4 * KIB}, 3);
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect(c->summary.delta, "%s", c->summary.why_full);
    cr_expect_eq(c->summary.disk.length, DISK_BYTES + MIB);
    cr_expect_eq(mapped_case_copy(&m), 0u);
}

Test(copy_map, of_an_earlier_copy_than_the_last_is_refused)
{
    c->options.map.path = NULL;
    copy_case_fill(c->source, (struct extent){4 * BLOCK, BLOCK}, 8);
    mapped_case_copy(&m);
    c->options.map.path = m.map_path;
    expect_map_refused("another copy wrote to the target since");
}

Test(copy_map, of_another_target_is_refused)
{
    struct endpoint *first = c->target;

    c->target = copy_case_disk(c, 0);
    endpoint_close(first); /* now, so that they are not of one address */
    expect_map_refused("it is not of this target");
}

Test(copy_map, without_strong_hashes_is_refused_where_those_are_asked_for)
{
    c->options.map.strong = true;
    expect_map_refused("not strong");
    c->options.map.strong = false;
    cr_expect_eq(mapped_case_copy(&m), 0u, "but a strong one serves who asks for less");
    expect_map_used();
    cr_expect_eq(written_bytes(), 0u);
}

Test(copy_map, that_is_damaged_anywhere_never_makes_a_wrong_byte)
{
    uint64_t bytes = mapped_case_file_bytes(m.map_path);

    for (uint64_t at = 0; at < bytes; at += bytes / 40 + 1) {
        mapped_case_damage(m.map_path, at);
        copy_case_fill(c->source, (struct extent){(at % 16) * BLOCK, 5 * PAGE}, at);
        mapped_case_run(&m);
        if (err_is_set(&c->err)) {
            cr_assert_neq(c->err.kind, ERR_NONE);
            cr_assert_str_not_empty(c->err.text);
            unlink(m.map_path);
        }
        mapped_case_copy(&m);
    }
}

Test(copy_map, is_no_file_of_somebody_else)
{
    FILE *file = fopen(m.map_path, "w");

    fputs("a letter to my mother, which must not be lost, though it is no map at all", file);
    fclose(file);
    mapped_case_run(&m);
    cr_expect(err_is_set(&c->err), "it was replaced");
    cr_expect_eq(mapped_case_file_bytes(m.map_path), 73u);
    cr_expect_eq(written_bytes(), 0u);
    cr_expect_eq(endpoint_mem_marker(c->target)->state, MARKER_COMPLETE, "nothing was touched");
}

/* ---- No map at all ---- */

Test(copy_map, is_not_made_of_what_keeps_nothing)
{
    struct err e = {0};

    endpoint_close(c->target);
    c->target = endpoint_null_new(c->rig.r, 0, &e);
    unlink(m.map_path);
    copy_case_run_ok(c);
    expect_said("No map is made");
    cr_expect_neq(access(m.map_path, F_OK), 0);
}

Test(copy_map, of_a_disk_of_nothing_is_not_made)
{
    endpoint_close(c->source);
    endpoint_close(c->target);
    c->source = copy_case_disk(c, PAGE);
    copy_case_put_footer(c->source);
    c->target = copy_case_disk(c, 0);
    c->options.source_id = "nothing";
    mapped_case_run(&m);
    cr_assert(c->summary.committed, "%s", c->err.text);
    cr_expect_not(c->summary.has_map);
    expect_said("No map is made");
    copy_case_expect_same(c->source, c->target, PAGE);
}

/* A guest wrote what looks like a footer into the last page: the disk ends before it now. */
Test(copy_map, of_a_larger_disk_costs_only_what_it_would_have_spared)
{
    unsigned char zeros[PAGE] = {0};

    endpoint_mem_poke(c->source, DISK_BYTES, zeros, PAGE); /* a raw disk, and its map */
    c->options.source_id = "raw";
    mapped_case_copy(&m);
    copy_case_new_base(c, "raw", "footed");
    copy_case_put_footer(c->source);
    cr_expect_eq(endpoint_mem_bytes(c->source)[DISK_BYTES], 'c');
    mapped_case_copy(&m);
    expect_said("a larger disk");
}
