/* root_known_test.c - a root that goes on from hashes an earlier process knew, and what a sink and a
 * taker are told. Must not know: how blocks wait for each other (root_test.c tests the root itself). */
#include "engine/root.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/page_model.h"

#define BLOCK       DIGEST_BLOCK_BYTES
#define BLOCKS_MAX  64u
#define DISK_BYTES  (BLOCKS_MAX * BLOCK - 5 * 512) /* the last block is short */
#define PIECE_BYTES (3 * BLOCK)

static unsigned char disk[BLOCKS_MAX * BLOCK];
static struct extent_set data;
static struct block_hash expected_hash[BLOCKS_MAX];
static char expected_root[DIGEST_TEXT_MAX_BYTES];

/* Random data in random extents, zero between them. */
static void make_disk(uint64_t *seed)
{
    struct err e = {0};
    struct digest_root *plain = digest_root_new(DISK_BYTES, &e);
    uint64_t runs = 1 + page_random_below(seed, 20);

    cr_assert_not_null(plain, "%s", e.text);
    extent_set_fini(&data);
    data = (struct extent_set){0};
    memset(disk, 0, sizeof disk);
    for (uint64_t i = 0; i < runs; i++) {
        uint64_t at = page_random_below(seed, DISK_BYTES / 512);
        uint64_t pages = 1 + page_random_below(seed, DISK_BYTES / 512 - at);
        struct extent run = {at * 512, (pages > 700 ? 700 : pages) * 512};

        cr_assert(extent_set_add(&data, run));
        for (uint64_t k = 0; k < run.length; k += 8) {
            uint64_t value = page_random(seed);

            memcpy(disk + run.offset + k, &value, 8);
        }
    }
    for (uint64_t block = 0; block < BLOCKS_MAX; block++) {
        expected_hash[block] = digest_block(disk + block * BLOCK);
        digest_root_block(plain, &expected_hash[block]);
    }
    digest_root_end(plain, expected_root);
    digest_root_free(plain);
}

static void fini(void)
{
    extent_set_fini(&data);
}

TestSuite(root_known, .fini = fini);

/* ---- A sink that checks what it is told ---- */

struct told {
    uint64_t next_block;
    uint64_t holes;
    uint64_t fail_at;
};

static bool tell(void *arg, uint64_t first, uint64_t count, const struct block_hash *hashes,
                 struct err *e)
{
    struct told *told = arg;

    cr_assert_eq(first, told->next_block, "in block order, none left out");
    cr_assert_gt(count, 0u);
    for (uint64_t i = 0; hashes && i < count; i++)
        cr_assert_eq(memcmp(&hashes[i], &expected_hash[first + i], sizeof *hashes), 0);
    for (uint64_t i = 0; !hashes && i < count; i++)
        cr_assert(block_hash_is_zero(&expected_hash[first + i]));
    told->next_block = first + count;
    told->holes += hashes ? 0 : count;
    if (told->fail_at && told->next_block >= told->fail_at)
        return err_set(e, ERR_IO, RETRY_LATER, "the sink is full");
    return true;
}

static struct root *root_into(struct told *told)
{
    struct root_sink sink = {.blocks = tell, .arg = told};
    struct err e = {0};
    struct root *root = root_new(DISK_BYTES, &data, &sink, &e);

    cr_assert_not_null(root, "%s", e.text);
    return root;
}

static void advance(struct root *root)
{
    struct err e = {0};
    bool more = true;

    while (more)
        cr_assert(root_advance(root, &more, &e), "%s", e.text);
}

static void end_and_expect(struct root *root, struct told *told)
{
    char text[DIGEST_TEXT_MAX_BYTES];

    advance(root);
    root_end(root, text);
    cr_expect_str_eq(text, expected_root);
    cr_expect_eq(told->next_block, BLOCKS_MAX);
    root_free(root);
}

/* ---- A process that ends anywhere: what it knew, and the pieces that it had taken ---- */

struct past {
    struct block_hash hash[BLOCKS_MAX];
    bool known[BLOCKS_MAX];
    struct extent_set taken;
};

static void take(struct root *root, struct extent piece, struct past *past)
{
    struct root_blocks blocks;
    struct err e = {0};

    cr_assert(root_take(root, piece.offset, disk + piece.offset, (size_t)piece.length, NULL,
                        &blocks, &e),
              "%s", e.text);
    for (uint32_t i = 0; i < blocks.count; i++) {
        cr_assert_not(past->known[blocks.first_block + i], "told twice");
        past->known[blocks.first_block + i] = true;
        past->hash[blocks.first_block + i] = blocks.hashes[i];
        cr_expect_eq(memcmp(&blocks.hashes[i], &expected_hash[blocks.first_block + i],
                            sizeof *blocks.hashes),
                     0);
    }
    cr_assert(extent_set_add(&past->taken, piece));
}

