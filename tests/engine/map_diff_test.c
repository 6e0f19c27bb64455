/* map_diff_test.c - where two maps differ: against a plain comparison, block by block. */
#include "engine/map_diff.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/map_case.h"

#define BLOCK  ((uint64_t)MAP_BLOCK_BYTES)
#define BLOCKS 6000u

/* What was told, block by block. */
struct told {
    enum map_difference kinds[BLOCKS];
    uint64_t end;
    enum map_difference last;
    uint64_t stretches;
};

static bool tell(void *arg, struct extent extent, enum map_difference kind, struct err *e)
{
    struct told *told = arg;

    (void)e;
    cr_assert_eq(extent.offset, told->end, "in order, without gaps");
    cr_assert(extent.length > 0 && (told->stretches == 0 || kind != told->last),
              "as long as can be");
    for (uint64_t at = extent.offset; at < extent_end(extent); at += BLOCK)
        told->kinds[at / BLOCK] = kind;
    told->end = extent_end(extent);
    told->last = kind;
    told->stretches++;
    return true;
}

/* Every seventh block and a stretch of others are of another seed. */
static unsigned seed_of(uint64_t block)
{
    return block % 7 == 3 || (block >= 2000 && block < 2500) ? 2 : 1;
}

static struct map_entry second_of(const struct map_case *c, uint64_t block)
{
    return map_case_entry(c->head.strength, block, seed_of(block));
}

static void make_second(struct map_case *c, uint64_t blocks)
{
    struct err e = {0};
    struct map_making *making = map_making_open(c->path, &c->head, NULL, &e);

    cr_assert_not_null(making, "%s", e.text);
    for (uint64_t block = 0; block < blocks; block++) {
        struct map_entry entry = second_of(c, block);

        cr_assert(map_making_put(making, block, 1, &entry, &e));
    }
    cr_assert(map_making_commit(making, "", 1, &e));
    map_making_close(making);
}

static enum map_difference kind_of(const struct map_entry *a, const struct map_entry *b)
{
    if (a->state == MAP_UNKNOWN || b->state == MAP_UNKNOWN)
        return MAP_NOT_KNOWN;
    return a->state == b->state && memcmp(a->hash, b->hash, sizeof a->hash) == 0 ? MAP_SAME
                                                                                 : MAP_DIFFERENT;
}

/* The second map has as many blocks as it is told; the first has all. */
static void compare(enum map_strength strength, uint64_t second_blocks, bool swapped)
{
    static struct told told;
    struct map_case first, second;
    struct map_diff_sink sink = {.told = tell, .arg = &told};
    struct map_diff_totals totals;
    struct map_file *a, *b;
    uint64_t counted[MAP_DIFFERENCES] = {0};
    struct err e = {0};

    memset(&told, 0, sizeof told);
    map_case_open(&first, strength, BLOCKS * BLOCK - 1024);
    map_case_open(&second, strength, second_blocks * BLOCK - 1024);
    a = map_case_make(&first, 1);
    make_second(&second, second_blocks);
    b = map_case_look_up(&second);
    cr_assert(map_diff(swapped ? b : a, swapped ? a : b, &sink, &totals, &e), "%s", e.text);
    for (uint64_t block = 0; block < BLOCKS; block++) {
        struct map_entry one = map_case_entry(strength, block, 1);
        struct map_entry two = block < second_blocks ? second_of(&second, block)
                                                     : (struct map_entry){.state = MAP_ZERO};
        enum map_difference kind = kind_of(&one, &two);

        cr_assert_eq(told.kinds[block], kind, "block %llu", (unsigned long long)block);
        counted[kind]++;
    }
    cr_assert_eq(told.end, BLOCKS * BLOCK - 1024);
    cr_assert_eq(memcmp(totals.blocks, counted, sizeof counted), 0);
    cr_assert_eq(totals.bytes[MAP_SAME] + totals.bytes[MAP_DIFFERENT] + totals.bytes[MAP_NOT_KNOWN],
                 BLOCKS * BLOCK - 1024);
    for (unsigned kind = 0; kind < MAP_DIFFERENCES; kind++)
        cr_assert_gt(counted[kind], 0u, "a test of everything");
    map_file_close(a);
    map_file_close(b);
    map_case_close(&first);
    map_case_close(&second);
}

Test(map_diff, tells_every_block_of_equal_disks)
{
    compare(MAP_XXH3_128, BLOCKS, false);
    compare(MAP_SHA_256, BLOCKS, true);
}

Test(map_diff, counts_the_rest_of_a_smaller_disk_as_zero)
{
    compare(MAP_XXH3_128, 1500, false);
    compare(MAP_XXH3_128, 1500, true);
}

Test(map_diff, refuses_maps_that_hash_otherwise)
{
    for (unsigned change = 0; change < 2; change++) {
        struct map_case first, second;
        struct map_diff_totals totals;
        struct map_file *a, *b;
        struct err e = {0};

        map_case_open(&first, MAP_XXH3_128, 10 * BLOCK);
        map_case_open(&second, change ? MAP_SHA_256 : MAP_XXH3_128, 10 * BLOCK);
        second.head.seed[31] ^= change ? 0 : 1;
        a = map_case_make(&first, 1);
        b = map_case_make(&second, 1);
        cr_assert_not(map_diff(a, b, NULL, &totals, &e));
        cr_assert_eq(e.kind, ERR_USAGE);
        cr_assert(strstr(e.text, "--like"), "%s", e.text);
        map_file_close(a);
        map_file_close(b);
        map_case_close(&first);
        map_case_close(&second);
    }
}

static bool give_up(void *arg, struct extent extent, enum map_difference kind, struct err *e)
{
    (void)arg;
    (void)extent;
    (void)kind;
    return err_set(e, ERR_CANCELED, RETRY_NEVER, "enough");
}

Test(map_diff, ends_when_its_listener_has_enough)
{
    struct map_diff_sink sink = {.told = give_up};
    struct map_diff_totals totals;
    struct map_case c;
    struct map_file *map;
    struct err e = {0};

    map_case_open(&c, MAP_XXH3_128, 100 * BLOCK);
    map = map_case_make(&c, 1);
    cr_assert_not(map_diff(map, map, &sink, &totals, &e));
    cr_assert_eq(e.kind, ERR_CANCELED);
    map_file_close(map);
    map_case_close(&c);
}
