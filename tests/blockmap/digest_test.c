/* digest_test.c - hashes, roots and digests against values computed by another program (another
 * XXH3 and another SHA-256) from the text of the design. Must not know: OpenSSL, xxHash. */
#include "blockmap/digest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define RAMP_HASH   "267bdd80b3f274499ae973f97c1f3eba"
#define PADDED_HASH "e51ad5f9ff5b8692ef70c9bd68f68500"
#define DISK_ROOT   "sha256:6530af71adc3ce4866b87ed22b133c6ea4962c97a1adc6d3f28e08989cf1b87e"
#define HOLES_ROOT  "sha256:902fe0cd0cd09e4d56d12af7e08161b3ffbce3e2e429392adc7cc7e8b70f2a78"
#define EMPTY_ROOT  "sha256:84674ff2e1459ccff994c06025136948ec2ba3f712b617907cdb12b106f4860d"
#define DELTA       "sha256:0f8de719f15d0f5b415363b67b4046bc61c5ca3ec7229a147255abf028b9b43e"
#define NO_DELTA    "sha256:2c76044ef85d98bac664c541d3e40312686cac28e3cc2063807d0d726ea3221a"

static unsigned char ramp[DIGEST_BLOCK_BYTES];

static void fill_ramp(void)
{
    for (size_t i = 0; i < sizeof ramp; i++)
        ramp[i] = (unsigned char)(i * 7 + (i >> 8));
}

TestSuite(digest, .init = fill_ramp);

static void expect_hash(struct block_hash hash, const char *expected)
{
    char hex[2 * DIGEST_HASH_BYTES + 1];

    for (size_t i = 0; i < DIGEST_HASH_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash.bytes[i]);
    cr_expect_str_eq(hex, expected);
}

Test(digest, bytes_hash_in_canonical_form)
{
    expect_hash(digest_bytes("", 0), "99aa06d3014798d86001c324468d497f");
    expect_hash(digest_bytes("a", 1), "a96faf705af16834e6c632b61e964e1f");
    expect_hash(digest_bytes("abc", 3), "06b05ab6733a618578af5f94892f3950");
    expect_hash(digest_bytes(ramp, sizeof ramp), RAMP_HASH);
}

Test(digest, a_zero_block_counts_as_zero_bytes)
{
    static unsigned char block[DIGEST_BLOCK_BYTES];
    struct block_hash hash = digest_block(block);

    cr_expect(block_hash_is_zero(&hash));
    block[DIGEST_BLOCK_BYTES / 2] = 1;
    hash = digest_block(block);
    cr_expect_not(block_hash_is_zero(&hash));
    hash = digest_bytes("", 0);
    cr_expect_not(block_hash_is_zero(&hash));
}

Test(digest, a_short_block_is_padded_with_zeros)
{
    struct block_hash hash;

    expect_hash(digest_block(ramp), RAMP_HASH);
    expect_hash(digest_block_padded(ramp, sizeof ramp), RAMP_HASH);
    expect_hash(digest_block_padded(ramp, 1000), PADDED_HASH);
    hash = digest_block_padded((const unsigned char[700]){0}, 700);
    cr_expect(block_hash_is_zero(&hash));
}

static struct digest_root *root_of(uint64_t disk_bytes)
{
    struct err e = {0};
    struct digest_root *root = digest_root_new(disk_bytes, &e);

    cr_assert_not_null(root, "%s", e.text);
    return root;
}

Test(digest, root_of_blocks_and_holes)
{
    const uint64_t disk_bytes = 5 * DIGEST_BLOCK_BYTES + 1000;
    struct digest_root *root = root_of(disk_bytes);
    struct block_hash full = digest_block(ramp);
    struct block_hash last = digest_block_padded(ramp, 1000);
    struct block_hash zero = {{0}};
    char text[DIGEST_TEXT_MAX_BYTES];

    digest_root_block(root, &full);
    digest_root_holes(root, 2);
    digest_root_block(root, &full);
    digest_root_block(root, &zero);
    cr_assert_eq(digest_root_blocks_fed(root), 5u);
    digest_root_block(root, &last);
    digest_root_end(root, text);
    digest_root_free(root);
    cr_expect_str_eq(text, DISK_ROOT);
}

