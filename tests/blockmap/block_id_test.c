/* block_id_test.c - the id of a block is its SHA-256, by the standard's own examples. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/block_id.h"

static void expect(const void *bytes, size_t count, const char *hex)
{
    struct block_id id = block_id_of(bytes, count);
    char text[2 * BLOCK_ID_BYTES + 1];

    for (size_t i = 0; i < BLOCK_ID_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", id.bytes[i]);
    cr_assert_str_eq(text, hex);
}

Test(block_id, is_sha_256_of_fips_180)
{
    static char million[1000000];
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

    expect("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(two_blocks, strlen(two_blocks),
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(million, 'a', sizeof million);
    expect(million, sizeof million,
           "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

Test(block_id, of_a_64_kib_block_of_zeros)
{
    static unsigned char block[65536];

    expect(block, sizeof block, "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31");
}

Test(block_id, is_equal_only_when_every_byte_is)
{
    struct block_id a = block_id_of("abc", 3);

    cr_assert(block_id_equal(&a, &a));
    for (size_t i = 0; i < BLOCK_ID_BYTES; i++) {
        struct block_id b = a;

        b.bytes[i] ^= 1;
        cr_assert(!block_id_equal(&a, &b));
    }
}
