/* root_test.c - roots made from pieces in any order against a plain computation in order with
 * blockmap/digest.h. Must not know: how pieces wait for each other. */
#include "engine/root.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/page_model.h"

#define BLOCK DIGEST_BLOCK_BYTES
#define KIB   1024ull
#define TIB   (1ull << 40)

/* A disk in memory, the extents that come, and the pieces in which they do. */
struct disk {
    uint64_t bytes_count;
    unsigned char *bytes; /* owned */
    struct extent_set data;
};

static struct disk disk_of(uint64_t bytes_count, uint64_t seed)
{
    struct disk disk = {.bytes_count = bytes_count};
    uint64_t state = seed;

    disk.bytes = malloc(bytes_count);
    cr_assert_not_null(disk.bytes);
    for (uint64_t i = 0; i < bytes_count; i++)
        disk.bytes[i] = (unsigned char)page_random(&state);
    return disk;
}

static void disk_fini(struct disk *disk)
{
    free(disk->bytes);
    extent_set_fini(&disk->data);
}

/* What is not data is zero. */
static void disk_punch_holes(struct disk *disk)
{
    struct extent_set whole = {0}, holes = {0};
    struct extent all = {0, disk->bytes_count};

    cr_assert(extent_set_add(&whole, all));
    cr_assert(extent_set_difference(&holes, &whole, &disk->data));
    for (size_t i = 0; i < holes.count; i++)
        memset(disk->bytes + extent_set_at(&holes, i).offset, 0,
               (size_t)extent_set_at(&holes, i).length);
    extent_set_fini(&whole);
    extent_set_fini(&holes);
}

static void root_in_order(const struct disk *disk, char out_text[DIGEST_TEXT_MAX_BYTES])
{
    struct err e = {0};
    struct digest_root *root = digest_root_new(disk->bytes_count, &e);

    cr_assert_not_null(root, "%s", e.text);
    for (uint64_t at = 0; at < disk->bytes_count; at += BLOCK) {
        uint64_t left = disk->bytes_count - at;
        struct block_hash hash =
            digest_block_padded(disk->bytes + at, left < BLOCK ? (size_t)left : BLOCK);

        digest_root_block(root, &hash);
    }
    digest_root_end(root, out_text);
    digest_root_free(root);
}

static struct root *root_of(uint64_t disk_bytes, const struct extent_set *data)
{
    struct err e = {0};
    struct root *root = root_new(disk_bytes, data, NULL, &e);

    cr_assert_not_null(root, "%s", e.text);
    return root;
}

/* True while more is ready at once. */
static bool advance(struct root *root)
{
    struct err e = {0};
    bool more = false;

    cr_assert(root_advance(root, &more, &e), "%s", e.text);
    return more;
}

static void take(struct root *root, const struct disk *disk, struct extent piece)
{
    struct err e = {0};

    cr_assert(root_take(root, piece.offset, disk->bytes + piece.offset, (size_t)piece.length, NULL,
                        NULL, &e),
              "%s", e.text);
}

static void end_and_expect(struct root *root, const char *expected)
{
    char text[DIGEST_TEXT_MAX_BYTES];

    while (advance(root))
        continue;
    cr_assert_eq(root_backlog(root), 0u);
    root_end(root, text);
    cr_expect_str_eq(text, expected);
    root_free(root);
}

/* Cuts data into pieces of random length and shuffles those within `ahead` of each other. */
static struct extent *cut_and_shuffle(const struct extent_set *data, uint64_t piece_max,
                                      size_t ahead, uint64_t *seed, size_t *out_count)
{
    struct extent_set left = {0};
    struct extent *pieces = NULL;
    size_t count = 0;

    cr_assert(extent_set_copy(&left, data));
    while (left.count) {
        uint64_t step = 512 * (1 + page_random_below(seed, piece_max / 512));

        pieces = realloc(pieces, (count + 1) * sizeof *pieces);
        cr_assert_not_null(pieces);
        cr_assert(extent_set_take_front(&left, step, 0, &pieces[count++]));
    }
    for (size_t i = 0; i + 1 < count; i++) {
        size_t reach = count - i < ahead ? count - i : ahead;
        size_t pick = i + (size_t)page_random_below(seed, reach);
        struct extent swapped = pieces[i];

        pieces[i] = pieces[pick];
        pieces[pick] = swapped;
    }
    extent_set_fini(&left);
    *out_count = count;
    return pieces;
}

