/* copy_compare_test.c - a source that cannot tell what changed, and its base at hand: only pages that differ
 * are written, and only where the base is shown to be what the target holds. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/mapped_case.h"

#define KIB        COPY_CASE_KIB
#define PAGE       ENDPOINT_PAGE_BYTES
#define BLOCK      MAP_BLOCK_BYTES
#define DISK_BYTES (20 * (uint64_t)BLOCK + 12 * KIB)

static struct mapped_case m;
static struct copy_case *const c = &m.c;

static void be_a_file(struct endpoint *disk)
{
    disk->capabilities &= ~(unsigned)ENDPOINT_CAN_DIFF;
}

/* A dense disk in target and base; then, in the source, three pages of two blocks changed. */
static void begin(void)
{
    mapped_case_open(&m);
    c->source = copy_case_disk(c, DISK_BYTES + PAGE);
    copy_case_fill(c->source, (struct extent){0, DISK_BYTES}, 5);
    copy_case_put_footer(c->source);
    be_a_file(c->source);
    c->target = copy_case_disk(c, 0);
    c->options.source_id = "base";
    mapped_case_copy(&m);
    c->base = copy_case_disk(c, DISK_BYTES + PAGE);
    endpoint_mem_poke(c->base, 0, endpoint_mem_bytes(c->source), DISK_BYTES + PAGE);
    endpoint_mem_reopen(c->base, c->rig.r);
    strcpy(c->since, "base");
    c->options.base_id = "base";
    c->options.source_id = "newer";
    c->options.coalesce_bytes = 0;
    copy_case_fill(c->source, (struct extent){4 * BLOCK + 8 * PAGE, 2 * PAGE}, 8);
    copy_case_fill(c->source, (struct extent){9 * BLOCK + 64 * PAGE, PAGE}, 9);
}

static void end(void)
{
    mapped_case_close(&m);
}

TestSuite(copy_compare, .init = begin, .fini = end);

static uint64_t written_bytes(void)
{
    return extent_set_bytes_in(&endpoint_mem_traffic(c->target)->written,
                               (struct extent){0, DISK_BYTES});
}

static uint64_t base_read_bytes(void)
{
    return endpoint_mem_traffic(c->base)->read_bytes;
}

static void expect_said(const char *words)
{
    cr_expect_not_null(strstr(c->said, words), "\"%s\" is not in: %s", words, c->said);
}

static void without_map(void)
{
    c->options.map.path = NULL;
}

Test(copy_compare, with_a_map_reads_of_the_base_only_blocks_that_differ)
{
    copy_case_cut(c->source, BLOCK);
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect_eq(written_bytes(), 3 * (uint64_t)PAGE);
    cr_expect_eq(base_read_bytes(), 2 * (uint64_t)BLOCK);
    cr_expect_eq(c->summary.proof_bytes, 2 * (uint64_t)BLOCK);
    cr_expect_str_not_empty(c->summary.root);
    cr_expect_not(c->summary.delta);
}

Test(copy_compare, with_a_map_believes_no_block_of_the_base_that_is_another)
{
    copy_case_fill(c->base, (struct extent){4 * BLOCK, PAGE}, 77);
    /* were it believed, this page would be taken for equal: base and source have it, the target not */
    copy_case_fill(c->base, (struct extent){9 * BLOCK + 64 * PAGE, PAGE}, 9);
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect_eq(written_bytes(), 2 * (uint64_t)BLOCK);
}

Test(copy_compare, without_a_map_the_base_is_proven_by_its_root)
{
    without_map();
    mapped_case_copy(&m);
    expect_said("whether it is what the target holds");
    cr_expect_eq(written_bytes(), 3 * (uint64_t)PAGE);
    cr_expect_eq(c->summary.proof_bytes, 2 * DISK_BYTES, "once to prove it, once to compare");
    cr_expect_str_not_empty(c->summary.root);
}

Test(copy_compare, with_a_map_that_is_not_there_yet_by_its_root_too)
{
    cr_assert_eq(unlink(m.map_path), 0);
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect_eq(written_bytes(), 3 * (uint64_t)PAGE);
}

Test(copy_compare, without_a_map_a_base_that_is_another_is_not_compared)
{
    without_map();
    copy_case_fill(c->base, (struct extent){9 * BLOCK + 64 * PAGE, PAGE}, 9);
    mapped_case_copy(&m);
    expect_said("not what the target holds");
    cr_expect_eq(written_bytes(), DISK_BYTES);
}

