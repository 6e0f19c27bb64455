/* map_changes_test.c - what to move between two maps: against a plain comparison, block by block. */
#include "engine/map_changes.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/map_case.h"

#define BLOCK  ((uint64_t)MAP_BLOCK_BYTES)
#define BLOCKS 3000u
#define CUT    1024u /* the last block is not whole */

/* Every pair of states comes, next to each other and in stretches. */
static struct map_entry entry_of(unsigned which, uint64_t block)
{
    uint64_t stretch = block < 1500 ? block : block / 37;
    enum map_state state = (enum map_state)((which ? stretch / 3 : stretch) % 3);

    return map_case_of(MAP_XXH3_128, state, block, which && block % 5 == 0 ? 2 : 1);
}

static struct map_file *make(struct map_case *c, unsigned which, uint64_t blocks)
{
    struct err e = {0};
    struct map_making *making;

    map_case_open(c, MAP_XXH3_128, blocks * BLOCK - CUT);
    making = map_making_open(c->path, &c->head, NULL, &e);
    cr_assert_not_null(making, "%s", e.text);
    for (uint64_t block = 0; block < blocks; block++) {
        struct map_entry entry = entry_of(which, block);

        cr_assert(map_making_put(making, block, 1, &entry, &e), "%s", e.text);
    }
    cr_assert(map_making_commit(making, "", 1, &e), "%s", e.text);
    map_making_close(making);
    return map_case_look_up(c);
}

static void expect_block(const struct extent_set *data, const struct extent_set *clears,
                         uint64_t block, uint64_t older_blocks)
{
    struct map_entry newer = entry_of(1, block), older = {.state = MAP_ZERO};
    uint64_t length = block + 1 == BLOCKS ? BLOCK - CUT : BLOCK;
    struct extent whole = {block * BLOCK, length};
    bool same;

    if (block < older_blocks)
        older = entry_of(0, block);
    same = map_entry_same(&older, &newer);
    cr_assert_eq(extent_set_covers(clears, whole), !same && newer.state == MAP_ZERO, "block %llu",
                 (unsigned long long)block);
    cr_assert_eq(extent_set_covers(data, whole), !same && newer.state != MAP_ZERO, "block %llu",
                 (unsigned long long)block);
    cr_assert(!same || (!extent_set_touches(data, whole) && !extent_set_touches(clears, whole)));
}

static void compare(uint64_t older_blocks)
{
    struct extent_set data = {0}, clears = {0};
    struct map_case first, second;
    struct map_file *older = make(&first, 0, older_blocks), *newer = make(&second, 1, BLOCKS);
    struct extent behind = {BLOCKS * BLOCK - CUT, 1ull << 30};
    struct err e = {0};

    cr_assert(map_changes(older, newer, &data, &clears, &e), "%s", e.text);
    for (uint64_t block = 0; block < BLOCKS; block++)
        expect_block(&data, &clears, block, older_blocks);
    cr_assert_gt(clears.count, 0u, "a test of both");
    cr_assert_not(extent_set_touches(&data, behind) || extent_set_touches(&clears, behind));
    extent_set_fini(&data);
    extent_set_fini(&clears);
    map_file_close(older);
    map_file_close(newer);
    map_case_close(&first);
    map_case_close(&second);
}

Test(map_changes, names_every_block_that_may_differ_as_data_or_as_zero)
{
    compare(BLOCKS);
}

Test(map_changes, counts_what_a_disk_grew_by_as_zero_before)
{
    compare(1200);
}

Test(map_changes, refuses_a_disk_that_shrank)
{
    struct extent_set data = {0}, clears = {0};
    struct map_case first, second;
    struct map_file *older = make(&first, 0, 20), *newer = make(&second, 1, 19);
    struct err e = {0};

    cr_assert_not(map_changes(older, newer, &data, &clears, &e));
    cr_expect_eq(e.kind, ERR_USAGE);
    cr_expect(strstr(e.text, "never shrunk"), "%s", e.text);
    cr_expect_eq(data.count + clears.count, 0u);
    map_file_close(older);
    map_file_close(newer);
    map_case_close(&first);
    map_case_close(&second);
}
