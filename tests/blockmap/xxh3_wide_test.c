/* xxh3_wide_test.c - every implementation gives the library's hash, at any length and alignment. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/xxh3_wide.h"

static void compare_all(const unsigned char *bytes, size_t count)
{
    unsigned char wanted[XXH3_HASH_BYTES], found[XXH3_HASH_BYTES];

    xxh3_by(XXH3_LIBRARY, bytes, count, wanted);
    for (enum xxh3_kind kind = XXH3_LIBRARY; kind < XXH3_KINDS; kind++) {
        if (!xxh3_has(kind))
            continue;
        xxh3_by(kind, bytes, count, found);
        cr_assert_arr_eq(found, wanted, XXH3_HASH_BYTES, "kind %d, %zu bytes", kind, count);
    }
    xxh3_wide(bytes, count, found);
    cr_assert_arr_eq(found, wanted, XXH3_HASH_BYTES, "wide, %zu bytes", count);
}

Test(xxh3_wide, agrees_with_the_library_at_every_length_and_alignment)
{
    unsigned char *bytes = malloc((1u << 20) + 64);

    cr_assert(bytes);
    for (size_t i = 0; i < (1u << 20) + 64; i++)
        bytes[i] = (unsigned char)((i * 2654435761u) >> 11);
    for (size_t count = 0; count < 1100; count++)
        compare_all(bytes + count % 64, count);
    for (size_t count = 1100; count <= (1u << 20); count = count * 3 / 2)
        compare_all(bytes + count % 64, count);
    compare_all(bytes, 65536);
    free(bytes);
}

Test(xxh3_wide, knows_the_hash_of_nothing)
{
    /* XXH3-128 of no bytes, from xxHash's own test vectors. */
    static const unsigned char wanted[XXH3_HASH_BYTES] = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47,
                                                          0x98, 0xd8, 0x60, 0x01, 0xc3, 0x24,
                                                          0x46, 0x8d, 0x49, 0x7f};
    unsigned char found[XXH3_HASH_BYTES];

    xxh3_wide("", 0, found);
    cr_assert_arr_eq(found, wanted, XXH3_HASH_BYTES);
}
