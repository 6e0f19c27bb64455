/* map_hash_test.c - the hash of a block in a map: as map_format.md says, keyed, and stronger than one
 * keyed XXH3. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "blockmap/map.h"
#include "blockmap/xxh3_wide.h"

#define SECRET_BYTES 192u

static void seed_of(unsigned char seed[MAP_SEED_BYTES], unsigned variant)
{
    for (unsigned i = 0; i < MAP_SEED_BYTES; i++)
        seed[i] = (unsigned char)(i * 37 + variant * 101 + 5);
}

static unsigned char *block_of(unsigned variant)
{
    unsigned char *block = malloc(MAP_BLOCK_BYTES);
    uint64_t x = variant + 1;

    cr_assert_not_null(block);
    for (unsigned i = 0; i < MAP_BLOCK_BYTES; i++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        block[i] = (unsigned char)(x >> 33);
    }
    return block;
}

/* Secret i as the format has it. */
static void secret_of(const unsigned char seed[MAP_SEED_BYTES], unsigned i,
                      unsigned char out_secret[SECRET_BYTES])
{
    for (unsigned part = 0; part < 6; part++) {
        unsigned char text[20 + 1 + MAP_SEED_BYTES] = "snapferry-map-key-1";

        text[20] = (unsigned char)(6 * i + part);
        memcpy(text + 21, seed, MAP_SEED_BYTES);
        cr_assert_eq(
            EVP_Digest(text, sizeof text, out_secret + part * 32, NULL, EVP_sha256(), NULL), 1);
    }
}

static struct map_entry entry_of(enum map_strength strength, const unsigned char *seed,
                                 const void *bytes, size_t count)
{
    struct err e = {0};
    struct map_hasher *hasher = map_hasher_new(strength, seed, &e);
    struct map_entry entry;

    cr_assert_not_null(hasher, "%s", e.text);
    map_hash_blocks(hasher, bytes, count, &entry);
    map_hasher_free(hasher);
    return entry;
}

Test(map_hash, is_two_keyed_xxh3_as_the_format_says)
{
    unsigned char seed[MAP_SEED_BYTES], secret[SECRET_BYTES], parts[2][16], *block = block_of(1);
    struct map_entry entry;

    seed_of(seed, 1);
    entry = entry_of(MAP_XXH3_128, seed, block, MAP_BLOCK_BYTES);
    for (unsigned i = 0; i < 2; i++) {
        secret_of(seed, i, secret);
        xxh3_by_keyed(XXH3_LIBRARY, block, MAP_BLOCK_BYTES, secret, sizeof secret, parts[i]);
    }
    cr_assert_eq(entry.state, MAP_HASHED);
    for (unsigned i = 0; i < 16; i++)
        cr_assert_eq(entry.hash[i], parts[0][i] ^ parts[1][i]);
    for (unsigned i = 16; i < MAP_HASH_MAX_BYTES; i++)
        cr_assert_eq(entry.hash[i], 0u);
    free(block);
}

Test(map_hash, is_sha256_of_seed_and_block)
{
    unsigned char seed[MAP_SEED_BYTES], wanted[32], *block = block_of(2);
    unsigned char *text = malloc(MAP_SEED_BYTES + MAP_BLOCK_BYTES);
    struct map_entry entry;

    seed_of(seed, 2);
    memcpy(text, seed, MAP_SEED_BYTES);
    memcpy(text + MAP_SEED_BYTES, block, MAP_BLOCK_BYTES);
    cr_assert_eq(
        EVP_Digest(text, MAP_SEED_BYTES + MAP_BLOCK_BYTES, wanted, NULL, EVP_sha256(), NULL), 1);
    entry = entry_of(MAP_SHA_256, seed, block, MAP_BLOCK_BYTES);
    cr_assert_eq(entry.state, MAP_HASHED);
    cr_assert_eq(memcmp(entry.hash, wanted, sizeof wanted), 0);
    free(text);
    free(block);
}

Test(map_hash, every_implementation_agrees_on_a_keyed_block)
{
    unsigned char seed[MAP_SEED_BYTES], secret[SECRET_BYTES], first[16], other[16];
    unsigned char *block = block_of(3);

    seed_of(seed, 3);
    secret_of(seed, 1, secret);
    for (size_t count = 1; count <= MAP_BLOCK_BYTES; count = count * 3 + 1) {
        xxh3_by_keyed(XXH3_LIBRARY, block, count, secret, sizeof secret, first);
        for (enum xxh3_kind kind = XXH3_LIBRARY; kind < XXH3_KINDS; kind++) {
            if (!xxh3_has(kind))
                continue;
            xxh3_by_keyed(kind, block, count, secret, sizeof secret, other);
            cr_assert_eq(memcmp(first, other, sizeof first), 0, "kind %d of %zu bytes", (int)kind,
                         count);
        }
    }
    free(block);
}

