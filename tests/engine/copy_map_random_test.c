/* copy_map_random_test.c - random disks, changes that are none, copies with and without a map, stopped and
 * gone on with, over targets that others write to: the target is always the source, and no entry of a map
 * is ever wrong. */
#include "engine/copy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/mapped_case.h"
#include "tests/support/page_model.h"

#define PAGE   ENDPOINT_PAGE_BYTES
#define BLOCK  MAP_BLOCK_BYTES
#define SEEDS  16u
#define ROUNDS 8u

static struct mapped_case m;
static struct copy_case *const c = &m.c;
static uint64_t dice;
static uint64_t disk_bytes; /* without the footer, if there is one */
static uint64_t skipped_bytes, unknown_blocks;

static bool one_in(uint64_t n)
{
    return page_random_below(&dice, n) == 0;
}

static struct extent some_pages(uint64_t pages_max)
{
    struct extent range = {page_random_below(&dice, disk_bytes / PAGE) * PAGE,
                           (1 + page_random_below(&dice, pages_max)) * PAGE};

    if (extent_end(range) > disk_bytes)
        range.length = disk_bytes - range.offset;
    return range;
}

static void write_again(struct endpoint *disk, struct extent range)
{
    unsigned char *bytes = malloc((size_t)range.length);

    memcpy(bytes, endpoint_mem_bytes(disk) + range.offset, (size_t)range.length);
    endpoint_mem_poke(disk, range.offset, bytes, (size_t)range.length);
    free(bytes);
}

/* As with files: the source cannot tell what changed, and the base is there, though maybe not as it was. */
static void have_both_at_hand(const char *base_id)
{
    c->source->capabilities &= ~(unsigned)ENDPOINT_CAN_DIFF;
    c->base = copy_case_disk(c, c->source->size_bytes);
    endpoint_mem_poke(c->base, 0, endpoint_mem_bytes(c->source), (size_t)c->base->size_bytes);
    if (one_in(3))
        copy_case_scribble(c->base, disk_bytes, page_random(&dice), 4);
    endpoint_mem_reopen(c->base, c->rig.r);
    memcpy(c->since, "both", 5);
    c->options.base_id = base_id;
}

/* Here and there it is what the source is now, and the target never was. */
static void make_the_base_lie(void)
{
    for (uint64_t i = page_random_below(&dice, 8); i; i--) {
        struct extent range = some_pages(200);

        endpoint_mem_poke(c->base, range.offset, endpoint_mem_bytes(c->source) + range.offset,
                          (size_t)range.length);
    }
}

/* How the next copy goes about it; not while one is gone on with. */
static void choose(void)
{
    static const uint64_t gaps[] = {0, 4096, 150 << 10, COPY_COALESCE_DEFAULT};
    static const uint32_t cuts[] = {BLOCK, 2 * BLOCK, BUF_BYTES};

    c->options.coalesce_bytes = gaps[page_random_below(&dice, 4)];
    c->options.map.path = one_in(4) ? NULL : m.map_path;
    c->options.window_max = (uint32_t)page_random_below(&dice, 5);
    copy_case_cut(c->source, cuts[page_random_below(&dice, 3)]);
    copy_case_cut(c->target, cuts[page_random_below(&dice, 3)]);
}

static void change_the_source(void)
{
    copy_case_scribble(c->source, disk_bytes, page_random(&dice),
                       (uint32_t)page_random_below(&dice, 12));
    for (uint64_t i = page_random_below(&dice, 6); i; i--)
        write_again(c->source, some_pages(400));
    if (one_in(3))
        endpoint_mem_poke_clear(c->source, some_pages(600));
    if (one_in(4))
        copy_case_fill(c->source, some_pages(300), page_random(&dice));
}

/* A foreign writer, or a host that lists zeros as data. */
static void disturb_the_target(void)
{
    unsigned char page[PAGE] = {42};

    if (one_in(5))
        endpoint_mem_poke(c->target, some_pages(1).offset, page, PAGE);
    if (one_in(8))
        write_again(c->target, some_pages(200));
    if (one_in(12))
        endpoint_mem_poke_marker(c->target, NULL);
    if (one_in(10))
        unlink(m.map_path);
}

static void one_round(const char *base_id, const char *source_id)
{
    bool delta = !one_in(3);

    endpoint_close(c->base);
    c->base = NULL;
    c->options.base_id = NULL;
    c->options.source_id = source_id;
    c->source->capabilities |= ENDPOINT_CAN_DIFF;
    if (delta && one_in(2))
        have_both_at_hand(base_id);
    else if (delta)
        copy_case_new_base(c, base_id, source_id);
    change_the_source();
    if (c->base && c->base->size_bytes == c->source->size_bytes && one_in(3))
        make_the_base_lie();
    disturb_the_target();
    choose();
    for (uint32_t stops = 0; stops < 3 && one_in(2); stops++) {
        m.stop_after = 1 + (uint32_t)page_random_below(&dice, 12);
        mapped_case_run(&m);
        m.stop_after = 0;
        if (!err_is_set(&c->err))
            break;
        cr_assert_eq(c->err.kind, ERR_CANCELED, "%s", c->err.text);
        if (one_in(4)) {
            char making[TEST_PATH_MAX_BYTES + 8];

            snprintf(making, sizeof making, "%s.making", m.map_path);
            unlink(making);
        }
        if (one_in(5))
            c->options.map.path = c->options.map.path ? NULL : m.map_path;
    }
    mapped_case_run(&m);
    cr_assert_not(err_is_set(&c->err), "%s", c->err.text);
    copy_case_expect_same(c->source, c->target, c->source->size_bytes);
    skipped_bytes += c->summary.skipped_bytes;
    if (c->summary.has_map)
        unknown_blocks +=
            mapped_case_expect_true(m.map_path, endpoint_mem_bytes(c->target), disk_bytes,
                                    endpoint_mem_marker(c->target)->copy_uuid, c->target->identity);
}

static void one_seed(uint64_t seed)
{
    char ids[2][32] = {"first"};
    struct err e = {0};
    bool footer;

    dice = seed * 0x9E3779B97F4A7C15ull + 99;
    footer = one_in(2);
    disk_bytes = (2 * BLOCK + page_random_below(&dice, 40 * BLOCK)) / PAGE * PAGE;
    mapped_case_open(&m);
    c->options.map.strong = one_in(4);
    c->source = copy_case_random_disk(c, disk_bytes + (footer ? PAGE : 0), seed);
    if (footer)
        copy_case_put_footer(c->source);
    c->target = copy_case_disk(c, 0);
    cr_assert(!one_in(3) || endpoint_mem_track_flushes(c->target, &e), "%s", e.text);
    c->options.source_id = ids[0];
    mapped_case_copy(&m);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        snprintf(ids[round % 2], sizeof ids[0], "round %u", round);
        one_round(ids[(round - 1) % 2], ids[round % 2]);
    }
    mapped_case_close(&m);
}

Test(copy_map_random, no_byte_and_no_entry_is_ever_wrong, .timeout = 120)
{
    const char *only = getenv("SNAPFERRY_SEED");

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        if (only && strtoull(only, NULL, 10) != seed)
            continue;
        printf("SNAPFERRY_SEED=%llu\n", (unsigned long long)seed);
        one_seed(seed);
    }
    if (only)
        return;
    cr_expect_gt(skipped_bytes, 0u, "no map was of use");
    cr_expect_gt(unknown_blocks, 0u, "no map had to be made anew of a delta");
}