static void expect_any_order(struct disk *disk, uint64_t piece_max, size_t ahead, uint64_t *seed)
{
    struct root *root = root_of(disk->bytes_count, &disk->data);
    char expected[DIGEST_TEXT_MAX_BYTES];
    struct extent *pieces;
    size_t count;

    disk_punch_holes(disk);
    root_in_order(disk, expected);
    pieces = cut_and_shuffle(&disk->data, piece_max, ahead, seed, &count);
    for (size_t i = 0; i < count; i++) {
        take(root, disk, pieces[i]);
        if (page_random_below(seed, 3) == 0)
            (void)advance(root);
    }
    free(pieces);
    end_and_expect(root, expected);
}

static void add(struct disk *disk, uint64_t offset, uint64_t length)
{
    struct extent e = {offset, length};

    cr_assert(extent_set_add(&disk->data, e));
}

Test(root, pieces_in_any_order_give_the_root_of_the_disk)
{
    uint64_t seed = 11;

    for (uint32_t turn = 0; turn < 60; turn++) {
        uint64_t pages = 1 + page_random_below(&seed, 20 * BLOCK / 512);
        struct disk disk = disk_of(pages * 512, seed);
        uint32_t runs = (uint32_t)page_random_below(&seed, 12);

        for (uint32_t i = 0; i < runs; i++) {
            uint64_t at = page_random_below(&seed, pages);
            uint64_t length = 1 + page_random_below(&seed, pages - at);

            if (page_random_below(&seed, 2) && length > 40)
                length = 40;
            add(&disk, at * 512, length * 512);
        }
        expect_any_order(&disk, turn % 2 ? 512 : 3 * BLOCK, 1 + turn, &seed);
        disk_fini(&disk);
    }
}

Test(root, holes_at_both_ends_and_between)
{
    uint64_t seed = 5;
    struct disk disk = disk_of(40 * BLOCK, 3);

    add(&disk, 10 * BLOCK, 2 * BLOCK);
    add(&disk, 20 * BLOCK + 512, 512);
    add(&disk, 21 * BLOCK, BLOCK);
    expect_any_order(&disk, BLOCK, 10, &seed);
    disk_fini(&disk);
}

Test(root, a_last_block_that_is_short)
{
    uint64_t seed = 6;

    for (uint64_t tail = 512; tail < BLOCK; tail += 21 * 512) {
        struct disk disk = disk_of(3 * BLOCK + tail, 4);

        add(&disk, BLOCK, 2 * BLOCK + tail);
        expect_any_order(&disk, BLOCK / 2, 8, &seed);
        disk_fini(&disk);
    }
}

Test(root, data_that_happens_to_be_zero_counts_as_a_hole)
{
    struct disk disk = disk_of(4 * BLOCK, 9);
    char expected[DIGEST_TEXT_MAX_BYTES];
    struct extent whole = {0, 4 * BLOCK};
    struct extent_set none = {0};
    struct root *root;

    memset(disk.bytes, 0, disk.bytes_count);
    add(&disk, 0, 4 * BLOCK);
    root_in_order(&disk, expected);
    root = root_of(disk.bytes_count, &disk.data);
    take(root, &disk, whole);
    end_and_expect(root, expected);
    end_and_expect(root_of(disk.bytes_count, &none), expected);
    disk_fini(&disk);
}

Test(root, one_wrong_bit_gives_another_root)
{
    struct disk disk = disk_of(4 * BLOCK, 9);
    char expected[DIGEST_TEXT_MAX_BYTES], text[DIGEST_TEXT_MAX_BYTES];
    struct extent whole = {0, 4 * BLOCK};
    struct root *root;

    add(&disk, 0, 4 * BLOCK);
    root_in_order(&disk, expected);
    disk.bytes[3 * BLOCK + 77] ^= 0x10;
    root = root_of(disk.bytes_count, &disk.data);
    take(root, &disk, whole);
    while (advance(root))
        continue;
    root_end(root, text);
    cr_expect_str_neq(text, expected);
    root_free(root);
    disk_fini(&disk);
}

Test(root, backlog_is_what_waits_for_the_slowest_piece)
{
    struct disk disk = disk_of(300 * BLOCK, 21);
    char expected[DIGEST_TEXT_MAX_BYTES];
    struct extent first = {0, BLOCK};
    struct root *root;

    add(&disk, 0, 300 * BLOCK);
    root_in_order(&disk, expected);
    root = root_of(disk.bytes_count, &disk.data);
    for (uint64_t block = 1; block < 300; block++) {
        struct extent piece = {block * BLOCK, BLOCK};

        take(root, &disk, piece);
        cr_assert_not(advance(root), "nothing is ready before the first block");
        cr_assert_eq(root_backlog(root), block);
    }
    take(root, &disk, first);
    cr_expect_not(advance(root));
    cr_expect_eq(root_backlog(root), 0u);
    end_and_expect(root, expected);
    disk_fini(&disk);
}