/* What need not come any more: data of known blocks that was taken. */
static void still_to_come(const struct past *past, struct extent_set *out_left)
{
    cr_assert(extent_set_difference(out_left, &data, &past->taken));
    for (uint64_t block = 0; block < BLOCKS_MAX; block++) {
        for (size_t i = 0; !past->known[block] && i < data.count; i++) {
            struct extent whole = {block * BLOCK, BLOCK};

            cr_assert(extent_set_add(out_left, extent_common(extent_set_at(&data, i), whole)));
        }
    }
}

static void live(struct root *root, struct past *past, uint64_t pieces_max, uint64_t *seed)
{
    struct extent_set left = {0};
    struct extent piece;

    still_to_come(past, &left);
    while (pieces_max-- &&
           extent_set_take_front(&left, 512 * (1 + page_random_below(seed, PIECE_BYTES / 512)), 0,
                                 &piece)) {
        take(root, piece, past);
        if (page_random_below(seed, 2))
            advance(root);
    }
    extent_set_fini(&left);
}

static void know(struct root *root, const struct past *past)
{
    struct err e = {0};

    for (uint64_t block = BLOCKS_MAX; block-- > 0;) {
        if (past->known[block]) {
            cr_assert(root_know(root, block, &past->hash[block], &e), "%s", e.text);
            cr_assert(root_know(root, block, &past->hash[block], &e), "once more changes nothing");
        }
        cr_expect_eq(root_has(root, block), past->known[block]);
    }
}

Test(root_known, any_number_of_lives_gives_the_root_of_one)
{
    uint64_t seed = 77;

    for (uint32_t turn = 0; turn < 200; turn++) {
        struct past past = {.taken = {0}};
        struct told told = {0};
        struct root *root;

        make_disk(&seed);
        for (uint64_t lives = page_random_below(&seed, 5); lives > 0; lives--) {
            told = (struct told){0};
            root = root_into(&told);
            know(root, &past);
            live(root, &past, page_random_below(&seed, 12), &seed);
            root_free(root);
        }
        told = (struct told){0};
        root = root_into(&told);
        know(root, &past);
        live(root, &past, UINT64_MAX, &seed);
        end_and_expect(root, &told);
        extent_set_fini(&past.taken);
    }
}

Test(root_known, bytes_of_a_known_block_are_passed_over_before_and_after_it_is_fed)
{
    const struct extent two = {0, 2 * BLOCK};
    struct told told = {0};
    uint64_t seed = 3;
    struct err e = {0};
    struct past past = {.taken = {0}};
    struct root *root;

    make_disk(&seed);
    extent_set_fini(&data);
    data = (struct extent_set){0};
    cr_assert(extent_set_add(&data, (struct extent){0, DISK_BYTES}));
    root = root_into(&told);
    cr_assert(root_know(root, 1, &expected_hash[1], &e));
    take(root, (struct extent){BLOCK + 512, 512}, &past);
    take(root, (struct extent){0, BLOCK}, &past);
    cr_expect(past.known[0]);
    advance(root);
    cr_expect_eq(root_cursor(root), 2u);
    take(root, two, &past);
    cr_expect_not(past.known[1]);
    cr_expect_eq(root_backlog(root), 0u);
    root_free(root);
    extent_set_fini(&past.taken);
}

Test(root_known, a_sink_that_fails_ends_the_root)
{
    struct told told = {.fail_at = 10};
    uint64_t seed = 5;
    struct past past = {.taken = {0}};
    struct root *root;
    struct err e = {0};
    bool more = true, ok = true;

    make_disk(&seed);
    root = root_into(&told);
    live(root, &past, 0, &seed);
    for (size_t i = 0; i < data.count; i++)
        for (struct extent left = extent_set_at(&data, i); left.length;) {
            struct extent piece = {left.offset, left.length < BLOCK ? left.length : BLOCK};

            take(root, piece, &past);
            left.offset += piece.length;
            left.length -= piece.length;
        }
    while (ok && more)
        ok = root_advance(root, &more, &e);
    cr_expect_not(ok);
    cr_expect_not(more);
    cr_expect_eq(e.kind, ERR_IO);
    root_free(root);
    extent_set_fini(&past.taken);
}