Test(copy_compare, nor_one_of_a_target_that_another_wrote_to)
{
    without_map();
    copy_case_fill(c->target, (struct extent){6 * BLOCK, PAGE}, 3);
    mapped_case_copy(&m);
    cr_expect_eq(written_bytes(), DISK_BYTES);
    cr_expect_eq(base_read_bytes(), 0u);
}

Test(copy_compare, equal_pages_between_others_are_written_where_that_is_cheaper)
{
    c->options.coalesce_bytes = 64 * PAGE;
    copy_case_fill(c->source, (struct extent){4 * BLOCK + 20 * PAGE, PAGE}, 8);
    mapped_case_copy(&m);
    cr_expect_eq(written_bytes(), 13 * PAGE + PAGE, "%llu",
                 (unsigned long long)written_bytes() / PAGE);
}

Test(copy_compare, what_became_zero_is_cleared_to_the_page)
{
    struct extent zero = {12 * BLOCK + 16 * PAGE, 16 * PAGE};

    endpoint_mem_poke_clear(c->source, zero);
    mapped_case_copy(&m);
    cr_expect_eq(written_bytes(), 3 * (uint64_t)PAGE);
    cr_expect_eq(extent_set_bytes_in(&endpoint_mem_traffic(c->target)->zeroed,
                                     (struct extent){0, DISK_BYTES}),
                 zero.length);
}

/* ---- Trouble ---- */

Test(copy_compare, a_base_that_cannot_be_read_costs_only_writing)
{
    struct fault_rule rule = {.ops = FAULT_BIT(FAULT_READ),
                              .kind = FAULT_DISK_BAD,
                              .permille = 1000};
    struct fault_options faults = {.seed = 3, .rules = &rule, .rules_count = 1};

    copy_case_wrap(&c->base, &faults);
    mapped_case_copy(&m);
    cr_expect_eq(written_bytes(), 2 * (uint64_t)BLOCK);
}

static const struct endpoint_ops *honest;
static struct endpoint_ops bent;

static void write_to_the_base(struct endpoint *ep, struct block_req *req)
{
    copy_case_fill(c->base, (struct extent){PAGE, PAGE}, 3);
    ep->ops = honest;
    honest->write(ep, req);
}

Test(copy_compare, a_base_that_is_written_to_meanwhile_is_not_believed_any_more)
{
    without_map();
    copy_case_cut(c->source, BLOCK);
    c->options.window_start = c->options.window_max = 1;
    honest = c->target->ops;
    bent = *honest;
    bent.write = write_to_the_base; /* at block 4: only what comes before is spared */
    c->target->ops = &bent;
    mapped_case_copy(&m);
    expect_said("all was written");
    cr_expect_eq(written_bytes(), DISK_BYTES - 5 * BLOCK + 2 * (uint64_t)PAGE);
}

Test(copy_compare, goes_on_without_comparing_where_nothing_proves_the_base_any_more)
{
    without_map();
    copy_case_cut(c->source, BLOCK);
    c->options.window_start = c->options.window_max = 2;
    mapped_case_stop(&m, 6);
    mapped_case_copy(&m);
    cr_expect_gt(c->summary.resumed_bytes, 0u);
    cr_expect_eq(written_bytes(), DISK_BYTES - c->summary.resumed_bytes);
}

Test(copy_compare, goes_on_comparing_with_a_map)
{
    uint64_t written;

    copy_case_cut(c->source, BLOCK);
    c->options.window_start = c->options.window_max = 2;
    mapped_case_stop(&m, 7);
    written = written_bytes();
    cr_expect_eq(mapped_case_copy(&m), 0u);
    cr_expect_eq(written + written_bytes(), 3 * (uint64_t)PAGE);
}

/* Makes the base equal to the source where the target is not: a page of the block that comes next. */
static void catch_the_base_up(struct endpoint *ep, struct block_req *req)
{
    uint64_t at = 9 * (uint64_t)BLOCK + 64 * PAGE;

    endpoint_mem_poke(c->base, at, endpoint_mem_bytes(c->source) + at, PAGE);
    ep->ops = honest;
    honest->write(ep, req);
}

Test(copy_compare, believes_nothing_that_was_compared_with_a_base_that_is_written_to)
{
    without_map();
    copy_case_cut(c->source, BLOCK);
    c->options.window_start = c->options.window_max = 1;
    honest = c->target->ops;
    bent = *honest;
    bent.write = catch_the_base_up; /* at block 4 */
    c->target->ops = &bent;
    m.stop_after = 12;
    mapped_case_run(&m);
    cr_assert_eq(c->err.kind, ERR_CANCELED, "%s", c->err.text);
    m.stop_after = 0;
    mapped_case_copy(&m);
}