/* More waiting blocks than the table begins with, far apart, taken back to front. */
Test(root, many_far_blocks_back_to_front)
{
    const uint64_t stride = 977 * BLOCK, count = 5000;
    unsigned char *block = malloc(BLOCK);
    char expected[DIGEST_TEXT_MAX_BYTES];
    struct extent_set data = {0};
    struct err e = {0};
    struct digest_root *plain = digest_root_new(stride * count, &e);
    struct root *root;

    cr_assert_not_null(block);
    cr_assert_not_null(plain, "%s", e.text);
    memset(block, 0x5A, BLOCK);
    for (uint64_t i = 0; i < count; i++) {
        struct extent piece = {i * stride + stride - BLOCK, BLOCK};
        struct block_hash hash;

        memcpy(block, &i, sizeof i);
        hash = digest_block(block);
        digest_root_holes(plain, stride / BLOCK - 1);
        digest_root_block(plain, &hash);
        cr_assert(extent_set_append(&data, piece));
    }
    digest_root_end(plain, expected);
    digest_root_free(plain);
    root = root_of(stride * count, &data);
    for (uint64_t i = count; i-- > 0;) {
        memcpy(block, &i, sizeof i);
        cr_assert(root_take(root, i * stride + stride - BLOCK, block, BLOCK, NULL, NULL, &e));
    }
    cr_expect_eq(root_backlog(root), count);
    end_and_expect(root, expected);
    extent_set_fini(&data);
    free(block);
}

/* 32 TiB is the largest managed disk. Nothing here may take time that grows faster than the blocks. */
Test(root, a_sparse_disk_of_32_tib_ends_in_bounded_steps, .timeout = 120)
{
    const uint64_t disk_bytes = 32 * TIB;
    struct extent_set data = {0};
    struct extent last = {disk_bytes - 512, 512};
    unsigned char page[512];
    char text[DIGEST_TEXT_MAX_BYTES];
    struct err e = {0};
    struct root *root;
    uint64_t turns = 0;

    memset(page, 1, sizeof page);
    cr_assert(extent_set_append(&data, last));
    root = root_of(disk_bytes, &data);
    cr_assert(root_take(root, last.offset, page, sizeof page, NULL, NULL, &e));
    while (advance(root))
        turns++;
    cr_expect_leq(turns, disk_bytes / BLOCK / ROOT_ADVANCE_MAX + 2);
    root_end(root, text);
    cr_expect_eq(strncmp(text, "sha256:", 7), 0);
    root_free(root);
    extent_set_fini(&data);
}

Test(root, may_be_freed_before_its_end)
{
    struct disk disk = disk_of(4 * BLOCK, 2);
    struct extent piece = {BLOCK, BLOCK / 2};
    struct root *root;

    add(&disk, 0, 4 * BLOCK);
    root = root_of(disk.bytes_count, &disk.data);
    take(root, &disk, piece);
    root_free(root);
    root_free(NULL);
    disk_fini(&disk);
}

Test(root, takes_the_hashes_of_whole_blocks_from_who_made_them)
{
    struct disk disk = disk_of(8 * BLOCK, 12);
    struct extent piece = {BLOCK - 512, 3 * BLOCK + 1024}; /* a part, three blocks, a part */
    char expected[DIGEST_TEXT_MAX_BYTES];
    struct block_hash known[3];
    struct root_blocks told;
    struct err e = {0};

    add(&disk, piece.offset, piece.length);
    disk_punch_holes(&disk);
    root_in_order(&disk, expected);
    for (size_t i = 0; i < 3; i++)
        known[i] = digest_block(disk.bytes + (i + 1) * BLOCK);
    for (unsigned wrong = 0; wrong < 2; wrong++) { /* believed: who makes them answers for them */
        struct root *root = root_of(disk.bytes_count, &disk.data);

        known[1].bytes[0] ^= (unsigned char)wrong;
        cr_assert(root_take(root, piece.offset, disk.bytes + piece.offset, (size_t)piece.length,
                            known, &told, &e));
        cr_assert_eq(told.count, 5u);
        cr_assert_arr_eq(&told.hashes[1], known, sizeof known);
        if (!wrong)
            end_and_expect(root, expected);
        else
            root_free(root);
    }
    disk_fini(&disk);
}