Test(digest, root_of_an_empty_disk_of_holes)
{
    struct digest_root *root = root_of(1000ull * DIGEST_BLOCK_BYTES);
    char text[DIGEST_TEXT_MAX_BYTES];

    digest_root_holes(root, 999);
    digest_root_holes(root, 0);
    digest_root_holes(root, 1);
    digest_root_end(root, text);
    digest_root_free(root);
    cr_expect_str_eq(text, HOLES_ROOT);
}

Test(digest, root_of_nothing)
{
    struct digest_root *root = root_of(0);
    char text[DIGEST_TEXT_MAX_BYTES];

    digest_root_end(root, text);
    digest_root_free(root);
    digest_root_free(NULL);
    cr_expect_str_eq(text, EMPTY_ROOT);
}

Test(digest, root_depends_on_the_size_of_the_disk)
{
    struct digest_root *root = root_of(1000ull * DIGEST_BLOCK_BYTES - 512);
    char text[DIGEST_TEXT_MAX_BYTES];

    digest_root_holes(root, 1000);
    digest_root_end(root, text);
    digest_root_free(root);
    cr_expect_str_neq(text, HOLES_ROOT);
}

Test(digest, delta_of_records)
{
    struct err e = {0};
    struct digest_delta *delta = digest_delta_new(1u << 20, &e);
    struct block_hash data = digest_bytes(ramp, 1024);
    struct block_hash clear = {{0}};
    char text[DIGEST_TEXT_MAX_BYTES];

    cr_assert_not_null(delta);
    digest_delta_record(delta, 512, 1024, &data);
    digest_delta_record(delta, 65536, 4096, &clear);
    digest_delta_end(delta, text);
    digest_delta_free(delta);
    cr_expect_str_eq(text, DELTA);
}

Test(digest, delta_of_nothing)
{
    struct err e = {0};
    struct digest_delta *delta = digest_delta_new(1u << 20, &e);
    char text[DIGEST_TEXT_MAX_BYTES];

    cr_assert_not_null(delta);
    digest_delta_end(delta, text);
    digest_delta_free(delta);
    digest_delta_free(NULL);
    cr_expect_str_eq(text, NO_DELTA);
}

Test(digest, sha256_text_of_bytes)
{
    char text[DIGEST_TEXT_MAX_BYTES];

    digest_sha256_text("abc", 3, text);
    cr_expect_str_eq(text,
                     "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_sha256_text("", 0, text);
    cr_expect_str_eq(text,
                     "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

Test(digest, counts_the_blocks_that_lie_whole_within_a_range)
{
    uint64_t at;

    cr_expect_eq(digest_blocks_within(0, DIGEST_BLOCK_BYTES, &at), 1u);
    cr_expect_eq(at, 0u);
    cr_expect_eq(digest_blocks_within(512, DIGEST_BLOCK_BYTES, &at), 0u);
    cr_expect_eq(at, DIGEST_BLOCK_BYTES - 512u);
    cr_expect_eq(digest_blocks_within(512, 2 * DIGEST_BLOCK_BYTES, &at), 1u);
    cr_expect_eq(digest_blocks_within(512, 2 * DIGEST_BLOCK_BYTES - 513, &at), 0u);
    cr_expect_eq(digest_blocks_within(3 * DIGEST_BLOCK_BYTES, 0, &at), 0u);
    cr_expect_eq(digest_blocks_within(DIGEST_BLOCK_BYTES - 512, 4u << 20, &at), 63u);
    cr_expect_eq(at, 512u);
}