/* ---- A pair that one keyed XXH3-128 takes for equal (map_format.md, "Hashes") ---- */

static uint64_t word_at(const unsigned char *bytes, size_t at)
{
    uint64_t word;

    memcpy(&word, bytes + at, sizeof word);
    return word;
}

static void put_word(unsigned char *bytes, size_t at, uint64_t word)
{
    memcpy(bytes + at, &word, sizeof word);
}

/* Makes a and b a pair under this secret: they differ in the top bits of words 0 and 8. */
static void make_pair(const unsigned char *secret, unsigned char *a, unsigned char *b)
{
    uint64_t first = 0x12345678u, second = 0x8000000012345678u;

    put_word(a, 0, first ^ word_at(secret, 0));
    put_word(a, 64, second ^ word_at(secret, 8));
    memcpy(b, a, MAP_BLOCK_BYTES);
    put_word(b, 0, word_at(a, 0) ^ 1ull << 63);
    put_word(b, 64, word_at(a, 64) ^ 1ull << 63);
}

Test(map_hash, holds_where_one_keyed_hash_was_guessed)
{
    unsigned char seed[MAP_SEED_BYTES], secret[SECRET_BYTES], ha[16], hb[16];
    unsigned char *a = block_of(4), *b = block_of(4);

    seed_of(seed, 4);
    for (unsigned i = 0; i < 2; i++) {
        struct map_entry ea, eb;

        secret_of(seed, i, secret);
        make_pair(secret, a, b);
        xxh3_wide_keyed(a, MAP_BLOCK_BYTES, secret, sizeof secret, ha);
        xxh3_wide_keyed(b, MAP_BLOCK_BYTES, secret, sizeof secret, hb);
        cr_assert_eq(memcmp(ha, hb, sizeof ha), 0, "the pair is one");
        ea = entry_of(MAP_XXH3_128, seed, a, MAP_BLOCK_BYTES);
        eb = entry_of(MAP_XXH3_128, seed, b, MAP_BLOCK_BYTES);
        cr_assert_not(map_entry_same(&ea, &eb));
    }
    free(a);
    free(b);
}

/* ---- Blocks ---- */

Test(map_hash, another_seed_makes_another_hash)
{
    unsigned char one[MAP_SEED_BYTES], two[MAP_SEED_BYTES], *block = block_of(5);

    for (enum map_strength strength = MAP_XXH3_128; strength <= MAP_SHA_256; strength++) {
        struct map_entry a, b;

        seed_of(one, 1);
        memcpy(two, one, sizeof two);
        two[31] ^= 1;
        a = entry_of(strength, one, block, MAP_BLOCK_BYTES);
        b = entry_of(strength, two, block, MAP_BLOCK_BYTES);
        cr_assert(map_entry_same(&a, &a));
        cr_assert_not(map_entry_same(&a, &b));
    }
    free(block);
}

Test(map_hash, zeros_are_zero_and_a_cut_block_is_padded)
{
    unsigned char seed[MAP_SEED_BYTES];
    unsigned char *bytes = calloc(4, MAP_BLOCK_BYTES);
    struct map_entry entries[4], padded;
    struct err e = {0};
    struct map_hasher *hasher;

    seed_of(seed, 6);
    hasher = map_hasher_new(MAP_XXH3_128, seed, &e);
    bytes[MAP_BLOCK_BYTES + 700] = 1;
    bytes[3 * MAP_BLOCK_BYTES + 511] = 1;
    map_hash_blocks(hasher, bytes, 3 * MAP_BLOCK_BYTES + 512, entries);
    cr_assert_eq(entries[0].state, MAP_ZERO);
    cr_assert_eq(entries[1].state, MAP_HASHED);
    cr_assert_eq(entries[2].state, MAP_ZERO);
    cr_assert_eq(entries[3].state, MAP_HASHED);
    map_hash_blocks(hasher, bytes + 3 * MAP_BLOCK_BYTES, MAP_BLOCK_BYTES, &padded);
    cr_assert(map_entry_same(&padded, &entries[3]));
    cr_assert_not(map_entry_same(&padded, &entries[1]));
    map_hash_blocks(hasher, bytes, 512, &padded);
    cr_assert_eq(padded.state, MAP_ZERO);
    map_hasher_free(hasher);
    free(bytes);
}

Test(map_hash, what_nobody_knows_is_like_nothing)
{
    struct map_entry unknown = {.state = MAP_UNKNOWN}, zero = {.state = MAP_ZERO};
    struct map_entry hashed = {.state = MAP_HASHED};

    cr_assert_not(map_entry_same(&unknown, &unknown));
    cr_assert(map_entry_same(&zero, &zero));
    cr_assert_not(map_entry_same(&zero, &hashed), "a hash of zeros is not zero");
}
